# OPTIONS: what the server says it can do.
use strict;
use warnings;

use Depot::Test;

my ($url, $dir) = fresh();
make_tree($dir, 'file.txt', 'sub/');
expect_log(client_errors(), qr/AH01630: client denied/);

# The methods of a comma-separated header, sorted.
sub methods { return join ' ', sort split /\s*,\s*/, $_[0]->header('Allow') // '' }

my %any = map { $_ => 1 } qw(COPY DELETE GET HEAD LOCK MOVE OPTIONS POST PROPFIND PROPPATCH TRACE UNLOCK);
my %allow = (
    $url              => join(' ', sort keys %any),
    "${url}sub"       => join(' ', sort keys %any),
    "${url}file.txt"  => join(' ', sort keys %any, 'PUT'),
    "${url}absent"    => 'LOCK MKCOL OPTIONS PUT',
    "${url}absent/"   => 'LOCK MKCOL OPTIONS PUT',
    "${url}no/parent" => 'LOCK MKCOL OPTIONS PUT',
);

subtest 'RFC 4918 section 10.1, 18: classes 1, 2 and 3, of what is there and what is not' => sub {
    for my $path (sort keys %allow) {
        my $response = dav('OPTIONS', $path);
        status_is($response, 200, "OPTIONS of $path");
        my %dav = map { $_ => 1 } split /\s*,\s*/, $response->header('DAV') // '';
        ok($dav{$_}, "$path: DAV has class $_") for 1, 2, 3;
        is($response->header('MS-Author-Via'), 'DAV', "$path: MS-Author-Via");
    }
};

subtest 'RFC 9110 section 10.2.1: Allow, by what is there' => sub {
    is(methods(dav('OPTIONS', $_)), $allow{$_}, $_) for sort keys %allow;
    # What it names is what works.
    status_is(dav('MKCOL', $_), 405, "MKCOL of $_") for $url, "${url}file.txt";
    unlike(methods(dav('MKCOL', "${url}file.txt")), qr/MKCOL/, 'the 405 does not allow it either');
    status_is(put("${url}sub", 'x'), 409, 'PUT of a collection');
    put("${url}absent", 'x');
    is(methods(dav('OPTIONS', "${url}absent")), $allow{"${url}file.txt"}, 'what was made is a file');
    dav('DELETE', "${url}absent");
    is(methods(dav('OPTIONS', "${url}absent")), $allow{"${url}absent"}, 'and then is not');
};

subtest 'RFC 4918 section 10.1: OPTIONS of the server, and of what is elsewhere' => sub {
    my $server = dav('OPTIONS', '*');
    status_is($server, 200, 'OPTIONS of the server');
    is($server->header('DAV'), '1,2,3', 'has a DAV header');
    is($server->header('MS-Author-Via'), 'DAV', 'and MS-Author-Via');
    is(dav('OPTIONS', '/elsewhere')->header('DAV'), undef, 'outside the drives there is no DAV header');
};

finish();
