# Locks: RFC 4918 sections 6, 7, 9.10 and 9.11.
use strict;
use warnings;

use MIME::Base64 ();
use POSIX ();
use Depot::Test;
use Depot::Lock;

expect_log(client_errors());

my ($url, $dir) = fresh();
my $port   = vars('port');
my $client = client();

my ($token, $member, @shared);    # of the lock on "new", on a member of a tree, on "other"

sub to { return (Destination => "http://127.0.0.1:$port$url$_[0]") }

subtest 'RFC 4918 section 7.3: a LOCK on an unmapped URL makes an empty resource' => sub {
    my $new = lock($client, "${url}new", Depth => 0, owner => '<D:owner><x:who xmlns:x="urn:x" x:y="1">me &amp; you</x:who></D:owner>');
    status_is($new, 201, 'LOCK of what is not there');
    is($new->header('Content-Type'), 'application/xml; charset="utf-8"', 'Content-Type');
    $token = token_of($new);
    like($token, qr/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, 'its token');
    is(-s "$dir/new", 0, 'makes an empty file');
    my ($found) = locks_of($client, "${url}new");
    is_deeply([ @$found{qw(scope depth token root)} ], [ 'exclusive', '0', $token, "${url}new" ], 'PROPFIND tells of it');
    like($found->{owner}, qr{<x:who xmlns:x="urn:x" x:y="1">me &amp; you</x:who>}, 'with the owner as it was sent');
    like($found->{timeout}, qr/^Second-(?:9\d|100)$/, 'and the time that is left');
    status_is(lock($client, "${url}no/such"), 409, 'not where there is no collection');
    status_is(lock($client, "$url$_"), 409, "nor at $_, which names a collection") for 'slash/', 'new/';
    ok(!-e "$dir/slash", 'which is not made');
    # Section 9.10.4: with the conditions that a PUT would have.
    status_is(lock($client, "${url}if", 'If-Match' => '*'), 412, 'If-Match: * does not hold');
    ok(!-e "$dir/if", 'nothing is made');
    status_is(lock($client, "${url}if", 'If-None-Match' => '*'), 201, 'If-None-Match: * does');
    status_is(lock($client, "${url}if", 'If-None-Match' => '*', scope => 'shared'), 412, 'once');
};

subtest 'RFC 4918 section 7.5: what a lock forbids without its token, and allows with it' => sub {
    status_is(put("${url}new", 'x'), 423, 'PUT without the token');
    is_deeply([ put("${url}new", 'x')->preconditions ], ['{DAV:}lock-token-submitted'], 'says why');
    like(put("${url}new", 'x')->body, qr{<D:href>\Q${url}new\E</D:href>}, 'and where');
    status_is(proppatch("${url}new", set => '<t:p xmlns:t="urn:test">1</t:p>'), 423, 'PROPPATCH');
    status_is(dav('DELETE', "${url}new"), 423, 'DELETE');
    status_is(dav('MOVE', "${url}new", headers => [ to('moved') ]), 423, 'MOVE');
    put("${url}other", 'other');
    status_is(dav($_, "${url}other", headers => [ to('new') ]), 423, "$_ onto it") for 'COPY', 'MOVE';
    status_is(dav('COPY', "${url}new", headers => [ to('copy') ]), 201, 'COPY of it');
    is_deeply([ locks_of($client, "${url}copy") ], [], 'has no lock');
    status_is(dav('GET', "${url}new"), 200, 'GET');
    status_is(put("${url}new", 'with', If => "(<$token>)"), 204, 'PUT with the token');
    my $patch = proppatch_body(set => '<t:p xmlns:t="urn:test">1</t:p>');
    status_is(dav('PROPPATCH', "${url}new", body => $patch, headers => [ If => "<${url}new> (<$token>)" ]), 207, 'PROPPATCH with it');
    status_is(put("${url}new", 'no', If => "(<$token> [\"other\"])"), 412, 'the token with a wrong ETag');
    is(slurp("$dir/new"), 'with', 'nothing else was written');
};

subtest 'RFC 4918 section 6.2, 9.10.5: which locks go together' => sub {
    my $refused = lock($client, "${url}new");
    status_is($refused, 423, 'a second LOCK');
    is_deeply([ $refused->preconditions ], ['{DAV:}no-conflicting-lock'], 'says why');
    like($refused->body, qr{<D:href>\Q${url}new\E</D:href>}, 'and where');
    status_is(lock($client, "${url}new", scope => 'shared'), 423, 'a shared one');
    my $above = lock($client, $url);
    status_is($above, 207, 'one of the collection, of depth infinity');
    like($above->body, qr{\Q${url}new\E</D:href><D:status>HTTP/1.1 423 Locked}, 'names the member');
    is_deeply([ locks_of($client, $url) ], [], 'and locks nothing');
    @shared = map { token_of(lock($client, "${url}other", scope => 'shared', Depth => 0)) } 1 .. 3;
    is(scalar(grep {defined} @shared), 3, 'three shared locks');
    status_is(lock($client, "${url}other"), 423, 'forbid an exclusive one');
    status_is(put("${url}other", 'x'), 423, 'PUT needs a token');
    status_is(put("${url}other", 'x', If => "(<$shared[1]>)"), 204, 'any of them');
};

subtest 'RFC 4918 section 9.10.2, 10.7: refreshing a lock, and for how long' => sub {
    my %seconds = ('Second-30' => 30, 'Infinite, Second-4100000000' => 604800, 'Second-4100000000' => 604800, 'Second-1' => 10, 'Extend, Second-50' => 50, 'x' => 600,
        'Infinite' => 604800, 'Second-50, Infinite' => 50, 'second-60' => 60, 'Second-x, Second-70' => 70, 'Second-99999999999999999999' => 604800, '' => 600);
    for my $timeout (sort keys %seconds) {
        my $refresh = dav('LOCK', "${url}new", headers => [ If => "(<$token>)", Timeout => $timeout ]);
        status_is($refresh, 200, "refresh with Timeout: $timeout");
        like($refresh->body, qr{<D:timeout>Second-$seconds{$timeout}<}, "gives $seconds{$timeout} seconds");
        is($refresh->header('Lock-Token'), undef, 'and no new token');
    }
    status_is(dav('LOCK', "${url}new", headers => [ If => "(<$token>)", 'If-Match' => '"other"' ]), 412, 'a refresh with If-Match of another state');
    status_is(dav('LOCK', "${url}new"), 400, 'a refresh without If');
    status_is(dav('LOCK', "${url}new", headers => [ If => '(<urn:uuid:00000000-0000-4000-8000-000000000000>)' ]), 412, 'with an unknown token');
    status_is(dav('LOCK', "${url}copy", headers => [ If => "(<$token>)" ]), 412, 'of another resource');
};

subtest 'RFC 4918 section 9.11: UNLOCK' => sub {
    is(unlock($client, "${url}copy", $token), 409, 'UNLOCK of another resource');
    is_deeply([ dav('UNLOCK', "${url}copy", headers => [ 'Lock-Token' => "<$token>" ])->preconditions ],
        ['{DAV:}lock-token-matches-request-uri'], 'says why');
    is(unlock($client, "${url}new", 'urn:uuid:00000000-0000-4000-8000-000000000000'), 409, 'with an unknown token');
    is(unlock($client, "${url}new", 'x:y'), 409, 'with a strange one');
    status_is(dav('UNLOCK', "${url}new", headers => [ 'Lock-Token' => $_ ]), 400, "Lock-Token: $_") for $token, '<>', '';
    status_is(dav('UNLOCK', "${url}new"), 400, 'without one');
    is(unlock($client, "${url}new", $token), 204, 'with the right one');
    is(unlock($client, "${url}new", $token), 409, 'once');
    status_is(put("${url}new", 'free'), 204, 'it is free');
    is(unlock($client, "${url}other", $_), 204, 'a shared one') for @shared;
};

subtest 'RFC 4918 section 9.10: a LOCK that asks for nothing there is' => sub {
    status_is(dav('LOCK', "${url}new", body => $_), 400, 'a wrong body') for '<x/>', '<D:lockinfo xmlns:D="DAV:"/>', '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope></D:lockinfo>', 'x';
    status_is(lock($client, "${url}new", Depth => 1), 400, 'Depth: 1');
};

subtest 'RFC 4918 section 7.4: a lock of depth 0 keeps a collection\'s members, not their content' => sub {
    make_tree($dir, 'zero/', 'zero/in', 'all/', 'all/in', 'all/sub/', 'all/sub/in');
    my $zero = token_of(lock($client, "${url}zero/", Depth => 0));
    status_is(put("${url}zero/in", 'x'), 204, 'depth 0: PUT of a member');
    status_is(put("${url}zero/more", 'x'), 423, 'PUT of a new one');
    status_is(dav('DELETE', "${url}zero/in"), 423, 'DELETE of one');
    status_is(dav('MKCOL', "${url}zero/coll"), 423, 'MKCOL in it');
    status_is(dav('MOVE', "${url}zero/in", headers => [ to('out') ]), 423, 'MOVE out of it');
    status_is(dav('COPY', "${url}new", headers => [ to('zero/new') ]), 423, 'COPY into it');
    status_is(lock($client, "${url}zero/locked"), 423, 'LOCK of a new one');
    status_is(put("${url}zero/more", 'x', If => "<${url}zero/> (<$zero>)"), 201, 'with the token');
};

subtest 'RFC 4918 section 7.4: a lock of depth infinity covers what is there and what comes' => sub {
    my $all = token_of(lock($client, "${url}all/", Depth => 'infinity'));
    for my $path ('all/', 'all/in', 'all/sub/', 'all/sub/in') {
        is_deeply([ map {"$_->{token} $_->{root} $_->{depth}"} locks_of($client, "$url$path") ], ["$all ${url}all/ infinity"], "$path is locked");
    }
    my %discovered = map { $_ => 1 } propfind("${url}all/", 1, propfind_body('{DAV:}lockdiscovery'))->body =~ m{<D:lockroot><D:href>([^<]*)<}g;
    is_deeply([ keys %discovered ], ["${url}all/"], 'so says a listing');
    status_is(put("${url}all/sub/in", 'x'), 423, 'PUT deep in it');
    like(put("${url}all/sub/in", 'x')->body, qr{<D:href>\Q${url}all/\E</D:href>}, 'names the root of the lock');
    status_is(lock($client, "${url}all/sub/in"), 423, 'LOCK in it');
    status_is(put("${url}all/sub/more", 'x'), 423, 'PUT of a new member');
    status_is(put("${url}all/sub/more", 'x', If => "<${url}all/> (<$all>)"), 201, 'with the token');
    is(scalar(my @more = locks_of($client, "${url}all/sub/more")), 1, 'the new member is locked');
    status_is(dav('MOVE', "${url}new", headers => [ to('all/moved') ]), 423, 'MOVE into it');
    status_is(dav('MOVE', "${url}new", headers => [ to('all/moved'), If => "<${url}all/> (<$all>)" ]), 201, 'with the token');
    is(scalar(my @moved = locks_of($client, "${url}all/moved")), 1, 'what was moved in is locked');
    is(unlock($client, "${url}all/sub/in", $all), 204, 'UNLOCK by a member it covers');
    is_deeply([ locks_of($client, "${url}all/") ], [], 'unlocks all');
};

subtest 'RFC 4918 section 7.6, 9.6.1, 9.9.3: a locked member keeps a tree from going, and locks do not travel' => sub {
    $member = token_of(lock($client, "${url}all/sub/in", Depth => 0));
    for my $method ('DELETE', 'MOVE') {
        my $answer = dav($method, "${url}all/", headers => [ to('elsewhere') ]);
        status_is($answer, 207, "$method of a tree with a locked member");
        my $multistatus = $answer->multistatus;
        is_deeply([ $multistatus->hrefs ], ["${url}all/sub/in"], 'names it alone');
        is($multistatus->response("${url}all/sub/in")->{status}, 423, 'with its status');
    }
    ok(-e "$dir/all/in" && -e "$dir/all/sub/in", 'nothing has gone');
    status_is(dav('COPY', "${url}zero/", headers => [ to('all/') ]), 207, 'COPY over it');
    status_is(dav('MOVE', "${url}all/", headers => [ to('elsewhere'), If => "<${url}all/sub/in> (<$member>)" ]), 201, 'MOVE with the token');
    is_deeply([ locks_of($client, "${url}elsewhere/sub/in") ], [], 'the lock does not travel');
    make_tree($dir, 'all/', 'all/sub/', 'all/sub/in');
    is_deeply([ locks_of($client, "${url}all/sub/in") ], [], 'nor stay for what comes there');
    $member = token_of(lock($client, "${url}all/sub/in", Depth => 0));
    status_is(dav('DELETE', "${url}all/", headers => [ If => "<${url}all/sub/in> (<$member>)" ]), 204, 'DELETE with the token');
    is(unlock($client, "${url}all/sub/in", $member), 409, 'takes the lock with it');
};

subtest 'RFC 4918 section 7.6, 9.8.4, 9.9.3: COPY and MOVE with the tokens of both ends' => sub {
    make_tree($dir, 'ends/', 'ends/in/', 'ends/out', 'ends/in/over');
    my $source = token_of(lock($client, "${url}ends/out", Depth => 0));
    my $into   = token_of(lock($client, "${url}ends/in/", Depth => 'infinity'));
    my %if = (source => "<${url}ends/out> (<$source>)", destination => "<${url}ends/in/> (<$into>)");
    status_is(dav('MOVE', "${url}ends/out", headers => [ to('ends/in/to'), If => $if{$_} ]), 423, "MOVE with the token of the $_ alone") for sort keys %if;
    status_is(dav('COPY', "${url}ends/out", headers => [ to('ends/in/copy'), If => $if{source} ]), 423, "COPY with the source's alone");
    status_is(dav('COPY', "${url}ends/out", headers => [ to('ends/in/copy'), If => $if{destination} ]), 201, "with the destination's");
    status_is(dav('COPY', "${url}ends/out", headers => [ to('ends/in/over'), If => $if{destination} ]), 204, 'and onto a member');
    status_is(dav('MOVE', "${url}ends/out", headers => [ to('ends/in/to'), If => "$if{source} $if{destination}" ]), 201, 'MOVE with both');
    is_deeply([ map { $_->{token} } locks_of($client, "${url}ends/in/$_") ], [$into], "$_ is in the lock of where it is") for 'copy', 'over', 'to';
    unlock($client, "${url}ends/in/", $into);
    # What is replaced is deleted first, and its own lock with it.
    for my $method ('COPY', 'MOVE') {
        make_tree($dir, "ends/new$method", "ends/old$method");
        my $old = token_of(lock($client, "${url}ends/old$method", Depth => 0));
        status_is(dav($method, "${url}ends/new$method", headers => [ to("ends/old$method"), If => "<${url}ends/old$method> (<$old>)" ]), 204, "$method onto what is locked");
        is_deeply([ locks_of($client, "${url}ends/old$method") ], [], 'ends its lock');
    }
};

subtest 'RFC 4918 section 6.4, 6.6: a lock is its principal\'s, and ends' => sub {
    my ($user_url, $user_dir) = fresh('users');
    my %headers = map { $_ => [ Authorization => 'Basic ' . MIME::Base64::encode_base64("$_:$_", '') ] } 'anna', 'ben';
    my $as = sub {
        my ($user, $method, $path, $body, @more) = @_;
        return $client->request($method, "$user_url$path", body => $body, headers => [ @{ $headers{$user} }, @more ]);
    };
    my $hers = token_of($as->('anna', 'LOCK', 'f', lockinfo(), Depth => 0));
    ok($hers, 'a user locks');
    my $patch = proppatch_body(set => '<t:p xmlns:t="urn:test">1</t:p>');
    $as->('anna', 'PUT', 'other', 'other');
    for my $case (
        [ 'PUT', 'f', 'x' ], [ 'DELETE', 'f' ], [ 'PROPPATCH', 'f', $patch ],
        [ 'MOVE', 'f', undef, Destination => "http://127.0.0.1:$port${user_url}to" ],
        [ 'COPY', 'other', undef, Destination => "http://127.0.0.1:$port${user_url}f" ],
        [ 'MOVE', 'other', undef, Destination => "http://127.0.0.1:$port${user_url}f" ],
        )
    {
        my ($method, $path, $body, @headers) = @$case;
        status_is($as->('ben', $method, $path, $body, @headers, If => "<${user_url}f> (<$hers>)"), 423, "another cannot $method with the token");
    }
    ok(!-e "$user_dir/to" && -s "$user_dir/f" == 0, 'nothing changed');
    status_is($as->('ben', 'LOCK', 'f', undef, If => "(<$hers>)"), 412, 'nor refresh it');
    status_is($as->('ben', 'LOCK', 'f', lockinfo('shared')), 423, 'nor lock it too');
    status_is($as->('ben', 'UNLOCK', 'f', undef, 'Lock-Token' => "<$hers>"), 403, 'nor remove it');
    my $seen = $as->('ben', 'PROPFIND', 'f', propfind_body('{DAV:}lockdiscovery'), Depth => 0)->body;
    like($seen, qr/<D:activelock>/, 'he sees that it is locked');
    unlike($seen, qr/\Q$hers\E|<D:owner/, 'but neither token nor owner, where that is configured');
    like($as->('anna', 'PROPFIND', 'f', propfind_body('{DAV:}lockdiscovery'), Depth => 0)->body, qr/\Q$hers\E/, 'she does');
    status_is($as->('anna', 'PUT', 'f', 'hers', If => "(<$hers>)"), 204, 'she writes');
    status_is($as->('anna', 'LOCK', 'f', undef, If => "(<$hers>)", Timeout => 'Second-1'), 200, 'she makes it short');
    sleep 2;
    status_is($as->('ben', 'PUT', 'f', 'his'), 204, 'and it ends by itself');
    status_is($as->('anna', 'UNLOCK', 'f', undef, 'Lock-Token' => "<$hers>"), 409, 'for all');
    status_is($as->('anna', 'PUT', 'f', 'x', If => "(<$hers>)"), 412, 'its token is no more');
    status_is($as->('anna', 'LOCK', 'f', undef, If => "(<$hers>)"), 412, 'and cannot be refreshed');
    unlike($as->('anna', 'PROPFIND', 'f', propfind_body('{DAV:}lockdiscovery'), Depth => 0)->body, qr/activelock/, 'PROPFIND tells of it no more');
    status_is($as->('ben', 'LOCK', 'f', lockinfo()), 200, 'another may lock it now');
};

subtest 'RFC 4918 section 6.2: shared locks of two principals' => sub {
    my ($user_url, $user_dir) = fresh('users');
    my %headers = map { $_ => [ Authorization => 'Basic ' . MIME::Base64::encode_base64("$_:$_", '') ] } 'anna', 'ben';
    my $as = sub {
        my ($user, $method, $path, $body, @more) = @_;
        return $client->request($method, "$user_url$path", body => $body, headers => [ @{ $headers{$user} }, @more ]);
    };
    my %token = map { $_ => token_of($as->($_, 'LOCK', 'f', lockinfo('shared'), Depth => 0)) } 'anna', 'ben';
    ok($token{$_}, "$_ has one") for 'anna', 'ben';
    isnt($token{anna}, $token{ben}, 'of their own');
    is(scalar(() = $as->('anna', 'PROPFIND', 'f', propfind_body('{DAV:}lockdiscovery'), Depth => 0)->body =~ /<D:activelock>/g), 2, 'both are listed');
    status_is($as->('anna', 'PUT', 'f', 'x', If => "(<$token{ben}>)"), 423, "one does not write with the other's");
    status_is($as->($_, 'PUT', 'f', $_, If => "(<$token{$_}>)"), 204, "$_ writes with the own") for 'anna', 'ben';
    status_is($as->('anna', 'PUT', 'f', 'x'), 423, 'not without');
    status_is($as->('anna', 'UNLOCK', 'f', undef, 'Lock-Token' => "<$token{ben}>"), 403, "one does not remove the other's");
    status_is($as->('anna', 'UNLOCK', 'f', undef, 'Lock-Token' => "<$token{anna}>"), 204, 'but the own');
    status_is($as->('anna', 'PUT', 'f', 'x'), 423, 'the other one stays');
    status_is($as->('ben', 'PUT', 'f', 'last', If => "(<$token{ben}>)"), 204, 'and is good');
    is(slurp("$user_dir/f"), 'last', 'what is there is theirs');
    status_is($as->('ben', 'UNLOCK', 'f', undef, 'Lock-Token' => "<$token{ben}>"), 204, 'until it goes');
};

# Section 14.17: servers keep the element as it is.
subtest 'RFC 4918 section 14.17: the owner comes back as it was sent' => sub {
    my %owner = (
        '<D:owner>text &amp; &lt;more&gt;</D:owner>'                              => 'text & <more>',
        '<D:owner><D:href>http://example.org/~me</D:href></D:owner>'              => 'http://example.org/~me',
        '<D:owner xml:lang="de"> Frau <b xmlns="">X</b> <!-- c --> </D:owner>'    => ' Frau X  ',
        '<D:owner><w:x xmlns:w="urn:w" w:a="1"/><x xmlns="urn:y" z="&quot;"/></D:owner>' => '',
    );
    for my $owner (sort keys %owner) {
        my $answer = lock($client, "${url}owned", owner => $owner);
        my $inside = ($owner =~ m{^<D:owner[^>]*>(.*)</D:owner>$})[0];
        like($answer->body, qr{<D:owner[^>]*>\Q$inside\E</D:owner>}, "$owner: as it was sent");
        my $found = propfind("${url}owned", 0, propfind_body('{DAV:}lockdiscovery'))->multistatus
            ->prop("${url}owned", '{DAV:}lockdiscovery')->{node}->findvalue('.//*[local-name()="owner"]');
        is($found, $owner{$owner}, 'PROPFIND has it');
        unlock($client, "${url}owned", token_of($answer));
    }
    # Prefixes that the lockinfo element declares; another one for DAV:.
    my $body = '<lockinfo xmlns="DAV:" xmlns:o="urn:o" xml:lang="fr"><lockscope><exclusive/></lockscope><locktype><write/></locktype><owner><o:x>o:y</o:x></owner></lockinfo>';
    my $answer = dav('LOCK', "${url}owned", body => $body);
    my $node = propfind("${url}owned", 0, propfind_body('{DAV:}lockdiscovery'))->multistatus->prop("${url}owned", '{DAV:}lockdiscovery')->{node};
    my ($owner) = $node->findnodes('.//*[local-name()="owner" and namespace-uri()="DAV:"]');
    is($owner->lookupNamespaceURI('o'), 'urn:o', 'a prefix from outside keeps its meaning');
    is($owner->findvalue('*[namespace-uri()="urn:o"]'), 'o:y', 'and so do those who use it');
    is($owner->findvalue('ancestor-or-self::*[@xml:lang][1]/@xml:lang'), 'fr', 'the language from outside too');
    unlock($client, "${url}owned", token_of($answer));
    status_is(dav('LOCK', "${url}owned", body => lockinfo(undef, '')), 200, 'no owner at all');
    is((locks_of($client, "${url}owned"))[0]{owner}, undef, 'is none');
};

# Section 15.8 and 15.10; 14.1: what an activelock holds.
subtest 'RFC 4918 section 14.1, 15.8, 15.10: lockdiscovery and supportedlock' => sub {
    make_tree($dir, 'disc/', 'disc/f');
    my %xml = map { $_ => token_of(lock($client, "${url}disc/$_", scope => 'shared', Depth => $_ eq 'f' ? 0 : 'infinity')) } '', 'f';
    my $answer = propfind("${url}disc/", 1, propfind_body('{DAV:}lockdiscovery', '{DAV:}supportedlock'))->multistatus;
    my %locks  = ("${url}disc/" => [''], "${url}disc/f" => [ '', 'f' ]);
    for my $href (sort keys %locks) {
        my @active = $answer->prop($href, '{DAV:}lockdiscovery')->{node}->findnodes('*[local-name()="activelock"]');
        is_deeply([ sort map { $_->findvalue('*[local-name()="locktoken"]') } @active ], [ sort map { $xml{$_} } @{ $locks{$href} } ], "$href: each lock that covers it");
        for my $lock (@active) {
            is(join(' ', map { $_->localname } $lock->childNodes), 'locktype lockscope depth owner timeout locktoken lockroot', 'with all its parts');
            like($lock->findvalue('*[local-name()="lockroot"]/*[local-name()="href"]'), qr{^\Q${url}disc/\Ef?$}, 'and where it was taken out');
        }
        my $supported = $answer->prop($href, '{DAV:}supportedlock')->{node};
        is(join(' ', map { $_->localname } $supported->findnodes('*[local-name()="lockentry"]/*/*')), 'exclusive write shared write', "$href: supportedlock");
    }
    unlock($client, "${url}disc/$_", $xml{$_}) for keys %xml;
    is($client->request('PROPFIND', "${url}disc/f", headers => [ Depth => 0 ], body => propfind_body('{DAV:}lockdiscovery'))->multistatus->canonical("${url}disc/f", '{DAV:}lockdiscovery')
            =~ /activelock/, '', 'without a lock it is empty');
};

# Mutual exclusion, shown by what it is for: each turn adds one to a counter under a lock; a lock
# that is lost or granted twice loses a turn.
subtest 'RFC 4918 section 6.1: twenty clients take turns, at one resource and at several' => sub {
    my ($clients, $turns, @counters) = (20, 5, 'one', 'two', 'three');
    mkdir "$dir/counters" or die $!;
    spew("$dir/counters/$_", '0') for 'all', @counters;

    my $add_one = sub {
        my ($own, $name) = @_;
        my $held;
        for my $try (1 .. 4000) {
            $held = token_of(lock($own, "${url}counters/$name", Depth => 0)) and last;
            select undef, undef, undef, 0.002 + rand 0.01;
        }
        my $count = $own->request('GET', "${url}counters/$name")->body;
        my $put   = $own->request('PUT', "${url}counters/$name", body => $count + 1, headers => [ If => "(<$held>)" ]);
        return $put->status == 204 && unlock($own, "${url}counters/$name", $held) == 204;
    };
    my @pids;
    for my $n (1 .. $clients) {
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            my $own = client(port => $port);
            for my $turn (1 .. $turns) {
                $add_one->($own, $_) or POSIX::_exit(1) for 'all', $counters[ ($n + $turn) % @counters ];
            }
            POSIX::_exit(0);
        }
        push @pids, $pid;
    }
    my $bad = 0;
    for my $pid (@pids) { waitpid $pid, 0; $bad++ if $? }
    is($bad, 0, 'each got each of its turns');
    is(slurp("$dir/counters/all"), $clients * $turns, 'at one resource none was lost');
    my $sum = 0;
    $sum += slurp("$dir/counters/$_") for @counters;
    is($sum, $clients * $turns, 'nor at several');
    is_deeply([ map { locks_of($client, "${url}counters/$_") } '', 'all', @counters ], [], 'no lock is left');
    my %pids = map { /counters.* (\d+)$/ ? ($1 => 1) : () } split /\n/, slurp(server_root() . '/logs/access_log');
    ok(keys %pids >= 2, 'through ' . keys(%pids) . ' processes');
};

subtest 'many locks in the way of a DELETE: some are named' => sub {
    my ($many, $named) = (150, 100);
    make_tree($dir, 'many/', map {"many/$_"} 1 .. $many);
    my %held = map { $_ => token_of(lock($client, "${url}many/$_", Depth => 0)) } 1 .. $many;
    my $answer = $client->request('DELETE', "${url}many");
    is($answer->status, 207, 'it is refused');
    my @hrefs = $answer->multistatus->hrefs;
    is(@hrefs, $named, 'with the names of some');
    is_deeply([ grep { !m{^\Q${url}many/\E\d+$} } @hrefs ], [], 'all of them in its way');
    unlock($client, "${url}many/$_", $held{$_}) for keys %held;
    is($client->request('DELETE', "${url}many")->status, 204, 'without them it is done');
};

finish();
