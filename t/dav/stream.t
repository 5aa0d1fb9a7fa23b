# Listings are streams: the first bytes come early, long ones arrive whole, and a client that
# goes away or reads slowly does no harm.
use strict;
use warnings;

use Depot::Test;
use Time::HiRes ();

my ($url, $dir) = fresh('deep');
my $count = 20_000;
for my $n (1 .. $count) {
    open my $file, '>', "$dir/" . sprintf 'member-%06d', $n or die "open: $!\n";
}
for my $n (1 .. 20) {
    set_prop($url . sprintf('member-%06d', $n * 1000), 'p', "value $n");
}

# Whole, and in chunks.
my $began    = Time::HiRes::time();
my $response = propfind($url, 1);
my $took     = Time::HiRes::time() - $began;
status_is($response, 207, "$count members");
is($response->header('Content-Length'), undef, 'a stream has no Content-Length');
is($response->cut_off, 0, 'it arrives whole');
my %seen = map { $_ => 1 } $response->multistatus->hrefs;
is(scalar keys %seen, $count + 1, 'with all members');
is($response->multistatus->text($url . sprintf('member-%06d', 20_000), '{urn:test}p'), 'value 20', 'and properties');
note(sprintf '%d members in %.3f s', $count, $took);

# The first bytes come long before the last.
{
    my $client = client(port => vars('port'));
    $client->connect;
    my $start = Time::HiRes::time();
    $client->send($client->format_request('PROPFIND', $url, [ Depth => 1 ]));
    $client->fill;
    my $first = Time::HiRes::time() - $start;
    $client->read_response('PROPFIND');
    my $all = Time::HiRes::time() - $start;
    note(sprintf 'first bytes after %.1f ms, all after %.1f ms', $first * 1000, $all * 1000);
    ok($first < 0.25 && $first < $all / 2, 'the first bytes come early');
}

# Clients that go away: the server notices, and its processes stay.
sub children {
    my %pids;
    open my $log, '<', server_root() . '/logs/access_log' or return;
    while (<$log>) { $pids{$1}++ if /(\d+)P?$/ }
    return grep { kill 0, $_ } keys %pids;
}
for my $n (1 .. 20) {
    my $client = client(port => vars('port'));
    $client->connect;
    $client->send($client->format_request('PROPFIND', $url, [ Depth => 1 ]));
    $client->fill;
    $client->close;
}
status_is(propfind($url, 0), 207, 'the server goes on after clients that went away');

# Slow readers hold no transaction: writes go on, and are seen by others.
{
    my @slow = map { client(port => vars('port')) } 1 .. 4;
    for my $client (@slow) {
        $client->connect;
        setsockopt $client->{socket}, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), pack 'i', 1 << 17;
        $client->send($client->format_request('PROPFIND', $url, [ Depth => 1 ]));
        $client->fill;
    }
    my $start = Time::HiRes::time();
    ok(set_prop("${url}member-000001", 'while', "round $_"), "a write while four listings stand, round $_") for 1 .. 10;
    is(get_prop("${url}member-000001", 'while'), 'round 10', 'and is read');
    ok(Time::HiRes::time() - $start < 5, 'without waiting for them');
    for my $client (@slow) {
        my $answer = $client->read_response('PROPFIND');
        is(scalar(my @all = $answer->multistatus->hrefs), $count + 1, 'a slow reader gets its whole listing');
    }
}

# A connection goes on after a listing.
{
    my $client = client(port => vars('port'));
    $client->request('PROPFIND', $url, headers => [ Depth => 1 ]);
    my $socket = $client->{socket};
    status_is($client->request('PROPFIND', $url, headers => [ Depth => 0 ]), 207, 'the next request');
    is($client->{socket}, $socket, 'goes over the same connection');
}

# HTTP/1.0 has no chunks.
{
    my $client = client(port => vars('port'));
    $client->connect;
    $client->send("PROPFIND $url HTTP/1.0\r\nDepth: 1\r\n\r\n");
    my $answer = $client->read_response('PROPFIND');
    status_is($answer, 207, 'HTTP/1.0');
    is(scalar(my @all = $answer->multistatus->hrefs), $count + 1, 'has all members, too');
}

# Compressed.
{
    my ($index_url, $index_dir) = fresh('index');
    make_tree($index_dir, map { "f$_" } 1 .. 500);
    my $packed = dav('PROPFIND', $index_url, headers => [ Depth => 1, 'Accept-Encoding' => 'gzip' ]);
    is($packed->header('Content-Encoding'), 'gzip', 'mod_deflate compresses a listing');
    require Compress::Zlib;
    my $text = Compress::Zlib::memGunzip($packed->body);
    is(scalar(my @all = Depot::Multistatus->new($text // '<x/>')->hrefs), 501, 'which is whole');
}

is(dav('DELETE', $url)->status, 204, 'DELETE of all of it');

finish();
