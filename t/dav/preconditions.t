# RFC 4918 section 16: the elements that say which precondition or postcondition was not met.
use strict;
use warnings;

use MIME::Base64 ();
use Depot::Test;
use Depot::Lock;

expect_log(client_errors(), qr/AH01630: client denied/);

my ($url, $dir) = fresh('deep');
my $port   = vars('port');
my $client = client();
my $patch  = proppatch_body(set => '<t:p xmlns:t="urn:test">1</t:p>');
my $never  = 'urn:uuid:00000000-0000-4000-8000-000000000000';

sub to { return (Destination => "http://127.0.0.1:$port$url$_[0]") }

# A DAV:error body with this element alone, and in it these hrefs.
sub says {
    my ($answer, $status, $element, $hrefs, $what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    status_is($answer, $status, $what);
    is($answer->header('Content-Type'), 'application/xml; charset="utf-8"', "$what: as XML");
    is_deeply([ $answer->preconditions ], ["{DAV:}$element"], "$what: $element");
    is_deeply([ $answer->body =~ m{<D:href>([^<]*)</D:href>}g ], $hrefs, "$what: with its hrefs");
    return;
}

subtest 'RFC 4918 section 16: lock-token-submitted' => sub {
    make_tree($dir, 'coll/', 'coll/file', 'coll/sub/', 'coll/sub/deep', 'coll/free/', 'out');
    my $deep = token_of(lock($client, "${url}coll/sub/deep", Depth => 0));
    my @deep = ("${url}coll/sub/deep");
    says(put("${url}coll/sub/deep", 'x'), 423, 'lock-token-submitted', \@deep, 'PUT');
    says(dav('DELETE', $deep[0]), 423, 'lock-token-submitted', \@deep, 'DELETE');
    says(dav('PROPPATCH', $deep[0], body => $patch), 423, 'lock-token-submitted', \@deep, 'PROPPATCH');
    says(dav('MOVE', $deep[0], headers => [ to('to') ]), 423, 'lock-token-submitted', \@deep, 'MOVE');
    says(dav('COPY', "${url}out", headers => [ to('coll/sub/deep') ]), 423, 'lock-token-submitted', \@deep, 'COPY onto it');
    for my $method ('DELETE', 'MOVE') {
        my $answer = dav($method, "${url}coll/", headers => [ to('to/') ]);
        is_deeply([ $answer->multistatus->hrefs ], \@deep, "$method of a collection above names it");
        is_deeply($answer->multistatus->response($deep[0])->{error}, ['{DAV:}lock-token-submitted'], 'and says why');
        like($answer->body, qr{<D:lock-token-submitted><D:href>\Q$deep[0]\E</D:href></D:lock-token-submitted>}, 'with the href');
    }
    # One lock at the collection, one at its member: both are named.
    my $coll = token_of(lock($client, "${url}coll/", Depth => 0));
    says(dav('DELETE', "${url}coll/"), 423, 'lock-token-submitted', [ "${url}coll/", @deep ], 'DELETE of a locked collection');
    says(put("${url}coll/new", 'x'), 423, 'lock-token-submitted', ["${url}coll/"], 'PUT of a new member');
    says(dav('MKCOL', "${url}coll/new/"), 423, 'lock-token-submitted', ["${url}coll/"], 'MKCOL');
    says(lock($client, "${url}coll/new"), 423, 'lock-token-submitted', ["${url}coll/"], 'LOCK of a new member');
    says(dav('COPY', "${url}out", headers => [ to('coll/new') ]), 423, 'lock-token-submitted', ["${url}coll/"], 'COPY into it');
    says(dav('MOVE', "${url}coll/file", headers => [ to('to') ]), 423, 'lock-token-submitted', ["${url}coll/"], 'MOVE out of it');
    unlock($client, @$_) for [ "${url}coll/", $coll ], [ $deep[0], $deep ];
};

subtest 'RFC 4918 section 16: no-conflicting-lock' => sub {
    make_tree($dir, 'tree/', 'tree/file');
    my $token = token_of(lock($client, "${url}tree/file", Depth => 0));
    says(lock($client, "${url}tree/file"), 423, 'no-conflicting-lock', ["${url}tree/file"], 'LOCK of what is locked');
    my $above = lock($client, "${url}tree/");
    is_deeply($above->multistatus->response("${url}tree/file")->{error}, ['{DAV:}no-conflicting-lock'], 'LOCK of all above');
    unlock($client, "${url}tree/file", $token);
    $token = token_of(lock($client, "${url}tree/"));
    says(lock($client, "${url}tree/file"), 423, 'no-conflicting-lock', ["${url}tree/"], 'LOCK of what is in a locked tree');
    unlock($client, "${url}tree/", $token);
};

subtest 'RFC 4918 section 16: lock-token-matches-request-uri' => sub {
    make_tree($dir, 'one', 'two');
    my $token = token_of(lock($client, "${url}one", Depth => 0));
    for my $case ([ 'two', $token, 'another resource' ], [ 'one', $never, 'an unknown token' ], [ 'one', 'x:y', 'no token of ours' ], [ 'absent', $token, 'nothing' ]) {
        my ($name, $with, $what) = @$case;
        says(dav('UNLOCK', "$url$name", headers => [ 'Lock-Token' => "<$with>" ]), 409, 'lock-token-matches-request-uri', [], "UNLOCK: $what");
    }
    # Section 9.10.6: a refresh of a lock that does not cover the request-URI.
    for my $case ([ 'two', "(<$token>)" ], [ 'one', "(<$never>)" ], [ 'two', "<${url}one> (<$token>)" ], [ 'one', '(Not <DAV:no-lock>)' ]) {
        my ($name, $if) = @$case;
        says(dav('LOCK', "$url$name", headers => [ If => $if ]), 412, 'lock-token-matches-request-uri', [], "refresh of $name: $if");
    }
    unlock($client, "${url}one", $token);
};

subtest 'RFC 4918 section 16: cannot-modify-protected-property' => sub {
    make_tree($dir, 'props', 'props.d/');
    for my $path ("${url}props", "${url}props.d/") {
        for my $name (qw(creationdate getcontentlength getetag getlastmodified lockdiscovery resourcetype supportedlock)) {
            for my $action ([ set => "<D:$name/>" ], [ remove => ["{DAV:}$name"] ]) {
                my $answer = proppatch($path, @$action)->multistatus;
                is($answer->prop_status($path, "{DAV:}$name"), 403, "$$action[0] $name");
                is_deeply($answer->prop($path, "{DAV:}$name")->{error}, ['{DAV:}cannot-modify-protected-property'], 'says why');
            }
        }
    }
};

subtest 'RFC 4918 section 16: propfind-finite-depth' => sub {
    my ($shallow) = fresh();
    says(propfind($shallow, 'infinity'), 403, 'propfind-finite-depth', [], 'PROPFIND, Depth: infinity');
    says(dav('PROPFIND', $shallow), 403, 'propfind-finite-depth', [], 'PROPFIND without Depth');
    status_is(propfind($url, 'infinity'), 207, 'where it is configured');
};

subtest 'RFC 4918 section 16: no-external-entities' => sub {
    make_tree($dir, 'xml');
    my $dtd = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>';
    says(dav('PROPFIND', "${url}xml", headers => [ Depth => 0 ], body => "$dtd<D:propfind xmlns:D=\"DAV:\"><D:prop><D:x>&e;</D:x></D:prop></D:propfind>"),
        403, 'no-external-entities', [], 'PROPFIND');
    says(dav('PROPPATCH', "${url}xml", body => "$dtd<D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop><x xmlns=\"u\">&e;</x></D:prop></D:set></D:propertyupdate>"),
        403, 'no-external-entities', [], 'PROPPATCH');
    says(dav('LOCK', "${url}xml", body => $dtd . (lockinfo(undef, '<D:owner>&e;</D:owner>') =~ s/<\?.*?\?>//r)), 403, 'no-external-entities', [], 'LOCK');
    says(dav('LOCK', "${url}not-made", body => $dtd . (lockinfo() =~ s/<\?.*?\?>//r)), 403, 'no-external-entities', [], 'LOCK of what is not there');
    ok(!-e "$dir/not-made", 'makes nothing');
};

# Live properties come from the file or from what is stored with it, and so are the same
# wherever in our drives a COPY or MOVE takes it: the condition for 409 never arises.
subtest 'RFC 4918 section 16: preserved-live-properties' => sub {
    my ($other) = fresh('shm');
    my @names = ('{DAV:}getcontenttype', '{DAV:}getcontentlanguage', '{DAV:}getcontentlength', '{DAV:}displayname',
        '{DAV:}resourcetype', '{http://apache.org/dav/props/}executable');
    my $live = sub {
        my ($path) = @_;
        my $answer = propfind($path, 0, propfind_body(@names, '{DAV:}supportedlock'))->multistatus;
        return { map { $_ => $answer->canonical($path, $_) } @names, '{DAV:}supportedlock' };
    };
    put("${url}live", 'content');
    my $set = proppatch("${url}live", set => '<D:getcontenttype>application/x-test</D:getcontenttype><D:getcontentlanguage>de</D:getcontentlanguage>'
            . '<D:displayname>A name</D:displayname><A:executable xmlns:A="http://apache.org/dav/props/">T</A:executable>')->multistatus;
    is_deeply([ $set->names("${url}live", 200) ], [ sort grep {!/length|resourcetype/} @names ], 'properties that can be set are');
    my $before = $live->("${url}live");
    like($before->{$names[0]}, qr{application/x-test}, 'and have their values');
    for my $to ("${url}copy", "${other}copy") {
        status_is(dav('COPY', "${url}live", headers => [ Destination => "http://127.0.0.1:$port$to" ]), 201, "COPY to $to");
        is_deeply($live->($to), $before, 'has the same live properties');
    }
    for my $step ([ "${url}copy", "${url}moved" ], [ "${url}moved", "${other}moved" ]) {
        my ($from, $to) = @$step;
        status_is(dav('MOVE', $from, headers => [ Destination => "http://127.0.0.1:$port$to" ]), 201, "MOVE to $to");
        is_deeply($live->($to), $before, 'has the same live properties');
    }
};

# What is in a collection that the user may not enter is not spoken of, its locks included.
subtest 'RFC 4918 section 20: locks in forbidden collections are not told of' => sub {
    make_tree($dir, 'shut/', 'shut/open', 'shut/denied/', 'shut/denied/secret');
    # A lock from another way to the same files, where they are not forbidden.
    (my $open = $url) =~ s{^/deep/}{/open/} or die $url;
    my $inside = lock($client, "${open}shut/denied/secret", Depth => 0);
    status_is($inside, 200, 'somebody else locks a secret');
    for my $method ('DELETE', 'MOVE', 'LOCK') {
        my $answer = $method eq 'LOCK' ? lock($client, "${url}shut/") : dav($method, "${url}shut/", headers => [ to('to/') ]);
        status_is($answer, [ 207, 423 ], "$method of the collection above");
        unlike($answer->body, qr/secret/, 'does not name it');
    }
    unlike(propfind("${url}shut/", 'infinity', propfind_body('{DAV:}lockdiscovery'))->body, qr/secret|activelock/, 'nor does PROPFIND');
};

finish();
