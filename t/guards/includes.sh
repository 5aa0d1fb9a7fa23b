#!/bin/sh
# The dependency rule, by #include: mod_src -> provider -> propstore; t -> all.
. "$SRCDIR/t/lib/tap.sh"
cd "$SRCDIR" || exit 2
need propstore provider mod_src t

# includes FOLDER ... -- "file:line:name" of every #include, name with its <> or ""
includes() {
    find "$@" -name '*.[ch]' -exec grep -nHE '^[[:space:]]*#[[:space:]]*include' {} + |
        sed -E 's/:[[:space:]]*#[[:space:]]*include[[:space:]]*/:/; s/([>"])[^>"]*$/\1/'
}

[ "$(includes propstore provider mod_src | wc -l)" -ge 20 ] || fail "the sources were found"

HTTPD_HEADERS=':<(httpd|mod_[a-z_]+|http_[a-z_]+|ap_[a-z_]+|util_[a-z_]+|mpm_common|scoreboard)\.h>'

empty "propstore includes nothing of provider, mod_src or t" \
    "$(includes propstore | grep -E ':"' | grep -vE ':"propstore/')"
empty "propstore includes nothing of httpd" \
    "$(includes propstore | grep -E "$HTTPD_HEADERS")"
empty "propstore includes no XML library" \
    "$(includes propstore | grep -E ':<(libxml/|apr_xml)' | grep -v ^propstore/ctl/)"
empty "the store includes nothing of depotctl" \
    "$(includes propstore | grep -v ^propstore/ctl/ | grep -E ':"propstore/ctl/')"
empty "provider includes nothing of mod_src or t" \
    "$(includes provider | grep -E ':"' | grep -vE ':"(provider|propstore)/')"
empty "provider reaches the store by its public headers only" \
    "$(includes provider | grep -E ':"propstore/([^"]*/|backend)')"
empty "mod_src includes nothing of t" \
    "$(includes mod_src | grep -E ':"' | grep -vE ':"(mod_src|provider|propstore)/')"
empty "lmdb.h is included under propstore/lmdb only" \
    "$(includes propstore provider mod_src | grep ':<lmdb\.h>' | grep -v '^propstore/lmdb/')"
empty "mod_dav.h is included under provider only" \
    "$(includes propstore mod_src | grep ':<mod_dav\.h>')"
empty "provider/private.h stays within provider" \
    "$(includes propstore mod_src t | grep ':"provider/private\.h"' | grep -vE '^t/(unit|fuzz)/')"

missing=$(includes propstore provider mod_src t | grep ':"' |
    while IFS=: read -r file line name; do
        name=${name#\"}
        [ -f "${name%\"}" ] || echo "$file:$line: $name"
    done)
empty "project headers are included by their path from the root" "$missing"
done_testing
