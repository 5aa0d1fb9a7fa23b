#!/bin/sh
# Writes ./configure; needs autoconf 2.69 or later and nothing else.
set -e
cd "$(dirname "$0")"
command -v autoconf >/dev/null || {
    echo "autogen.sh: autoconf not found (Debian: apt-get install autoconf)" >&2
    exit 1
}
autoconf
echo "Now: mkdir build && cd build && ../configure && make"
