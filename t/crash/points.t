# Each request is cut off after each of its changes of files, the store's among them: one child
# killed while others live; all of httpd killed; and all killed with everything lost that was not
# synced.  What is then served is what was before or what is to be; what was acknowledged is there.
# All of httpd killed with nothing lost comes in between, and is tried if DEPOT_CRASH_ALL is set.
use strict;
use warnings;

use File::Find ();

use Depot::Crash    ();
use Depot::Ctl      ();
use Depot::Scenario ();
use Depot::Test;
use Depot::Workers ();

my $workers = $ENV{DEPOT_CRASH_WORKERS} || 4;
my $work    = server_root() . '/crash';
my $only    = $ENV{DEPOT_CRASH_ONLY};
my %modes   = (
    child => { group => 0 },
    $ENV{DEPOT_CRASH_ALL} ? (group => { group => 1 }) : (),
    power => { group => 1, logs => 1 },
);

# What a listing should have removed, or the start before it.
sub leftovers {
    my ($crash, $base) = @_;
    my @found;
    File::Find::find({ no_chdir => 1, wanted => sub { push @found, $_ if m{/\.dav-depot\.[^/]*\z} } },
        $crash->drive . substr $base, 2);
    return @found;
}

# One try: kill after the change TARGET.  Returns whether it came to its end before.
sub try {
    my ($crash, $ok, $scenario, $mode, $target, $expected) = @_;
    my $base  = '/d/' . $crash->{next}++ . '/';
    my $token = $scenario->begin($crash->client, '/d/template/', $base);
    my $what  = "$mode: " . $scenario->what . ", killed after change $target";

    $crash->arm($target, %{ $modes{$mode} });
    my $status = $scenario->run($crash->client, $base, $token);
    my $count  = $crash->disarm;
    my $ended  = $count < $target;

    # What has been answered must survive, too.
    if ($modes{$mode}{group}) {
        $crash->kill_all;
        $crash->lose_power if $mode eq 'power';
        $crash->start;
    }
    my $state = Depot::Scenario::state($crash->client, $base);
    if ($status == 0) {
        $ok->($state eq $expected->{before} || $state eq $expected->{after}, $what,
            "found\n$state\nbefore\n$expected->{before}\nafter\n$expected->{after}");
    }
    else {
        $ok->($state eq $expected->{after}, "$what, answered with $status",
            "found\n$state\nexpected\n$expected->{after}");
    }
    if ($modes{$mode}{group}) {
        my @left = leftovers($crash, $base);
        $ok->(!@left, "$what: nothing is left behind", "@left") if @left;
    }
    return $ended;
}

sub work {
    my ($n, $ok, @scenarios) = @_;
    my $crash = Depot::Crash->new("$work$n");

    $crash->start;
    Depot::Scenario::prepare($crash->client, '/d/template/');
    $crash->{next} = 1;
    for my $scenario (@scenarios) {
        my $base  = '/d/' . $crash->{next}++ . '/';
        my $token = $scenario->begin($crash->client, '/d/template/', $base);
        my %expected = (before => Depot::Scenario::state($crash->client, $base));
        $crash->arm(undef);
        my $status = $scenario->run($crash->client, $base, $token);
        my $count  = $crash->disarm;
        $ok->($status =~ /^20/, $scenario->what . " makes $count changes", $status);
        $expected{after} = Depot::Scenario::state($crash->client, $base);
        for my $mode (sort keys %modes) {
            my $target = 0;
            1 until try($crash, $ok, $scenario, $mode, $target++, \%expected);
        }
    }
    $crash->stop;
    my ($code, $out, $err) = Depot::Ctl::depotctl('check', $crash->store, '--tree', $crash->drive);
    # A PUT that was cut off between its rename and the note of it in the store.
    my @found = grep { !/^replaced: |findings?$/ } split /\n/, "$out$err";
    $ok->($code <= 1 && !@found, "depotctl check finds nothing, worker $n", join "\n", @found);
    return;
}

Depot::Workers::share($workers, \&work, grep { !defined $only || $_->what =~ /$only/ } Depot::Scenario::all());
finish();
