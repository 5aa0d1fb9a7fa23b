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

# What was written to, or got or lost an entry, before the place AT, and was not synced by then; of
# entries, those that CODE is interested in.
sub open_at {
    my ($at, $code, @changes) = @_;
    my %open;
    for my $change (@changes[ 0 .. $at - 1 ]) {
        my $kind = $change->{kind};
        if    ($kind eq 'F')    { %open = () }
        elsif ($kind eq 'S')    { delete $open{ $change->{object} } }
        elsif ($kind =~ /[LW]/) { $open{ $change->{object} } = 'content' }
        elsif ($kind =~ /[AR]/ && $code->($change)) { $open{ $change->{directory} } = "the name $change->{name}" }
    }
    return \%open;
}

# Of what is open, that which anybody can see.
sub seen_open_at {
    my ($at, @changes) = @_;
    my $private = private_of(@changes);
    return open_at($at, sub { $_[0]{name} !~ /^\.dav-depot\./ && !$private->{ $_[0]{directory} } }, @changes);
}

# Of what is open, what gets a name with the change AT: a file, or a tree with all that was made in it.
sub named_open_at {
    my ($at, @changes) = @_;
    my %named = ($changes[$at]{object} => 1);
    my @added = grep { $_->{kind} eq 'A' } @changes[ 0 .. $at - 1 ];
    for (@added) {
        $named{ $_->{object} } = 1 for grep { $named{ $_->{directory} } } @added;
    }
    my $open = open_at($at, sub { $named{ $_[0]{directory} } }, @changes);
    return map {"$_: $open->{$_}"} grep { $named{$_} } sort keys %$open;
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
    my ($answered, @changes) = $crash->before_response;
    ok($answered, 'its response is seen');
    ok(scalar(grep { $_->{kind} =~ /[SF]/ } @changes), 'something is synced before');
    my @late;
    for my $at (grep { $changes[$_]{kind} eq 'A' && $changes[$_]{name} !~ /^\.dav-depot\./ } 0 .. $#changes) {
        push @late, named_open_at($at, @changes);
    }
    is_deeply(\@late, [], 'content is synced before it has its name');
    my $open = seen_open_at(scalar @changes, @changes);
    # That the file is another one now is for depotctl check alone, and may be lost.
    delete $open->{ (stat $crash->store . '/data.mdb')[1] } if $what =~ /^PUT/;
    is_deeply($open, {}, 'all is synced before the response');
}
$crash->stop;
finish();
