# Running depotctl, this build's.
package Depot::Ctl;

use strict;
use warnings;

use Exporter 'import';
use File::Temp ();
use POSIX      ();
use Test::More;

use Depot::Test ();

our @EXPORT = qw(depotctl depotctl_start depotctl_end is_refused);

my $program = Depot::Test::server_root() . '/tools/depotctl';

# Start depotctl with ARGUMENTS, for depotctl_end(): its process id is {pid}.  Before them may
# stand a hash: stdin, a file to read from; env, further environment.
sub depotctl_start {
    my (@arguments) = @_;
    my %option = ref $arguments[0] ? %{ shift @arguments } : ();
    my %run = (out => File::Temp->new, err => File::Temp->new);

    die "$program was not built\n" unless -x $program;
    $run{pid} = fork // die "fork: $!\n";
    return \%run if $run{pid};
    %ENV = (%ENV, %{ $option{env} // {} });
    open STDIN,  '<',  $option{stdin} // '/dev/null' or POSIX::_exit(127);
    open STDOUT, '>&', $run{out}            or POSIX::_exit(127);
    open STDERR, '>&', $run{err}            or POSIX::_exit(127);
    { exec $program, @arguments }
    POSIX::_exit(127);
}

# Wait for its end: the exit code (negative for a signal), standard output, standard error.
sub depotctl_end {
    my ($run) = @_;

    waitpid $run->{pid}, 0;
    my $code = $? & 127 ? -($? & 127) : $? >> 8;
    return ($code, map { Depot::Test::slurp($run->{$_}->filename) } 'out', 'err');
}

# Run it to its end.
sub depotctl { return depotctl_end(depotctl_start(@_)) }

# is_refused(WHAT, PATTERN, ARGUMENTS): exit code 2, no output, and one line that matches.
sub is_refused {
    my ($what, $pattern, @arguments) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($code, $out, $err) = depotctl(@arguments);
    my $ok = ok($code == 2 && $out eq '' && $err =~ /\Adepotctl [^\n]*\n\z/ && $err =~ $pattern, $what);

    diag("exit code $code, said: $out$err") unless $ok;
    return $ok;
}

1;
