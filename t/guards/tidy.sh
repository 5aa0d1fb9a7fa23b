#!/bin/sh
# clang-tidy finds nothing in what ships; .clang-tidy says which of its checks, and why.
. "$SRCDIR/t/lib/tap.sh"
cd "$SRCDIR" || exit 2
need .clang-tidy

version=$("$CLANG_TIDY" --version 2>/dev/null | sed -n 's/.*version \([0-9]*\)\..*/\1/p')
if [ "$version" != 14 ]; then
    echo "1..0 # SKIP clang-tidy 14 is not installed"
    exit 0
fi
# Objects stand for their sources, so that what is built is what is read.
for object in $STORE_OBJS $CTL_OBJS $PROVIDER_OBJS $MODULE_OBJS; do
    file=${object%.o}.c
    # The flags are a list of words.
    # shellcheck disable=SC2086
    if found=$("$CLANG_TIDY" --quiet "$file" -- $TIDY_FLAGS 2>&1); then
        pass "$file"
    else
        fail "$file" "$(echo "$found" | grep -E ': (error|warning): ')"
    fi
done
done_testing
