# The machine's clock is set back by an hour, and forward again: locks hold, expire and are
# refreshed by the clock there is, and nothing else minds.  (faketime's library tells httpd what
# time it is; files have the kernel's.)
use strict;
use warnings;

use Depot::Lock;
use Depot::Server;
use Depot::Test;

my ($library) = grep { -e } glob '/usr/lib/*/faketime/libfaketime.so.1';
plan(skip_all => 'faketime is not installed') unless defined $library;
plan(skip_all => 'another library is preloaded into httpd') if slurp(vars('httpd')) =~ /LD_PRELOAD/;

my $dir   = server_root() . '/clock';
my $drive = "$dir/drive";
mkdir $dir or die "$dir: $!\n";

sub set_clock { return spew("$dir/offset", $_[0]) }

sub start {
    return Depot::Server->start($dir, "DavDepotStore lmdb:$dir/store\n" . Depot::Server::drive('/dav', $drive), env => {
        LD_PRELOAD => $library, FAKETIME_TIMESTAMP_FILE => "$dir/offset", FAKETIME_NO_CACHE => 1,
        FAKETIME_DONT_FAKE_MONOTONIC => 1 }) // die "the server did not start\n";
}

sub status { my $client = shift; return $client->request(@_)->status }

set_clock('+0');
my $server = start();
my $client = $server->client;
is(status($client, PUT => '/dav/f', body => 'one'), 201, 'a file');
is(status($client, PUT => '/dav/g', body => 'one'), 201, 'another');
my $set = proppatch_body(set => '<t:p xmlns:t="urn:test">1</t:p>');
is(status($client, PROPPATCH => '/dav/g', body => $set), 207, 'with a property');
my $token = token_of(lock($client, '/dav/f'));
ok(defined $token, 'a lock of 100 seconds');

set_clock('-1h');
my ($date) = $client->request('GET', '/dav/g')->header('Date') =~ / (\d\d):\d\d:\d\d /;
isnt($date, (split ' ', sprintf '%02d', (gmtime)[2])[0], 'httpd has another time');
is(status($client, PUT => '/dav/f', body => 'two'), 423, 'set back: the lock holds');
is(scalar(locks_of($client, '/dav/f')), 1, 'and is told of');
is(status($client, PUT => '/dav/f', body => 'two', headers => [ If => "(<$token>)" ]), 204, 'for its owner it is none');
is(status($client, LOCK => '/dav/f', headers => [ If => "(<$token>)", Timeout => 'Second-100' ]), 200, 'it is refreshed');
my ($timeout) = map { $_->{timeout} } locks_of($client, '/dav/f');
like($timeout, qr/^Second-(?:\d\d|100)$/, 'by the clock there is');
my $etag = $client->request('HEAD', '/dav/g')->header('ETag');
is(status($client, PUT => '/dav/g', body => 'two'), 204, 'a file is replaced by one of the same size');
isnt($client->request('HEAD', '/dav/g')->header('ETag'), $etag, 'and has another ETag');
is(status($client, MOVE => '/dav/g', headers => [ Destination => '/dav/h' ]), 201, 'it is moved');
like($client->request('PROPFIND', '/dav/h', headers => [ Depth => 0 ], body => propfind_body('{urn:test}p'))->body, qr/>1</,
    'with its property');

$server->stop;
$server = start();
$client = $server->client;
is(status($client, PUT => '/dav/f', body => 'three'), 423, 'it holds after a start with the clock set back');

set_clock('+0');
is(status($client, PUT => '/dav/f', body => 'three'), 204, 'set forward: what has expired by then is gone');
is(scalar(locks_of($client, '/dav/f')), 0, 'and not told of');
$server->stop;
unlike(slurp("$dir/logs/error_log"), qr/:(?:error|crit|alert|emerg)\]|exit signal/, 'nothing was logged');
finish();
