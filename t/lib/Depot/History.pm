# Whether a history of concurrent operations could have come from one after another.
#
# Each operation was called and returned at known times.  It is looked for an order of all of
# them in which none stands before one that had returned before it was called, and in which a
# sequential model gives every answer that was got (Wing and Gong, with Lowe's memory of
# what was tried).
package Depot::History;

use strict;
use warnings;

# linearize(OPERATIONS, STATE, APPLY, KEY, MAX): an operation is a hash with {call} and {return}.
# APPLY->(STATE, OPERATION) is the state after it, the same one if it changes nothing, or undef
# if its answer does not fit; KEY->(STATE) is a string, the same for equal states.
# At most MAX steps are made.  Returns an empty list if there is an order; otherwise why not, and
# where the search got furthest: the last operations that found a place, the state then, and
# those of which one had to come next.
sub linearize {
    my ($operations, $state, $apply, $key, $max) = @_;
    my $list   = events($operations);
    my @random = map { int(rand 2**31) << 31 | int rand 2**31 } @$operations;
    my @levels = ({ state => $state, done => 0, next => pending($list, $operations) });
    my ($steps, $deepest, %tried, @stuck) = (0, 0);

    while (@levels) {
        return ("not decided in $max steps", @stuck) if $steps++ > $max;
        my $level = $levels[-1];
        unlift($list, $list->{calls}[ delete $level->{placed} ]) if defined $level->{placed};
        my $n = shift @{ $level->{next} };
        if (!defined $n) {
            pop @levels;
            next;
        }
        my $new = $apply->($level->{state}, $operations->[$n]);
        next unless defined $new;
        my $done = $level->{done} ^ $random[$n];
        # What changes nothing may as well come now as later.
        if ($new == $level->{state}) { $level->{next} = [] }
        elsif ($tried{ "$done " . $key->($new) }++) { next }
        $level->{placed} = $n;
        lift($list, $list->{calls}[$n]);
        return unless $list->{next}[0];
        push @levels, { state => $new, done => $done, next => pending($list, $operations) };
        next unless @levels > $deepest;
        $deepest = @levels;
        @stuck   = (
            [ map { $operations->[ $_->{placed} ] } @levels[ (@levels > 13 ? @levels - 13 : 0) .. @levels - 2 ] ],
            $new, [ map { $operations->[$_] } @{ $levels[-1]{next} } ]
        );
    }
    return ('no order of these fits', @stuck);
}

# The calls and returns in the order of time, in a list with two ends at place 0.
sub events {
    my ($operations) = @_;
    my @events;

    for my $n (0 .. $#$operations) {
        my $return = { operation => $n, is_call => 0, time => $operations->[$n]{return} };
        push @events, $return,
            { operation => $n, is_call => 1, time => $operations->[$n]{call}, return => $return };
    }
    @events = sort { $a->{time} <=> $b->{time} || $b->{is_call} <=> $a->{is_call} } @events;
    my %list = (event => [ undef, @events ], calls => []);
    for my $place (0 .. @events) {
        $list{next}[$place]     = $place == @events ? 0 : $place + 1;
        $list{previous}[$place] = $place == 0 ? scalar @events : $place - 1;
        next if $place == 0;
        $events[ $place - 1 ]{place} = $place;
        $list{calls}[ $events[ $place - 1 ]{operation} ] = $events[ $place - 1 ]
            if $events[ $place - 1 ]{is_call};
    }
    return \%list;
}

# Take an operation's two events out of the list, and put them back in reverse order.
sub lift {
    my ($list, $call) = @_;
    for my $place ($call->{place}, $call->{return}{place}) {
        $list->{next}[ $list->{previous}[$place] ] = $list->{next}[$place];
        $list->{previous}[ $list->{next}[$place] ] = $list->{previous}[$place];
    }
    return;
}

sub unlift {
    my ($list, $call) = @_;
    for my $place ($call->{return}{place}, $call->{place}) {
        $list->{next}[ $list->{previous}[$place] ] = $place;
        $list->{previous}[ $list->{next}[$place] ] = $place;
    }
    return;
}

# The operations of which one must come next: those called before the first return, in the order
# of their returns, since most take effect near their end.
sub pending {
    my ($list, $operations) = @_;
    my @pending;

    for (my $at = $list->{next}[0]; $at && $list->{event}[$at]{is_call}; $at = $list->{next}[$at]) {
        push @pending, $list->{event}[$at]{operation};
    }
    return [ sort { $operations->[$a]{return} <=> $operations->[$b]{return} } @pending ];
}

1;
