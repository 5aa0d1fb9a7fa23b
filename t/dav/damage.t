# A byte is wrong in a page of a store: httpd does not start with it and says so, or serves what is
# right, and errors for what is not.  Nothing crashes.  t/unit/damage does it to more bytes, without
# httpd.
use strict;
use warnings;

use File::Copy ();
use File::Path ();

use Depot::Ctl;
use Depot::Lock;
use Depot::Server;
use Depot::Test;

my $dir   = server_root() . '/damage';
my $drive = "$dir/drive";
my $count = 80;
my $locked = 20;
my $size   = 4096;

sub start {
    return Depot::Server->start($dir, "DavDepotStore lmdb:$_[0]\n" . Depot::Server::drive('/dav', $drive));
}

# A copy of the sound store, in which the byte at AT is another.
sub damaged {
    my ($at, $mask) = @_;
    my $store = "$dir/damaged";
    File::Path::make_path($store);
    File::Copy::copy("$dir/sound/data.mdb", "$store/data.mdb") or die "copy: $!\n";
    unlink "$store/lock.mdb";
    open my $file, '+<:raw', "$store/data.mdb" or die "$store: $!\n";
    seek $file, $at, 0;
    read $file, my $byte, 1;
    seek $file, $at, 0;
    print {$file} chr(ord($byte) ^ $mask);
    close $file or die "$store: $!\n";
    return $store;
}

# What a server logs that does not start with STORE.
sub refusal {
    my ($store) = @_;
    my $server = do { local *Test::More::diag = sub { }; start($store) };
    if ($server) {
        $server->stop;
        return 'it starts';
    }
    return slurp("$dir/logs/error_log") // '';
}

# Whether what a server says of every file is right, or an error; and a write is done or refused.
sub answers {
    my ($client) = @_;
    my $response = $client->request('PROPFIND', '/dav/', headers => [ Depth => 1 ], body => propfind_body('{urn:test}p', '{DAV:}lockdiscovery'));
    return 1 if $response->status >= 500;
    return 0 unless $response->status == 207;
    my $multistatus = $response->multistatus;
    for my $n (1 .. $count) {
        my $href = "/dav/f$n";
        my $said = $multistatus->response($href) or return 0;
        next if defined $said->{status} && $said->{status} >= 500;
        my $prop = $multistatus->prop($href, '{urn:test}p');
        next if $prop->{status} >= 500;
        return 0 unless $prop && $prop->{status} == 200 && $multistatus->text($href, '{urn:test}p') eq value($n);
        my $lock = $multistatus->prop($href, '{DAV:}lockdiscovery');
        next if $lock->{status} >= 500;
        return 0 unless ($multistatus->text($href, '{DAV:}lockdiscovery') =~ /opaquelocktoken|urn:uuid/ ? 1 : 0) == ($n <= $locked ? 1 : 0);
    }
    my $status = $client->request('PROPPATCH', "/dav/f$count", body => proppatch_body(set => '<t:q xmlns:t="urn:test">1</t:q>'))->status;
    return $status == 207 || $status >= 500;
}

# Some in pages of their own.
sub value { return $_[0] % 20 ? "value $_[0]" : "$_[0]," x 1500 }

my $server = start("$dir/sound") or die "the server did not start\n";
my $client = $server->client;
for my $n (1 .. $count) {
    $client->request('PUT', "/dav/f$n", body => $n);
    $client->request('PROPPATCH', "/dav/f$n", body => proppatch_body(set => '<t:p xmlns:t="urn:test">' . value($n) . '</t:p>'));
}
lock($client, "/dav/f$_") for 1 .. $locked;
ok(answers($client), 'a sound store');
$server->stop;

my $pages = (-s "$dir/sound/data.mdb") / $size;
my (%codes, %httpd, @wrong);
for my $page (0 .. $pages - 1) {
    # Half of them where a page says what it holds.
    my $store = damaged($page * $size + ($page % 2 ? $page * 37 % $size : $page * 7 % 64), 1 << $page % 8);
    my ($code) = depotctl('check', $store);
    $codes{$code}++;
    push @wrong, "page $page: depotctl check ended with $code" if $code < 0 || $code > 2;
    next if $page % 4 != 1 && $page % 4 != 2;
    # Open until the end: the event MPM can crash if it is stopped while a connection is closed.
    my $client;
    my $damaged = do { local *Test::More::diag = sub { }; start($store) };
    if (!$damaged) { $httpd{refused}++ }
    elsif (!answers($client = $damaged->client)) { push @wrong, "page $page: something wrong is served" }
    else { $httpd{serves}++ }
    $damaged->stop if $damaged;
    my $said = slurp("$dir/logs/error_log") // '';
    push @wrong, "page $page: $1" if $said =~ /(.*(?:exit signal|Assertion|AddressSanitizer).*)/;
    push @wrong, "page $page: no reason is given" if !$damaged && $said !~ /DavDepotStore .* cannot be used/;
}
note("$pages pages; depotctl check: " . join(', ', map { "$codes{$_} times $_" } sort keys %codes)
    . '; httpd: ' . join ', ', map { "$_ $httpd{$_}" } sort keys %httpd);
is_deeply(\@wrong, [], 'a byte wrong in each page of a store is detected, or does no harm');

# ---- what is said of it, and the way out ----

my $bytes = slurp("$dir/sound/data.mdb");
my ($newest) = sort { $b->{txn} <=> $a->{txn} } map {
    my %meta = (page => $_);
    @meta{qw(free root last txn)} = unpack 'x' . ($_ * $size + 80) . 'Q x[40] Q Q Q', $bytes;
    \%meta;
} 0, 1;

# The root says that it is another page.
my $store = damaged($newest->{root} * $size + 1, 0x40);
my ($code, $out, $err) = depotctl('check', $store);
is($code, 2, 'depotctl check of a store whose root is damaged');
is($err, "depotctl check: the data file is damaged: page $newest->{root} says that it is another page; restore a backup\n",
    'it says which page');
is_refused('a dump', qr/page $newest->{root} /, 'dump', $store);
is_refused('a backup', qr/page $newest->{root} /, 'backup', $store, "$dir/backup");
is_refused('a repair', qr/page $newest->{root} /, 'check', '--repair', $store);
my $said = refusal($store);
like($said, qr/the data file is damaged: page $newest->{root} says that it is another page; restore a backup/, 'httpd says so too');
like($said, qr/DavDepotStore .* cannot be used/, 'and does not start');

# The end of the file is missing.
$store = damaged(0, 0);
truncate "$store/data.mdb", $newest->{root} * $size or die "truncate: $!\n";
like(refusal($store), qr/the data file is damaged: page \d+ is behind the end of the file; restore a backup/, 'a file cut off');
is_refused('depotctl check', qr/page \d+ is behind the end of the file; restore a backup/, 'check', $store);

# The list of free pages is damaged: all records are still there.
$store = damaged($newest->{free} * $size + 1, 0x40);
like(refusal($store), qr/page $newest->{free} says that it is another page; .* depotctl dump and load/, 'damage to the free pages');
is((depotctl('dump', $store, "$dir/dump", '--force'))[0], 0, 'the store can be dumped');
File::Path::remove_tree("$dir/loaded");
is((depotctl('load', "$dir/loaded", "$dir/dump"))[0], 0, 'and loaded');
$server = start("$dir/loaded");
ok($server && answers($server->client), 'and all is as it was');
$server->stop if $server;

# The leaves below PAGE.
sub leaves {
    my ($page) = @_;
    my ($flags, $lower) = unpack 'x' . ($page * $size + 10) . 'v v', $bytes;
    return $page if $flags == 2;
    my @nodes = unpack 'x' . ($page * $size + 16) . 'v' . ($lower - 16) / 2, $bytes;
    return map { leaves(unpack 'x' . ($page * $size + $_) . 'V', $bytes) } @nodes;
}

# A key is another than it was: that of the file f79, which stays in order.
my $at = 0;
for my $page (leaves($newest->{root})) {
    my $found = index substr($bytes, $page * $size, $size), 'f79';
    $at = $page * $size + $found if $found > 0 && substr($bytes, $page * $size + $found - 9, 1) eq 'N';
}
ok($at > 0, 'the key of a file');
$store = damaged($at + 2, 0x40);
like(refusal($store), qr/the key of a record was altered on the disk: see depotctl check --repair/, 'an altered key');
is((depotctl('check', $store))[0], 1, 'is found');
is_refused('a backup', qr/is damaged at record/, 'backup', $store, "$dir/backup");
is((depotctl('check', '--repair', $store))[0], 1, 'and repaired');
$server = start($store);
ok($server && answers($server->client), 'and all is as it was');
$server->stop if $server;

# What the key is known by is another than it was.
$store = damaged($at + 3, 1);
($code, $out) = depotctl('check', $store);
is("$code $out" =~ /\A1 altered: .*\n.* 1 findings\n\z/, 1, 'a sum of a key that was altered');
is((depotctl('check', '--repair', $store))[0], 1, 'is repaired');
is((depotctl('check', $store))[0], 0, 'and sound');

finish();
