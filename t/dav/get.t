# GET and HEAD: bytes, types, ranges, conditions, and one ETag everywhere.
use strict;
use warnings;

use Depot::Test;

my ($url, $dir) = fresh();
my $bytes = join '', map { chr($_ % 251) } 0 .. 9999;

my $put = put("${url}file.txt", $bytes);
status_is($put, 201, 'PUT makes the file');
my $etag = $put->header('ETag') // '';
like($etag, qr/^"[^"]+"$/, "PUT's response has a strong ETag");

my $get = dav('GET', "${url}file.txt");
status_is($get, 200, 'GET');
is($get->body, $bytes, 'GET gives the bytes');
is($get->header('Content-Length'), length $bytes, 'Content-Length');
is($get->header('Content-Type'), 'text/plain', 'mod_mime decides the content type');
is($get->header('Accept-Ranges'), 'bytes', 'ranges are offered');
like($get->header('ETag') // '', qr/^"[^"]+"$/, 'the ETag is strong');
is($get->header('ETag'), $etag, "GET's ETag is PUT's");
ok($get->header('Last-Modified'), 'Last-Modified');

my $listed = propfind("${url}file.txt", 0, propfind_body('{DAV:}getetag'))->multistatus;
is($listed->text("${url}file.txt", '{DAV:}getetag'), $etag, "PROPFIND's getetag is the same");

my $head = dav('HEAD', "${url}file.txt");
status_is($head, 200, 'HEAD');
is($head->header($_), $get->header($_), "HEAD's $_ is GET's")
    for qw(ETag Content-Length Content-Type Last-Modified);

put("${url}same-size", 'aaaa');
my %seen;
for my $round (1 .. 20) {
    my $response = put("${url}same-size", sprintf '%04d', $round);
    $seen{ $response->header('ETag') // '' }++;
}
is(scalar keys %seen, 20, 'twenty PUTs of one size within a moment have twenty ETags');

status_is(dav('GET', "${url}absent"), 404, 'GET of what is not there');

# Ranges.
for my $case (
    [ 'bytes=0-9',      0,    10,  'the first bytes' ],
    [ 'bytes=5000-',    5000, 5000, 'from the middle on' ],
    [ 'bytes=-100',     9900, 100, 'the last bytes' ],
    [ 'bytes=9999-9999', 9999, 1,  'the last byte' ],
    )
{
    my ($range, $from, $count, $what) = @$case;
    my $response = dav('GET', "${url}file.txt", headers => [ Range => $range ]);
    status_is($response, 206, "range: $what");
    is($response->body, substr($bytes, $from, $count), "range: $what: bytes");
    is($response->header('Content-Range'),
        sprintf('bytes %d-%d/10000', $from, $from + $count - 1), "range: $what: Content-Range");
}
my $several = dav('GET', "${url}file.txt", headers => [ Range => 'bytes=0-4,100-104' ]);
status_is($several, 206, 'two ranges');
like($several->header('Content-Type'), qr{^multipart/byteranges}, 'two ranges are multipart');
ok(index($several->body, substr $bytes, 0, 5) >= 0, 'the first range is in');
ok(index($several->body, substr $bytes, 100, 5) >= 0, 'the second range is in');
status_is(dav('GET', "${url}file.txt", headers => [ Range => 'bytes=10000-' ]),
    416, 'a range past the end');
status_is(dav('GET', "${url}file.txt", headers => [ Range => 'bytes=0-9', 'If-Range' => $etag ]),
    206, 'If-Range with the ETag');
status_is(dav('GET', "${url}file.txt", headers => [ Range => 'bytes=0-9', 'If-Range' => '"other"' ]),
    200, 'If-Range with another ETag gives all');

# Conditions.
my $date  = $get->header('Last-Modified');
my $past  = 'Sat, 01 Jan 2000 00:00:00 GMT';
for my $case (
    [ 'GET', 304, 'If-None-Match'       => $etag ],
    [ 'GET', 304, 'If-None-Match'       => '*' ],
    [ 'GET', 304, 'If-None-Match'       => qq{"x", $etag} ],
    [ 'GET', 200, 'If-None-Match'       => '"x"' ],
    [ 'GET', 200, 'If-Match'            => $etag ],
    [ 'GET', 200, 'If-Match'            => '*' ],
    [ 'GET', 412, 'If-Match'            => '"x"' ],
    [ 'GET', 304, 'If-Modified-Since'   => $date ],
    [ 'GET', 200, 'If-Modified-Since'   => $past ],
    [ 'GET', 200, 'If-Unmodified-Since' => $date ],
    [ 'GET', 412, 'If-Unmodified-Since' => $past ],
    [ 'HEAD', 304, 'If-None-Match'      => $etag ],
    )
{
    my ($method, $status, $name, $value) = @$case;
    my $response = dav($method, "${url}file.txt", headers => [ $name => $value ]);
    status_is($response, $status, "$method with $name: $value");
    is($response->header('ETag'), $etag, 'the 304 has the ETag') if $status == 304;
}

# An empty file and a big one.
spew("$dir/empty", '');
my $empty = dav('GET', "${url}empty");
status_is($empty, 200, 'an empty file');
is($empty->body, '', 'an empty file has no bytes');
my $big = join '', map { pack 'N', $_ } 0 .. 1_500_000;
spew("$dir/big", $big);
ok(dav('GET', "${url}big")->body eq $big, 'six million bytes arrive');
is(dav('GET', "${url}big", headers => [ Range => 'bytes=4000000-4000003' ])->body,
    pack('N', 1_000_000), 'a range of a big file');
spew("$dir/text.utf8", "caf\xc3\xa9");
like(dav('GET', "${url}text.utf8")->header('Content-Type') // 'charset=utf-8',
    qr/charset=utf-8/, "mod_mime's charset");
status_is(dav('GET', "${url}file.txt/"), 404, 'a file with a slash at the end is not there');

# Collections: what GET shows is for the modules configured to show it.
expect_log(qr/AH01276: Cannot serve directory/);
status_is(dav('GET', $url), [ 403, 404 ], 'GET of a collection without a directory index');
my ($index_url, $index_dir) = fresh('index');
make_tree($index_dir, 'a.txt', 'sub/');
my $autoindex = dav('GET', $index_url);
status_is($autoindex, 200, 'mod_autoindex lists a collection');
like($autoindex->body, qr/a\.txt.*sub/s, "mod_autoindex's list has the members");
my $redirect = dav('GET', substr $index_url, 0, -1);
status_is($redirect, 301, "mod_dir's redirection to the slash");
spew("$index_dir/index.html", '<p>hello</p>');
my $page = dav('GET', $index_url);
status_is($page, 200, "mod_dir's index page");
is($page->body, '<p>hello</p>', "the index page's bytes");

# PROPFIND of a folder that has an index page is about the folder.
for my $path ($index_url, substr $index_url, 0, -1) {
    my $response = propfind($path, 1, propfind_body('{DAV:}resourcetype'));
    status_is($response, 207, "PROPFIND $path with an index page");
    next unless $response->status == 207;
    my $multistatus = $response->multistatus;
    is_deeply([ sort $multistatus->hrefs ],
        [ sort map { "$index_url$_" } '', 'a.txt', 'index.html', 'sub/' ], "hrefs of $path");
    status_is(dav('OPTIONS', $path), 200, "OPTIONS $path");
    ok(set_prop($path, 'p', 'v'), "PROPPATCH $path");
    is(get_prop($path, 'p'), 'v', "the property of $path is the folder's");
}
is(get_prop("${index_url}index.html", 'p'), undef, "not the index page's");

# mod_deflate keeps working.
spew("$index_dir/long.txt", 'a' x 100_000);
my $packed = dav('GET', "${index_url}long.txt", headers => [ 'Accept-Encoding' => 'gzip' ]);
is($packed->header('Content-Encoding'), 'gzip', 'GET is compressed where configured');
ok(length($packed->body) < 10_000, 'and short');

finish();
