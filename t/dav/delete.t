# DELETE: files, trees, and what happens to their properties.
use strict;
use warnings;

use Depot::Test;

my ($url, $dir) = fresh();
expect_log(client_errors());

make_tree($dir, 'file');
ok(set_prop("${url}file", 'p', 'old'), 'a property');
status_is(dav('DELETE', "${url}file"), 204, 'a file');
ok(!-e "$dir/file", 'is gone');
status_is(dav('DELETE', "${url}file"), 404, 'again');
status_is(dav('GET', "${url}file"),    404, 'GET');
put("${url}file", 'new');
is(get_prop("${url}file", 'p'), undef, 'a new file of the old name has no old property');

my @tree = ('tree/', 'tree/a', 'tree/.hidden', 'tree/sub/', 'tree/sub/b', 'tree/sub/sub/', 'tree/sub/sub/c', 'tree/empty/');
make_tree($dir, @tree);
ok(set_prop("$url$_", 'p', $_), "a property on $_") for @tree;
status_is(dav('DELETE', "${url}tree/"), 204, 'a tree');
ok(!-e "$dir/tree", 'is gone');
make_tree($dir, @tree);
is(get_prop("$url$_", 'p'), undef, "$_ made anew has no old property") for @tree;
status_is(dav('DELETE', "${url}tree", headers => [ Depth => 'infinity' ]), 204, 'a tree, without a slash');
ok(!-e "$dir/tree", 'is gone, too');

make_tree($dir, 'd/', 'd/x');
status_is(dav('DELETE', "${url}d/", headers => [ Depth => 0 ]), 400, 'Depth: 0 on a collection');
status_is(dav('DELETE', "${url}d/", headers => [ Depth => 1 ]), 400, 'Depth: 1 on a collection');
ok(-e "$dir/d/x", 'nothing was deleted');
status_is(dav('DELETE', "${url}d/x", headers => [ 'If-Match' => '"other"' ]), 412, 'If-Match fails');
ok(-e "$dir/d/x", 'the file is there');
my $etag = dav('HEAD', "${url}d/x")->header('ETag');
status_is(dav('DELETE', "${url}d/x#fragment"), [ 400, 404 ], 'a fragment');
ok(-e "$dir/d/x", 'the file is there');
status_is(dav('DELETE', "${url}d/x", headers => [ 'If-Match' => $etag ]), 204, 'If-Match holds');

# A link is deleted, never what it points to.
make_tree($dir, 'links/', 'target/', 'target/kept');
symlink "$dir/target",      "$dir/links/dir";
symlink "$dir/target/kept", "$dir/links/file";
symlink '/does/not/exist',  "$dir/links/dangling";
status_is(dav('DELETE', "${url}links/"), 204, 'a tree with links in it');
ok(!-e "$dir/links",       'is gone');
ok(-e "$dir/target/kept", 'what the links pointed to is not');

# What cannot be deleted.
make_tree($dir, 'part/', 'part/ok', 'part/locked/', 'part/locked/stays');
chmod 0555, "$dir/part/locked";
my $response = dav('DELETE', "${url}part/");
status_is($response, 207, 'a tree of which a part must stay');
if ($response->status == 207) {
    my $multistatus = $response->multistatus;
    my ($failed) = grep { m{locked} } $multistatus->hrefs;
    ok(defined $failed, 'the answer names what stays');
    is($multistatus->response($failed // '')->{status}, 403, 'as forbidden') if $failed;
}
ok(-e "$dir/part/locked/stays", 'it is there');
is(get_prop("${url}part/locked/stays", 'p'), undef, 'and can be asked for properties');
chmod 0755, "$dir/part/locked";
status_is(dav('DELETE', "${url}part/"), 204, 'then all of it');

mkdir "$dir/readonly";
spew("$dir/readonly/f", 'x');
set_prop("${url}readonly/f", 'p', 'stays');
chmod 0555, "$dir/readonly";
status_is(dav('DELETE', "${url}readonly/f"), 403, 'a file the server may not remove');
ok(-e "$dir/readonly/f", 'is there');
is(get_prop("${url}readonly/f", 'p'), 'stays', 'with its properties');
chmod 0755, "$dir/readonly";

finish();
