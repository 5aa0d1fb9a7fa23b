# Sixteen clients do random things to one small tree, served by several processes, in rounds, each
# in a collection of its own.  Every answer must be one that the request may have, every listing
# well-formed, nobody kept waiting, and nothing left over.
#
# Then what they were answered is compared with what one client could have been answered, doing
# the same things one after the other, each at some moment between its request and its answer
# (linearizability, searched for the whole tree).  Where requests overlap much the search gives up,
# and the model of what may be answered is strict: what it finds is told of in a note, and fails
# the test with DEPOT_HISTORY_STRICT=1.  DEPOT_HISTORY_ROUNDS=N plays for so many seconds;
# DEPOT_HISTORY_SEED=N repeats choices.
use strict;
use warnings;

use Depot::Lock;
use Depot::Test;
use POSIX       ();
use Time::HiRes ();

my $clients = 16;
my $rounds  = $ENV{DEPOT_HISTORY_ROUNDS} || 6;
my $seconds = 1;
my $seed    = $ENV{DEPOT_HISTORY_SEED}    || time;
my $tries   = 20_000; # of the search, without getting further
my ($url, $dir);
my $port = vars('port');

# What went away between two looks is logged.
expect_log(client_errors(), qr/could not open \S+\/history-\d+\//);
note("seed $seed");

# ---- what clients do ----

my @files = ('a', 'b', 'd/x', 'd/y', 'e/x');
my @dirs  = ('d', 'e');

sub pick { return $_[ int rand @_ ] }

# The token a client holds, of which file; it works on with that for a while.
my ($token, $locked);

sub condition {
    my ($name) = @_;
    return defined $token && $name eq $locked ? (If => "(<$token>)") : ();
}

sub target { return Destination => "http://127.0.0.1:$port$url$_[0]" }

my $value = qr{<t:p xmlns:t="urn:test">([^<]*)</t:p>|<[^>]*p[^>]*>([^<]*)</};

# Each: what to write down of it, and what was answered.
my %do = (
    PUT => sub {
        my ($client, $unique) = @_;
        my $name = pick(@files);
        my @if   = condition($name);
        return [ 'PUT', $name, $unique, @if ? $token : '' ],
            sub { $client->request('PUT', $url . $name, body => $unique, headers => \@if)->status };
    },
    GET => sub {
        my ($client) = @_;
        my $name = pick(@files);
        return [ 'GET', $name ], sub {
            my $response = $client->request('GET', $url . $name);
            return $response->status == 200 ? '200 ' . $response->body : $response->status;
        };
    },
    DELETE => sub {
        my ($client) = @_;
        my $name = pick(@files, @dirs);
        my @if   = condition($name);
        return [ 'DELETE', $name, '', @if ? $token : '' ],
            sub { $client->request('DELETE', $url . $name, headers => \@if)->status };
    },
    PROPPATCH => sub {
        my ($client, $unique) = @_;
        my $name = pick(@files);
        my @if   = condition($name);
        return [ 'PROPPATCH', $name, $unique, @if ? $token : '' ], sub {
            my $response = $client->request('PROPPATCH', $url . $name, headers => \@if,
                body => proppatch_body(set => "<t:p xmlns:t=\"urn:test\">$unique</t:p>"));
            return $response->status unless $response->status == 207;
            return $response->multistatus->prop_status($url . $name, '{urn:test}p');
        };
    },
    PROPFIND => sub {
        my ($client) = @_;
        my $name = pick(@files);
        return [ 'PROPFIND', $name ], sub {
            my $response = $client->request('PROPFIND', $url . $name, body => propfind_body('{urn:test}p'),
                headers => [ Depth => 0 ]);
            return $response->status unless $response->status == 207;
            return '207 ' . ($response->multistatus->text($url . $name, '{urn:test}p') // '');
        };
    },
    LISTING => sub {
        my ($client) = @_;
        return [ 'LISTING', '' ], sub {
            my $response = $client->request('PROPFIND', $url, headers => [ Depth => 1 ],
                body => propfind_body('{urn:test}p', '{DAV:}getetag', '{DAV:}lockdiscovery'));
            my @hrefs = $response->multistatus->hrefs;
            my @odd   = grep { !m{^\Q$url\E(?:a|b|d/|e/|)$} } @hrefs;
            return @odd ? "odd: @odd" : $response->status;
        };
    },
    MOVE => sub {
        my ($client) = @_;
        my ($from, $to) = rand() < 0.3 ? (pick(@dirs)) : (pick(@files), pick(@files));
        $to //= $from eq 'd' ? 'e' : 'd';
        return if $from eq $to;
        return [ 'MOVE', $from, $to ], sub { $client->request('MOVE', $url . $from, headers => [ target($to) ])->status };
    },
    COPY => sub {
        my ($client) = @_;
        my ($from, $to) = (pick(@files), pick(@files));
        return if $from eq $to;
        return [ 'COPY', $from, $to ], sub { $client->request('COPY', $url . $from, headers => [ target($to) ])->status };
    },
    MKCOL => sub {
        my ($client) = @_;
        my $name = pick(@dirs);
        return [ 'MKCOL', $name ], sub { $client->request('MKCOL', "$url$name/")->status };
    },
    LOCK => sub {
        my ($client) = @_;
        my $name = pick(@files);
        return if defined $token;
        return [ 'LOCK', $name ], sub {
            my $response = lock($client, $url . $name, Depth => 0);
            my $given    = token_of($response) or return $response->status;
            ($token, $locked) = ($given, $name);
            return $response->status . " $given";
        };
    },
    UNLOCK => sub {
        my ($client) = @_;
        return unless defined $token;
        my ($old, $name) = ($token, $locked);
        return [ 'UNLOCK', $name, '', $old ], sub {
            undef $token;
            return unlock($client, $url . $name, $old);
        };
    },
);
my @choice = (('PUT') x 5, ('GET') x 5, ('DELETE') x 3, ('PROPPATCH') x 5, ('PROPFIND') x 5, 'LISTING', ('MOVE') x 4,
    ('COPY') x 3, ('MKCOL') x 3, 'LOCK', ('UNLOCK') x 3);

sub now { return Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()) }

# One client: its part of the history, a line for each request.
sub act {
    my ($n, $file) = @_;
    my $client = client(port => $port);
    my $end    = now() + $seconds;
    my $count  = 0;

    srand $seed + $n;
    open my $out, '>', $file or die "$file: $!\n";
    while (now() < $end || defined $token) {
        my ($what, $ask) = $do{ now() < $end ? pick(@choice) : 'UNLOCK' }->($client, "v$n-" . ++$count) or next;
        my $begin  = now();
        my $answer = eval { $ask->() } // "died: $@";
        $answer =~ s/[\t\n]/ /g;
        print {$out} join("\t", $begin, now(), $answer, map { $_ // '' } @$what[ 0 .. 3 ]), "\n";
    }
    close $out or die "$file: $!\n";
    return;
}

# ---- what one client could have been answered ----

sub parent_of { return $_[0] =~ m{^(.*)/} ? $1 : undef }

# A state: path => [ "d" ] or [ "f", content, property, lock ].
sub has_parent {
    my ($state, $name) = @_;
    my $parent = parent_of($name);
    return !defined $parent || exists $state->{$parent};
}

sub below { my ($state, $name) = @_; return grep { $_ eq $name || m{^\Q$name\E/} } keys %$state }

# Whether a lock of which the request has no token is in the way of a change of NAME.
sub is_locked {
    my ($state, $name, $own) = @_;
    return scalar grep { ($state->{$_}[3] // '') ne '' && $state->{$_}[3] ne ($own // '') } below($state, $name);
}

# The state after VALUE was seen as what NAME has at PLACE: the same, or, if that came from a COPY
# and nobody has looked before, one in which it is known.
sub seen {
    my ($state, $name, $place, $value) = @_;
    my $has = $state->{$name}[$place];
    my %after;

    return $has eq $value ? 'same' : undef if $has !~ /^\?/;
    for my $other (grep { ($state->{$_}[$place] // '') eq $has } keys %$state) {
        $after{$other} = [ @{ $state->{$other} } ];
        $after{$other}[$place] = $value;
    }
    return { %$state, %after };
}

# The same state, if NAME is not locked with OWN, which was given as a condition.
sub has_lost {
    my ($state, $name, $own) = @_;
    return $own ne '' && (($state->{$name} // [])->[3] // '') ne $own ? 'same' : undef;
}

my $refused = qr/^(?:423|424|207)$/;

# Each: the state after the request if ANSWER is right in STATE, or undef.  "same" is STATE.
my %model = (
    PUT => sub {
        my ($state, $answer, $name, $content, $own) = @_;
        return has_parent($state, $name) ? undef : 'same' if $answer eq '409';
        return is_locked($state, $name) ? 'same' : undef if $answer eq '423';
        return has_lost($state, $name, $own) if $answer eq '412';
        return undef if $answer !~ /^20[14]$/ || !has_parent($state, $name) || is_locked($state, $name, $own);
        my $old = $state->{$name} // [ 'f', '', '', '' ];
        return { %$state, $name => [ 'f', $content, @$old[ 2, 3 ] ] };
    },
    GET => sub {
        my ($state, $answer, $name) = @_;
        return exists $state->{$name} ? undef : 'same' if $answer eq '404';
        return exists $state->{$name} && $answer =~ /^200 (.*)/s ? seen($state, $name, 1, $1) : undef;
    },
    DELETE => sub {
        my ($state, $answer, $name, undef, $own) = @_;
        return exists $state->{$name} ? undef : 'same' if $answer eq '404';
        return is_locked($state, $name) ? 'same' : undef if $answer =~ $refused;
        return has_lost($state, $name, $own) if $answer eq '412';
        return undef if $answer ne '204' || !exists $state->{$name} || is_locked($state, $name, $own);
        my %after = %$state;
        delete @after{ below($state, $name) };
        return \%after;
    },
    PROPPATCH => sub {
        my ($state, $answer, $name, $text, $own) = @_;
        return exists $state->{$name} ? undef : 'same' if $answer eq '404';
        return is_locked($state, $name) ? 'same' : undef if $answer eq '423';
        return has_lost($state, $name, $own) if $answer eq '412';
        return undef if $answer ne '200' || !exists $state->{$name} || is_locked($state, $name, $own);
        return { %$state, $name => [ 'f', $state->{$name}[1], $text, $state->{$name}[3] ] };
    },
    PROPFIND => sub {
        my ($state, $answer, $name) = @_;
        return exists $state->{$name} ? undef : 'same' if $answer eq '404';
        # It looks for the file first: it may have gone before its properties were read.
        return 'same' if $answer eq '207 ' && !exists $state->{$name};
        return exists $state->{$name} && $answer =~ /^207 (.*)/s ? seen($state, $name, 2, $1) : undef;
    },
    LISTING => sub { return $_[1] eq '207' ? 'same' : undef },
    MOVE    => sub {
        my ($state, $answer, $from, $to) = @_;
        return 'same' if $answer eq '403'; # the source was moved to the destination between two looks
        return exists $state->{$from}     ? undef  : 'same' if $answer eq '404';
        # Or the source went, and came again before it was looked at once more.
        return exists $state->{$from} && has_parent($state, $to) ? undef : 'same' if $answer eq '409';
        return exists $state->{$to} ? 'same' : undef if $answer eq '412';
        return is_locked($state, $from) || is_locked($state, $to) ? 'same' : undef if $answer =~ $refused;
        return undef
            if $answer !~ /^20[14]$/
            || !exists $state->{$from}
            || !has_parent($state, $to)
            || is_locked($state, $from)
            || is_locked($state, $to);
        my %after = %$state;
        delete @after{ below($state, $to), below($state, $from) };
        $after{ $to . substr $_, length $from } = $state->{$_} for below($state, $from);
        return \%after;
    },
    COPY => sub {
        my ($state, $answer, $from, $to, undef, $number) = @_;
        return exists $state->{$from}  ? undef  : 'same' if $answer eq '404';
        # Its collection is not there, or was replaced while the copy was made in it.
        return 'same' if $answer eq '409';
        return exists $state->{$to}    ? 'same' : undef if $answer eq '412';
        return is_locked($state, $to)  ? 'same' : undef if $answer eq '423';
        return undef if $answer !~ /^20[14]$/ || !has_parent($state, $to) || is_locked($state, $to);
        # It reads the content, then the properties, and then puts the copy in place: of others'
        # doings in between it may have seen some.  What it read is known when somebody looks.
        return { %$state, $to => [ 'f', "?$number", "?$number", ($state->{$to} // [])->[3] // '' ] };
    },
    MKCOL => sub {
        my ($state, $answer, $name) = @_;
        return exists $state->{$name} ? 'same' : undef if $answer eq '405';
        return $answer eq '201' && !exists $state->{$name} ? { %$state, $name => ['d'] } : undef;
    },
    LOCK => sub {
        my ($state, $answer, $name) = @_;
        return has_parent($state, $name) ? undef : 'same' if $answer eq '409';
        return exists $state->{$name} ? undef : 'same' if $answer eq '404'; # it went away meanwhile
        return is_locked($state, $name) ? 'same' : undef if $answer eq '423';
        my ($status, $given) = $answer =~ /^(20[01]) (\S+)$/ or return undef;
        return undef if is_locked($state, $name) || !has_parent($state, $name);
        return undef if exists $state->{$name} != ($status == 200);
        my $old = $state->{$name} // [ 'f', '', '', '' ];
        return { %$state, $name => [ 'f', @$old[ 1, 2 ], $given ] };
    },
    UNLOCK => sub {
        my ($state, $answer, $name, undef, $own) = @_;
        my $has = exists $state->{$name} && $state->{$name}[3] eq $own;
        return $has ? undef : 'same' if $answer eq '409';
        return $answer eq '204' && $has ? { %$state, $name => [ @{ $state->{$name} }[ 0 .. 2 ], '' ] } : undef;
    },
);

sub text_of {
    my ($state) = @_;
    return join "\n", map { join "\t", $_, @{ $state->{$_} } } sort keys %$state;
}

# Read what the clients wrote: requests in the order of their beginning.
sub read_history {
    my (@files) = @_;
    my @all;

    for my $file (@files) {
        for my $line (split /\n/, slurp($file)) {
            my ($begin, $end, $answer, @what) = split /\t/, $line, -1;
            my %request = (begin => $begin, end => $end, answer => $answer, what => \@what, number => scalar @all);
            push @all, \%request;
        }
    }
    return sort { $a->{begin} <=> $b->{begin} } @all;
}

# The paths of which REQUEST is about; what it comes before or after matters for no others.
sub paths_of {
    my ($request) = @_;
    my ($what, $name, $to) = @{ $request->{what} };
    my @names = $what eq 'LISTING' ? () : $what eq 'COPY' ? ($request->{answer} =~ /^2/ ? $to : ($name, $to)) : $what eq 'MOVE' ? ($name, $to) : $name;

    return map { my $at = $_; ($at, grep {m{^\Q$at\E/}} @files) } @names;
}

# Of the requests CANDIDATES, by their places in HISTORY: the one to be answered first, and those
# that could matter for it, or for those that could.  One of them can be next.
sub related {
    my ($history, @candidates) = @_;
    my ($first, @rest) = sort { $history->[$a]{end} <=> $history->[$b]{end} } @candidates;
    my %paths = map { $_ => 1 } paths_of($history->[$first]);
    my %found = ($first => 1);

    for (my $more = 1; $more;) {
        $more = 0;
        for my $i (grep { !$found{$_} } @rest) {
            my @paths = paths_of($history->[$i]);
            next unless grep { $paths{$_} } @paths;
            $found{$i} = $more = 1;
            $paths{$_} = 1 for @paths;
        }
    }
    return (\%found, \%paths);
}

# Search for an order: depth first, with what has been tried kept in mind.  A request can be next if
# no other had been answered before it began.  One that changes nothing, and may be next, can be
# taken at once; of those that change something, only those that could matter for what is to be
# answered first are tried now, in the order of their answers.  Where it is stuck, it goes back to
# a choice that had to do with the paths in question.
# @return undef if there is an order; where the search got stuck, if there is none; "gave up" if
# that takes too long to find out
sub find_order {
    my @history = @_;
    my ($state, $text, $low, $vain, $most, $stuck) = ({}, '', 0, 0, -1, undef);
    my (@placed, @frames, %seen);
    my $count = 0;

    while (1) {
        # What may be next, and what of that changes nothing.
        my (@absorbed, @choices, @candidates);
        while (1) {
            my $horizon = 9**99;
            my $found   = @absorbed;
            (@choices, @candidates) = ();
            $low++ while $placed[$low];
            for (my $i = $low; $i < @history && $history[$i]{begin} <= $horizon; $i++) {
                next if $placed[$i];
                push @candidates, $i;
                $horizon = $history[$i]{end} if $history[$i]{end} < $horizon;
            }
            for my $i (@candidates) {
                my $request = $history[$i];
                my ($what, @how) = @{ $request->{what} };
                my $after = $model{$what}->($state, $request->{answer}, @how, $request->{number});
                next unless defined $after;
                if (ref $after) { push @choices, [ $i, $after ] }
                else            { $placed[$i] = 1; push @absorbed, $i }
            }
            last if $found == @absorbed;
        }
        $count += @absorbed;
        return undef if $count == @history;
        my $key = join ',', $low, (grep { $placed[$_] } $low .. ($#placed > $low ? $#placed : $low));
        if ($count > $most) {
            ($most, $vain) = ($count, 0);
            $stuck = sprintf "after %d of %d requests\nthe tree:\n%s\nnext could be:\n%s", $count, scalar @history, $text, join "\n",
                map { join ' ', $_->{begin}, $_->{end}, @{ $_->{what} }, '=>', $_->{answer} } map { $history[$_] } grep { !$placed[$_] } @candidates;
        }
        my ($related, $paths) = related(\@history, @candidates);
        my %conflict = %{ $seen{"$key\n$text"} // {} };
        @choices = %conflict ? () : grep { $related->{ $_->[0] } } @choices;
        push @frames, { absorbed => \@absorbed, choices => [ sort { $history[ $a->[0] ]{end} <=> $history[ $b->[0] ]{end} } @choices ],
            state => $state, text => $text, low => $low, paths => $paths, key => "$key\n$text", conflict => \%conflict };
        # The next choice, here or, if there is none, at those before that had to do with what failed.
        my $failed = {};
        while (1) {
            my $frame = $frames[-1] or return $stuck;
            if (defined $frame->{taken}) {
                $placed[ $frame->{taken} ] = 0;
                $count--;
                delete $frame->{taken};
                if (grep { $failed->{$_} } keys %{ $frame->{paths} }) {
                    $frame->{conflict}{$_} = 1 for keys %$failed;
                }
                else {
                    $frame->{choices} = [];
                    $frame->{skipped} = 1;
                }
            }
            if (my $choice = shift @{ $frame->{choices} }) {
                $frame->{taken} = $choice->[0];
                $placed[ $choice->[0] ] = 1;
                $count++;
                ($state, $text, $low) = ($choice->[1], text_of($choice->[1]), $frame->{low});
                last;
            }
            return 'gave up' if $vain++ > $tries;
            if (!$frame->{skipped}) {
                # What failed here had to do with these.
                $failed = { %{ $frame->{conflict} }, %{ $frame->{paths} } };
            }
            $seen{ $frame->{key} } = $failed;
            $placed[$_] = 0 for @{ $frame->{absorbed} };
            $count -= @{ $frame->{absorbed} };
            pop @frames;
        }
    }
}

# ---- the test ----

# The search itself: it finds an order where there is one, and says so where there is none.
sub request { my ($begin, $end, $answer, @what) = @_; return { begin => $begin, end => $end, answer => $answer, what => \@what, number => $begin } }
is(find_order(request(1, 4, 201, 'PUT', 'a', 'one'), request(2, 3, '200 one', 'GET', 'a'), request(5, 6, '200 one', 'GET', 'a')),
    undef, 'an order is found');
like(find_order(request(1, 4, 201, 'PUT', 'a', 'one'), request(2, 3, '200 one', 'GET', 'a'), request(5, 6, '404', 'GET', 'a')) // '',
    qr/GET a  ?=> 404/, 'and a history without one is seen');
like(find_order(request(1, 2, 201, 'PUT', 'a', 'one'), request(3, 4, 201, 'MOVE', 'a', 'b'), request(5, 8, 204, 'DELETE', 'b'),
    request(6, 7, '200 one', 'GET', 'a')) // '', qr/GET a /, 'so is another');

# One round: its history.
sub play {
    my ($round) = @_;
    my (@pids, @parts);

    ($url, $dir) = fresh();
    $seed += $clients;
    for my $n (1 .. $clients) {
        push @parts, server_root() . "/state/history-$round-$n";
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            eval { act($n, $parts[-1]); 1 } or print STDERR "# client $n: $@";
            POSIX::_exit(0);
        }
        push @pids, $pid;
    }
    waitpid $_, 0 for @pids;
    return read_history(@parts);
}

my ($total, $told, %count, @odd, @stuck, @left) = (0, 0);
for my $round (1 .. $rounds) {
    my @history = play($round);
    my $result  = find_order(@history);

    $total += @history;
    $count{"$_->{what}[0] " . substr $_->{answer}, 0, 3}++ for @history;
    push @odd, grep { $_->{answer} !~ /^(?:20\d|40[3459]|412|42[34])\b/ } @history;
    $told += ($result // '') ne 'gave up';
    push @stuck, $result if defined $result && $result ne 'gave up';
    # What is there in the end is whole.  (README names the temporary that a COPY can leave.)
    push @left, "not listed in round $round" if dav('PROPFIND', $url, headers => [ Depth => 1 ])->status != 207;
    push @left, map { my $at = $_; map {"$at/$_"} grep { !-d "$at/$_" && !m{^(?:a|b|x|y|\.dav-depot\..*)$} } members($at) } $dir, grep { -d } map {"$dir/$_"} @dirs;
}
note(join ', ', map {"$_: $count{$_}"} sort keys %count);
cmp_ok($total, '>', $clients * $rounds, "the clients got on: $total requests in $rounds rounds");
is(scalar @odd, 0, 'every answer is one that the request may have');
diag(join ' ', @{ $_->{what} }, '=>', $_->{answer}) for @odd[ 0 .. ($#odd > 5 ? 5 : $#odd) ];
note("of $told rounds it can be told whether the requests could have come one after the other; they could in ", $told - @stuck);
note($_) for @stuck;
is(scalar @stuck, 0, 'all of them') if $ENV{DEPOT_HISTORY_STRICT};
is_deeply(\@left, [], 'nothing is left over');

finish();
