#!/bin/sh
# What is in the tree is built, run and released; nothing is left out by
# mistake.
. "$(dirname "$0")/tap.sh"

# The words of Makefile.am, one in a line.
words=$(sed 's/#.*//; s/[\\=]/ /g' Makefile.am | tr -s ' \t' '\n\n' | sort -u)

unnamed() {
    while read -r f; do
        echo "$words" | grep -qxF "$f" || echo "$f"
    done
}

tap_check "every source and header is named in Makefile.am" \
    "$(product_c | unnamed)"
tap_check "every unit test, fuzzer and guard is named in Makefile.am" \
    "$(find tests/unit tests/fuzz tests/guards -name '*.[ch]' -o \
        -path 'tests/guards/*.sh' | sort | unnamed)"
tap_check "every file of conf, docs and build is released" \
    "$(find conf docs build -type f ! -path 'build/aux/*' \
        ! -path 'build/m4/l*.m4' ! -name '*.pyc' | sort | unnamed)"

# Every unit test file is a case, and every test in it belongs to it.
tap_check "every tests/unit/test_*.c is in cases.h, and the other way round" \
    "$( (find tests/unit -name 'test_*.c' |
            sed 's,.*/test_\(.*\)\.c,\1,'
        sed -n 's/^AZL_CASE(\([a-z0-9_]*\))$/\1/p' tests/unit/cases.h) |
        sort | uniq -u)"
tap_check "every START_TEST is added to a case" \
    "$(for f in tests/unit/test_*.c; do
        sed -n 's/^START_TEST(\([a-z0-9_]*\)).*/\1/p' "$f" |
            while read -r t; do
                tr -d '\n' <"$f" |
                    grep -qE "tcase_add_[a-z_]*test[a-z_]*\([^;]*\<$t\>" ||
                    echo "$f: $t"
            done
    done)"
tap_check "every fuzzer is replayed by make check" \
    "$(for f in tests/fuzz/fuzz_*.c; do
        t=$(basename "$f" .c)
        echo "$words" | grep -qxF "tests/fuzz/replay_${t#fuzz_}" || echo "$f"
    done)"

tap_done
