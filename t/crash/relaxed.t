# DavDepotDurability relaxed: how often each request waits for the disk, beside full; and that
# whatever of what was not waited for a power failure takes, each request is done or not done.
use strict;
use warnings;

use Depot::Crash    ();
use Depot::Ctl      ();
use Depot::Scenario ();
use Depot::Test;
use Depot::Workers ();

my $work = server_root() . '/crash-relaxed';

# Waits for the store and for the tree, with full and with relaxed, of what changes only one of them.
# The rest waits as often with the one as with the other.  (A commit waits twice, relaxed once.)
my %waits = (
    'PUT of a new file'               => '0+2, 0+1',
    'PUT over a plain file'           => '0+2, 0+1',
    'PUT over a file with properties' => '1+2, 1+1',
    'MKCOL'                           => '0+1, 0+0',
    'DELETE of a plain file'          => '0+1, 0+0',
    'MOVE of a plain file'            => '0+2, 0+0',
    'MOVE over a plain file'          => '0+1, 0+0',
    'COPY over a plain file'          => '0+2, 0+1',
    'PROPPATCH'                       => '2+0, 1+0',
    'LOCK'                            => '2+0, 1+0',
    'UNLOCK'                          => '2+0, 1+0',
);

# How often the store, and the tree, were synced for a request.
sub waits {
    my ($crash, $scenario, $base) = @_;
    my $token = $scenario->begin($crash->client, '/d/template/', $base);

    $crash->arm(undef, logs => 1);
    my $status = $scenario->run($crash->client, $base, $token);
    $crash->disarm;
    return $status unless $status =~ /^20/;
    my (undef, @changes) = $crash->before_response;
    my @syncs = grep { $_->{kind} =~ /[SFD]/ } @changes;
    my $store = grep { $crash->is_of_store($_) } @syncs;
    return "$store+" . (@syncs - $store);
}

sub work {
    my ($n, $ok, @scenarios) = @_;
    my %crash = map { $_ => Depot::Crash->new("$work-$n-$_", durability => $_) } 'full', 'relaxed';
    my $count = 1;

    for my $crash (values %crash) {
        $crash->start;
        Depot::Scenario::prepare($crash->client, '/d/template/');
    }
    my $relaxed = $crash{relaxed};
    for my $scenario (@scenarios) {
        my $what = $scenario->what;
        my $base = '/d/' . $count++ . '/';
        my ($full, $fewer) = map { waits($crash{$_}, $scenario, $base) } 'full', 'relaxed';
        my $expected = $waits{$what} // "$full, $full";
        $ok->("$full, $fewer" eq $expected, "$what: waits for store and tree $full times, relaxed $fewer", "expected $expected");
        my $after = Depot::Scenario::state($relaxed->client, $base);

        for my $where (undef, 'store', 'tree') {
            $base = '/d/' . $count++ . '/';
            my $token  = $scenario->begin($relaxed->client, '/d/template/', $base);
            my $before = Depot::Scenario::state($relaxed->client, $base);
            $relaxed->arm(undef, logs => 1);
            my $status = $scenario->run($relaxed->client, $base, $token);
            $relaxed->disarm;
            $relaxed->kill_all;
            my $lost = $relaxed->lose_power($where);
            $relaxed->start;
            my $state = Depot::Scenario::state($relaxed->client, $base);
            $ok->($status =~ /^20/ && ($state eq $before || $state eq $after),
                "$what, answered with $status, and $lost unsynced changes lost" . ($where ? " of the $where" : ''),
                "found\n$state\nbefore\n$before\nafter\n$after");
        }
    }
    $_->stop for values %crash;
    my ($code, $out, $err) = Depot::Ctl::depotctl('check', $relaxed->store);
    $ok->($code == 0, "depotctl check finds nothing, worker $n", "$out$err");
    return;
}

Depot::Workers::share($ENV{DEPOT_CRASH_WORKERS} || 4, \&work, Depot::Scenario::all());
finish();
