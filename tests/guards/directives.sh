#!/bin/sh
# The command table is the truth; the documentation says the same.
. "$(dirname "$0")/tap.sh"

code=$(grep -ohE '"AzureLIT[A-Za-z]*"' src/httpd/*.c | tr -d '"' | sort -u)
reference=$(grep -ohE '^# *AzureLIT[A-Za-z]*\>|^ *AzureLIT[A-Za-z]*\>' \
    conf/azurelit.conf.reference | tr -d '# ' | sort -u)

missing() {
    for word in $1; do
        echo "$2" | grep -qxF "$word" || echo "$word"
    done
}

tap_check "the code has directives" "$([ -n "$code" ] || echo none found)"
tap_check "conf/azurelit.conf.reference has every directive of the code" \
    "$(missing "$code" "$reference")"
tap_check "conf/azurelit.conf.reference has no other" \
    "$(missing "$reference" "$code")"

mentioned=$(grep -ohE '\<AzureLIT[A-Za-z]*\>' README.md docs/*.md \
    conf/azurelit.conf | sort -u)
tap_check "README.md, docs and azurelit.conf name no directive but these" \
    "$(missing "$mentioned" "$code")"
overview=$(grep -ohE '\<AzureLIT[A-Za-z]*\>' README.md | sort -u)
tap_check "README.md names every directive" "$(missing "$code" "$overview")"

tap_done
