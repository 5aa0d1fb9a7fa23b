# Locks as the store keeps them: one record each, whatever is below, gone soon when their time is
# over; told of by depotctl.
use strict;
use warnings;

use JSON::PP    ();
use Time::HiRes ();

use Depot::Ctl;
use Depot::Lock;
use Depot::Server;
use Depot::Test;

my $work   = server_root() . '/lock-store';
my $server = Depot::Server->start($work, <<"END") or BAIL_OUT('no server');
DavDepotStore lmdb:store
DavDepotLockTimeoutMin 1
DavDepotLockTimeoutMax 0
Alias /dav "$work/drive"
<Directory "$work/drive">
    Dav depot
    Require all granted
    DavDepotDepthInfinity On
    DavDepotLockOwnerMax 200
</Directory>
END
my $client = $server->client;
mkdir "$work/drive" or die $!;

# What depotctl counts.
sub count {
    my ($code, $out) = depotctl('stat', '--json', "$work/store");
    return JSON::PP::decode_json($out);
}

# RFC 4918 section 7.4: the records of a lock on a tree with so many members.
sub records_of {
    my ($members) = @_;
    my $before = count()->{records};
    mkdir "$work/drive/tree$members" or die $!;
    make_tree("$work/drive/tree$members", map {("d$_/", "d$_/f")} 1 .. $members);
    my $token = token_of(lock($client, "/dav/tree$members/", Depth => 'infinity'));
    my $now   = count();
    my $found = locks_of($client, "/dav/tree$members/d$members/f");
    is($found, 1, "a lock on a tree of $members folders reaches the last");
    is(unlock($client, "/dav/tree$members/", $token), 204, 'UNLOCK');
    is(count()->{records}, $before, 'leaves nothing in the store');
    return [ $now->{records} - $before, $now->{locks} ];
}

is_deeply(records_of(300), records_of(2), 'a lock of depth infinity is as many records on a large tree as on a small one');
is(records_of(4)->[1], 1, 'and one lock');

# RFC 4918 section 10.7: Infinite, where there is no bound.
my $never = lock($client, '/dav/never', Timeout => 'Infinite');
like($never->body, qr{<D:timeout>Infinite</D:timeout>}, 'Timeout: Infinite');
is((locks_of($client, '/dav/never'))[0]{timeout}, 'Infinite', 'so says PROPFIND');
status_is(dav_refresh('/dav/never', token_of($never), 'Second-50'), 200, 'refreshed to end');
like((locks_of($client, '/dav/never'))[0]{timeout}, qr/^Second-(?:4\d|50)$/, 'it is to end now');
status_is(dav_refresh('/dav/never', token_of($never), 'Infinite'), 200, 'and not to end again');
is(unlock($client, '/dav/never', token_of($never)), 204, 'UNLOCK');

sub dav_refresh {
    my ($path, $token, $timeout) = @_;
    return $client->request('LOCK', $path, headers => [ If => "(<$token>)", Timeout => $timeout ]);
}

# RFC 4918 sections 6.6: what has expired is in no answer at once, and not in the store soon.
is(count()->{locks}, 0, 'no lock is in the store');
status_is(lock($client, "/dav/short$_", Timeout => 'Second-1'), 201, "lock $_") for 1 .. 5;
my $long = token_of(lock($client, '/dav/long', Timeout => 'Second-1000'));
Time::HiRes::sleep(1.1) while grep { locks_of($client, "/dav/short$_") } 1 .. 5;
status_is($client->request('PUT', '/dav/short1', body => 'x'), 204, 'a PUT needs no token then');
unlike($client->request('PROPFIND', '/dav/', headers => [ Depth => 1 ], body => propfind_body('{DAV:}lockdiscovery'))->body,
    qr{/dav/short\d</D:href></D:lockroot>}, 'no listing tells of them');
my $end = time + 60;
Time::HiRes::sleep(0.2) while time < $end && count()->{expired} > 0;
is_deeply([ @{ count() }{ 'locks', 'expired' } ], [ 1, 0 ], 'the store forgets them with no request that asks for it');
is((locks_of($client, '/dav/long'))[0]{token}, $long, 'the others stay');
unlock($client, '/dav/long', $long);

# RFC 4918 section 14.17: the owner element is bounded.
status_is(lock($client, '/dav/owned', owner => '<D:owner>' . 'x' x 100 . '</D:owner>'), 201, 'an owner of 100 characters');
my $much = lock($client, '/dav/much', owner => '<D:owner>' . 'x' x 300 . '</D:owner>');
status_is($much, 507, 'not one of 300');
ok(!-e "$work/drive/much", 'makes nothing');

$server->stop;
unlike($server->said, qr/:(?:error|crit|emerg)\](?!.*\[507, #0\])|AH00052|Assertion|AddressSanitizer|runtime error/, 'nothing unexpected is logged');

finish();
