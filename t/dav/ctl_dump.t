# depotctl dump and load: a store as lines of JSON beside a server that uses it, and a server
# that uses what was loaded.
use strict;
use warnings;

use Time::HiRes ();

use Depot::Ctl;
use Depot::Lock;
use Depot::Server;
use Depot::Test;

my $work = server_root() . '/ctl-dump';
mkdir $_ or die "$_: $!\n" for $work, "$work/drive";

sub serve {
    my ($name, $store) = @_;
    return Depot::Server->start("$work/$name", "DavDepotStore lmdb:$store\n" . Depot::Server::drive('/drive', "$work/drive"));
}

# ---- a store with all there is ----

my $server = serve('server', "$work/store");
ok($server, 'a server');
my $client = $server->client;
my $odd    = "odd \xff\xe9\x01\"name";
make_tree("$work/drive", 'a/', 'a/b/', 'a/file', 'a/b/file', $odd, 'plain');
my $large = '<t:large xmlns:t="urn:test">' . 'x&amp;' x 2000 . '</t:large>';
my @set = (
    [ 'a/file'     => "<t:p xmlns:t=\"urn:test\" xml:lang=\"de\">Gr\xc3\xbc\xc3\x9fe <b>und</b> so</t:p>" ],
    [ 'a/b/'       => '<p xmlns="urn:other:test">of a folder</p><q xmlns="">of no namespace</q>' ],
    [ 'a/b/file'   => $large ],
    [ escape($odd) => '<t:p xmlns:t="urn:test"/>' ],
);
for my $set (@set) {
    my $response = $client->request('PROPPATCH', "/drive/$set->[0]", body => proppatch_body(set => $set->[1]));
    is($response->status, 207, "properties of $set->[0]");
}
my $token = token_of(lock($client, '/drive/a/b/', owner => '<D:owner>me &amp; you</D:owner>'));
ok($token, 'a lock');

# The answers to all that can be asked for, less what is of the moment.
sub answers {
    my ($of) = @_;
    my $body = $of->client->request('PROPFIND', '/drive/', headers => [ Depth => 'infinity' ],
        body => '<D:propfind xmlns:D="DAV:"><D:allprop/><D:include><D:lockdiscovery/></D:include></D:propfind>')->body;
    $body =~ s/Second-\d+/Second-n/g;
    return $body;
}

# ---- dumped beside the server ----

my ($code, $out, $err) = depotctl('dump', "$work/store");
is($code, 0, 'a dump beside a server') or diag($err);
is($err, '', 'has no complaint');
like($out, qr/\A\{"record":"dump","version":1,"format":1,"uuid":"[0-9a-f-]{36}",/, 'it begins with what it is');
like($out, qr/\n\{"record":"end","lines":\d+,"records":\d+\}\n\z/, 'and ends with a count');
like($out, qr/^\{"record":"name","id":\d+,"namespace":"urn:other:test","local":"p"\}$/m, 'names can be read');
like($out, qr/^\{"record":"node","path":"\Q$work\E\/drive\/a\/file",.*Gr\\u00FC\\u00DFe/m, 'so can paths and values');
like($out, qr/^\{"record":"lock","token":"\Q$token\E","path":"\Q$work\E\/drive\/a\/b",/m, 'and locks');
like($out, qr/"path":\{"base64":"/, 'a name that is no text is there too');
my $dump = $out;
($code, $out, $err) = depotctl('dump', "$work/store", "$work/dump");
is($code, 0, 'the same to a file') or diag($err);
like($out, qr/\A\Q$work\E\/dump: \d+ records in \d+ lines\n\z/, 'it tells what it did');
is(slurp("$work/dump"), $dump, 'which has the same bytes');
is(sprintf('%o', (stat "$work/dump")[2] & 07777), '600', 'for its owner alone');
($code, $out, $err) = depotctl('dump', '--json', '--force', "$work/store", "$work/dump");
like($out, qr/\A\{"file":".*","uuid":".*","records":\d+,"lines":\d+\}\n\z/, 'and again, as JSON');

# ---- loaded, dumped and served ----

($code, $out, $err) = depotctl('load', "$work/loaded", "$work/dump");
is($code, 0, 'loaded into a new store') or diag($err);
is($err, '', 'without a complaint');
like($out, qr/\A\Q$work\E\/loaded: \d+ records from \d+ lines\n\z/, 'it tells what it did');
is((depotctl('dump', "$work/loaded"))[1], $dump, 'it dumps as the first one');
($code, $out, $err) = depotctl({ stdin => "$work/dump" }, 'load', '--json', "$work/from-input");
is($code, 0, 'loaded from standard input') or diag($err);
like($out, qr/\A\{"store":".*","uuid":".*","records":\d+,"lines":\d+\}\n\z/, 'told as JSON');
is((depotctl('dump', "$work/from-input"))[1], $dump, 'the same');
($code, $out, $err) = depotctl('load', 'memory:', "$work/dump");
is($code, 0, 'another backend takes it') or diag($err);

my $other = serve('other', "$work/loaded");
ok($other, 'a server comes up on what was loaded');
is(answers($other), answers($server), 'and gives the same answers');
is(put_locked($other), 423, 'the lock holds');
is(unlock($other->client, '/drive/a/b/', $token), 204, 'and can be taken off');
$other->stop;

sub put_locked { return $_[0]->client->request('PUT', '/drive/a/b/file', body => 'new')->status }

# ---- what is refused ----

is_refused('a dump does not replace a file', qr/dump exists; --force/, 'dump', "$work/store", "$work/dump");
is_refused('nor, whatever it is told, the store itself', qr/is a file of the store itself/,
    'dump', '--force', "$work/store", "$work/store/data.mdb");
is_refused('no such store', qr/there is no store in/, 'dump', "$work/none");
ok(!-e "$work/none", 'which is not made by asking');
is_refused('no such dump', qr/No such file or/, 'load', "$work/none", "$work/nothing");
is_refused('a store that holds something', qr/there is a store with properties in/, 'load', "$work/store", "$work/dump");
is_refused('a directory is no dump', qr/Is a directory/, 'load', "$work/none", $work);
is_refused('nor is a backup', qr/line 1: /, 'load', "$work/none", "$work/store/data.mdb");
ok(!-e "$work/none", 'which makes no store');

spew("$work/cut", substr $dump, 0, -20);
is_refused('a dump that was cut off', qr/cut, line \d+: it has no end: the dump was cut off/, 'load', "$work/new", "$work/cut");
(my $without_end = $dump) =~ s/[^\n]*\n\z//;
spew("$work/cut", $without_end);
is_refused('one without its last line', qr/cut, line \d+: there is none: the dump was cut off/, 'load', "$work/new", "$work/cut");
(my $wrong = $dump) =~ s/"kind":"file"/"kind":"fire"/;
my $line = 1 + (() = substr($dump, 0, $-[0]) =~ /\n/g);
spew("$work/wrong", $wrong);
is_refused('one with a wrong line', qr/wrong, line $line: "kind" is none of those known/, 'load', "$work/new", "$work/wrong");
($code, $out, $err) = depotctl('load', "$work/new", "$work/dump");
is($code, 0, 'after all that the store can still be loaded') or diag($err);
is((depotctl('dump', "$work/new"))[1], $dump, 'and is whole');
is_refused('not twice', qr/there is a store with properties in/, 'load', "$work/new", "$work/dump");

# ---- a damaged store ----

mkdir "$work/damaged" or die "$work/damaged: $!\n";
my $bytes = slurp("$work/new/data.mdb");
my $at = index $bytes, 'of a folder';
ok($at > 0, 'a value is found in the store');
substr($bytes, $at, 1) ^= "\x01";
spew("$work/damaged/data.mdb", $bytes);
($code, $out, $err) = depotctl('dump', "$work/damaged", "$work/damaged.dump");
is($code, 2, 'a damaged store is refused');
like($err, qr/damaged.*see depotctl check$/m, 'in words');
ok(!(grep {/^damaged\.dump/} members($work)), 'and leaves no file');
($code, $out, $err) = depotctl('dump', "$work/damaged");
is($code, 2, 'to standard output as well');
unlike($out, qr/"record":"end"/, 'and what was written has no end');

# ---- interrupted ----

# Half a dump comes, and then nothing more.
pipe my $from, my $to or die "pipe: $!\n";
my $half = index($dump, "\n", length($dump) / 2) + 1;
my $run  = depotctl_start({ stdin => '/dev/fd/' . fileno $from }, 'load', "$work/interrupted");
close $from;
syswrite $to, substr $dump, 0, $half;
for (1 .. 500) {
    last if -e "$work/interrupted/data.mdb";
    Time::HiRes::sleep(0.01);
}
Time::HiRes::sleep(0.1);
kill 'INT', $run->{pid};
($code, $out, $err) = depotctl_end($run);
close $to;
is($code, 2, 'a load that is interrupted');
is($err, "depotctl load: interrupted\n", 'says so');
($code, $out, $err) = depotctl('load', "$work/interrupted", "$work/dump");
is($code, 0, 'its store is as good as new') or diag($err);
is((depotctl('dump', "$work/interrupted"))[1], $dump, 'all is in it');
$server->stop;

finish();
