#!/bin/sh
# Includes go one way: src/httpd -> src/dialect, src/store -> src/core ->
# libraries, and one file only knows each library.
. "$(dirname "$0")/tap.sh"

httpd_headers='(httpd|http_[a-z]+|ap_[a-z_]+|mod_[a-z_]+|util_[a-z_]+'
httpd_headers="$httpd_headers|mpm_common|scoreboard|unixd)"

# includes PATTERN FILE...: the lines that include such a header
includes() {
    pattern=$1
    shift
    [ $# -eq 0 ] || grep -HnE "^ *# *include *[<\"]$pattern\.h" "$@"
}

core=$(listed libazurelit_la_SOURCES)
tap_check "libazurelit includes no httpd header" \
    "$(includes "$httpd_headers" $core)"
tap_check "src/core, src/dialect and src/store are libazurelit" \
    "$(find src/core src/dialect src/store -name '*.[ch]' | while read -r f; do
        echo "$core" | grep -qxF "$f" || echo "$f"
    done)"
tap_check "azurelitctl includes no httpd header" \
    "$(includes "$httpd_headers" $(find src/tools -name '*.[ch]'))"

# objects DIRECTORY: what has a source or a header there.
objects() {
    find "src/$1" -name '*.[ch]' | sed 's,.*/,,; s/\.[ch]$//' | sort -u
}

# strangers FROM TO: nothing of src/FROM, its public headers among them,
# includes what belongs to src/TO.
strangers() {
    theirs="([./a-z]*/)?($(objects "$2" | paste -sd '|' -))"
    tap_check "src/$1 includes no header of src/$2" \
        "$(includes "$theirs" $(find "src/$1" -name '*.[ch]') \
            $(objects "$1" | sed 's,.*,include/&.h,' |
                while read -r f; do [ ! -f "$f" ] || echo "$f"; done))"
}
strangers core dialect
strangers core store
strangers dialect store
strangers store dialect

# glue: headers in include/ that are not the core's
glue=$(find include -name '*.h' ! -name azl_version.h | while read -r f; do
    echo "$core" | grep -qxF "$f" || basename "$f" .h
done | paste -sd '|' -)
tap_check "libazurelit and azurelitctl include no header of src/httpd" \
    "$([ -z "$glue" ] ||
        includes "($glue)" $core $(find src/tools -name '*.[ch]'))"

# facade HEADERS FILE NAME
facade() {
    tap_check "only $2 includes $3" \
        "$(includes "$1" $(product_c | grep -vxF "$2"))"
}
facade '(json-c/)?(json|json_[a-z_]+|linkhash|printbuf|arraylist)' \
    src/core/azl_json.c json-c
facade 'yaml' src/core/azl_yaml.c libyaml
facade 'openssl/[a-z0-9_]+' src/core/azl_crypto.c OpenSSL
facade 'curl/[a-z0-9_]+' src/core/azl_http.c libcurl
facade '(mod_proxy|ap_slotmem|proxy_[a-z]+)' src/httpd/azl_upstream.c mod_proxy

tap_done
