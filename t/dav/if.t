# RFC 4918 section 10.4: the If header, on every method.
use strict;
use warnings;

use Depot::Test;
use Depot::Lock;

my ($url, $dir) = fresh();
expect_log(client_errors(), qr/AH01630: client denied/);
make_tree($dir, 'file', 'sub/', 'sub/in');

my $port        = vars('port');
my $client      = client();
my $token       = 'urn:uuid:01234567-89ab-4def-8123-456789abcdef';    # of no lock
my $destination = "http://127.0.0.1:$port${url}copy";
my $patch       = proppatch_body(set => '<t:p xmlns:t="urn:test">1</t:p>');

subtest 'RFC 4918 section 10.4.1: what does not hold is 412 for every method' => sub {
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
        my %if = (If => $if);
        status_is(dav('GET',       "${url}file", headers => [%if]), 412, "GET with If: $if");
        status_is(dav('HEAD',      "${url}file", headers => [%if]), 412, "HEAD with If: $if");
        status_is(dav('PROPFIND',  "${url}file", headers => [ %if, Depth => 0 ]), 412, "PROPFIND with If: $if");
        status_is(dav('PUT',       "${url}file", body => 'x', headers => [%if]), 412, "PUT with If: $if");
        status_is(dav('PUT',       "${url}new",  body => 'x', headers => [%if]), 412, "PUT of a new file with If: $if");
        status_is(dav('DELETE',    "${url}sub/", headers => [%if]), 412, "DELETE with If: $if");
        status_is(dav('PROPPATCH', "${url}file", body => $patch, headers => [%if]), 412, "PROPPATCH with If: $if");
        status_is(dav('MOVE', "${url}file", headers => [ %if, Destination => $destination ]), 412, "MOVE with If: $if");
        status_is(dav('COPY', "${url}sub/", headers => [ %if, Destination => $destination ]), 412, "COPY with If: $if");
        status_is(dav('MKCOL', "${url}made/", headers => [%if]), 412, "MKCOL with If: $if");
        status_is(lock($client, "${url}file", %if), 412, "LOCK with If: $if");
        status_is(lock($client, "${url}locked", %if), 412, "LOCK of a new file with If: $if");
        status_is(dav('UNLOCK', "${url}file", headers => [ %if, 'Lock-Token' => "<$token>" ]), 412, "UNLOCK with If: $if");
    }
    is(slurp("$dir/file"), "bytes of file\n", 'nothing changed');
    ok(-e "$dir/sub/in", 'nothing was deleted');
    ok(!-e "$dir/$_", "$_ was not made") for qw(copy new made locked);
    is(get_prop("${url}file", 'p'), undef, 'no property was set');
    is_deeply([ locks_of($client, "${url}file") ], [], 'nor a lock');
};

subtest 'RFC 4918 section 10.4.1: a token that stands in it is submitted' => sub {
    my $held = token_of(lock($client, "${url}file", Depth => 0));
    my $etag = dav('HEAD', "${url}file")->header('ETag');
    for my $if ("(<$held>)", "<${url}file> (<$held>)", "<http://127.0.0.1:$port${url}file> (<$held>)",
        "(<$held> [$etag])", "(<$token>) (<$held>)", "(Not <$held>) (Not <DAV:no-lock>)", "<${url}sub/> (Not <$held>)")
    {
        status_is(dav('PROPPATCH', "${url}file", body => $patch, headers => [ If => $if ]), 207, "If: $if");
    }
    # It is, but the header as a whole does not hold.
    for my $if ("(<$held> [\"other\"])", "(Not <$held>)", "(<$held> <$token>)", "<${url}sub/> (<$held>)") {
        status_is(dav('PROPPATCH', "${url}file", body => $patch, headers => [ If => $if ]), 412, "If: $if");
    }
    # It holds, but the token of the lock is not in it.
    for my $if ("([$etag])", "(Not <DAV:no-lock>)", "(<$token>) (Not <DAV:no-lock>)", "<${url}sub/in> (Not <$token>)") {
        status_is(dav('PROPPATCH', "${url}file", body => $patch, headers => [ If => $if ]), 423, "If: $if");
        status_is(put("${url}file", 'no', If => $if), 423, "PUT, If: $if");
    }
    unlock($client, "${url}file", $held);
};

subtest 'RFC 4918 section 10.4.2: what is not well-formed is 400' => sub {
    for my $if ('(', '()', '(<>)', '<x>', "(<$token>) <x> (<$token>)", '<', 'x', "(<$token>", '([)', '(["a")', '(Not') {
        status_is(put("${url}file", 'no', If => $if), 400, "PUT, If: $if");
        status_is(dav('GET', "${url}file", headers => [ If => $if ]), 400, "GET, If: $if");
        status_is(dav('LOCK', "${url}file", headers => [ If => $if ]), 400, "a refresh, If: $if");
    }
    is(slurp("$dir/file"), "bytes of file\n", 'nothing changed');
    status_is(put("${url}file", 'no', If => $_), 412, 'what only means nothing is 412: ' . substr $_, 0, 20)
        for '(<' . 'x' x 5000 . '>)', '<http://[> (<a:b>)', '(<urn:uuid:not-a-uuid>)';
};

# Each If with the status of a PROPPATCH, which does not change the ETag, and of a GET.
sub holds {
    my ($path, @cases) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    while (my ($if, $yes) = splice @cases, 0, 2) {
        status_is(dav('PROPPATCH', $path, body => $patch, headers => [ If => $if ]), $yes ? 207 : 412, "If: $if");
        status_is(dav('GET', $path, headers => [ If => $if ]), $yes ? 200 : 412, 'GET');
    }
    return;
}

subtest 'RFC 4918 section 10.4.3: lists are alternatives, conditions are not' => sub {
    my $etag = dav('HEAD', "${url}file")->header('ETag');
    holds("${url}file",
        "([$etag])"                                      => 1,
        "(<$token>) ([$etag])"                           => 1,
        "([$etag]) (<$token>)"                           => 1,
        "([$etag] Not <$token>)"                         => 1,
        "([$etag] <$token>)"                             => 0,
        "(<$token>) ([\"other\"])"                       => 0,
        "<${url}sub/> (<$token>) <${url}file> ([$etag])" => 1,
        "<${url}file> (<$token>) ([$etag])"              => 1,
        "<${url}sub/> (<$token>) ([$etag])"              => 0,
        "<${url}file> ([\"x\"]) <${url}sub/> (<$token>)" => 0,
    );
};

subtest 'RFC 4918 section 10.4.3: a list without a tag is about the request-URI' => sub {
    my $parent = token_of(lock($client, "${url}sub/", Depth => 0));
    my $etag   = dav('HEAD', "${url}sub/in")->header('ETag');
    # The token is of the collection, not of its member.
    holds("${url}sub/in", "(<$parent>)" => 0, "<${url}sub/> (<$parent>)" => 1, "(Not <$parent>)" => 1, "<${url}sub/> (Not <$parent>)" => 0);
    status_is(put("${url}sub/new", 'x', If => "(<$parent>)"), 412, 'PUT of a new member, without a tag');
    status_is(put("${url}sub/new", 'x', If => "<${url}sub/> (<$parent>)"), 201, 'with one');
    # A list of a collection's DELETE is not asked of each member.
    my $own = dav('GET', "${url}sub/in")->header('ETag');
    status_is(dav('DELETE', "${url}sub/", headers => [ If => "([$own])" ]), 412, "the ETag is a member's");
    status_is(dav('COPY', "${url}sub/", headers => [ If => "([$own])", Destination => $destination ]), 412, 'so for COPY');
    status_is(dav('COPY', "${url}sub/", headers => [ If => "<${url}sub/in> ([$own])", Destination => $destination ]), 201, 'a tag says of which');
    status_is(dav('MOVE', "${url}copy", headers => [ If => "<${url}sub/in> ([$own])", Destination => "${destination}2" ]), 201, 'of any resource');
    unlock($client, "${url}sub/", $parent);
};

subtest 'RFC 4918 section 10.4.4: what a token and an entity tag match' => sub {
    my $etag = dav('HEAD', "${url}file")->header('ETag');
    (my $gzip = $etag) =~ s/"$/-gzip"/;
    holds("${url}file", "([$gzip])" => 1, '([""])' => 0, "([W/$etag])" => 0, "(Not [$etag])" => 0, '(Not ["other"])' => 1);
    # A lock matches wherever it reaches.
    my $all = token_of(lock($client, "${url}sub/", Depth => 'infinity'));
    holds("${url}sub/in", "(<$all>)" => 1, "<${url}sub/> (<$all>)" => 1);
    holds("${url}sub/in", '(<' . uc($all) . '>)' => 1);
    # The same UUID as mod_dav_fs writes it, whose locks can be brought over.
    holds("${url}sub/in", '(<' . ($all =~ s/^urn:uuid:/opaquelocktoken:/r) . '>)' => 1);
    status_is(put("${url}sub/unmapped", 'x', If => "(<$all>)"), 201, 'a new member too');
    unlock($client, "${url}sub/", $all);
    # Of several shared locks, each.
    my @shared = map { token_of(lock($client, "${url}file", scope => 'shared', Depth => 0)) } 1, 2;
    holds("${url}file", "(<$shared[0]>)" => 1, "(<$shared[1]>)" => 1, "(<$shared[0]> <$shared[1]>)" => 1);
    unlock($client, "${url}file", $_) for @shared;
};

subtest 'RFC 4918 section 10.4.5: an unmapped URL has no state' => sub {
    for my $method ('PUT', 'MKCOL') {
        my $n = 0;
        status_is(dav($method, "${url}none$method", headers => [ If => $_ ]), 412, "$method, If: $_")
            for '(["e"])', "(<$token>)", "<${url}nothing> ([\"e\"])";
        status_is(dav($method, "${url}none$method" . ++$n, headers => [ If => $_ ]), 201, "$method, If: $_")
            for '(Not ["e"])', "(Not <$token>)", "<${url}nothing> (Not [\"e\"])";
    }
};

subtest 'RFC 4918 section 10.4.8: Not, and the lock that never is' => sub {
    my $etag = dav('HEAD', "${url}file")->header('ETag');
    holds("${url}file", '(Not <DAV:no-lock>)' => 1, '(<DAV:no-lock>)' => 0, "(<$token>) (Not <DAV:no-lock>)" => 1, "([$etag] Not <DAV:no-lock>)" => 1,
        "(Not [$etag] Not <DAV:no-lock>)" => 0);
};

finish();
