# OPTIONS: what the server says it can do.
use strict;
use warnings;

use Depot::Test;

my ($url, $dir) = fresh();
make_tree($dir, 'file.txt', 'sub/');

for my $case (
    [ $url,            'a collection',             [ 'DELETE', 'PROPFIND', 'PROPPATCH', 'COPY', 'MOVE' ] ],
    [ "${url}file.txt", 'a file',                  [ 'GET', 'HEAD', 'PUT', 'DELETE', 'PROPFIND', 'PROPPATCH', 'COPY', 'MOVE' ] ],
    [ "${url}absent",  'what is not there',        [ 'PUT', 'MKCOL' ] ],
    )
{
    my ($path, $what, $methods) = @$case;
    my $response = dav('OPTIONS', $path);

    status_is($response, 200, "OPTIONS of $what");
    my %dav = map { $_ => 1 } split /\s*,\s*/, $response->header('DAV') // '';
    ok($dav{$_}, "$what: DAV has class $_") for 1, 2, 3;
    my %allow = map { $_ => 1 } split /\s*,\s*/, $response->header('Allow') // '';
    ok($allow{$_}, "$what: Allow has $_") for @$methods;
    ok($allow{LOCK}, "$what: Allow has LOCK");
    is(!!$allow{UNLOCK}, $path !~ /absent/, "$what: Allow has UNLOCK where something can be locked");
    is($response->header('MS-Author-Via'), 'DAV', "$what: MS-Author-Via");
}

my $server = dav('OPTIONS', '*');
status_is($server, 200, 'OPTIONS of the server');
is($server->header('DAV'), '1,2,3', 'has a DAV header');
is($server->header('MS-Author-Via'), 'DAV', 'and MS-Author-Via');

expect_log(qr/AH01630: client denied/);
my $response = dav('OPTIONS', '/elsewhere');
is($response->header('DAV'), undef, 'outside the drives there is no DAV header');

finish();
