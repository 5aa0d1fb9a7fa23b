# Names that are kept from clients: our temporaries, and what mod_dav_fs left in a tree.
use strict;
use warnings;

use Depot::Test;

expect_log(client_errors());

my ($url, $dir) = fresh('deep');
my $port = vars('port');
make_tree($dir, 'seen', '.DAV/', '.DAV/seen.pag', '.dav-depot.0123456789abcdef', 'sub/', 'sub/.DAV/', 'sub/.DAV/x', 'sub/y');

is_deeply([ sort(propfind($url, 'infinity')->multistatus->hrefs) ],
    [ sort($url, map {"$url$_"} 'seen', 'sub/', 'sub/y') ], 'they are not listed');
for my $name ('.DAV/', '.DAV/seen.pag', '.dav-depot.0123456789abcdef', 'sub/.DAV/x', '%2EDAV/seen.pag') {
    status_is(dav($_, "$url$name"), 404, "$_ of $name") for qw(GET HEAD PROPFIND DELETE);
    status_is(dav('PROPPATCH', "$url$name", body => proppatch_body(set => '<t:p xmlns:t="urn:test">1</t:p>')),
        404, "PROPPATCH of $name");
}
status_is(put("${url}.DAV/new", 'x'), 403, 'PUT below one');
status_is(put("${url}.dav-depot.mine", 'x'), 403, 'PUT of one');
status_is(dav('MKCOL', "${url}sub/.DAV/more"), 403, 'MKCOL');
status_is(dav('COPY', "${url}seen", headers => [ Destination => "http://127.0.0.1:$port${url}.DAV/seen" ]), 403, 'COPY into one');
status_is(dav('MOVE', "${url}seen", headers => [ Destination => "http://127.0.0.1:$port${url}.dav-depot.x" ]), 403, 'MOVE onto one');
ok(-e "$dir/seen" && -e "$dir/.DAV/seen.pag" && !-e "$dir/.DAV/new", 'nothing changed');

status_is(dav('COPY', "${url}sub/", headers => [ Destination => "http://127.0.0.1:$port${url}copy/" ]), 201, 'COPY of a tree');
ok(-e "$dir/copy/y" && !-e "$dir/copy/.DAV", 'leaves them out');
status_is(dav('MOVE', "${url}sub/", headers => [ Destination => "http://127.0.0.1:$port${url}moved/" ]), 201, 'MOVE of a tree');
ok(-e "$dir/moved/.DAV/x", 'takes them along');
status_is(dav('DELETE', "${url}moved/"), 204, 'DELETE of a tree');
ok(!-e "$dir/moved", 'removes them with it');

finish();
