# MOVE: files and trees, with their properties, leaving nothing behind.
use strict;
use warnings;

use Depot::Test;
use Time::HiRes ();

my ($url, $dir) = fresh();
expect_log(client_errors());

sub move {
    my ($from, $to, @headers) = @_;
    my $destination = $to =~ m{^\w+:} ? $to : 'http://127.0.0.1:' . vars('port') . $to;
    return dav('MOVE', $from, headers => [ Destination => $destination, @headers ]);
}

# Files.
put("${url}a", 'bytes of a');
ok(set_prop("${url}a", 'p', 'of a'), 'a property');
status_is(move("${url}a", "${url}b"), 201, 'a file to a new name');
is(slurp("$dir/b"), 'bytes of a', 'has the bytes');
ok(!-e "$dir/a", 'the old name is gone');
is(get_prop("${url}b", 'p'), 'of a', 'has the property');
status_is(dav('GET', "${url}a"), 404, 'the old name is not found');
put("${url}a", 'new');
is(get_prop("${url}a", 'p'), undef, 'a new file of the old name has no properties');

put("${url}c", 'bytes of c');
set_prop("${url}c", 'q', 'of c');
status_is(move("${url}b", "${url}c", Overwrite => 'F'), 412, 'Overwrite: F onto a file');
is(slurp("$dir/c"), 'bytes of c', 'nothing changed');
ok(-e "$dir/b", 'the source is there');
is(get_prop("${url}b", 'p'), 'of a', 'with its property');
my $inode = (stat "$dir/b")[1];
status_is(move("${url}b", "${url}c"), 204, 'onto a file');
is(slurp("$dir/c"), 'bytes of a', 'has the bytes');
is((stat "$dir/c")[1], $inode, 'is the very file: it was renamed, not copied');
is(get_prop("${url}c", 'p'), 'of a', 'has the property');
is(get_prop("${url}c", 'q'), undef, 'those of the old file are gone');

# Where it cannot go.
status_is(move("${url}c", "${url}c"), 403, 'onto itself');
ok(-e "$dir/c", 'the file is there');
is(get_prop("${url}c", 'p'), 'of a', 'with its property');
status_is(move("${url}c", "${url}no/such/parent"), 409, 'no parent');
ok(-e "$dir/c", 'the file is there');
is(get_prop("${url}c", 'p'), 'of a', 'with its property');
status_is(move("${url}absent", "${url}d"), 404, 'no source');
status_is(move("${url}c", "http://elsewhere.example:1${url}d"), 502, 'another server');
ok(-e "$dir/c", 'the file is there');
status_is(dav('MOVE', "${url}c"), 400, 'no Destination');
status_is(move("${url}c", "${url}a/below"), [ 400, 403, 404, 409 ], 'below a file');
ok(-e "$dir/c", 'the file is there');
link "$dir/c", "$dir/hard";
my $hard = move("${url}c", "${url}hard");
status_is($hard, [ 204, 403 ], 'onto a hard link to itself');
ok(($hard->status == 403 xor !-e "$dir/c"), 'the old name is gone, or it was refused');
ok(-e "$dir/hard", 'the new one is there');
unlink "$dir/c";

# Trees.
my @tree = ('tree/', 'tree/f', 'tree/.hidden', 'tree/sub/', 'tree/sub/g', 'tree/sub/sub/', 'tree/sub/sub/h', 'tree/empty/');
make_tree($dir, @tree);
ok(set_prop("$url$_", 'p', "of $_"), "a property on $_") for @tree;

sub tree_is {
    my ($name, $base, $root) = @_;
    my $wrong = '';
    $base //= $url;
    $root //= $dir;
    for my $member (@tree) {
        (my $moved = $member) =~ s{^tree}{$name};
        if ($member !~ m{/\z} && (slurp("$root/$moved") // 'undef') ne "bytes of $member\n") { $wrong .= "bytes of $moved " }
        if ($member =~ m{/\z} && !-d "$root/$moved") { $wrong .= "no $moved " }
        if ((get_prop("$base$moved", 'p') // 'undef') ne "of $member") { $wrong .= "property of $moved " }
    }
    is($wrong, '', "$name/ is the tree, properties and all");
    return;
}

status_is(move("${url}tree/", "${url}moved/"), 201, 'a tree');
ok(!-e "$dir/tree", 'the old name is gone');
tree_is('moved');
make_tree($dir, @tree);
is(join(',', map { get_prop("$url$_", 'p') // () } @tree), '', 'a new tree of the old names has no properties');
status_is(move("${url}moved", "${url}moved2", Depth => 'infinity'), 201, 'a tree, without slashes');
tree_is('moved2');
status_is(move("${url}moved2/", "${url}tree/"), 204, 'onto a tree');
tree_is('tree');
is_deeply([ grep { !/^(a|hard|tree)$/ } members($dir) ], [], 'nothing is left over');
status_is(move("${url}tree/", "${url}tree/sub/inside/"), [ 403, 409 ], 'a tree into itself');
tree_is('tree');
status_is(move("${url}tree/sub/", "${url}tree/"), [ 403, 409 ], 'a tree onto its parent');
tree_is('tree');
status_is(move("${url}tree/", "${url}x/", Depth => 0), 400, 'Depth: 0');
tree_is('tree');

# A file onto a collection, and the reverse.
make_tree($dir, 'dir/', 'dir/x', 'file');
set_prop("${url}dir/$_", 'p', 'old') for '', 'x';
set_prop("${url}file", 'p', 'file');
status_is(move("${url}file", "${url}dir", Overwrite => 'F'), 412, 'Overwrite: F of a file onto a collection');
ok(-e "$dir/dir/x", 'which stays');
status_is(move("${url}file", "${url}dir", Overwrite => 'T'), 204, 'a file onto a collection');
ok(-f "$dir/dir", 'is a file now');
is(get_prop("${url}dir", 'p'), 'file', 'with its properties');
status_is(move("${url}tree/", "${url}dir", Overwrite => 'T'), 204, 'a collection onto a file');
tree_is('dir');
dav('DELETE', "${url}dir/");
make_tree($dir, 'dir/', 'dir/x');
is(get_prop("${url}dir/$_", 'p'), undef, 'nothing of the old ones comes back') for '', 'x';

# A replaced file is there at every moment.
put("${url}target", 'x' x 100_000);
pipe my $out, my $in or die "pipe: $!\n";
my $pid = fork // die "fork: $!\n";
if ($pid == 0) {
    my $reader = client(port => vars('port'));
    my ($count, $bad) = (0, 0);
    my $end = Time::HiRes::time() + 2;
    while (Time::HiRes::time() < $end) {
        my $response = $reader->request('GET', "${url}target");
        $bad++ unless $response->status == 200 && length $response->body == 100_000;
        $count++;
    }
    syswrite $in, "$count $bad";
    CORE::exit(0);
}
close $in;
my $until = Time::HiRes::time() + 2;
my $moves = 0;
while (Time::HiRes::time() < $until) {
    put("${url}source", 'y' x 100_000);
    move("${url}source", "${url}target")->status == 204 and $moves++;
}
my ($reads, $bad) = split / /, <$out>;
waitpid $pid, 0;
ok($moves > 10 && $reads > 10, "$moves moves while reading $reads times");
is($bad, 0, 'each read saw a whole file');

# To another file system and back.
make_tree($dir, @tree);
set_prop("$url$_", 'p', "of $_") for @tree;
my ($shm_url, $shm_dir) = fresh('shm');
status_is(move("${url}tree/", "${shm_url}tree/"), 201, 'a tree to another file system');
ok(!-e "$dir/tree", 'the old name is gone');
tree_is('tree', $shm_url, $shm_dir);
status_is(move("${shm_url}tree/", "${url}tree/"), 201, 'and back');
tree_is('tree');
put("${shm_url}file", 'shm');
set_prop("${shm_url}file", 'p', 'shm');
status_is(move("${shm_url}file", "${url}target"), 204, 'a file onto another');
is(slurp("$dir/target"), 'shm', 'has the bytes');
is(get_prop("${url}target", 'p'), 'shm', 'has the property');
ok(!-e "$shm_dir/file", 'the old name is gone');
is_deeply([ members($shm_dir) ], [], 'nothing is left over');

# RFC 4918 section 9.9.4: a tree that cannot go as a whole does not go, and replaces nothing.
make_tree($dir, 'whole/', 'whole/a', 'whole/secret', 'whole/sub/', 'whole/sub/b');
make_tree($shm_dir, 'there/', 'there/old');
set_prop("${url}whole/$_", 'p', $_) for 'a', 'secret';
set_prop("${shm_url}there/old", 'p', 'old');
chmod 0, "$dir/whole/secret";
for my $to ('there', 'new') {
    my $partial = move("${url}whole/", "$shm_url$to/");
    status_is($partial, 207, "a tree with a file that cannot be read, to another file system, $to");
    is_deeply([ $partial->multistatus->hrefs ], ["${url}whole/secret"], 'names the file alone');
    is($partial->multistatus->response("${url}whole/secret")->{status}, 403, 'as forbidden');
    ok(-e "$dir/whole/a" && -e "$dir/whole/secret" && -e "$dir/whole/sub/b", 'the source is as it was');
    is(get_prop("${url}whole/$_", 'p'), $_, 'with its properties') for 'a', 'secret';
}
is_deeply([ members($shm_dir), members("$shm_dir/there") ], [ 'there', 'old' ], 'the destination too');
is(get_prop("${shm_url}there/old", 'p'), 'old', 'with its properties');

# What the server may not do.
mkdir "$dir/readonly";
spew("$dir/readonly/f", 'x');
set_prop("${url}readonly/f", 'p', 'stays');
chmod 0555, "$dir/readonly";
expect_log(qr/Permission denied/);
status_is(move("${url}readonly/f", "${url}out"), 403, 'out of a directory the server may not write');
is(get_prop("${url}readonly/f", 'p'), 'stays', 'the property stays');
ok(!-e "$dir/out", 'nothing was made');
status_is(move("${url}target", "${url}readonly/f"), 403, 'onto a file in it');
is(slurp("$dir/readonly/f"), 'x', 'which is as it was');
is(get_prop("${url}readonly/f", 'p'), 'stays', 'with its property');
is(get_prop("${url}target", 'p'), 'shm', 'and so is the source');
chmod 0755, "$dir/readonly";

finish();
