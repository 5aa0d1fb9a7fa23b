#!/bin/bash
# ./quickstart from a clean copy of the checkout, whose sources cannot be written:
# start, real requests, a second run that keeps the data, a taken port, stop.
. "$SRCDIR/t/lib/tap.sh"

place=$(mktemp -d) || exit 2
chmod 755 "$place"
copy=$place/mod_dav_depot
mkdir "$copy"
finish() {
    "$copy/quickstart" --dir "$place/run" stop >/dev/null 2>&1
    [ -z "${other-}" ] || kill "$other" 2>/dev/null
    rm -rf "$place"
}
trap finish EXIT

cd "$SRCDIR" || exit 2
if git -c safe.directory='*' rev-parse -q --git-dir >/dev/null 2>&1; then
    git -c safe.directory='*' ls-files -z
else
    find . -path ./build -prune -o -type f -printf '%P\0'
fi | xargs -0 tar -cf - | tar -xf - -C "$copy"
chmod -R a-w "$copy"
listing() { (cd "$copy" && find . -printf '%p %T@\n' | sort); }
before=$(listing)
cd "$place" || exit 2

# is NAME WANTED GOT
is() {
    if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "wanted $2, got $3"; fi
}
# contains NAME TEXT PATTERN
contains() {
    if grep -qE -- "$3" <<<"$2"; then pass "$1"; else fail "$1" "$2"; fi
}
ask() {
    curl -sS --noproxy '*' -m 20 -o "$place/body" -w '%{http_code}' "$@"
}
# A port that nobody has just now.
free_port() {
    perl -MIO::Socket::INET -e '
        print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'
}

port=$(free_port)
quickstart() {
    said=$("$copy/quickstart" --dir "$place/run" "$@" 2>&1 </dev/null)
    status=$?
}

quickstart --port "$port"
is "the first run succeeds" 0 "$status"
[ "$status" = 0 ] || { fail "what it said" "$said"; done_testing; }
contains "it shows a PUT" "$said" 'HTTP/1\.1 201'
contains "it shows a streamed 207" "$said" '[Tt]ransfer-[Ee]ncoding: chunked'
contains "it shows the property" "$said" '>blue<'
for word in files store configuration log; do
    contains "it says where to find: $word" "$said" "^  $word +/"
done
base=http://127.0.0.1:$port
is "a GET of a seeded file" 200 "$(ask "$base/README.txt")"
contains "its content" "$(cat "$place/body")" 'ordinary file'
echo kept >"$place/kept.txt"
is "a PUT" 201 "$(ask -T "$place/kept.txt" "$base/notes/kept.txt")"
is "a PROPPATCH" 207 "$(ask -X PROPPATCH "$base/notes/kept.txt" --data-binary \
    '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><k xmlns="urn:k">mine</k></D:prop></D:set></D:propertyupdate>')"

quickstart status
is "status: serving" 0 "$status"
contains "status says where" "$said" "$base/"
files=$(sed -n 's/^  files  *//p' <<<"$said")
is "the file is an ordinary file" kept "$(cat "$files/notes/kept.txt")"

quickstart
is "a run while it serves succeeds" 0 "$status"
quickstart stop
is "stop" 0 "$status"
quickstart status
is "status: not running" 3 "$status"
curl -sS --noproxy '*' -m 5 "$base/" >/dev/null 2>&1
is "nobody listens after the stop" 7 $?

quickstart
is "it starts again, on the same port" 0 "$status"
is "the file is kept" 200 "$(ask "$base/notes/kept.txt")"
is "a PROPFIND" 207 "$(ask -X PROPFIND -H 'Depth: 0' "$base/notes/kept.txt")"
contains "the property is kept" "$(cat "$place/body")" '>mine<'
quickstart stop

perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
    $| = 1; print $s->sockport, "\n"; sleep 60' >"$place/taken" &
other=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s "$place/taken" ] && break; sleep 0.2; done
taken=$(cat "$place/taken")
quickstart --port "$taken"
is "a taken port: exit status 1" 1 "$status"
contains "a taken port: said clearly" "$said" "port $taken .*in use"
is "the sources were not written to" "$before" "$(listing)"
done_testing
