#!/bin/sh
# A secret is an azl_secret_t: no message can have it by mistake.
. "$(dirname "$0")/tap.sh"

# How the product is compiled; without make as this machine would.
compile=${AZL_COMPILE:-"${CC:-cc} -std=gnu99 -Wall -Wextra $(
    apr-1-config --includes 2>/dev/null) $(
    apxs -q CFLAGS 2>/dev/null) -I$(apxs -q INCLUDEDIR 2>/dev/null)"}

# compiles STATEMENT: does the compiler take it?
compiles() {
    printf '%s\n' '#include <httpd.h>' '#include <http_log.h>' \
        '#include <apr_strings.h>' '#include "azl_secret.h"' \
        'APLOG_USE_MODULE(azurelit);' \
        'void f(apr_pool_t *p, request_rec *r, const azl_secret_t *secret);' \
        'void f(apr_pool_t *p, request_rec *r, const azl_secret_t *secret)' \
        "{ (void)p; (void)r; $1 }" |
        $compile -Iinclude -Werror -fsyntax-only -xc - 2>&1
}

# refuses WHAT STATEMENT, whose secret revealed is fine.
refuses() {
    fine=$(echo "$2" | sed 's/secret)/azl_secret_reveal(secret))/')
    tap_check "a compiler refuses a secret $1" \
        "$(compiles "$fine" && ! compiles "$2" >/dev/null ||
            echo "as it should: $fine; as it should not: $2")"
}
refuses 'in a text' 'puts(apr_psprintf(p, "%s", secret));'
refuses 'in a log' 'ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "%s", secret);'
refuses 'as a text' 'puts(secret);'

# Where a secret goes on its way: into a header or a form, a signature, a
# digest, another process of ours.
revealing="
include/azl_secret.h
src/core/azl_blob.c
src/core/azl_identity_aws.c
src/core/azl_identity_entra.c
src/core/azl_identity_key.c
src/core/azl_identity_managed.c
src/core/azl_identity_pack.c
src/core/azl_identity_token.c
src/core/azl_secret.c
src/core/azl_sigv4.c
src/core/azl_source.c
src/dialect/azl_dialect.c
src/httpd/azl_conf.c
src/tools/ctl_status.c"
revealing_now=$(product_c | xargs grep -l '\<azl_secret_reveal\>')

tap_check "secrets are revealed where they go out, and nowhere else" \
    "$(printf '%s\n%s\n' "$revealing" "$revealing_now" | sed '/^$/d' |
        sort | uniq -u)"

# One statement in a line.
statements() {
    for f in $(product_c); do
        tr -s '\n ' '  ' <"$f" | tr ';{}' '\n\n\n' | sed "s,^,$f: ,"
    done
}

messages='ap_log_[a-z]*|ap_rprintf|apr_ps?n?printf|apr_file_printf|printf'
messages="$messages|azl_[a-z_]*complain"
tap_check "no statement that makes a message reveals a secret" \
    "$(statements | grep -E "\<($messages)_? ?\(.*\<azl_secret_reveal\>")"

# What lasts is a member of something.
named='secret|password|bearer|credential_key|master_key|api_key|sas'
tap_check "no member that is named like a secret is a text" \
    "$(find src include -name '*.h' | sort | xargs grep -nE \
        "^ +(const )?(unsigned )?(char|void) \*(const )?($named);")"

tap_done
