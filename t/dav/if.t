# RFC 4918 section 10.4: the If header, on every method that changes something.
use strict;
use warnings;

use Depot::Test;

my ($url, $dir) = fresh();
expect_log(client_errors(), qr/AH01630: client denied/);
make_tree($dir, 'file', 'sub/', 'sub/in');
my $token = 'opaquelocktoken:01234567-89ab-cdef-0123-456789abcdef';

my $port        = vars('port');
my $destination = "http://127.0.0.1:$port${url}copy";
my $patch       = proppatch_body(set => '<t:p xmlns:t="urn:test">1</t:p>');
for my $if (
    "(<$token>)",
    "(<$token> [\"etag\"])",
    "(<DAV:no-lock>)",
    "<http://127.0.0.1:$port${url}file> (<$token>)",
    "<${url}sub/> (<$token>)",
    "<${url}absent> (<$token>)",
    '<http://127.0.0.1:1/elsewhere> (<DAV:no-lock>)',
    )
{
    status_is(dav('PUT',       "${url}file", body => 'x', headers => [ If => $if ]), 412, "PUT with If: $if");
    status_is(dav('PUT',       "${url}new",  body => 'x', headers => [ If => $if ]), 412, "PUT of a new file with If: $if");
    status_is(dav('DELETE',    "${url}sub/", headers => [ If => $if ]), 412, "DELETE with If: $if");
    status_is(dav('PROPPATCH', "${url}file", body => $patch, headers => [ If => $if ]), 412, "PROPPATCH with If: $if");
    status_is(dav('MOVE', "${url}file", headers => [ If => $if, Destination => $destination ]), 412, "MOVE with If: $if");
    status_is(dav('COPY', "${url}sub/", headers => [ If => $if, Destination => $destination ]), 412, "COPY with If: $if");
    status_is(dav('MKCOL', "${url}made/", headers => [ If => $if ]), 412, "MKCOL with If: $if");
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
for my $if ('(', '()', '(<>)', '<x>', "(<$token>) <x> (<$token>)", '<', 'x', "(<$token>", '([)', '(["a")', '(Not') {
    status_is(put("${url}file", 'no', If => $if), 400, 'If: ' . substr $if, 0, 20);
}
is(slurp("$dir/file"), 'z', 'nothing changed');
status_is(put("${url}file", 'no', If => $_), 412, 'If: ' . substr $_, 0, 20)
    for '(<' . 'x' x 5000 . '>)', '<http://[> (<a:b>)', '(<urn:uuid:not-a-uuid>)';

finish();
