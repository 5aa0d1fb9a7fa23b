# httpd, or one of its children, is killed at random moments while clients change things; then
# what is served is what was acknowledged, or that and the request that had no answer yet.
# DEPOT_CRASH_KILLS says how often.
use strict;
use warnings;

use Storable    ();
use Time::HiRes ();
use POSIX       ();

use Depot::Crash ();
use Depot::Ctl   ();
use Depot::Model ();
use Depot::Test;
use Depot::Workers ();

my $workers = $ENV{DEPOT_CRASH_WORKERS} || 2;
my $kills   = $ENV{DEPOT_CRASH_KILLS}   || 16;
my $clients = 3;
my $work    = server_root() . '/crash-load';

# One client, until it gets no answer or UNTIL: its model, and the request without an answer.
sub run_client {
    my ($crash, $model, $until, $file) = @_;
    my ($client, $pending, $answered) = ($crash->{server}->client, undef, 0);

    srand;
    while (Time::HiRes::time() < $until) {
        my $op = $model->choose;
        my $status = $model->send($client, $op);
        if ($status == 0) { $pending = $op; last }
        $answered++;
        if   ($status =~ /^20/) { $model->apply($op) }
        else                    { $pending = $op if $status !~ /^4|^503/; last if $pending }
    }
    Storable::store([ $model, $pending, $answered ], $file);
    return;
}

# A child of httpd's.
sub child_of {
    my ($pid) = @_;
    my @children = split ' ', Depot::Test::slurp("/proc/$pid/task/$pid/children") // '';
    return @children ? $children[ rand @children ] : undef;
}

# One round: load, a kill, and what is left.  @return how many requests were answered
sub round {
    my ($crash, $ok, $models, $what) = @_;
    my $until = Time::HiRes::time() + 0.8;
    my $alone = rand() < 0.3;
    my ($answered, @pids, @bad) = (0);

    for my $n (0 .. $#$models) {
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            my $good = eval { run_client($crash, $models->[$n], $until, "$crash->{dir}/client$n"); 1 };
            print STDERR $@ unless $good;
            POSIX::_exit($good ? 0 : 1);
        }
        push @pids, $pid;
    }
    Time::HiRes::sleep(0.02 + rand 0.4);
    my $pid = $crash->{server}{pid};
    if ($alone && defined(my $child = child_of($pid))) {
        kill 'KILL', $child;
        # Those whose request it had are done; the others have their time.
        Time::HiRes::sleep(0.1);
    }
    else { $alone = 0 }
    $crash->kill_all unless $alone;
    for my $n (0 .. $#pids) {
        waitpid $pids[$n], 0;
    }
    $crash->start unless $alone;
    for my $n (0 .. $#$models) {
        my ($model, $pending, $count) = @{ Storable::retrieve("$crash->{dir}/client$n") };
        my $served = $model->served($crash->client, $crash->drive . "/c$n");
        my @may = ($model->text, $pending ? $model->copy->apply($pending)->text : ());
        my $is  = ref $served ? $served->text : $served;
        push @bad, "client $n: pending " . join(' ', map { $_ // '' } @{ $pending // {} }{qw(method path to)})
            . "\nserved\n$is\nexpected\n" . join("\nor\n", @may)
            unless grep { $_ eq $is } @may;
        $models->[$n] = ref $served ? $served : $model;
        $answered += $count;
    }
    $ok->(!@bad, $what . ($alone ? ', one child' : ', all'), join "\n", @bad);
    return $answered;
}

sub work {
    my ($worker, $ok, @rounds) = @_;
    my $crash = Depot::Crash->new("$work$worker");
    my $answered = 0;

    $crash->start;
    my @models = map { Depot::Model->new("/d/c$_/") } 0 .. $clients - 1;
    $crash->client->request('MKCOL', $_->{base}) for @models;
    $answered += round($crash, $ok, \@models, "kill $_") for @rounds;
    $crash->stop;
    my ($code, $out, $err) = Depot::Ctl::depotctl('check', $crash->store, '--tree', $crash->drive);
    my @found = grep { !/^replaced:|findings?$/ } split /\n/, "$out$err";
    $ok->($code <= 1 && !@found, "depotctl check finds nothing, worker $worker; $answered requests were answered",
        join "\n", @found);
    return;
}

Depot::Workers::share($workers, \&work, 1 .. $kills);
finish();
