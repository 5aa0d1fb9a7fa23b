#!/bin/sh
# "make dist" makes an archive that builds without autoconf and installs under DESTDIR.
. "$SRCDIR/t/lib/tap.sh"

place=$(mktemp -d) || exit 2
trap 'rm -rf "$place"' EXIT
make=$(command -v make)

# try NAME COMMAND ...
try() {
    name=$1
    shift
    if said=$("$@" 2>&1); then
        pass "$name"
    else
        fail "$name" "$(echo "$said" | tail -20)"
        done_testing
    fi
}

# A build directory of its own, which "make dist" fills and leaves.
mkdir "$place/from" "$place/build" "$place/root"
cd "$place/from" || exit 2
try "autoconf writes configure" autoconf -o configure "$SRCDIR/configure.ac"
try "configure" sh ./configure --srcdir="$SRCDIR"
try "make dist" "$make" dist
archive=$(ls ./*.tar.gz)
try "the archive unpacks" tar -xzf "$archive" -C "$place"
release=$place/$(basename "$archive" .tar.gz)
[ -x "$release/configure" ] && [ ! -e "$release/.git" ] && pass "it carries configure" ||
    fail "it carries configure" "$(ls -A "$release")"

cd "$place/build" || exit 2
try "configure, out of tree" "$release/configure" --docdir=/usr/share/doc/mod_dav_depot
try "make" "$make" -j"$(nproc)"
try "make install with DESTDIR" "$make" install DESTDIR="$place/root"
modules=$(sed -n 's/^modulesdir = //p' Makefile)
for file in "$modules/mod_dav_depot.so" \
    /usr/local/sbin/depotctl \
    /usr/local/share/man/man8/depotctl.8 \
    /usr/local/share/bash-completion/completions/depotctl \
    /usr/share/doc/mod_dav_depot/README \
    /usr/share/doc/mod_dav_depot/conf.d/depot.conf \
    /usr/share/doc/mod_dav_depot/conf.d/depot-reference.conf; do
    [ -s "$place/root$file" ] && pass "installed: $file" || fail "installed: $file"
done
try "make distclean" "$make" distclean
left=$(find . -type f ! -name '*.d' | head)
empty "distclean leaves nothing" "$left"
done_testing
