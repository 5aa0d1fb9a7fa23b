# Symbolic links: followed only where Options say so, listed, and never descended into.
use strict;
use warnings;

use Depot::Test;

expect_log(client_errors(), qr/AH00037: Symbolic link not allowed|AH00035|AH01630|AH01276/);

# A tree with links of all kinds: to members, to the outside, dangling, circular.
sub link_tree {
    my ($dir) = @_;

    make_tree($dir, 'file', 'sub/', 'sub/in');
    symlink 'file',              "$dir/to-file"     or die "symlink: $!\n";
    symlink 'sub',               "$dir/to-sub"      or die "symlink: $!\n";
    symlink '/etc/hostname',     "$dir/to-outside"  or die "symlink: $!\n";
    symlink 'nowhere',           "$dir/dangling"    or die "symlink: $!\n";
    symlink 'circle',            "$dir/circle"      or die "symlink: $!\n";
    symlink '.',                 "$dir/sub/self"    or die "symlink: $!\n";
    return;
}

# Options FollowSymLinks.
my ($url, $dir) = fresh('links');
link_tree($dir);
is(dav('GET', "${url}to-file")->body, "bytes of file\n", 'followed: GET through a link');
is(dav('GET', "${url}to-sub/in")->body, "bytes of sub/in\n", 'followed: GET through a linked collection');
status_is(dav('GET', "${url}dangling"), [ 403, 404 ], 'followed: GET of a dangling link');
status_is(dav('GET', "${url}circle"), [ 403, 404, 500 ], 'followed: GET of a circle');
my $listed = propfind($url, 1, propfind_body('{DAV:}resourcetype', '{DAV:}getcontentlength'))->multistatus;
my %href = map { $_ => 1 } $listed->hrefs;
ok($href{"${url}to-file"}, 'followed: a link to a file is listed');
is($listed->text("${url}to-file", '{DAV:}getcontentlength'), -s "$dir/file", "with the file's length");
ok($href{"${url}to-sub/"}, 'followed: a link to a collection is listed, as a collection');
ok(!$href{"${url}dangling"}, 'followed: a dangling link is not');
ok(!$href{"${url}circle"}, 'followed: nor is a circle');
is_deeply([ sort(propfind($url, 'infinity')->multistatus->hrefs) ],
    [ sort map { "$url$_" } '', 'file', 'sub/', 'sub/in', 'sub/self/', 'to-file', 'to-outside', 'to-sub/' ],
    'followed: Depth: infinity lists links to collections and does not descend into them');
is_deeply([ sort(propfind("${url}to-sub/", 1)->multistatus->hrefs) ],
    [ sort map { "${url}to-sub/$_" } '', 'in', 'self/' ], 'followed: the linked collection itself can be listed');

status_is(put("${url}to-file", 'through the link'), 204, 'followed: PUT through a link');
ok(-l "$dir/to-file", 'keeps the link');
is(slurp("$dir/file"), 'through the link', 'changes its target');
is_deeply([ grep { /tmp|depot/i } members($dir) ], [], 'and leaves nothing over');
status_is(put("${url}to-sub/new", 'x'), 201, 'followed: PUT into a linked collection');
is(slurp("$dir/sub/new"), 'x', 'makes the file there');
my $status = put("${url}dangling", 'x')->status;
ok($status == 201 || $status == 403 || $status == 404 || $status == 409, "followed: PUT on a dangling link: $status");
ok(-l "$dir/dangling", 'keeps the link');

my $port = vars('port');
status_is(dav('MOVE', "${url}to-file", headers => [ Destination => "http://127.0.0.1:$port${url}moved-link" ]),
    201, 'followed: MOVE of a link');
ok(-l "$dir/moved-link" && -e "$dir/file", 'moves the link, not its target');
status_is(dav('COPY', "${url}moved-link", headers => [ Destination => "http://127.0.0.1:$port${url}copied" ]),
    201, 'followed: COPY of a link');
is(slurp("$dir/copied"), 'through the link', 'has the bytes of the target');
status_is(dav('DELETE', "${url}moved-link"), 204, 'followed: DELETE of a link');
ok(!-l "$dir/moved-link" && -e "$dir/file", 'removes the link, not its target');
status_is(dav('DELETE', "${url}to-sub/"), 204, 'followed: DELETE of a linked collection');
ok(!-l "$dir/to-sub" && -e "$dir/sub/in", 'removes the link, not its target');

status_is(dav('COPY', $url, headers => [ Destination => "http://127.0.0.1:$port/links/copy-of-all/" ]),
    [ 201, 207 ], 'followed: COPY of a tree with links');
ok(-e drive('links') . '/copy-of-all/sub/in', 'copies the tree');
ok(-l drive('links') . '/copy-of-all/sub/self', 'a link to a collection stays a link, and is not run after');
status_is(dav('MOVE', '/links/copy-of-all/', headers => [ Destination => "http://127.0.0.1:$port/links/move-of-all/" ]),
    201, 'followed: MOVE of a tree with links');
status_is(dav('DELETE', '/links/move-of-all/'), 204, 'followed: DELETE of a tree with links');
ok(-e "$dir/sub/in" && -e '/etc/hostname', 'leaves the targets alone');

# Options None.
($url, $dir) = fresh('nolinks');
link_tree($dir);
status_is(dav('GET', "${url}to-file"), [ 403, 404 ], 'not followed: GET');
status_is(dav('GET', "${url}to-sub/in"), [ 403, 404 ], 'not followed: GET through a collection');
status_is(propfind("${url}to-file", 0), [ 403, 404 ], 'not followed: PROPFIND');
status_is(put("${url}to-file", 'no'), [ 403, 404, 409 ], 'not followed: PUT');
is(slurp("$dir/file"), "bytes of file\n", 'the target is as it was');
ok(-l "$dir/to-file", 'and so is the link');
status_is(put("${url}to-sub/x", 'no'), [ 403, 404, 409 ], 'not followed: PUT through a collection');
ok(!-e "$dir/sub/x", 'makes nothing');
is_deeply([ sort(propfind($url, 1)->multistatus->hrefs) ], [ sort map { "$url$_" } '', 'file', 'sub/' ],
    'not followed: links are not listed');
status_is(dav('COPY', "${url}to-outside", headers => [ Destination => "http://127.0.0.1:$port${url}stolen" ]),
    [ 403, 404 ], 'not followed: COPY out of the drive');
ok(!-e "$dir/stolen", 'copies nothing');
status_is(dav('COPY', "${url}file", headers => [ Destination => "http://127.0.0.1:$port${url}to-sub/f" ]),
    [ 403, 404, 409 ], 'not followed: COPY through a link');
ok(!-e "$dir/sub/f", 'copies nothing');
status_is(dav('COPY', $url, headers => [ Destination => "http://127.0.0.1:$port/nolinks/copy-of-all/" ]),
    [ 201, 207 ], 'not followed: COPY of the tree');
my $copied = drive('nolinks') . '/copy-of-all';
is(slurp("$copied/sub/in"), "bytes of sub/in\n", 'copies the files');
ok(!-f "$copied/to-outside" || -l "$copied/to-outside", 'but not what the links point to');
status_is(dav('DELETE', $url), 204, 'not followed: DELETE of a tree with links in it');
ok(!-e $dir, 'is gone');

# Options SymLinksIfOwnerMatch.
($url, $dir) = fresh('ownerlinks');
link_tree($dir);
is(dav('GET', "${url}to-file")->body, "bytes of file\n", "one's own: GET");
SKIP: {
    skip 'this user owns /etc/hostname', 3 if -o '/etc/hostname';
    status_is(dav('GET', "${url}to-outside"), [ 403, 404 ], "another's: GET");
    status_is(propfind("${url}to-outside", 0), [ 403, 404 ], "another's: PROPFIND");
    %href = map { $_ => 1 } propfind($url, 1)->multistatus->hrefs;
    ok(!$href{"${url}to-outside"}, "another's: is not listed");
}
%href = map { $_ => 1 } propfind($url, 1)->multistatus->hrefs;
ok($href{"${url}to-file"}, "one's own: is listed");
ok($href{"${url}to-sub/"}, "one's own: a collection is listed");

finish();
