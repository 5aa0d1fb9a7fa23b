# RFC 4918 section 15: the properties it defines, of files and collections: what they say, and
# which of them a client may set.  Sections 15.8 and 15.10 are in t/dav/locks.t.
use strict;
use warnings;

use Depot::Test;

my ($url, $dir) = fresh();
expect_log(client_errors());
make_tree($dir, 'file.txt', 'plain', 'coll/');
my $time = 1_234_567_890;
utime $time, $time, "$dir/$_" or die $! for 'file.txt', 'coll';
my ($file, $coll) = ("${url}file.txt", "${url}coll/");

# The status and the text of one property.
sub look {
    my ($path, $name) = @_;
    my $answer = propfind($path, 0, propfind_body("{DAV:}$name"))->multistatus;
    return ($answer->prop_status($path, "{DAV:}$name"), $answer->text($path, "{DAV:}$name"));
}

# Set a property, or remove it where VALUE is undef: its status in the answer.
sub change {
    my ($path, $name, $value) = @_;
    my @action = defined $value ? (set => "<D:$name>$value</D:$name>") : (remove => ["{DAV:}$name"]);
    return proppatch($path, @action)->multistatus->prop_status($path, "{DAV:}$name");
}

sub is_protected {
    my ($path, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(change($path, $name, $_), 403, "$path: $name cannot be " . (defined $_ ? 'set' : 'removed')) for 'x', undef;
    return;
}

subtest 'RFC 4918 section 15.1: creationdate' => sub {
    for my $path ($file, $coll) {
        my ($status, $text) = look($path, 'creationdate');
        is($status, 200, "$path has one");
        like($text, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)$/, 'a date-time of RFC 3339');
        is_protected($path, 'creationdate');
    }
};

subtest 'RFC 4918 section 15.2: displayname' => sub {
    for my $path ($file, $coll) {
        is((look($path, 'displayname'))[0], 404, "$path has none");
        is(change($path, 'displayname', 'Zo&#xeb; &amp; co'), 200, 'it can be set');
        is_deeply([ look($path, 'displayname') ], [ 200, "Zo\x{eb} & co" ], 'and comes back');
        is(propfind($path, 0)->multistatus->text($path, '{DAV:}displayname'), "Zo\x{eb} & co", 'with allprop too');
    }
    status_is(dav('COPY', $file, headers => [ Destination => "${url}copy.txt" ]), 201, 'COPY');
    is((look("${url}copy.txt", 'displayname'))[1], "Zo\x{eb} & co", 'takes it along');
    is(change($file, 'displayname', undef), 200, 'it can be removed');
    is((look($file, 'displayname'))[0], 404, 'and is gone');
};

subtest 'RFC 4918 section 15.3: getcontentlanguage' => sub {
    is((look($file, 'getcontentlanguage'))[0], 404, 'a file has none by itself');
    is(change($file, 'getcontentlanguage', 'de, en'), 200, 'it can be set');
    is_deeply([ look($file, 'getcontentlanguage') ], [ 200, 'de, en' ], 'and comes back');
    is(dav('GET', $file)->header('Content-Language'), 'de, en', 'GET sends it');
    is(change($file, 'getcontentlanguage', $_), 409, "\"$_\" is no language") for 'not a tag', 'de;q=1', '';
    is(change($file, 'getcontentlanguage', undef), 200, 'it can be removed');
    is(dav('GET', $file)->header('Content-Language'), undef, 'GET sends none any more');
    is((look($coll, 'getcontentlanguage'))[0], 404, 'a collection has none');
};

subtest 'RFC 4918 section 15.4: getcontentlength' => sub {
    is_deeply([ look($file, 'getcontentlength') ], [ 200, dav('HEAD', $file)->header('Content-Length') ], 'what GET says');
    is((look($coll, 'getcontentlength'))[0], 404, 'a collection has none');
    is_protected($_, 'getcontentlength') for $file, $coll;
};

subtest 'RFC 4918 section 15.5: getcontenttype' => sub {
    is_deeply([ look($file, 'getcontenttype') ], [ 200, 'text/plain' ], 'by its name');
    is(change($file, 'getcontenttype', 'application/x-one; a="b c"'), 200, 'it can be set');
    is_deeply([ look($file, 'getcontenttype') ], [ 200, 'application/x-one; a="b c"' ], 'and comes back');
    is(dav('GET', $file)->header('Content-Type'), 'application/x-one; a="b c"', 'GET sends it');
    is(change($file, 'getcontenttype', $_), 409, "\"$_\" is no type") for 'text', 'a/b; c', "a/b\x01" =~ s/\x01/&#127;/r, '';
    is(change($file, 'getcontenttype', undef), 200, 'it can be removed');
    is_deeply([ look($file, 'getcontenttype') ], [ 200, 'text/plain' ], 'then it is by its name again');
    is(dav('GET', $file)->header('Content-Type'), 'text/plain', 'for GET too');
};

subtest 'RFC 4918 section 15.6: getetag' => sub {
    for my $path ($file, "${url}plain") {
        is_deeply([ look($path, 'getetag') ], [ 200, dav('HEAD', $path)->header('ETag') ], "$path: what GET says");
        like((look($path, 'getetag'))[1], qr/^"[^"]+"$/, 'a strong one');
    }
    my $before = (look($file, 'getetag'))[1];
    set_prop($file, 'p', 'x');
    is((look($file, 'getetag'))[1], $before, 'a property does not change it');
    my $put = put($file, 'new');
    isnt((look($file, 'getetag'))[1], $before, 'content does');
    is($put->header('ETag'), (look($file, 'getetag'))[1], 'to what the PUT said');
    is_protected($_, 'getetag') for $file, $coll;
};

subtest 'RFC 4918 section 15.7: getlastmodified' => sub {
    utime $time, $time, "$dir/file.txt";
    is_deeply([ look($file, 'getlastmodified') ], [ 200, 'Fri, 13 Feb 2009 23:31:30 GMT' ], 'a date of RFC 9110');
    is((look($file, 'getlastmodified'))[1], dav('HEAD', $file)->header('Last-Modified'), 'what GET says');
    set_prop($file, 'p', 'y');
    is((look($file, 'getlastmodified'))[1], 'Fri, 13 Feb 2009 23:31:30 GMT', 'a property does not change it');
    is_protected($_, 'getlastmodified') for $file, $coll;
};

subtest 'RFC 4918 section 15.9: resourcetype' => sub {
    my $answer = propfind($url, 1, propfind_body('{DAV:}resourcetype'))->multistatus;
    my $inside = sub { [ map { Depot::Multistatus::clark($_) } grep { $_->nodeType == 1 } $answer->prop($_[0], '{DAV:}resourcetype')->{node}->childNodes ] };
    is_deeply($inside->($coll), ['{DAV:}collection'], 'of a collection');
    is_deeply($inside->($file), [], 'of a file');
    is_protected($_, 'resourcetype') for $file, $coll;
};

finish();
