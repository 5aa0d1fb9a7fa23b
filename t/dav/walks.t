# Walks: what mod_dav's core asks for member by member, and what must not be seen in one.
use strict;
use warnings;

use Depot::Test;

expect_log(client_errors(), qr/AH01630: client denied/, qr/Permission denied/, qr/AH00038: Forbidden: .*fifo/);

# A collection below that the configuration denies: it has its own status, the rest is listed.
my ($url, $dir) = fresh('deep');
make_tree($dir, 'a', 'denied/', 'denied/x', 'sub/', 'sub/b', 'sub/denied/', 'sub/denied/y', 'z/', 'z/c');
my $response = propfind($url, 'infinity');
status_is($response, 207, 'a tree with denied collections');
my $multistatus = $response->multistatus;
my %href = map { $_ => 1 } $multistatus->hrefs;
ok($href{"$url$_"}, "$_ is listed") for '', 'a', 'sub/', 'sub/b', 'z/', 'z/c';
ok(!$href{"$url$_"}, "$_ is not") for 'denied/x', 'sub/denied/y';
for my $denied ('denied/', 'sub/denied/') {
    my $answer = $multistatus->response("$url$denied");
    ok(!$answer || ($answer->{status} // 0) == 403, "$denied is left out or forbidden");
}
status_is(propfind("${url}denied/", 1), 403, 'a denied collection itself');
status_is(dav('GET', "${url}denied/x"), 403, 'what is in it');

# Members that come and go while they are listed.
my ($busy_url, $busy_dir) = fresh('deep');
make_tree($busy_dir, map { "f$_" } 1 .. 500);
my $pid = fork // die "fork: $!\n";
if ($pid == 0) {
    for my $round (1 .. 200) {
        for my $n (1 .. 100) {
            unlink "$busy_dir/f$n";
            spew("$busy_dir/f$n", $round);
        }
    }
    CORE::exit(0);
}
my ($good, $stable) = (0, 0);
for (1 .. 40) {
    my $busy = propfind($busy_url, 1, propfind_body('{DAV:}getcontentlength', '{DAV:}getetag'));
    $good++ if $busy->status == 207 && !$busy->cut_off;
    my $count = grep { /f(\d+)$/ && $1 > 100 } $busy->multistatus->hrefs;
    $stable++ if $count == 400;
}
kill 'TERM', $pid;
waitpid $pid, 0;
is($good,   40, 'listings go on while members come and go');
is($stable, 40, 'and never miss one that stays');

# Things that are no files.
my ($odd_url, $odd_dir) = fresh('deep');
make_tree($odd_dir, 'file');
system('mkfifo', "$odd_dir/fifo") == 0 or diag('no mkfifo');
my $socket = do {
    require IO::Socket::UNIX;
    my $cwd = "$odd_dir/socket";
    length $cwd < 100 ? IO::Socket::UNIX->new(Local => $cwd, Listen => 1) : undef;
};
my %odd = map { $_ => 1 } propfind($odd_url, 1)->multistatus->hrefs;
ok($odd{"${odd_url}file"}, 'a file beside a fifo is listed');
ok(!$odd{"${odd_url}fifo"}, 'a fifo is not a resource');
ok(!$odd{"${odd_url}socket"}, 'nor is a socket') if $socket;
status_is(dav('GET', "${odd_url}fifo"), [ 403, 404 ], 'GET of a fifo does not hang');
status_is(put("${odd_url}fifo", 'x'), [ 403, 404, 405, 409 ], 'PUT to a fifo does not hang');
status_is(dav('DELETE', $odd_url), 204, 'DELETE of the collection they are in');
ok(!-e $odd_dir, 'is gone');

# A collection whose members carry properties while it has none, and the reverse.
my ($props_url, $props_dir) = fresh('deep');
make_tree($props_dir, 'none/', 'none/a', 'none/b', 'some/', 'some/a', 'some/b', 'some/c/', 'some/c/d');
set_prop("${props_url}some/b",   'p', 'b');
set_prop("${props_url}some/c/d", 'p', 'd');
my $tree = propfind($props_url, 'infinity', propfind_body('{urn:test}p'))->multistatus;
is($tree->text("${props_url}some/b",   '{urn:test}p'), 'b', 'a member with a property');
is($tree->text("${props_url}some/c/d", '{urn:test}p'), 'd', 'one further down');
is($tree->prop_status("$props_url$_", '{urn:test}p'), 404, "$_ has none") for '', 'none/', 'none/a', 'some/', 'some/a', 'some/c/';

# A prefix of a name is another name.
make_tree($props_dir, 'ab', 'a', 'abc/', 'abc/x', 'ab c');
set_prop("${props_url}ab", 'p', 'ab');
is(get_prop("${props_url}$_", 'p'), undef, "the property of ab is not that of $_") for 'a', 'abc/', 'abc/x', 'ab%20c';
dav('DELETE', "${props_url}ab");
set_prop("${props_url}abc/x", 'p', 'x');
is(get_prop("${props_url}abc/x", 'p'), 'x', "deleting ab does not touch abc/x's");

# Conditions that make the core walk a tree.
my $etag = dav('HEAD', "${props_url}a")->header('ETag');
status_is(dav('DELETE', "${props_url}some/", headers => [ If => "<${props_url}a> ([$etag])" ]), [ 204, 412 ],
    'DELETE of a tree with a tagged If');

finish();
