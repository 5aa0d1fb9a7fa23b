#!/bin/sh
# No file over 600 lines, no function over 100.
. "$SRCDIR/t/lib/tap.sh"
cd "$SRCDIR" || exit 2
need propstore provider mod_src t

sources=$(find propstore provider mod_src t -type f \( -name '*.[ch]' -o -name '*.p[lm]' \
    -o -name '*.t' -o -name '*.sh' \) && ls check quickstart configure.ac Makefile.in)
# File names of the tree have no blanks; the lists are split on purpose.
# shellcheck disable=SC2086
empty "files have at most 600 lines" \
    "$(wc -l $sources | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines" }')"

# With the layout that the format guard enforces, a function's body is what
# stands between a brace and a closing brace in the first column.
# shellcheck disable=SC2046
functions=$(awk '
    FNR == 1 { start = 0 }
    /^\{/ { start = FNR; head = previous }
    /^\}/ && start { print FNR - start + 1, FILENAME ":" start ": " head; start = 0 }
    { if ($0 !~ /^[ \t]/) previous = $0 }
    ' $(find propstore provider mod_src t -name '*.c'))
[ "$(echo "$functions" | wc -l)" -ge 50 ] || fail "the functions were found"
empty "functions have at most 100 lines" \
    "$(echo "$functions" | awk '$1 > 100 { print }')"
done_testing
