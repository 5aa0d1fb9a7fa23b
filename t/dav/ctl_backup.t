# depotctl stat, backup and restore beside a server that is written to, and what they refuse.
use strict;
use warnings;

use POSIX       ();
use Time::HiRes ();

use Depot::Ctl;
use Depot::Server;
use Depot::Test;

my ($url, $dir) = fresh();
my $store = server_root() . '/stores/main';
my $work  = server_root() . '/ctl-backup';
mkdir $work or die "$work: $!\n";

# ---- a load: each process sets one value on two properties, file after file ----

my $FILES   = 12;
my $WRITERS = 4;
make_tree($dir, map {"file$_"} 1 .. $FILES);

sub set_both {
    my ($client, $path, $value) = @_;
    return $client->request('PROPPATCH', $path,
        body => proppatch_body(set => join '', map {qq{<t:$_ xmlns:t="urn:test">$value</t:$_>}} 'a', 'b'))->status == 207;
}

sub start_writer {
    my ($n) = @_;
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;

    my $client = client(port => vars('port'));
    my ($bad, $end) = (0, time + 60);
    for (my $round = 1; !-e "$work/stop" && time < $end; $round++) {
        for my $file (1 .. $FILES) {
            next if $file % $WRITERS != $n;
            $bad++ unless set_both($client, "${url}file$file", "round $round");
        }
    }
    POSIX::_exit($bad ? 1 : 0);
}

my $seed = client(port => vars('port'));
set_both($seed, "${url}file$_", 'round 0') for 1 .. $FILES;
my @writers = map { start_writer($_) } 0 .. $WRITERS - 1;
Time::HiRes::sleep(0.2);

# ---- stat ----

# The processes that a process has started.
sub children {
    my ($pid) = @_;
    return split ' ', slurp('/proc/' . ($pid + 0) . '/task/' . ($pid + 0) . '/children') // '';
}

my ($code, $out, $err) = depotctl('stat', $store);
is($code, 0, 'stat beside a server');
is($err,  '', 'has no complaint');
like($out, qr/^uuid +[0-9a-f-]{36}$/m, 'it tells the UUID');
like($out, qr/^properties +([1-9]\d*)$/m, 'and the number of properties');
like($out, qr/^readers +[1-9]\d* of 1024 places$/m, 'and that there are readers');
my %children = map { $_ => 1 } children(slurp(vars('t_pid_file')));
my @readers = $out =~ /^  pid (\d+), thread /mg;
ok(@readers > 0 && !(grep { !$children{$_} } @readers), 'which are the processes of the server') or diag("@readers");
my ($json) = (depotctl('stat', '--json', $store))[1];
like($json, qr/\A\{"backend":"lmdb","format":1,.*"readers":\[\{"pid":\d+.*\]\}\n\z/, 'the same as JSON');

# ---- backup under load ----

my @backups = map {"$work/backup$_"} 1 .. 5;
for my $file (@backups) {
    ($code, $out, $err) = depotctl('backup', $store, $file);
    is($code, 0, 'backup under load') or diag($err);
    is($err, '', 'without a complaint');
    Time::HiRes::sleep(0.1);
}
like($out, qr/\A\Q$backups[4]\E: \d+ records in \d+ bytes, verified\n\z/, 'it tells what it did');
is(sprintf('%o', (stat $backups[4])[2] & 07777), '600', 'the file is its owner\'s alone');
spew("$work/stop", '');
is_deeply([ map { waitpid $_, 0; $? } @writers ], [ (0) x $WRITERS ], 'no client noticed');

# ---- restored, and served ----

sub values_of {
    my ($client, $at) = @_;
    my $multistatus = $client->request('PROPFIND', $at, headers => [ Depth => 1 ],
        body => propfind_body('{urn:test}a', '{urn:test}b'))->multistatus;
    my @values;
    for my $n (1 .. $FILES) {
        push @values, [ map { $multistatus->text("${at}file$n", "{urn:test}$_") // 'none' } 'a', 'b' ];
    }
    return @values;
}

sub serve {
    my ($name, $directory) = @_;
    my $drive = drive('main');
    return Depot::Server->start("$work/$name", <<"END");
DavDepotStore lmdb:$directory
Alias /dav "$drive"
<Directory "$drive">
    Require all granted
    Dav depot
</Directory>
END
}

for my $n (1 .. 5) {
    ($code, $out, $err) = depotctl('restore', $backups[ $n - 1 ], "$work/restored$n");
    is($code, 0, "backup $n is restored") or diag($err);
}
my $server = serve('server', "$work/restored3");
ok($server, 'a server comes up on one');
my @values = values_of($server->client, $url);
is(scalar(grep { $_->[0] =~ /^round \d+$/ } @values), $FILES, 'each file has its property') or diag(explain(\@values));
is(scalar(grep { $_->[0] ne $_->[1] } @values), 0, 'of no PROPPATCH there is a half');
ok(set_both($server->client, "${url}file1", 'later'), 'it can be written to');
is_deeply((values_of($server->client, $url))[0], [ 'later', 'later' ], 'as any store');

is_refused('a store in use is not replaced', qr/is in use/, 'restore', '--force', $backups[0], "$work/restored3");
is_deeply((values_of($server->client, $url))[0], [ 'later', 'later' ], 'it goes on');
$server->stop;

($code, $out, $err) = depotctl('backup', $store, "$work/last");
is($code, 0, 'a backup of the store at rest') or diag($err);
($code, $out, $err) = depotctl('restore', '--force', "$work/last", "$work/restored3");
is($code, 0, 'in the place of the store, asked to') or diag($err);
$server = serve('server', "$work/restored3");
is_deeply([ values_of($server->client, $url) ], [ values_of($seed, $url) ], 'both servers answer the same');

# ---- readers that were killed ----

# Another server has the store open: the last one to close it leaves no trace of anybody.
my $other = serve('other', "$work/restored3");
values_of($other->client, $url);
my @killed = children($server->{pid});
kill 'KILL', $server->{pid}, @killed;
$server->stop;
my $stale;
for (1 .. 100) {
    # They are not our children: their end is not waited for.
    ($code, $out, $err) = depotctl('stat', "$work/restored3");
    last if ($stale) = $out =~ /^  pid (\d+), thread .*, stale: /m;
    Time::HiRes::sleep(0.02);
}
ok($stale && (grep { $_ == $stale } @killed), 'stat tells of a reader that was killed') or diag($out, $err);
($code, $out, $err) = depotctl('stat', "$work/restored3");
unlike($out, qr/stale/, 'and has freed its place');
$other->stop;
is_deeply([ members("$work/restored3") ], [ 'data.mdb', 'lock.mdb' ], 'nothing is left over');

# ---- what is refused: exit code 2, and one line ----

sub digest { return unpack '%32C*', slurp($_[0]) }

my $before = digest("$work/last");
is_refused('a backup does not replace a file', qr/last exists; --force/, 'backup', $store, "$work/last");
is(digest("$work/last"), $before, 'it is as it was');
($code, $out, $err) = depotctl('backup', '--force', $store, "$work/last");
is($code, 0, 'unless it is told to') or diag($err);
is_refused('nor, whatever it is told, the store itself', qr/is a file of the store itself/,
    'backup', '--force', $store, "$store/data.mdb");
POSIX::mkfifo("$work/pipe", 0600) or die "$work/pipe: $!\n";
is_refused('nor what is no plain file', qr/pipe is there, and no plain file/, 'backup', '--force', $store, "$work/pipe");
ok(-p "$work/pipe", 'which is still there');
($code, $out, $err) = depotctl('backup', '--json', $store, "$work/odd\xff");
is($code, 0, 'a file whose name is no text') or diag($err);
like($out, qr/\A\{"file":\{"base64":"[^"]+"\},"uuid":"/, 'is told of');
is_refused('no such store',                qr/there is no store in/,    'backup', "$work/none", "$work/new");
is_refused('no such store to measure',     qr/there is no store in/,    'stat',   "$work/none");
is_refused('a file is no store',           qr/Not a directory/,         'stat',   "$work/last");
is_refused('no such directory',            qr/No such file or/,         'backup', $store, "$work/none/new");
is_refused('no such kind of store',        qr/there is no store called/, 'stat',  'none:x');
is_refused('no such backup',               qr/No such file or/,         'restore', "$work/none", "$work/new");
is_refused('a directory is no backup',     qr/no copy of a store|Is a directory/, 'restore', $work, "$work/new");
is_refused('there is a store',             qr/there is a store in .*--force/, 'restore', "$work/last", "$work/restored1");
is_refused('memory has no copies',         qr/cannot be copied/,        'backup', 'memory:', "$work/new");
is_refused('nor a place',                  qr/names no directory/,      'restore', "$work/last", 'memory:');
SKIP: {
    skip 'root may do everything', 2 if $> == 0;
    mkdir "$work/closed" or die "$work/closed: $!\n";
    chmod 0, "$work/closed";
    is_refused('no permission to write', qr/Permission denied/, 'backup', $store, "$work/closed/new");
    is_refused('no permission to read',  qr/Permission denied/, 'stat',   "$work/closed");
    rmdir "$work/closed";
}

# ---- damage ----

my $sound = slurp("$work/last");
my $value = index $sound, 'round ';
ok($value > 0, 'a value is found in the backup');
my $flipped = $sound;
substr($flipped, $value, 1) ^= "\x01";
spew("$work/flipped", $flipped);
is_refused('a flipped bit in a backup is found', qr/damaged/, 'restore', "$work/flipped", "$work/new");
spew("$work/cut", substr $sound, 0, length($sound) - 4096);
is_refused('so is one that was cut', qr/no copy of a store, or is damaged/, 'restore', "$work/cut", "$work/new");
spew("$work/empty", '');
is_refused('and an empty one', qr/no copy of a store, or is damaged/, 'restore', "$work/empty", "$work/new");
# Pages that are none: LMDB may answer with a signal, which is no crash of the program's.
my $torn = $sound;
substr($torn, $_ * 4096, 64) = "\xff" x 64 for 2 .. length($sound) / 4096 - 1;
spew("$work/torn", $torn);
is_refused('and one whose pages are none', qr/damaged/, 'restore', "$work/torn", "$work/new");
ok(!-e "$work/new", 'nothing was restored');

mkdir "$work/damaged" or die "$work/damaged: $!\n";
spew("$work/damaged/data.mdb", $flipped);
is_refused('a damaged store is not backed up', qr/damaged/, 'backup', "$work/damaged", "$work/new");
spew("$work/damaged/data.mdb", $torn);
unlink "$work/damaged/lock.mdb";
is_refused('nor is one that ends a process', qr/damaged|corrupt/, 'backup', "$work/damaged", "$work/new");
ok(!(grep {/^new/} members($work)), 'nothing is left over') or diag(join ' ', members($work));

# ---- interrupted ----

# The moment is met sooner or later: too early is a signal before it is waited for, too late a
# backup that is done.
for my $delay (1 .. 40) {
    my $run = depotctl_start('backup', $store, "$work/interrupted");
    Time::HiRes::sleep($delay / 1000);
    kill 'INT', $run->{pid};
    ($code, $out, $err) = depotctl_end($run);
    last if $code == 2;
    unlink "$work/interrupted";
}
SKIP: {
    skip 'it was always too quick', 2 if $code != 2;
    is($err, "depotctl backup: interrupted\n", 'an interrupted backup says so');
    ok(!(grep {/^interrupted/} members($work)), 'and leaves nothing') or diag(join ' ', members($work));
}

finish();
