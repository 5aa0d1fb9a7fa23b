# Each limit from both sides: what just fits is taken, one more is refused and changes nothing.
use strict;
use warnings;

use MIME::Base64 ();

use Depot::Lock;
use Depot::Test;

my (undef, $dir) = fresh('bounds');
(my $name = $dir) =~ s{.*/}{};
my $url = "/dav/$name/";
my %client = map { $_ => client(host => 'bounds.depot.test') } 'anna', 'ben';
expect_log(client_errors(), qr/is larger than the configured limit/);

sub ask {
    my ($user, $method, $path, %arg) = @_;
    my @headers = (Authorization => 'Basic ' . MIME::Base64::encode_base64("$user:$user", ''));
    return $client{$user}->request($method, $path, %arg, headers => [ @headers, @{ $arg{headers} || [] } ]);
}

sub patch {
    my ($file, @actions) = @_;
    return ask('anna', 'PROPPATCH', "$url$file", body => proppatch_body(@actions));
}

# The dead properties of FILE, and how often its ETag changed does not matter: sorted names.
sub dead {
    my ($file) = @_;
    my $response = ask('anna', 'PROPFIND', "$url$file", headers => [ Depth => 0 ],
        body => '<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>');
    return join ' ', map { s/.*}//r } grep { /\{u\}/ } $response->multistatus->names("$url$file", 200);
}

# FILE has properties named BEFORE.  The first PROPPATCH fits, and makes them AFTER; the second
# does not: STATUS is that of the response, or within a 207 of the property.
sub edge {
    my ($what, $file, $fits, $after, $status, $too_much) = @_;
    my $response = patch($file, @$fits);
    status_is($response, 207, "$what: what fits");
    is(dead($file), $after, 'is set');
    $response = patch($file, @$too_much);
    if ($status == 507) {
        status_is($response, 207, "$what: one more");
        my %statuses = map { $_->{status} => 1 } values %{ $response->multistatus->response("$url$file")->{props} };
        ok($statuses{507}, 'is refused with 507');
        ok(!$statuses{200}, 'and nothing with it is set');
    }
    else {
        status_is($response, $status, "$what: one more is refused");
    }
    is(dead($file), $after, 'and nothing changed');
    return;
}

sub element { my ($local, $inner) = @_; return qq{<$local xmlns="u">} . ($inner // '') . "</$local>" }

make_tree($dir, map { "f$_" } 1 .. 9);

# The request's body.  propertyupdate, set, prop and the property are four elements deep.
edge('depth', 'f1', [ set => element('a', '<b>' x 6 . '</b>' x 6) ], 'a', 413, [ set => element('b', '<b>' x 7 . '</b>' x 7) ]);
# Four elements and two declarations are around these.
edge('elements', 'f2', [ set => element('a', '<b/>' x 17) ], 'a', 413, [ set => element('b', '<b/>' x 80) ]);
# propertyupdate and its declaration, remove, prop, the property and its declaration are six.
status_is(patch('f2', remove => element('x', '<b/>' x $_)), $_ == 58 ? 207 : 413, "$_ elements and six more") for 58, 59;
edge('namespaces', 'f3', [ set => element('a', join '', map { qq{<x:b xmlns:x="n$_"/>} } 1 .. 4) ], 'a', 413,
    [ set => element('b', join '', map { qq{<b xmlns:x="n$_"/>} } 1 .. 23) ]);
status_is(patch('f3', set => element('a', join ' ', '<b', (map { qq{xmlns:x$_="n"} } 1 .. $_), '/>')), $_ == 22 ? 207 : 413,
    "$_ and two more declarations") for 22, 23;
edge('properties of a request', 'f4', [ set => element('a'), remove => [ map { "{}x$_" } 1 .. 15 ] ], 'a', 413,
    [ set => element('b'), remove => [ map { "{}x$_" } 1 .. 16 ] ]);
status_is(ask('anna', 'PROPFIND', "${url}f4", headers => [ Depth => 0 ], body => propfind_body(map { "{}x$_" } 1 .. $_)),
    $_ == 16 ? 207 : 413, "a PROPFIND of $_") for 16, 17;
for my $over (0, 1) {
    my $body = proppatch_body(set => element('a'));
    $body .= ' ' x (4000 - length($body) + $over);
    status_is(ask('anna', 'PROPPATCH', "${url}f4", body => $body), $over ? 413 : 207, "a body of $over bytes over 4000");
}

# What is stored.
edge('length of a name', 'f5', [ set => element('n' x 31) ], 'n' x 31, 507, [ set => element('n' x 32) . element('a') ]);
patch('f5', remove => [ '{u}' . 'n' x 31 ]);
my $around = length element('v');
edge('length of a value', 'f5', [ set => element('v', 'x' x (100 - $around)) ], 'v', 507,
    [ set => element('a') . element('b', 'x' x (101 - $around)) ]);
edge('properties of a resource', 'f6', [ set => join '', map { element($_) } 'a' .. 'd' ], 'a b c d', 507, [ set => element('v') ]);
status_is(patch('f6', remove => ['{u}a'], set => element('v')), 207, 'one out and one in');
is(dead('f6'), 'b c d v', 'is no more than there were');
edge('bytes of a resource', 'f7', [ set => join '', map { element($_, 'x' x (83 - $around)) } 'a' .. 'c' ], 'a b c', 507,
    [ set => element('v', 'x' x (2)) ]);
# a b c d v and the long one: six names so far.
edge('names in a store', 'f8', [ set => join '', map { element($_) } 'e' .. 'h' ], 'e f g h', 507, [ set => element('i'), remove => ['{u}e'] ]);
status_is(patch('f8', remove => ['{u}e'], set => element('a')), 207, 'a name that is known goes on');

# Locks.
sub lock_at {
    my ($user, $file, %arg) = @_;
    return ask($user, 'LOCK', "$url$file", headers => [ Depth => 0, Timeout => $arg{timeout} // 'Second-100' ],
        body => lockinfo($arg{scope} // 'shared', $arg{owner}));
}
status_is(lock_at('anna', 'f1', owner => '<D:owner>' . 'x' x $_ . '</D:owner>'), $_ == 66 ? 200 : 507, "an owner of $_ letters")
    for 67, 66;
status_is(lock_at('ben', 'f1'), 200, 'a second lock of a resource');
status_is(lock_at('ben', 'f1'), 507, 'a third');
status_is(lock_at('anna', 'f2'), 200, 'a second lock of a user');
my $third = lock_at('anna', 'f3');
status_is($third, 200, 'a third');
my $fourth = lock_at('anna', 'f4');
status_is($fourth, 507, 'a fourth');
like($fourth->body, qr/limit/, 'which says why');
status_is(lock_at('anna', 'new'), 507, 'and none on what is not there yet');
ok(!-e "$dir/new", 'which is not made');
status_is(lock_at('ben', 'f4'), 200, 'another user has his own');
is(ask('anna', 'UNLOCK', "${url}f3", headers => [ 'Lock-Token' => '<' . token_of($third) . '>' ])->status, 204, 'one less');
status_is(lock_at('anna', 'f3', timeout => 'Second-1'), 200, 'is one more, for a second');
status_is(lock_at('anna', 'f5'), 507, 'which counts');
sleep 2;
status_is(lock_at('anna', 'f5'), 200, 'until it has expired');

# Depth: infinity.  In a stream that has begun, the first that is left out tells.
mkdir "$dir/tree" or die;
make_tree("$dir/tree", 'a/', 'a/1', 'a/2', 'b/', 'b/1');
my $answer = ask('anna', 'PROPFIND', "${url}tree/", headers => [ Depth => 'infinity' ], body => propfind_body('{DAV:}getetag'));
is(scalar(grep { defined $answer->multistatus->response($_)->{props} } $answer->multistatus->hrefs), 6, 'a tree of 5 members');
make_tree("$dir/tree", 'b/2', 'b/3', 'c/');
$answer = ask('anna', 'PROPFIND', "${url}tree/", headers => [ Depth => 'infinity' ], body => propfind_body('{DAV:}getetag'));
status_is($answer, 207, 'of 8');
my @hrefs = $answer->multistatus->hrefs;
is(scalar @hrefs, 7, 'the collection, five members, and one more');
my $last = $answer->multistatus->response($hrefs[-1]);
is($last->{status}, 507, 'which stands with 507');
is_deeply($last->{error}, ['{DAV:}number-of-matches-within-limits'], 'and why');
$answer = ask('anna', 'PROPFIND', "${url}tree/", headers => [ Depth => 1 ], body => propfind_body('{DAV:}getetag'));
is(scalar(grep { defined $answer->multistatus->response($_)->{status} } $answer->multistatus->hrefs), 0, 'Depth: 1 is not bounded');

finish();
