# DELETE: files, trees, and what happens to their properties.
use strict;
use warnings;

use Depot::Test;
use Depot::Lock;

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

# RFC 4918 section 9.6.1: what cannot be deleted is named, and neither what is above it nor what
# could be deleted is.
my @part = ('part/', 'part/ok', 'part/open/', 'part/open/ok', 'part/shut/', 'part/shut/stays', 'part/shut/too/');
make_tree($dir, @part);
set_prop("$url$_", 'p', $_) for @part;
# Section 9.6: the locks of what stays do too.
my $client = client();
my %locked = map { $_ => token_of(lock($client, "$url$_", Depth => 0)) } 'part/', 'part/ok', 'part/shut/stays';
my $if     = join ' ', map {"<$url$_> (<$locked{$_}>)"} sort keys %locked;
chmod 0555, "$dir/part/shut";
my $response = dav('DELETE', "${url}part/", headers => [ If => $if ]);
status_is($response, 207, 'a tree of which a part must stay');
is_deeply([ sort($response->multistatus->hrefs) ], [ map {"${url}part/shut/$_"} 'stays', 'too/' ], 'the answer names what stays, alone');
is($response->multistatus->response("${url}part/shut/$_")->{status}, 403, "$_: as forbidden") for 'stays', 'too/';
ok(-e "$dir/part/shut/stays", 'it is there');
ok(!-e "$dir/part/ok" && !-e "$dir/part/open", 'the others are not');
is(get_prop("$url$_", 'p'), $_, "$_ has its properties") for 'part/', 'part/shut/', 'part/shut/stays';
is_deeply([ map { $_->{token} } locks_of($client, "$url$_") ], [ $locked{$_} ], "$_ has its lock") for 'part/', 'part/shut/stays';
make_tree($dir, 'part/ok');
is_deeply([ locks_of($client, "${url}part/ok") ], [], 'what was deleted has none when it is made anew');
is_deeply([ grep {/^\.dav/} members($dir) ], [], 'nothing is left under another name');
unlock($client, "$url$_", $locked{$_}) for 'part/', 'part/shut/stays';
chmod 0755, "$dir/part/shut";
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
