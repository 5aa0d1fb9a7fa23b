# Without locks nothing pretends to have them, and nothing a client says about them crashes.
use strict;
use warnings;

use Depot::Test;

my ($url, $dir) = fresh();
expect_log(client_errors());
make_tree($dir, 'file', 'sub/', 'sub/in');
my $token = 'opaquelocktoken:01234567-89ab-cdef-0123-456789abcdef';

my $lockinfo = '<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    . '<D:locktype><D:write/></D:locktype><D:owner>me</D:owner></D:lockinfo>';
for my $path ('file', 'absent', 'sub/', '') {
    my $lock = dav('LOCK', "$url$path", body => $lockinfo, headers => [ Depth => 0, Timeout => 'Second-60' ]);
    status_is($lock, 405, "LOCK /$path");
    ok(defined $lock->header('Allow'), 'with Allow');
    unlike($lock->header('Allow') // '', qr/\bLOCK\b/, 'that has no LOCK');
    is($lock->header('Lock-Token'), undef, 'and no token');
}
ok(!-e "$dir/absent", 'LOCK makes no file');
status_is(dav('LOCK', "${url}file", headers => [ If => "(<$token>)" ]), 405, 'LOCK to refresh');
my $unlock = dav('UNLOCK', "${url}file", headers => [ 'Lock-Token' => "<$token>" ]);
status_is($unlock, 405, 'UNLOCK');
ok(defined $unlock->header('Allow'), 'with Allow');
status_is(dav('UNLOCK', "${url}file"), [ 400, 405 ], 'UNLOCK without a token');

my $port        = vars('port');
my $destination = "http://127.0.0.1:$port${url}copy";
my $patch       = proppatch_body(set => '<t:p xmlns:t="urn:test">1</t:p>');
for my $if (
    "(<$token>)",
    "(<$token> [\"etag\"])",
    "(<DAV:no-lock>)",
    '(<>)',
    )
{
    status_is(dav('PUT',       "${url}file", body => 'x', headers => [ If => $if ]), [ 412, 400 ], "PUT with If: $if");
    status_is(dav('PUT',       "${url}new",  body => 'x', headers => [ If => $if ]), [ 412, 400 ], "PUT of a new file with If: $if");
    status_is(dav('DELETE',    "${url}sub/", headers => [ If => $if ]), [ 412, 400, 424 ], "DELETE with If: $if");
    status_is(dav('PROPPATCH', "${url}file", body => $patch, headers => [ If => $if ]), [ 412, 400 ], "PROPPATCH with If: $if");
    status_is(dav('MOVE', "${url}file", headers => [ If => $if, Destination => $destination ]), [ 412, 400 ], "MOVE with If: $if");
    status_is(dav('COPY', "${url}sub/", headers => [ If => $if, Destination => $destination ]), [ 412, 400, 424 ], "COPY with If: $if");
    status_is(dav('MKCOL', "${url}made/", headers => [ If => $if ]), [ 412, 400 ], "MKCOL with If: $if");
}
# Lists for another resource than the request's do no harm.
for my $if ("<http://127.0.0.1:$port${url}file> (<$token>)", "<${url}sub/> (<$token>)") {
    status_is(dav('PROPPATCH', "${url}sub/", body => proppatch_body(set => '<t:q xmlns:t="urn:test">1</t:q>'), headers => [ If => $if ]),
        [ 207, 412 ], "PROPPATCH with If: $if");
    status_is(propfind($url, 1), 207, 'the server goes on');
}
is(slurp("$dir/file"), "bytes of file\n", 'nothing changed');
ok(-e "$dir/sub/in", 'nothing was deleted');
ok(!-e "$dir/$_", "$_ was not made") for qw(copy new made);
is(get_prop("${url}file", 'p'), undef, 'no property was set');

# A condition that holds all the same.
status_is(put("${url}file", 'y', If => "(Not <$token>)"), 204, 'If: (Not <token>)');
status_is(put("${url}file", 'z', If => "(<$token>) (Not <DAV:no-lock>)"), 204, 'one of two lists holds');
my $etag = dav('HEAD', "${url}file")->header('ETag');
status_is(put("${url}file", 'z', If => "([$etag])"), 204, 'If with the ETag');
status_is(put("${url}file", 'no', If => '(["other"])'), 412, 'If with another');

# Broken headers.
for my $if ('(', '<', 'x', "(<$token>", '(<' . 'x' x 5000 . '>)', '([)', '(["a")', '(Not', '<http://[> (<a:b>)') {
    status_is(put("${url}file", 'no', If => $if), [ 400, 412 ], 'If: ' . substr $if, 0, 20);
}
is(slurp("$dir/file"), 'z', 'nothing changed');

finish();
