#!/bin/sh
# depotctl's manual page and completion tell of what the program itself tells of.
. "$SRCDIR/t/lib/tap.sh"
cd "$SRCDIR" || exit 2
page=propstore/ctl/depotctl.8
completion=propstore/ctl/depotctl.bash-completion
need "$page" "$completion" "$BUILDDIR/depotctl"

lists=$(mktemp -d) || exit 2
trap 'rm -rf "$lists"' EXIT
PATH=$BUILDDIR:$PATH

depotctl --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' | sort >"$lists/commands"
[ -s "$lists/commands" ] || fail "depotctl --help lists commands"
# The source without the escapes that keep hyphens and dots as they are.
sed -e 's/\\-/-/g' -e 's/\\&//g' "$page" >"$lists/page"

# A command's section is headed by its name and arguments: '.SS "backup STORE FILE [--force]"'.
while read -r command; do
    depotctl "$command" --help | sed -n '1s/^usage: depotctl //p' | sed 's/ *$//'
done <"$lists/commands" | sort >"$lists/usages"
sed -n 's/^\.SS "\(.*\)"$/\1/p' "$lists/page" | sort >"$lists/sections"
empty "each command has its section in $page, headed by its usage" \
    "$(comm -23 "$lists/usages" "$lists/sections")"
empty "$page has no other commands" "$(comm -13 "$lists/usages" "$lists/sections")"

# The command's section of the page, and its options, one a line.
section() { awk -v command="$1" '/^\.S[HS]/ { on = $0 ~ "^\\.SS \"" command "[ \"]" } on' "$lists/page"; }
options() { depotctl "$1" --help | sed -n 's/^  \(--[a-z][a-z-]*\).*/\1/p'; }
while read -r command; do
    for option in $(options "$command"); do
        case $option in
        --json | --help) where=$(cat "$lists/page") ;;
        *) where=$(section "$command") ;;
        esac
        printf '%s\n' "$where" | grep -qE "^\.BR? +\"?$option( |\"|\$)" || echo "$command $option"
    done
done <"$lists/commands" >"$lists/undocumented"
empty "each option is in its command's section" "$(cat "$lists/undocumented")"

if command -v groff >/dev/null; then
    empty "groff has no warnings" "$(groff -man -Tutf8 -ww "$page" 2>&1 >/dev/null)"
else
    pass "groff has no warnings # SKIP groff is not installed"
fi
if command -v man >/dev/null; then
    empty "man has no warnings" \
        "$(LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)"
else
    pass "man has no warnings # SKIP man is not installed"
fi

# complete WORDS ... -- what the completion offers for the last word, one a line
# shellcheck disable=SC2016 # it is bash that expands them
complete='. "$1"; shift; COMP_WORDS=(depotctl "$@"); COMP_CWORD=$#
    _depotctl 2>/dev/null; printf "%s\n" "${COMPREPLY[@]}"'
offered() { bash -c "$complete" bash "$completion" "$@"; }
if command -v bash >/dev/null; then
    offered '' | grep -v '^-' | sort >"$lists/offered"
    empty "the completion offers each command" "$(diff "$lists/commands" "$lists/offered")"
    while read -r command; do
        options "$command" | sort >"$lists/wanted"
        offered "$command" -- | sort | diff "$lists/wanted" - | sed "s/^/$command /"
    done <"$lists/commands" >"$lists/differences"
    empty "and each command's options" "$(cat "$lists/differences")"
    empty "and the directory for a store" \
        "$(offered stat propst | grep -vx propstore; offered check --tree propst | grep -vx propstore)"
else
    pass "the completion offers each command # SKIP bash is not installed"
fi
done_testing
