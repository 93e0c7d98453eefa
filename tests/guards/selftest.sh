#!/bin/sh
# Each guard notices what it is there for: break a rule in a copy of the tree
# and see.
. "$(dirname "$0")/tap.sh"

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

fresh_copy() {
    rm -rf "${copy:?}/tree"
    mkdir "$copy/tree"
    tar --exclude=node_modules --exclude=__pycache__ -cf - mod_azurelit.c \
        src include tests conf docs build README.md Makefile.am configure.ac |
        tar -xf - -C "$copy/tree"
    chmod -R u+w "$copy/tree"
}

# notices GUARD RULE COMMAND: after COMMAND in the copy, GUARD finds RULE
# broken.
notices() {
    fresh_copy
    (cd "$copy/tree" && eval "$3")
    said=$(GUARD_TREE=$copy/tree sh "$here/$1.sh" 2>&1)
    tap_check "$1 notices: $2" \
        "$(echo "$said" | grep -qE "^not ok [0-9]+ - $2" || echo "$said")"
}

notices arrows 'libazurelit includes no httpd header' \
    'echo "#include <httpd.h>" >>src/core/azl_buf.c'
notices arrows 'src/core, src/dialect and src/store are libazurelit' \
    'touch src/store/azl_stray.c'
notices arrows 'src/core includes no header of src/dialect' \
    'echo "#include \"azl_reply.h\"" >>src/core/azl_buf.c'
notices arrows 'src/core includes no header of src/store' \
    'echo "#include \"azl_health.h\"" >>include/azl_buf.h'
notices arrows 'src/dialect includes no header of src/store' \
    'echo "#include \"../store/azl_shared_int.h\"" >>src/dialect/azl_azure.c'
notices arrows 'src/store includes no header of src/dialect' \
    'echo "#include \"azl_dialect.h\"" >>src/store/azl_gate.c'
notices arrows 'libazurelit and azurelitctl include no header of src/httpd' \
    'echo "#include \"azl_request.h\"" >>src/core/azl_buf.c'
notices arrows 'only src/core/azl_json.c includes json-c' \
    'echo "#include <json-c/json.h>" >>src/core/azl_buf.c'
notices arrows 'only src/core/azl_yaml.c includes libyaml' \
    'echo "#include <yaml.h>" >>src/core/azl_buf.c'
notices arrows 'only src/core/azl_crypto.c includes OpenSSL' \
    'echo "# include <openssl/evp.h>" >>src/httpd/azl_conf.c'
notices arrows 'only src/httpd/azl_upstream.c includes mod_proxy' \
    'echo "#include <mod_proxy.h>" >>src/httpd/azl_conf.c'

notices files 'every source and header is named' 'touch src/core/azl_stray.c'
notices files 'every unit test, fuzzer and guard is named' \
    'touch tests/unit/test_stray.c'
notices files 'every tests/unit/test_\*\.c is in cases\.h' \
    'echo "AZL_CASE(stray)" >>tests/unit/cases.h'
notices files 'every START_TEST is added to a case' \
    'echo "START_TEST(test_stray)" >>tests/unit/test_buf.c'
notices files 'every file of conf, docs and build is released' \
    'touch docs/stray.md'

notices messages 'no number is used twice' \
    'echo "AZLNO(0001) AZLNO(0001)" >>src/httpd/azl_conf.c'
notices messages 'docs/messages.md explains every number' \
    'echo "AZLNO(9999)" >>src/httpd/azl_conf.c'
notices messages 'docs/messages.md explains every number' \
    'echo "## AZL9999 gone" >>docs/messages.md'
notices messages 'every explanation has a cause and a remedy' \
    'sed -i "0,/^Remedy: /s///" docs/messages.md'
notices messages 'every number has four digits' \
    'printf "AZLNO(\n 77) x" >>src/httpd/azl_conf.c'

notices directives 'conf/azurelit.conf.reference has every directive' \
    'echo "\"AzureLITStray\"" >>src/httpd/azl_directives.c'
notices directives 'conf/azurelit.conf.reference has no other' \
    'echo "#AzureLITStray on" >>conf/azurelit.conf.reference'
notices directives 'README.md names every directive' \
    'sed -i "s/AzureLITRetry/retry/" README.md'
notices directives 'README.md, docs and azurelit.conf name no directive but' \
    'echo "AzureLITStray" >>docs/operating.md'

notices secrets 'a compiler refuses a secret in a text' \
    'sed -i "s/^typedef struct azl_secret_t .*/typedef char azl_secret_t;/" \
        include/azl_secret.h'
notices secrets 'secrets are revealed where they go out' \
    'echo "azl_secret_reveal(s);" >>src/httpd/azl_status.c'
notices secrets 'no statement that makes a message reveals' \
    'printf "apr_psprintf(p, \"%%s\",\n azl_secret_reveal(s));\n" \
        >>src/core/azl_identity_token.c'

notices secrets 'no member that is named like a secret is a text' \
    'echo "    const char *password;" >>include/azl_conf.h'

notices style 'no line of C is longer' \
    'printf "%081d\n" 0 >>src/core/azl_buf.c'
notices style 'no tab or trailing blank' \
    'printf "\tint a;\n" >>src/core/azl_buf.c'
notices style 'no // comment' 'echo "int a; // b" >>src/core/azl_buf.c'
notices style 'no function is longer' \
    '{ echo "{"; seq 101; echo "}"; } >>src/core/azl_buf.c'
notices style 'no file is longer' 'seq 1001 >>src/core/azl_buf.c'
notices style 'nothing is marked as unfinished' \
    'echo "/* TO""DO */" >>src/core/azl_buf.c'

fresh_copy
tap_check "an unbroken copy passes as the tree does" \
    "$(for guard in arrows directives files messages secrets style; do
        sh "$here/$guard.sh" >"$copy/here" 2>&1
        GUARD_TREE=$copy/tree sh "$here/$guard.sh" 2>&1 |
            diff "$copy/here" -
    done)"

tap_done
