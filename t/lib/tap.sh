# t/lib/tap.sh -- TAP for shell scripts; read with ".".

tap_count=0

# pass NAME
pass() {
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1"
}

# fail NAME [DETAILS]
fail() {
    tap_count=$((tap_count + 1))
    echo "not ok $tap_count - $1"
    [ -z "${2-}" ] || printf '%s\n' "$2" | sed 's/^/# /'
}

# empty NAME OFFENDERS -- passes when nobody offends
empty() {
    if [ -z "$2" ]; then pass "$1"; else fail "$1" "$2"; fi
}

# need FILE ... -- a test without its input has tested nothing
need() {
    for tap_file
    do
        [ -e "$tap_file" ] || {
            fail "$tap_file exists"
            done_testing
        }
    done
}

# done_testing -- the plan, and the script's end
done_testing() {
    [ "$tap_count" -gt 0 ] || fail "something was tested"
    echo "1..$tap_count"
    exit 0
}
