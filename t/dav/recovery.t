# A child that dies between a change of the files and the store's: those that live on, and the
# next start, see what it was at through.  t/crash tries every point; here is what others see.
use strict;
use warnings;

use Depot::Lock;
use Depot::Server ();
use Depot::Test;

my $work = server_root() . '/recovery';
mkdir $work or die "$work: $!\n";
mkdir "$work/drive";

# A server whose children are killed at POINT, if it is given.
sub start {
    my ($point) = @_;
    my $store = $point ? "trace:lmdb:$work/store $point" : "lmdb:$work/store";
    return Depot::Server->start("$work/server",
        "DavDepotStore $store\n" . Depot::Server::drive('/d', "$work/drive", 'DavDepotDepthInfinity on'));
}

# The property and the lock of each resource there is, by its path.  What settles a change and clears
# up after it commits, too, so more than one child may be killed, in the middle of an answer.
sub state {
    my ($server) = @_;
    my $response;
    for (1 .. 10) {
        $response = $server->client->request('PROPFIND', '/d/', headers => [ Depth => 'infinity' ],
            body => propfind_body('{urn:test}p', '{DAV:}lockdiscovery'));
        last unless $response->cut_off || $response->status == 0;
    }
    return 'status ' . $response->status unless $response->status == 207;
    my $multistatus = $response->multistatus;
    my %state;
    for my $href ($multistatus->hrefs) {
        my $text  = $multistatus->text($href, '{urn:test}p')         // '-';
        my $locks = $multistatus->text($href, '{DAV:}lockdiscovery') // '';
        $state{$href} = $text . ($locks =~ /urn:uuid/ ? ' locked' : '');
    }
    return \%state;
}

sub prepare {
    my $server = start() or die "no server\n";
    my $client = $server->client;
    for my $name (qw(a b tree/ tree/x)) {
        my $status = $name =~ m{/$}
            ? $client->request('MKCOL', "/d/$name")->status
            : $client->request('PUT', "/d/$name", body => "bytes of $name")->status;
        die "$name: $status\n" unless $status == 201;
        $client->request('PROPPATCH', "/d/$name", body => proppatch_body(set => "<t:p xmlns:t='urn:test'>$name</t:p>"));
    }
    my $state = state($server);
    $server->stop;
    return $state;
}

sub clear {
    my $server = start() or die "no server\n";
    $server->client->request('DELETE', "/d/$_") for members("$work/drive");
    $server->stop;
    return;
}

my %whole = (
    '/d/' => '-', '/d/a' => 'a', '/d/b' => 'b', '/d/tree/' => 'tree/', '/d/tree/x' => 'tree/x',
);
my %moved = %whole;
$moved{'/d/b'} = delete $moved{'/d/a'};
my %removed = %whole;
delete @removed{qw(/d/tree/ /d/tree/x)};

# What, the request, the point, and what is seen afterwards.  The first commit is the intent's,
# the second that of the step.
my @cases = (
    [ 'a MOVE over a file, renamed', [ 'MOVE', '/d/a', [ Destination => '/d/b' ] ], 'die=commit:2', \%moved ],
    [ 'a DELETE of a tree, renamed', [ 'DELETE', '/d/tree/' ], 'die=commit:2', \%removed ],
    [ 'a COPY of a tree, copied', [ 'COPY', '/d/tree/', [ Destination => '/d/c/' ] ], 'die=commit:2', \%whole ],
    [ 'a MOVE of a tree over a file', [ 'MOVE', '/d/tree/', [ Destination => '/d/a' ] ], 'die=commit:2',
        { map { s{^/d/tree/}{/d/a/}r => $whole{$_} } grep { $_ ne '/d/a' } keys %whole } ],
    [ 'a LOCK, its file made', [ 'LOCK', '/d/new', [ Timeout => 'Second-100' ], lockinfo() ], 'die=commit:2', \%whole ],
);

for my $case (@cases) {
    my ($what, $request, $point, $expected) = @$case;
    my ($method, $path, $headers, $body) = @$request;

    is_deeply(prepare(), \%whole, "$what: before");
    my $server = start($point);
    my $response = $server->client->request($method, $path, headers => $headers, body => $body);
    is($response->status, 0, 'its child is killed');
    is_deeply(state($server), $expected, 'others see the end of it');
    $server->stop;
    $server = start();
    is_deeply(state($server), $expected, 'so does the next start');
    is_deeply([ grep {/^\./} members("$work/drive") ], [], 'and nothing is left');
    $server->stop;
    clear();
}

# Permissions and properties change together.
prepare();
chmod 0644, "$work/drive/a";
my $server = start('die=commit:2');
is($server->client->request('PROPPATCH', '/d/a', body => proppatch_body(set =>
        '<e:executable xmlns:e="http://apache.org/dav/props/">T</e:executable><t:p xmlns:t="urn:test">new</t:p>'))->status,
    0, 'a PROPPATCH of permissions and properties, killed');
is_deeply(state($server), \%whole, 'properties are as they were');
is((stat "$work/drive/a")[2] & 07777, 0644, 'and so are permissions');
$server->stop;

finish();
