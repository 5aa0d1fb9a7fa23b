# PUT: new and replaced files, parts of files, limits, and uploads that never end.
use strict;
use warnings;

use Depot::Test;
use Time::HiRes ();

my ($url, $dir) = fresh();
expect_log(client_errors(), qr/An error occurred while reading the request body/,
    qr/Requested content-length of \d+ is larger than the configured limit/);

# New, replaced, empty.
status_is(put("${url}a", 'one'), 201, 'a new file');
is(slurp("$dir/a"), 'one', 'it is on disk');
my $etag    = dav('HEAD', "${url}a")->header('ETag');
my $replace = put("${url}a", 'two!');
status_is($replace, 204, 'a replaced file');
is(slurp("$dir/a"), 'two!', 'with the new bytes');
isnt($replace->header('ETag'), $etag, 'and another ETag');
like($replace->header('ETag') // '', qr/^"[^"]+"$/, 'a strong one, in the response');
status_is(put("${url}empty", ''), 201, 'an empty file');
is(-s "$dir/empty", 0, 'is empty');
my $all = join '', map { chr } 0 .. 255;
put("${url}binary", $all x 5000);
ok(slurp("$dir/binary") eq $all x 5000, 'all bytes pass unchanged');
my $numbers = pack 'N*', 1 .. 50_000;
for my $size (65_535, 65_536, 65_537, 200_000) {
    status_is(put("${url}numbers", substr $numbers, 0, $size), [ 201, 204 ], "$size bytes");
    ok(slurp("$dir/numbers") eq substr($numbers, 0, $size), 'in their order');
}
my $many = pack 'N*', 1 .. 5_000_000;
status_is(put("${url}many", $many), 201, '20 MB');
ok(slurp("$dir/many") eq $many, 'in their order');
is((stat "$dir/a")[2] & 0777, 0666 & ~umask_of_server(), 'a new file has the usual mode');

sub umask_of_server {
    spew("$dir/probe", '');
    my $mode = (stat "$dir/probe")[2] & 0777;
    unlink "$dir/probe";
    return 0666 & ~$mode;
}

# A chunked body, in odd pieces.
{
    my $client = client(port => vars('port'));
    $client->connect;
    $client->send("PUT ${url}chunked HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    $client->send(sprintf "%x\r\n%s\r\n", $_, 'x' x $_) for 1, 7, 8192, 100_000, 3;
    $client->send("0\r\n\r\n");
    status_is($client->read_response('PUT'), 201, 'a chunked upload');
    is(-s "$dir/chunked", 1 + 7 + 8192 + 100_000 + 3, 'has all its bytes');
}
{
    my $client = client(port => vars('port'));
    $client->connect;
    $client->send("PUT ${url}expect HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n"
            . "Expect: 100-continue\r\n\r\n");
    Time::HiRes::sleep(0.1);
    $client->send('body');
    status_is($client->read_response('PUT'), 201, 'an upload that expects 100-continue');
    is(slurp("$dir/expect"), 'body', 'has its bytes');
}

# Where it cannot go.
status_is(put("${url}no/such/parent", 'x'), 409, 'no parent');
ok(!-e "$dir/no", 'nothing was made');
status_is(put("${url}a/below", 'x'), [ 400, 404, 409 ], 'a parent that is a file');
is(slurp("$dir/a"), 'two!', 'the file is as it was');
mkdir "$dir/folder";
status_is(put("${url}folder", 'x'), [ 405, 409 ], 'onto a collection');
status_is(put("${url}folder/", 'x'), [ 405, 409 ], 'onto a collection, with a slash');
ok(-d "$dir/folder", 'the collection is as it was');
status_is(put("${url}new/", 'x'), [ 404, 405, 409 ], 'a new file with a slash at the end');
ok(!-e "$dir/new", 'makes nothing');
mkdir "$dir/readonly";
chmod 0555, "$dir/readonly";
status_is(put("${url}readonly/x", 'x'), [ 403 ], 'into a directory the server may not write');
chmod 0755, "$dir/readonly";

# Conditions.
$etag = dav('HEAD', "${url}a")->header('ETag');
status_is(put("${url}a", 'no', 'If-Match'      => '"other"'), 412, 'If-Match fails');
status_is(put("${url}a", 'no', 'If-None-Match' => '*'),       412, 'If-None-Match: * on a file');
is(slurp("$dir/a"), 'two!', 'nothing changed');
status_is(put("${url}a", 'three', 'If-Match' => $etag), 204, 'If-Match right after PUT holds');
status_is(put("${url}b", 'b', 'If-None-Match' => '*'), 201, 'If-None-Match: * makes a file');
status_is(put("${url}absent", 'x', 'If-Match' => '*'), 412, 'If-Match: * on nothing');
ok(!-e "$dir/absent", 'makes nothing');
my $date = dav('HEAD', "${url}a")->header('Last-Modified');
status_is(put("${url}a", 'four', 'If-Unmodified-Since' => $date), 204, 'If-Unmodified-Since holds');
status_is(put("${url}a", 'no', 'If-Unmodified-Since' => 'Sat, 01 Jan 2000 00:00:00 GMT'),
    412, 'If-Unmodified-Since fails');
is(slurp("$dir/a"), 'four', 'nothing changed');

# Parts.
spew("$dir/part", '0123456789');
status_is(put("${url}part", 'abc', 'Content-Range' => 'bytes 3-5/10'), 204, 'Content-Range');
is(slurp("$dir/part"), '012abc6789', 'changes these bytes only');
status_is(put("${url}part", 'XY', 'Content-Range' => 'bytes 10-11/12'), 204, 'Content-Range at the end');
is(slurp("$dir/part"), '012abc6789XY', 'appends');
my $part = reverse substr $numbers, 0, 150_000;
status_is(put("${url}numbers", $part, 'Content-Range' => 'bytes 7-150006/200000'), 204, 'a long part');
substr($numbers, 7, 150_000) = $part;
ok(slurp("$dir/numbers") eq $numbers, 'in its place');
status_is(put("${url}part", 'abcd', 'Content-Range' => 'bytes 0-1/12'), 400, 'a longer body than range');
status_is(put("${url}part", 'a', 'Content-Range' => 'bytes 0-5/12'), 400, 'a shorter body than range');
status_is(put("${url}part", 'a', 'Content-Range' => 'bytes 5-2/12'), 400, 'a range that ends before it starts');
status_is(put("${url}part", 'a', 'Content-Range' => 'lines 0-0/12'), 400, 'a range of other units');
is(slurp("$dir/part"), '012abc6789XY', 'nothing changed');
my $before = dav('HEAD', "${url}part")->header('ETag');
put("${url}part", 'zz', 'Content-Range' => 'bytes 0-1/12');
isnt(dav('HEAD', "${url}part")->header('ETag'), $before, 'a part changes the ETag');

# Too much.
my ($limited_url, $limited_dir) = fresh('limited');
spew("$limited_dir/file", 'old');
status_is(put("${limited_url}file", 'x' x 10_001), 413, 'past LimitRequestBody');
is(slurp("$limited_dir/file"), 'old', 'nothing changed');
{
    my $client = client(port => vars('port'));
    $client->connect;
    $client->send("PUT ${limited_url}file HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    $client->send(sprintf "%x\r\n%s\r\n", 5000, 'x' x 5000) for 1 .. 3;
    $client->send("0\r\n\r\n");
    status_is($client->read_response('PUT'), 413, 'past LimitRequestBody in chunks');
    is(slurp("$limited_dir/file"), 'old', 'nothing changed');
}
is_deeply([ members($limited_dir) ], ['file'], 'nothing is left over');
status_is(put("${limited_url}file", 'y' x 10_000), 204, 'just within the limit');

# Uploads that stop half-way.
mkdir "$dir/aborted";
spew("$dir/aborted/old", 'old bytes');
for my $name ('old', 'new') {
    my $client = client(port => vars('port'));
    $client->connect;
    $client->send("PUT ${url}aborted/$name HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n");
    $client->send('x' x 300_000);
    Time::HiRes::sleep(0.2);
    is_deeply([ propfind("${url}aborted/", 1)->multistatus->hrefs ],
        [ "${url}aborted/", "${url}aborted/old" ], 'a running upload is not listed');
    $client->close;
}
for (1 .. 50) {
    last if grep { /aborted\/new HTTP/ } split /\n/, slurp(server_root() . '/logs/access_log');
    Time::HiRes::sleep(0.1);
}
Time::HiRes::sleep(0.2);
is(slurp("$dir/aborted/old"), 'old bytes', 'an aborted upload leaves the old bytes');
is_deeply([ members("$dir/aborted") ], ['old'], 'and nothing else in the directory');
{
    my $client = client(port => vars('port'));
    $client->connect;
    $client->send("PUT ${url}aborted/old HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    $client->send("5\r\nhello\r\nnot a size\r\n");
    my $response = $client->read_response('PUT');
    ok(!$response || $response->status == 400, 'a broken chunk');
    is(slurp("$dir/aborted/old"), 'old bytes', 'leaves the old bytes');
}

# What a replaced file keeps.
chmod 0640, "$dir/a";
ok(set_prop("${url}a", 'kept', 'yes'), 'a property');
my $created = propfind("${url}a", 0)->multistatus->text("${url}a", '{DAV:}creationdate');
put("${url}a", 'five');
is((stat "$dir/a")[2] & 0777, 0640, 'PUT keeps the mode');
is(get_prop("${url}a", 'kept'), 'yes', 'PUT keeps the properties');
chmod 0755, "$dir/a";
put("${url}a", 'six');
ok(-x "$dir/a", 'PUT keeps the executable bit');

# Content-Type of the upload is no reason to fail.
status_is(put("${url}typed", '<x', 'Content-Type' => 'application/xml'), 201, 'any content type');

finish();
