#!/bin/sh
# Every message to the operator has a number of its own, and docs/messages.md
# says what causes it and what to do.
. "$(dirname "$0")/tap.sh"

# clang-format may break the line inside the brackets.
used=$(product_c | grep -v '^include/azl_httpd\.h$' | xargs cat |
    tr -s '\n ' '  ' | grep -oE 'AZLNO\( ?[^)]*\)' |
    sed 's/AZLNO( \{0,1\}\(.*\))/\1/')
explained=$(sed -n 's/^## AZL\([0-9]*\).*/\1/p' docs/messages.md)

tap_check "every number has four digits" \
    "$(echo "$used" | grep -vxE '[0-9]{4}')"
tap_check "no number is used twice" "$(echo "$used" | sort | uniq -d)"
tap_check "docs/messages.md explains no number twice" \
    "$(echo "$explained" | sort | uniq -d)"
tap_check "docs/messages.md explains every number of the code, and no other" \
    "$(printf '%s\n%s\n' "$(echo "$used" | sort -u)" \
        "$(echo "$explained" | sort -u)" | sort | uniq -u)"
tap_check "every explanation has a cause and a remedy" \
    "$(awk '
        function flush() {
            if (name != "" && (!cause || !remedy)) print name
            cause = remedy = 0
        }
        /^## / { flush(); name = $2 }
        /^Cause: / { cause = 1 }
        /^Remedy: / { remedy = 1 }
        END { flush() }' docs/messages.md)"

tap_done
