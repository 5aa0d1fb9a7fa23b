# Tests that run in several processes and are reported by one.
package Depot::Workers;

use strict;
use warnings;

use Exporter 'import';
use POSIX ();
use Test::More;

our @EXPORT = qw(in_parallel);

# share(COUNT, WORK, ITEM ...): WORK is called in COUNT processes, with its number, a function that
# takes "is it so" and "what", and its share of the items.
sub share {
    my ($count, $work, @items) = @_;
    my (@pipes, @pids);

    for my $n (0 .. $count - 1) {
        pipe my $from, my $to or die "pipe: $!\n";
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            close $from;
            $to->autoflush(1);
            my $ok = sub {
                my ($good, $what, $why) = @_;
                $_ = (defined $_ ? $_ : '') =~ s/([%\n])/sprintf '%%%02x', ord $1/ger for $what, $why;
                print {$to} $good ? 'ok' : 'not ok', "\t$what\t$why\n";
            };
            my @share = @items[ grep { $_ % $count == $n } 0 .. $#items ];
            $ok->(0, "worker $n", $@) unless eval { $work->($n, $ok, @share); 1 };
            print {$to} "end\n";
            close $to;
            # Nothing of the parent's is to be ended twice.
            POSIX::_exit(0);
        }
        close $to;
        push @pipes, $from;
        push @pids,  $pid;
    }
    for my $n (0 .. $#pipes) {
        my $ended = 0;
        while (my $line = readline $pipes[$n]) {
            chomp $line;
            if ($line eq 'end') { $ended = 1; next }
            my ($good, $what, $why) = map {s/%(..)/chr hex $1/ger} split /\t/, $line, -1;
            ok($good eq 'ok', $what) or diag($why);
        }
        ok($ended, "worker $n came to its end");
        waitpid $pids[$n], 0;
    }
    return;
}

# in_parallel(COUNT, CODE): CODE is called in COUNT processes with its number, from 1; the line that
# each answered, or why it has none.
sub in_parallel {
    my ($count, $code) = @_;
    my @running;

    for my $n (1 .. $count) {
        pipe my $out, my $in or die "pipe: $!\n";
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            close $out;
            syswrite $in, eval { $code->($n) } // "died: $@";
            POSIX::_exit(0);
        }
        close $in;
        push @running, [ $pid, $out ];
    }
    return map { my ($pid, $out) = @$_; my $line = <$out>; waitpid $pid, 0; $line // 'no answer' } @running;
}

1;
