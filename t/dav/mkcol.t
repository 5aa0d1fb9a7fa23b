# MKCOL.
use strict;
use warnings;

use Depot::Test;

my ($url, $dir) = fresh();
expect_log(client_errors());

my $response = dav('MKCOL', "${url}new/");
status_is($response, 201, 'a new collection');
ok(-d "$dir/new", 'is a directory');
status_is(dav('MKCOL', "${url}slashless"), 201, 'without a slash at the end');
ok(-d "$dir/slashless", 'is a directory, too');
status_is(dav('MKCOL', "${url}new/"), 405, 'where a collection is');
spew("$dir/file", 'x');
status_is(dav('MKCOL', "${url}file"), 405, 'where a file is');
is(slurp("$dir/file"), 'x', 'the file is as it was');
status_is(dav('MKCOL', "${url}a/b/c/"), 409, 'without a parent');
ok(!-e "$dir/a", 'nothing was made');
status_is(dav('MKCOL', "${url}file/sub/"), [ 400, 404, 409 ], 'below a file');
status_is(dav('MKCOL', "${url}body/", body => '<x/>', headers => [ 'Content-Type' => 'text/xml' ]),
    415, 'with a body of a type that means nothing');
ok(!-e "$dir/body", 'nothing was made');
is(propfind("${url}new/", 0)->multistatus->text("${url}new/", '{DAV:}getcontentlength'),
    undef, 'a new collection has no length');
mkdir "$dir/readonly";
chmod 0555, "$dir/readonly";
status_is(dav('MKCOL', "${url}readonly/x/"), 403, 'where the server may not write');
chmod 0755, "$dir/readonly";
status_is(dav('MKCOL', "${url}if/", headers => [ 'If-None-Match' => '*' ]), 201, 'If-None-Match: *');

finish();
