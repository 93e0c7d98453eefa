#!/bin/sh
# The module loads into httpd with nothing undefined, and shows httpd one name
# only. A link with -module finds neither. Run by make check in the build tree.

module=$PWD/.libs/mod_azurelit.so
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

names=$(nm -D --defined-only "$module" | awk '{ print $3 }' |
    grep -vE '^(_init|_fini|__|$)')
if [ "$names" = azurelit_module ]; then
    echo "ok 1 - the module exports azurelit_module only"
else
    status=1
    echo "not ok 1 - the module exports azurelit_module only"
    echo "$names" | head -n 20 | sed 's/^/#   /'
fi

if [ ! -x "$HTTPD" ]; then
    echo "ok 2 - the module loads # SKIP this apxs came without an httpd"
else
    {
        echo "ServerRoot \"$work\""
        echo "ErrorLog \"$work/error.log\""
        echo "ServerName localhost"
        echo "Listen 127.0.0.1:4099"
        for name in mpm_event authz_core proxy proxy_http; do
            [ ! -f "$HTTPD_MODULES/mod_$name.so" ] ||
                echo "LoadModule ${name}_module" \
                    "\"$HTTPD_MODULES/mod_$name.so\""
        done
        echo "LoadModule azurelit_module \"$module\""
        echo "AzureLIT on"
    } >"$work/httpd.conf"
    if said=$("$HTTPD" -f "$work/httpd.conf" -t 2>&1); then
        echo "ok 2 - the module loads"
    else
        status=1
        echo "not ok 2 - the module loads"
        printf '%s\n' "$said" | sed 's/^/#   /'
    fi
fi
echo "1..2"
exit "${status:-0}"
