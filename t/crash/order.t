# In which order each request's changes reach the disk: content is synced before it gets its name,
# names before the response, and the store's commit comes after the files' step.
use strict;
use warnings;

use Depot::Crash    ();
use Depot::Scenario ();
use Depot::Test;

my $crash = Depot::Crash->new(server_root() . '/crash-order');
$crash->start;
Depot::Scenario::prepare($crash->client, '/d/template/');

# The changes up to the response.
sub before_response {
    my @changes;
    for my $change (@_) {
        return (1, @changes) if $change->{kind} eq 'P';
        push @changes, $change;
    }
    return (0, @changes);
}

# Directories that have a private name, or are in one that has: nobody sees what becomes of them.
sub private_of {
    my (@changes) = @_;
    my %private;
    for (1 .. @changes) {
        my $known = keys %private;
        for my $change (grep { $_->{kind} =~ /[AR]/ && $_->{type} eq 'd' } @changes) {
            $private{ $change->{object} } = 1
                if $private{ $change->{directory} } || ($change->{kind} eq 'A' && $change->{name} =~ /^\.dav-depot\./);
        }
        last if keys %private == $known;
    }
    return \%private;
}

# What was written to, or got or lost an entry, before the place AT, and was not synced by then.
sub open_at {
    my ($at, @changes) = @_;
    my %open;
    my $private = private_of(@changes);
    for my $change (@changes[ 0 .. $at - 1 ]) {
        my $kind = $change->{kind};
        if    ($kind eq 'F')  { %open = () }
        elsif ($kind eq 'S')  { delete $open{ $change->{object} } }
        elsif ($kind =~ /[LW]/) { $open{ $change->{object} } = 'content' }
        elsif ($kind =~ /[AR]/ && $change->{name} !~ /^\.dav-depot\./ && !$private->{ $change->{directory} }) {
            $open{ $change->{directory} } = "the name $change->{name}";
        }
    }
    return \%open;
}

my $n = 1;
for my $scenario (Depot::Scenario::all()) {
    my $base  = '/d/' . $n++ . '/';
    my $what  = $scenario->what;
    my $token = $scenario->begin($crash->client, '/d/template/', $base);

    $crash->arm(undef, logs => 1);
    my $status = $scenario->run($crash->client, $base, $token);
    $crash->disarm;
    like($status, qr/^20/, "$what succeeds");
    my ($answered, @changes) = before_response($crash->changes);
    ok($answered, 'its response is seen');
    ok(scalar(grep { $_->{kind} =~ /[SF]/ } @changes), 'something is synced before');
    my @late;
    for my $at (grep { $changes[$_]{kind} eq 'A' && $changes[$_]{name} !~ /^\.dav-depot\./ } 0 .. $#changes) {
        push @late, $changes[$at]{name} if open_at($at, @changes)->{ $changes[$at]{object} };
    }
    is_deeply(\@late, [], 'content is synced before it has its name');
    my $open = open_at(scalar @changes, @changes);
    # That the file is another one now is for depotctl check alone, and may be lost.
    delete $open->{ (stat $crash->store . '/data.mdb')[1] } if $what =~ /^PUT/;
    is_deeply($open, {}, 'all is synced before the response');
}
$crash->stop;
finish();
