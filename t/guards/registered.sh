#!/bin/sh
# Nothing lies in the tree without being built or run.
. "$SRCDIR/t/lib/tap.sh"
cd "$SRCDIR" || exit 2
need propstore provider mod_src t/unit t/guards t/run-functional

lists=$(mktemp -d) || exit 2
trap 'rm -rf "$lists"' EXIT

# same NAME REGISTERED FOUND -- two lists of words, as sets
same() {
    echo "$2" | tr ' ' '\n' | sed '/^$/d' | sort >"$lists/registered"
    echo "$3" | tr ' ' '\n' | sed '/^$/d' | sort >"$lists/found"
    [ -s "$lists/found" ] || fail "$1: some were found"
    empty "$1" "$(diff "$lists/registered" "$lists/found" | sed -n \
        -e 's/^</only in Makefile.in:/p' -e 's/^>/only in the tree:/p')"
}
objects() { find "$@" -name '*.c' | sed 's/\.c$/.o/'; }

same "every source of propstore is in libpropstore.a" "$STORE_OBJS" \
    "$(objects propstore | grep -v ^propstore/ctl/)"
same "every source of propstore/ctl is in depotctl" "$CTL_OBJS" "$(objects propstore/ctl)"
same "every source of provider is in libprovider.a" "$PROVIDER_OBJS" "$(objects provider)"
same "every source of mod_src is in the module" "$MODULE_OBJS" "$(objects mod_src)"
same "every C source of the tests is built" "$TEST_OBJS" "$(objects t/unit t/tools t/bench t/fuzz t/crash)"
same "every guard is run" "$GUARDS" "$(find t/guards -name '*.sh')"
empty "every functional test stands where t/run-functional looks" \
    "$(find t -name '*.t' ! -path 't/dav/*' ! -path 't/crash/*' ! -path t/litmus.t)"
same "every crash test is run" "$(grep -o 't/crash/[a-z_]*\.t' Makefile.in)" "$(find t/crash -name '*.t')"
if [ -f t/litmus.t ]; then pass "litmus is run"; else fail "litmus is run" "t/litmus.t is missing"; fi
done_testing
