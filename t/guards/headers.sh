#!/bin/sh
# Every header compiles by itself, seeing only the folders and libraries its
# folder may use: a dependency the wrong way round is a build error here.
. "$SRCDIR/t/lib/tap.sh"

sight=$(mktemp -d) || exit 2
trap 'rm -rf "$sight"' EXIT

# allow UNIT FOLDER ... -- an include root that shows these folders only
allow() {
    mkdir "$sight/$1"
    for folder in "$@"; do
        ln -s "$SRCDIR/$folder" "$sight/$1/$folder"
    done
}
allow propstore
allow provider propstore
allow mod_src provider propstore
allow t mod_src provider propstore

# headers UNIT LIBRARY_FLAGS
headers() {
    unit=$1
    list=$(cd "$SRCDIR" && find "$unit" -name '*.h' | sort)
    [ -n "$list" ] || fail "$unit has headers"
    for header in $list; do
        case $header in
        propstore/lmdb/*) flags="$2 $LMDB_CPPFLAGS" ;;
        propstore/ctl/*) flags="$2 $JANSSON_CPPFLAGS $LIBXML_CPPFLAGS" ;;
        *) flags=$2 ;;
        esac
        # The flags are lists of words.
        # shellcheck disable=SC2086
        if errors=$(printf '#include "%s"\n' "$header" | $CC $HEADER_CFLAGS -fsyntax-only \
            -I"$sight/$unit" $flags -x c - 2>&1); then
            pass "$header compiles alone"
        else
            fail "$header compiles alone" "$errors"
        fi
    done
}

headers propstore "$APR_CPPFLAGS"
headers provider "$APR_CPPFLAGS $HTTPD_CPPFLAGS $LIBXML_CPPFLAGS"
headers mod_src "$APR_CPPFLAGS $HTTPD_CPPFLAGS"
headers t "$APR_CPPFLAGS $HTTPD_CPPFLAGS $LIBXML_CPPFLAGS $LMDB_CPPFLAGS"
done_testing
