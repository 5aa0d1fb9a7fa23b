# Limits: what is too much is refused, and the server goes on.
use strict;
use warnings;

use Depot::Test;

my ($url, $dir) = fresh();
expect_log(client_errors(), qr/AH0056[45]|AH0054\d|is larger than the configured limit|LimitXMLRequestBody|error occurred while reading the request body/i);
make_tree($dir, 'file');
my $file = "${url}file";
ok(set_prop($file, 'kept', 'old'), 'a property');

sub patch_with {
    my ($inner) = @_;
    return dav('PROPPATCH', $file, body => proppatch_body(set => $inner));
}

# Whether a PROPPATCH was refused as a whole or for the property; never a 5xx but 507.
sub refused {
    my ($response, $what) = @_;
    my $status = $response->status;

    if ($status == 207) {
        my %status = map { $_->{status} => 1 } values %{ $response->multistatus->response($file)->{props} };
        ok(!$status{200}, "$what: refused for the property");
        ok(!(grep { $_ != 507 && $_ >= 500 } keys %status), "$what: and not as our fault");
    }
    else {
        status_is($response, [ 400, 403, 413, 507 ], "$what: refused");
    }
    return;
}

for my $depth (50, 1000, 100_000) {
    my $response = patch_with('<t:deep xmlns:t="urn:test">' . '<a>' x $depth . '</a>' x $depth . '</t:deep>');
    if ($depth == 50) { status_is($response, 207, '50 elements inside each other') }
    elsif ($depth == 100_000) { refused($response, "$depth elements inside each other") }
    else { ok($response->status, "$depth elements inside each other: " . $response->status) }
}
for my $count (1_000, 1_000_000) {
    my $response = patch_with('<t:wide xmlns:t="urn:test">' . '<a/>' x $count . '</t:wide>');
    ok($response->status, "$count elements beside each other: " . $response->status);
}
my $attributes = join ' ', map { qq{a$_="v"} } 1 .. 20_000;
ok(patch_with(qq{<t:attributes xmlns:t="urn:test"><b $attributes/></t:attributes>})->status, '20,000 attributes');
my $namespaces = join ' ', map { qq{xmlns:n$_="urn:n$_"} } 1 .. 20_000;
ok(patch_with(qq{<t:namespaces xmlns:t="urn:test"><b $namespaces/></t:namespaces>})->status, '20,000 namespaces');
refused(patch_with('<t:' . 'n' x 70_000 . ' xmlns:t="urn:test">x</t:' . 'n' x 70_000 . '>'), 'a name of 70,000 characters');
refused(patch_with('<t:a xmlns:t="urn:' . 'u' x 70_000 . '">x</t:a>'), 'a namespace of 70,000 characters');
is(get_prop($file, 'kept'), 'old', 'the server goes on');

# Names whose lengths are near the store's limit for a key.
my $bad = 0;
for my $length (1 .. 20, 200 .. 280, 400 .. 520, 900 .. 1100) {
    my $name     = 'n' x $length;
    my $response = patch_with(qq{<t:$name xmlns:t="urn:test">v$length</t:$name>});
    my $status   = $response->status == 207 ? $response->multistatus->prop_status($file, "{urn:test}$name") : $response->status;
    my $back     = get_prop($file, $name);
    $bad++, diag("length $length: $status") unless $status == 200 ? ($back // '') eq "v$length" : !defined $back && $status != 500;
}
is($bad, 0, 'names of many lengths come back, or are refused');

# LimitXMLRequestBody.
my ($limited_url, $limited_dir) = fresh('limited');
spew("$limited_dir/f", 'x');
status_is(dav('PROPPATCH', "${limited_url}f", body => proppatch_body(set => '<t:p xmlns:t="urn:test">' . 'x' x 20_000 . '</t:p>')),
    413, 'past LimitXMLRequestBody: PROPPATCH');
is(get_prop("${limited_url}f", 'p'), undef, 'nothing was set');
status_is(dav('PROPFIND', "${limited_url}f", headers => [ Depth => 0 ], body => propfind_body(map { "{urn:test}p$_" } 1 .. 1000)),
    413, 'past LimitXMLRequestBody: PROPFIND');

# The same body in chunks of one byte.
{
    my $body   = proppatch_body(set => '<t:slow xmlns:t="urn:test">byte by byte</t:slow>');
    my $client = client(port => vars('port'));
    $client->connect;
    $client->send("PROPPATCH $file HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    $client->send("1\r\n$_\r\n") for split //, $body;
    $client->send("0\r\n\r\n");
    status_is($client->read_response('PROPPATCH'), 207, 'a body byte by byte');
    is(get_prop($file, 'slow'), 'byte by byte', 'is understood');
}

# A body that stops.
{
    my $client = client(port => vars('port'));
    $client->connect;
    $client->send("PROPPATCH $file HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n\r\n");
    $client->send('<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><t:half xmlns:t="urn:test">x');
    $client->close;
    is(get_prop($file, 'half'), undef, 'half a body sets nothing');
}
is(get_prop($file, 'kept'), 'old', 'the server goes on');

# Bytes that XML cannot hold.
for my $bytes ("\x00", "\x01", "\x0b", "\xff", "\xed\xa0\x80", "\xef\xbf\xbf", '&#0;', '&#1;', '&#xFFFF;', '&#xD800;', '&#x110000;') {
    my $response = patch_with(qq{<t:bad xmlns:t="urn:test">$bytes</t:bad>});
    my $name     = join ' ', map { sprintf '%02x', ord } split //, $bytes;
    status_is($response, 400, "a value with $name");
}
is(get_prop($file, 'bad'), undef, 'none of them was set');
ok(set_prop($file, 'emoji', '&#x1F388;'), 'a character beyond the BMP by number');

finish();
