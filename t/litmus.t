# Debian's litmus, all five suites; one test here for each of its own.
use strict;
use warnings;

use Depot::Test;

expect_log(client_errors(), qr/\[dav:error\]/);

my $work = server_root() . '/litmus';
mkdir $work or die "$work: $!\n";
chdir $work or die "$work: $!\n";
my ($url) = fresh();
open my $out, '-|', "litmus -k http://127.0.0.1:" . vars('port') . "$url 2>&1"
    or die "litmus: $!\n";
my ($suite, $suites) = ('', 0);
while (my $line = <$out>) {
    # It paints over "running" with carriage returns.
    $line = (split /\r/, $line)[-1] // '';
    chomp $line;
    if ($line =~ /^-> running `(\w+)'/) {
        $suite = $1;
        $suites++;
    }
    elsif ($line =~ /WARNING: (.*)/) {
        my $warning = $1;
        fail("$suite: warning: $warning");
    }
    elsif ($line =~ /^ *\d+\. (\w+)\.* *(pass|FAIL|SKIPPED)?/) {
        next unless $2;
        is($2, 'pass', "$suite: $1") or diag($line);
    }
    elsif ($line =~ /FAIL/) {
        fail("$suite: $line");
    }
}
close $out;
is($suites, 5, 'five suites ran');

finish();
