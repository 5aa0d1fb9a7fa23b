#!/bin/sh
# What the link units need and offer, read from the objects themselves.
. "$SRCDIR/t/lib/tap.sh"
cd "$BUILDDIR" || exit 2
need libpropstore.a libprovider.a mod_dav_depot.so

undefined() { "$NM" -u "$1" 2>/dev/null | awk '$1 == "U" { print $2 }' | sort -u; }
defined() { "$NM" -g --defined-only "$@" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u; }

undefined libpropstore.a | grep -q '^apr_' || fail "$NM reads libpropstore.a"
empty "libpropstore.a needs no symbol of httpd or mod_dav" \
    "$(undefined libpropstore.a | grep -E '^(ap|dav)_')"

lists=$(mktemp -d) || exit 2
trap 'rm -rf "$lists"' EXIT
defined libprovider.a >"$lists/provider"
# MODULE_OBJS is a list of files.
# shellcheck disable=SC2086
defined $MODULE_OBJS >"$lists/module"
undefined libpropstore.a >"$lists/store-needs"
undefined libprovider.a >"$lists/provider-needs"
empty "libpropstore.a needs no symbol of provider" \
    "$(comm -12 "$lists/store-needs" "$lists/provider")"
# httpd tags each log line with the module's record, so provider may name that.
empty "the libraries need no symbol of mod_src" \
    "$(grep -vx dav_depot_module "$lists/provider-needs" | sort -u - "$lists/store-needs" |
        comm -12 - "$lists/module")"
for object in $STORE_OBJS; do
    case $object in
    propstore/lmdb/*) ;;
    *) undefined "$object" | grep '^mdb_' | sed "s|^|$object needs |" ;;
    esac
done >"$lists/mdb"
empty "only propstore/lmdb calls LMDB" "$(cat "$lists/mdb")"

exported=$("$NM" -D --defined-only mod_dav_depot.so | awk '{ print $3 }' | tr '\n' ' ')
if [ "$exported" = "dav_depot_module " ]; then
    pass "mod_dav_depot.so exports dav_depot_module and nothing else"
else
    fail "mod_dav_depot.so exports dav_depot_module and nothing else" "it exports: $exported"
fi
done_testing
