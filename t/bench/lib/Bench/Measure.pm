package Bench::Measure;
# How servers are measured side by side: in turn, each as often as the others.
use strict;
use warnings;
use List::Util qw(shuffle);
use Time::HiRes qw(time);
use Bench::Client;

# Run CODE for each of SERVERS in turn, RUNS times, so that a drift meets all; in another order each
# time after the first, as what a server finds in the caches depends on who was there before.
sub alternate {
    my ($runs, $servers, $code) = @_;
    for my $run (1 .. $runs) { $code->($_) for $run > 1 ? shuffle @$servers : @$servers }
}

# What a PROPFIND of {server => URL} by each of SERVERS takes of memory, and then of time, RUNS times.
sub listing {
    my ($bench, $case, $servers, $url, $form, $depth, $runs) = @_;
    listing_memory($bench, $case, $servers, $url, $form, $depth);
    listing_time($bench, $case, $servers, $url, $form, $depth, $runs);
}

# Its memory.  Servers are to have been restarted; this warms them up.
sub listing_memory {
    my ($bench, $case, $servers, $url, $form, $depth) = @_;
    my ($report, $running) = @{$bench}{qw(report servers)};
    for my $server (@$servers) {
        my ($peak, $private) = $running->watch_memory($server, sub {
            Bench::Client::propfind($running->port($server), "$url->{$server}/", $form, $depth);
        });
        $report->note($case, $server, 'peak', $peak);
        $report->note($case, $server, 'private', $private);
    }
}

# Its time, to the end and to the first byte.
sub listing_time {
    my ($bench, $case, $servers, $url, $form, $depth, $runs) = @_;
    my ($report, $running) = @{$bench}{qw(report servers)};
    alternate($runs, $servers, sub {
        my ($server) = @_;
        my %answer =
            Bench::Client::propfind($running->port($server), "$url->{$server}/", $form, $depth);
        $report->note($case, $server, 'value', $answer{total});
        $report->note($case, $server, 'first', $answer{first});
    });
}

# Note the rate at which each of SERVERS answers what WORK, given the server, tells load.c to ask
# of it.  EXTRA are further ones: [title, server, script and its arguments].
sub rate {
    my ($bench, $case, $servers, $work, $clients, @extra) = @_;
    my @all = ((map { [ $_, $_, $work->($_) ] } @$servers), @extra);
    my $runs = ($bench->{runs} + 1) / 2;
    alternate($runs, \@all, sub {
        my ($title, $server, @script) = @{ $_[0] };
        my $cpu = $bench->{servers}->cpu($server);
        my %result = eval {
            Bench::Client::load($bench->{load}, $bench->{servers}->port($server), $clients,
                $bench->{seconds}, @script);
        };
        if (!%result) {
            die $@ if $server eq 'depot';
            # What another server cannot do is no reason to stop; it starts afresh.
            warn "$title: $@";
            $bench->{servers}->restart($server);
            return;
        }
        $bench->{report}->note($case, $title, 'value', $result{rate});
        $bench->{report}->note($case, $title, 'p99', $result{p99});
        $bench->{report}->note($case, $title, 'failed', $result{failed} / $result{requests})
            if $result{failed};
        $bench->{report}->note($case, $title, 'cpu',
            ($bench->{servers}->cpu($server) - $cpu) / $result{requests});
    });
}

# Seconds CODE takes.
sub seconds {
    my ($code) = @_;
    my $started = time;
    $code->();
    return time - $started;
}

1;
