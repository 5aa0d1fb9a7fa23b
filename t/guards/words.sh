#!/bin/sh
# The tree reads the same on every machine: no paths of somebody's machine, no
# notes to self.
. "$SRCDIR/t/lib/tap.sh"
cd "$SRCDIR" || exit 2

if [ -e .git ]; then
    list=$(git -c safe.directory='*' ls-files -co --exclude-standard)
else
    list=$(find . -name build -prune -o -name configure -o -type f -printf '%P\n')
fi
[ "$(echo "$list" | wc -l)" -ge 50 ] || fail "the files were found"

# offenders PATTERN -- no list is empty, so grep never waits for standard input;
# the brackets keep this file from finding itself
offenders() {
    # shellcheck disable=SC2086
    grep -nHIE "$1" /dev/null $list | cut -c 1-160
}
empty "no path of one machine's directories" \
    "$(offenders '(^|[^A-Za-z0-9_.}/-])/(w[o]rk|h[o]me|m[n]t|r[o]ot|U[s]ers)/[A-Za-z0-9_]')"
empty "no fixed path for temporary files" \
    "$(offenders '(^|[^A-Za-z0-9_.}/-])/t[m]p/[A-Za-z0-9_]' | grep -v 'XXXXXX')"
empty "no notes to self" \
    "$(offenders '(^|[^A-Za-z])(T[O]DO|F[I]XME|X[X]X)([^A-Za-z]|$)|#[#]# ')"
empty "no white space at the ends of lines" \
    "$(offenders '[[:blank:]]$' | grep -vE '^(LICENSE|t/dav/|t/fuzz/corpus/)')"
done_testing
