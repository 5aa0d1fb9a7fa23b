#!/bin/sh
# The C sources are laid out as .clang-format says.
. "$SRCDIR/t/lib/tap.sh"
cd "$SRCDIR" || exit 2
need .clang-format

# Each major version of clang-format lays out a little differently.
version=$("$CLANG_FORMAT" --version 2>/dev/null | sed -n 's/.*version \([0-9]*\)\..*/\1/p')
if [ "$version" != 14 ]; then
    echo "1..0 # SKIP clang-format 14 is not installed"
    exit 0
fi
list=$(find propstore provider mod_src t -name '*.[ch]' | sort)
[ -n "$list" ] || fail "the sources were found"
for file in $list; do
    if errors=$("$CLANG_FORMAT" --dry-run -Werror "$file" 2>&1); then
        pass "$file"
    else
        fail "$file" "$errors"
    fi
done
done_testing
