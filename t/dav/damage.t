# A byte is wrong in a page of a store: httpd does not start with it and says so, or serves what is
# right, and errors for what is not.  Nothing crashes.
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
my $size  = 4096;

sub start {
    return Depot::Server->start($dir, "DavDepotStore lmdb:$_[0]\n" . Depot::Server::drive('/dav', $drive));
}

# Whether what a server says of every file is right, or an error; and a write is done or refused.
sub answers {
    my ($client) = @_;
    my $response = $client->request('PROPFIND', '/dav/', headers => [ Depth => 1 ], body => propfind_body('{urn:test}p'));
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
lock($client, "/dav/f$_") for 1 .. 20;
ok(answers($client), 'a sound store');
$server->stop;

my $pages = (-s "$dir/sound/data.mdb") / $size;
my (%codes, %httpd, @wrong);
for my $page (0 .. $pages - 1) {
    my $store = "$dir/damaged";
    File::Path::make_path($store);
    File::Copy::copy("$dir/sound/data.mdb", "$store/data.mdb") or die "copy: $!\n";
    unlink "$store/lock.mdb";
    open my $file, '+<:raw', "$store/data.mdb" or die "$store: $!\n";
    # Half of them where a page says what it holds.
    my $at = $page * $size + ($page % 2 ? $page * 37 % $size : $page * 7 % 64);
    seek $file, $at, 0;
    read $file, my $byte, 1;
    seek $file, $at, 0;
    print {$file} chr(ord($byte) ^ (1 << $page % 8));
    close $file or die "$store: $!\n";

    my ($code) = depotctl('check', $store);
    $codes{$code}++;
    push @wrong, "page $page: depotctl check ended with $code" if $code < 0 || $code > 2;
    next if $page % 4 != 1 && $page % 4 != 2;
    my $damaged = do { local *Test::More::diag = sub { }; start($store) };
    if (!$damaged) { $httpd{refused}++ }
    elsif (!answers($damaged->client)) { push @wrong, "page $page: something wrong is served" }
    else { $httpd{serves}++ }
    $damaged->stop if $damaged;
    my $said = slurp("$dir/logs/error_log") // '';
    push @wrong, "page $page: $1" if $said =~ /(.*(?:exit signal|Assertion|AddressSanitizer).*)/;
    push @wrong, "page $page: no reason is given" if !$damaged && $said !~ /DavDepotStore .* cannot be used/;
}
note("$pages pages; depotctl check: " . join(', ', map { "$codes{$_} times $_" } sort keys %codes)
    . '; httpd: ' . join ', ', map { "$_ $httpd{$_}" } sort keys %httpd);
is_deeply(\@wrong, [], 'a byte wrong in each page of a store is detected, or does no harm');

finish();
