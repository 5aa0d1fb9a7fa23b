# depotctl check --repair: stores damaged in each table, and files changed from outside, with a
# server that then serves what was salvaged.
use strict;
use warnings;

use POSIX ();

use Depot::Ctl;
use Depot::Lock;
use Depot::Server;
use Depot::Test;

my $work  = server_root() . '/ctl-repair';
my $tree  = "$work/tree";
my $store = "$work/store";
mkdir $_ or die "$_: $!\n" for $work, $tree;
make_tree($tree, 'folder/', 'folder/below', 'folder/other', map {"file$_"} 1 .. 8);

my ($server, $token);
my $LARGE = 'large ' x 1000;

sub start {
    $server = Depot::Server->start("$work/server", "DavDepotStore lmdb:$store\n" . Depot::Server::drive('/drive', $tree));
    return defined $server;
}

sub set_value {
    my ($path, $value) = @_;
    return $server->client->request('PROPPATCH', "/drive/$path",
        body => proppatch_body(set => "<t:p xmlns:t=\"urn:test\">$value</t:p>"))->status == 207;
}

sub value {
    my ($path) = @_;
    my $answer = $server->client->request('PROPFIND', "/drive/$path", headers => [ Depth => 0 ],
        body => propfind_body('{urn:test}p'));
    return $answer->status if $answer->status != 207;
    my ($href) = $answer->multistatus->hrefs;
    return $answer->multistatus->text($href, '{urn:test}p');
}

# depotctl check STORE ...: exit code, lines of JSON.
sub check {
    my (@arguments) = @_;
    my ($code, $out, $err) = depotctl('check', '--json', $store, @arguments);
    diag($err) if $err ne '';
    return ($code, split /\n/, $out);
}

sub backups { return grep {/^before-repair-/} members($store) }

# ---- each table ----

ok(start(), 'a server');
ok(set_value("file$_", "of $_"), "a value for file$_") for 1 .. 8;
ok(set_value('folder/below', $LARGE), 'a large value');
ok(set_value('folder',       'of the folder'), 'one of a folder');
$token = token_of(lock($server->client, '/drive/folder/other', owner => '<D:owner>me</D:owner>'));
ok($token, 'a lock');
$server->stop;
is_deeply([ (check('--tree', $tree))[0] ], [0], 'all is well');
spew("$work/sound", slurp("$store/data.mdb"));

sub damaged {
    my ($how, $table) = @_;
    unlink "$store/lock.mdb", map {"$store/$_"} backups();
    spew("$store/data.mdb", slurp("$work/sound"));
    return system(server_root() . '/tools/damage', $store, $how, $table) == 0;
}

for my $table (split //, 'MNIVFRLTAXU') {
    for my $how ('value', 'key', 'drop') {
        ok(damaged($how, $table), "damage: $how of $table");
        my ($code, @lines) = check();
        is($code, 1, 'it is found');
        like($lines[0], qr/^\{"finding":"[a-z-]+"/, 'and told of') or diag(explain(\@lines));
        my $before = slurp("$store/data.mdb");
        ($code, @lines) = check('--repair');
        is($code, 1, 'it is repaired');
        my ($first_done) = grep { $lines[$_] =~ /^\{"done"/ } 0 .. $#lines;
        my ($kept)       = grep { $lines[$_] =~ /^\{"backup"/ } 0 .. $#lines;
        my ($planned)    = grep { $lines[$_] =~ /^\{"planned"/ } 0 .. $#lines;
        ok($planned < $kept && $kept < $first_done, 'first the plan, then the backup, then the repair')
            or diag(explain(\@lines));
        is($lines[-1], '{"repaired":true}', 'it says so');
        if ($table =~ /[IFRTAXU]/ || $how eq 'key') {
            ok(!(grep {/"loss":true/} @lines), 'nothing is lost') or diag(explain(\@lines));
        }
        is_deeply([ (check())[0] ], [0], 'nothing is found then');
        is(scalar(backups()), 1, 'there is a backup');
    }
}

# ---- the backup is of what was damaged, and can be restored ----

ok(damaged('value', 'V'), 'the large value, damaged');
my ($code, $out, $err) = depotctl('check', $store, '--repair');
is($code, 1, 'repaired');
like($out, qr/^to be done, with a loss: drop the property \{urn:test\}p of \Q$tree\E\/folder\/below, whose value is lost$/m,
    'the loss is told of before');
like($out, qr/^kept as it was: \Q$store\E\/before-repair-\S+$/m, 'and where the backup is');
like($out, qr/^done, with a loss: drop the property/m, 'and after');
($code, $out, $err) = depotctl('restore', "$store/" . (backups())[0], "$work/restored");
is($code, 2, 'a damaged backup is restored by hand, not by chance');
ok(start(), 'a server on the repaired store');
is(value('folder/below'), undef,           'the damaged value is gone');
is(value('folder'),       'of the folder', 'others are not');
is_deeply([ map { value("file$_") } 1 .. 8 ], [ map {"of $_"} 1 .. 8 ], 'none of them');
is($server->client->request('DELETE', '/drive/folder/other')->status, 423, 'what is locked is');
is(unlock($server->client, '/drive/folder/other', $token), 204, 'the lock is there');
$server->stop;

ok(damaged('key', 'N'), 'a node under another name');
is_deeply([ (check('--repair'))[0] ], [1], 'put back');
ok(damaged('drop', 'N'), 'a missing node');
($code, $out, $err) = depotctl('check', $store, '--repair');
is($code, 1, 'is repaired');
like($out, qr/with a loss: (?:make the node of|forget the place of)/, 'with a word about what it had');

# ---- a store that is sound ----

unlink "$store/lock.mdb", map {"$store/$_"} backups();
spew("$store/data.mdb", slurp("$work/sound"));
($code, $out, $err) = depotctl('check', $store, '--repair', '--tree', $tree);
is($code, 0, 'a sound store needs no repair');
is($out,  "nothing was found\n", 'and says so');
is(scalar(backups()), 0, 'nor a backup');

# ---- files, beside a server ----

ok(start(), 'a server again');
rename "$tree/file1", "$tree/folder/renamed" or die "rename: $!\n";
unlink "$tree/file2" or die "unlink: $!\n";
spew("$tree/file3.new", 'other');
rename "$tree/file3.new", "$tree/file3" or die "rename: $!\n";
rename "$tree/file4", "$tree/old4" or die "rename: $!\n";
spew("$tree/file4", 'new');
rename "$tree/folder", "$tree/moved" or die "rename: $!\n";
rename "$tree/file5", "$tree/swap" or die "rename: $!\n";
rename "$tree/file6", "$tree/file5" or die "rename: $!\n";
rename "$tree/swap", "$tree/file6" or die "rename: $!\n";
rename "$tree/file7", "$tree/swap" or die "rename: $!\n";
mkdir "$tree/file7" or die "mkdir: $!\n";
rename "$tree/swap", "$tree/file7/file7" or die "rename: $!\n";
is(value('moved/renamed'), undef, 'what was renamed from outside has no properties');
($code, $out, $err) = depotctl('check', $store, '--repair', '--tree', $tree);
is($code, 1, 'repair beside a server') or diag($out, $err);
is($err, '', 'without a complaint');
like($out, qr/^to be done, with a loss: forget \Q$tree\E\/file2 with its properties: \{urn:test\}p$/m, 'it names what is lost');
is(value('moved/renamed'), 'of 1', 'a renamed file has its properties');
is(value('moved/below'), $LARGE, 'as has what was in a renamed folder');
is(value('moved'), 'of the folder', 'and the folder');
is(value('old4'), 'of 4', 'and a file whose name was taken by another');
is(value('file5'), 'of 6', 'names that were exchanged');
is(value('file6'), 'of 5', 'have the other\'s properties');
is(value('file7/file7'), 'of 7', 'a file in a collection of its old name has its own');
is(value('file7'), undef, 'the collection none');
is(value('file4'), undef, 'which has none');
is(value('file3'), 'of 3', 'what was replaced keeps them');
spew("$tree/file2", 'again');
is(value('file2'), undef, 'what was removed has lost them');
is_deeply([ (check('--tree', $tree))[0] ], [0], 'nothing is found then');
is(scalar(backups()), 1, 'a backup was kept');
($code, $out, $err) = depotctl('restore', "$store/" . (backups())[0], "$work/restored");
is($code, 0, 'it can be restored') or diag($err);

mkdir "$work/empty" or die "$work/empty: $!\n";
is_refused('an empty tree may not be mounted', qr/is its file system mounted/, 'check', $store, '--repair', '--tree', "$work/empty");
$server->stop;

# ---- pages that are none ----

my $torn = slurp("$work/sound");
substr($torn, $_ * 4096, 4096) = "\xa5" x 4096 for 2 .. length($torn) / 4096 - 1;
for my $repair ([], ['--repair']) {
    unlink "$store/lock.mdb";
    spew("$store/data.mdb", $torn);
    ($code, $out, $err) = depotctl('check', $store, @$repair);
    is($code, 2, "a store without sound pages cannot be read, @$repair");
    like($err, qr/\Adepotctl check: .*damaged/m, 'and that is said in words') or diag($out, $err);
}

finish();
