# What takes more than a second has a bar on a terminal, and nowhere else.  (faketime's program lets
# a second pass in a millisecond.)
use strict;
use warnings;

use Depot::Ctl;
use Depot::Test;

my ($url) = fresh();
my $store = server_root() . '/stores/main';
my $tool  = server_root() . '/tools/depotctl';
my $fast  = q(faketime -f '+0 x5000');

plan(skip_all => 'faketime is not installed')        unless -x '/usr/bin/faketime';
plan(skip_all => 'script(1) is not installed')       unless -x '/usr/bin/script';
plan(skip_all => 'a library is to be loaded first') if slurp(vars('httpd')) =~ /LD_PRELOAD/;

for my $n (1 .. 300) {
    put("$url$n", '');
    set_prop("$url$n", 'p', $n);
}

my $shown = qx(script -qec "$fast $tool check $store" /dev/null 2>&1 </dev/null);
like($shown, qr/checking \[#* *\] +\d+ %/, 'a bar on a terminal');
like($shown, qr/\d+ records checked, 0 findings/, 'and the result');
unlike(qx($fast $tool check $store 2>&1), qr/\r|\[#/, 'none in a pipe');
unlike(qx(script -qec "$fast $tool check --json $store" /dev/null 2>&1 </dev/null), qr/checking/, 'nor with --json');

finish();
