# Debian's litmus, the suites for a server without locks; one test here for each of its own.
use strict;
use warnings;

use Depot::Test;

expect_log(client_errors(), qr/\[dav:error\]/);

# What litmus warns of that is not ours to change.
my %excused = (
    'server does not claim Class 2 compliance' => 'there are no locks yet',
);

my $work = server_root() . '/litmus';
mkdir $work or die "$work: $!\n";
chdir $work or die "$work: $!\n";
my ($url) = fresh();
open my $out, '-|', "TESTS='basic copymove props http' litmus -k http://127.0.0.1:" . vars('port') . "$url 2>&1"
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
        my ($excuse) = grep { index($warning, $_) >= 0 } keys %excused;
        ok(defined $excuse, "$suite: no warning but those excused") or diag($line);
        note("$warning: $excused{$excuse}") if defined $excuse;
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
is($suites, 4, 'four suites ran');

finish();
