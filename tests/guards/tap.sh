# What the guards share; sourced by each of them.
#
# A guard reads the source tree and says in TAP whether a rule of this project
# holds. It works on the tree it lies in, or on GUARD_TREE.

here=$(cd "$(dirname "$0")" && pwd)
cd "${GUARD_TREE:-$here/../..}" || exit 1

tap_count=0
tap_failed=0

# tap_check RULE OFFENDERS: the rule holds when there are no offenders.
tap_check() {
    tap_count=$((tap_count + 1))
    if [ -z "$2" ]; then
        echo "ok $tap_count - $1"
    else
        tap_failed=1
        echo "not ok $tap_count - $1"
        printf '%s\n' "$2" | sed 's/^/#   /'
    fi
}

tap_done() {
    echo "1..$tap_count"
    exit "$tap_failed"
}

# The C files and headers of the product, then of the tests as well.
product_c() {
    find mod_azurelit.c src include -name '*.[ch]' ! -name azl_version.h |
        sort
}

all_c() {
    product_c
    find tests build -path '*/node_modules' -prune -o -name '*.[ch]' -print |
        sort
}

# The files a variable of Makefile.am lists: listed VARIABLE
listed() {
    awk -v name="$1" '
        $1 == name && ($2 == "=" || $2 == "+=") { on = 1; sub(/^[^=]*=/, "") }
        on {
            line = $0
            on = sub(/\\$/, "", line)
            n = split(line, word, " ")
            for (i = 1; i <= n; i++) print word[i]
        }' Makefile.am
}
