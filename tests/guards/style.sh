#!/bin/sh
# What a formatter does not see.
. "$(dirname "$0")/tap.sh"

columns=80
function_lines=100
file_lines=1000

tap_check "no line of C is longer than $columns columns" \
    "$(all_c | xargs awk -v max="$columns" \
        'length($0) > max { print FILENAME ":" FNR }')"
tap_check "no tab or trailing blank in C" \
    "$(all_c | xargs grep -nE "$(printf '\t')| +\$")"
tap_check "no // comment" \
    "$(all_c | xargs grep -nE '^[^"]*(^|[;{} ]) *// ')"
tap_check "no function is longer than $function_lines lines" \
    "$(all_c | xargs awk -v max="$function_lines" '
        FNR == 1 { start = 0 }
        /^{/ { start = FNR }
        /^}/ {
            if (start && FNR - start > max)
                print FILENAME ":" start " (" FNR - start " lines)"
            start = 0
        }')"
tap_check "no file is longer than $file_lines lines" \
    "$(all_c | xargs wc -l |
        awk -v max="$file_lines" '$2 != "total" && $1 > max')"

# In pieces, so that this file does not name what it looks for.
leftovers="TO""DO|FIX""ME|X""XX|HA""CK"
tap_check "nothing is marked as unfinished" \
    "$(find mod_azurelit.c src include tests conf docs build configure.ac \
        Makefile.am README.md -type f ! -path '*/node_modules/*' \
        ! -path 'build/aux/*' ! -path 'build/m4/l*.m4' \
        ! -path 'tests/fuzz/corpus/*' ! -name '*.pyc' |
        xargs grep -InE "(^|[^A-Za-z_])($leftovers)([^A-Za-z_]|\$)")"

tap_done
