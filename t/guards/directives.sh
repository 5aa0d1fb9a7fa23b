#!/bin/sh
# Every directive of the command table is in conf.d/depot-reference.conf, with
# its default, and nothing else is.
. "$SRCDIR/t/lib/tap.sh"
cd "$SRCDIR" || exit 2
table=mod_src/directives.c
reference=conf.d/depot-reference.conf
need "$table" "$reference" conf.d/depot.conf

lists=$(mktemp -d) || exit 2
trap 'rm -rf "$lists"' EXIT

# The table as the compiler sees it, so that macros may name the directives: each
# AP_INIT_ entry has become {"Name", {function}, ...
# The flags are lists of words.
# shellcheck disable=SC2086
$CC -E -P $HEADER_CFLAGS -I. $APR_CPPFLAGS $HTTPD_CPPFLAGS "$table" | tr '\n' ' ' |
    sed 's/.*command_rec directives_commands\[\] *=//' |
    grep -oE '\{ *"[A-Za-z]+" *, *\{' | sed -E 's/.*"([A-Za-z]+)".*/\1/' >"$lists/rows"
sort -u "$lists/rows" >"$lists/table"
[ -s "$lists/table" ] || fail "$table has a command table"
empty "the table names each directive once" "$(sort "$lists/rows" | uniq -d)"
empty "directives begin with DavDepot" "$(grep -v '^DavDepot[A-Z]' "$lists/table")"

# A directive's entry: its comment, then the directive itself, which may be
# commented out without a blank ("#DavDepotX value").
grep -oE '^[[:space:]]*#?DavDepot[A-Za-z]+' "$reference" | tr -d ' \t#' | sort -u >"$lists/reference"
empty "each directive has its entry in $reference" \
    "$(comm -23 "$lists/table" "$lists/reference")"
empty "$reference has no entry that is not a directive" \
    "$(comm -13 "$lists/table" "$lists/reference")"
empty "each entry states its default" "$(awk '
    /^[ \t]*$/ { stated = 0; next }
    /^[ \t]*#[^D]/ { if (/[Dd]efault:/) stated = 1; next }
    /^[ \t]*#?DavDepot/ { name = $1; sub(/^#/, "", name); if (stated) seen[name] = 1; all[name] = 1 }
    END { for (name in all) if (!seen[name]) print name }' "$reference")"

# Case matters to a reader though not to httpd.
grep -rhoiE '\<dav_?depot[a-z]*' conf.d | sort -u |
    grep -vxE 'dav_depot' | comm -23 - "$lists/table" >"$lists/unknown"
empty "conf.d spells directives as the table does" "$(cat "$lists/unknown")"
done_testing
