# COPY: files and trees, with their properties.
use strict;
use warnings;

use Depot::Test;

my ($url, $dir) = fresh();
expect_log(client_errors(), qr/AH01630: client denied|AH10244: invalid URI path/);

sub copy {
    my ($from, $to, @headers) = @_;
    my $destination = $to =~ m{^\w+:} ? $to : 'http://127.0.0.1:' . vars('port') . $to;
    return dav('COPY', $from, headers => [ Destination => $destination, @headers ]);
}

# Files.
put("${url}a", 'bytes of a');
chmod 0750, "$dir/a";
ok(set_prop("${url}a", 'p', 'of a'), 'a property');
status_is(copy("${url}a", "${url}b"), 201, 'a file to a new name');
is(slurp("$dir/b"), 'bytes of a', 'has the bytes');
is(slurp("$dir/a"), 'bytes of a', 'the source is as it was');
is(get_prop("${url}b", 'p'), 'of a', 'has the property');
is(get_prop("${url}a", 'p'), 'of a', 'the source has it, too');
ok(-x "$dir/b", 'has the executable bit');
ok(set_prop("${url}b", 'p', 'of b'), "changing the copy's");
is(get_prop("${url}a", 'p'), 'of a', 'does not change the source');
isnt(dav('HEAD', "${url}b")->header('ETag'), dav('HEAD', "${url}a")->header('ETag'), 'a copy has an ETag of its own');

put("${url}c", 'bytes of c');
set_prop("${url}c", 'q', 'of c');
status_is(copy("${url}a", "${url}c", Overwrite => 'F'), 412, 'Overwrite: F onto a file');
is(slurp("$dir/c"), 'bytes of c', 'nothing changed');
is(get_prop("${url}c", 'q'), 'of c', 'nor the properties');
my $etag = dav('HEAD', "${url}c")->header('ETag');
status_is(copy("${url}a", "${url}c"), 204, 'onto a file');
is(slurp("$dir/c"), 'bytes of a', 'has the bytes');
is(get_prop("${url}c", 'p'), 'of a', 'has the property');
is(get_prop("${url}c", 'q'), undef, 'the old ones are gone');
isnt(dav('HEAD', "${url}c")->header('ETag'), $etag, 'the ETag is another');
status_is(copy("${url}b", "${url}new", Overwrite => 'F'), 201, 'Overwrite: F to a new name');

put("${url}plain", 'no properties');
status_is(copy("${url}plain", "${url}c", Overwrite => 'T'), 204, 'a file without properties onto one with');
is(get_prop("${url}c", 'p'), undef, 'leaves none');

# Where it cannot go.
status_is(copy("${url}a", "${url}a"), 403, 'onto itself');
is(slurp("$dir/a"), 'bytes of a', 'the file is there');
status_is(copy("${url}a", "${url}no/such/parent"), 409, 'no parent');
ok(!-e "$dir/no", 'nothing was made');
status_is(copy("${url}absent", "${url}d"), 404, 'no source');
status_is(copy("${url}a", "http://elsewhere.example:1${url}d"), 502, 'another server');
ok(!-e "$dir/d", 'makes nothing');
status_is(dav('COPY', "${url}a"), 400, 'no Destination');
status_is(copy("${url}a", "${url}x", Overwrite => 'maybe'), 400, 'Overwrite: maybe');
ok(!-e "$dir/x", 'makes nothing');
status_is(dav('COPY', "${url}a", headers => [ Destination => 'not a uri' ]), [ 400, 502 ], 'a Destination that is none');
status_is(copy("${url}a", '/elsewhere'), [ 403, 405, 409, 502 ], 'outside any drive');
status_is(copy("${url}a", "${url}%00"), [ 400, 403, 404, 409 ], 'a name with NUL');
status_is(copy("${url}a", "${url}../../../../etc/passwd"), [ 400, 403, 404, 405, 409, 502 ], 'dots that lead out');

# Trees.
my @tree = ('tree/', 'tree/f', 'tree/.hidden', 'tree/sub/', 'tree/sub/g', 'tree/sub/sub/', 'tree/sub/sub/h', 'tree/empty/');
make_tree($dir, @tree);
ok(set_prop("$url$_", 'p', "of $_"), "a property on $_") for @tree;

sub tree_is {
    my ($name, $expected) = @_;
    my ($status, $wrong) = (0, '');
    for my $member (@tree) {
        (my $copy = $member) =~ s{^tree}{$name};
        if ($member !~ m{/\z} && (slurp("$dir/$copy") // 'undef') ne slurp("$dir/$member")) { $wrong .= "bytes of $copy " }
        if ($member =~ m{/\z} && !-d "$dir/$copy") { $wrong .= "no $copy " }
        if ((get_prop("$url$copy", 'p') // 'undef') ne "of $member") { $wrong .= "property of $copy " }
    }
    is($wrong, '', "$name/ is tree/, properties and all");
    return;
}

status_is(copy("${url}tree/", "${url}copy/"), 201, 'a tree');
tree_is('copy');
tree_is('tree');
status_is(copy("${url}tree", "${url}copy2", Depth => 'infinity'), 201, 'a tree, without slashes');
tree_is('copy2');
status_is(copy("${url}tree/", "${url}copy/"), 204, 'onto the earlier copy');
tree_is('copy');
spew("$dir/copy/extra", 'x');
status_is(copy("${url}tree/", "${url}copy/"), 204, 'onto a tree with more in it');
ok(!-e "$dir/copy/extra", 'which is replaced, not merged');
status_is(copy("${url}tree/", "${url}copy/", Overwrite => 'F'), 412, 'Overwrite: F onto a tree');
status_is(copy("${url}tree/", "${url}tree/sub/inside/"), [ 403, 409 ], 'a tree into itself');
ok(!-e "$dir/tree/sub/inside", 'makes nothing');
status_is(copy("${url}tree/sub/", "${url}tree/"), [ 403, 409 ], 'a tree onto its parent');
tree_is('tree');
status_is(copy("${url}tree/", "${url}shallow/", Depth => 0), 201, 'Depth: 0');
is_deeply([ members("$dir/shallow") ], [], 'copies the collection alone');
is(get_prop("${url}shallow/", 'p'), 'of tree/', 'with its properties');
status_is(propfind("${url}shallow/f", 0), 404, 'and nothing below');
put("${url}shallow/f", 'new');
is(get_prop("${url}shallow/f", 'p'), undef, 'a new file in it has no properties of the other');
status_is(copy("${url}tree/", "${url}one/", Depth => 1), 400, 'Depth: 1');

# A file onto a collection, and the reverse.
make_tree($dir, 'dir/', 'dir/x', 'file');
set_prop("${url}dir/$_", 'p', 'old') for '', 'x';
set_prop("${url}file", 'p', 'file');
status_is(copy("${url}file", "${url}dir", Overwrite => 'F'), 412, 'Overwrite: F of a file onto a collection');
ok(-e "$dir/dir/x", 'which stays');
status_is(copy("${url}file", "${url}dir", Overwrite => 'T'), 204, 'a file onto a collection');
ok(-f "$dir/dir", 'is a file now');
is(get_prop("${url}dir", 'p'), 'file', 'with its properties');
status_is(copy("${url}tree/", "${url}dir", Overwrite => 'T'), 204, 'a collection onto a file');
tree_is('dir');
make_tree($dir, 'slashed');
status_is(copy("${url}tree/", "${url}slashed/", Overwrite => 'F'), 412, 'Overwrite: F of a collection onto a file, with a slash');
is(slurp("$dir/slashed"), "bytes of slashed\n", 'which stays');
status_is(copy("${url}tree/", "${url}slashed/"), 204, 'without it');
tree_is('slashed');
make_tree($dir, 'back/', 'back/x');
is(get_prop("${url}back/x", 'p'), undef, 'no property appears from nowhere');

# A deep tree.
my $deep = 'deep/' . join '/', ('d') x 200;
{
    my $path = $dir;
    for my $part (split m{/}, $deep) { $path .= "/$part"; mkdir $path or die "$path: $!\n" }
    spew("$path/leaf", 'leaf');
}
ok(set_prop("$url$deep/leaf", 'p', 'leaf'), 'a property two hundred levels down');
status_is(copy("${url}deep/", "${url}deep2/"), 201, 'a deep tree');
(my $other = $deep) =~ s/^deep/deep2/;
is(slurp("$dir/$other/leaf"), 'leaf', 'is copied to its end');
is(get_prop("$url$other/leaf", 'p'), 'leaf', 'with its property');

# To another file system.
my ($shm_url, $shm_dir) = fresh('shm');
status_is(copy("${url}tree/", "${shm_url}tree/"), 201, 'a tree to another file system');
is(slurp("$shm_dir/tree/sub/sub/h"), slurp("$dir/tree/sub/sub/h"), 'has the bytes');
is(get_prop("${shm_url}tree/sub/sub/h", 'p'), 'of tree/sub/sub/h', 'and the properties');

# RFC 4918 section 9.8.5: what cannot be read stops no other; it is named, and nothing else is.
make_tree($dir, 'partial/', 'partial/a', 'partial/secret', 'partial/sub/', 'partial/sub/secret', 'partial/sub/z', 'partial/shut/', 'partial/shut/in');
set_prop("${url}partial/$_", 'p', $_) for 'a', 'secret', 'sub/z';
chmod 0, map {"$dir/partial/$_"} 'secret', 'sub/secret', 'shut';
expect_log(qr/Permission denied/);
for my $to ('new', 'over') {
    make_tree($dir, 'over/', 'over/old') if $to eq 'over';
    my $partial = copy("${url}partial/", "$url$to/");
    status_is($partial, 207, "a tree with what cannot be read, $to");
    is_deeply([ sort($partial->multistatus->hrefs) ], [ map {"${url}partial/$_"} 'secret', 'shut/', 'sub/secret' ], 'names that alone');
    is($partial->multistatus->response("${url}partial/$_")->{status}, 403, "$_: as forbidden") for 'secret', 'shut/', 'sub/secret';
    is(slurp("$dir/$to/$_"), slurp("$dir/partial/$_"), "$_ is copied") for 'a', 'sub/z';
    is(get_prop("$url$to/$_", 'p'), $_, 'with its property') for 'a', 'sub/z';
    ok(!-e "$dir/$to/secret" && !-e "$dir/$to/sub/secret" && !-e "$dir/$to/old", 'what is not is not there');
}
chmod 0755, "$dir/partial/shut";

finish();
