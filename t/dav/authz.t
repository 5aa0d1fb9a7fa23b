# Folders below the request's that httpd's configuration forbids.
use strict;
use warnings;

use Depot::Test;

expect_log(client_errors(), qr/AH01630: client denied/);

my ($url, $dir) = fresh('deep');
(my $hiding = $url) =~ s{^/deep/}{/hiding/} or die $url;
my $port = vars('port');
make_tree($dir, 'top/', 'top/a', 'top/denied/', 'top/denied/secret', 'top/sub/', 'top/sub/denied/', 'top/sub/denied/deep/', 'top/sub/denied/deep/x', 'top/sub/b');

# Listed or not, and never entered.
my $infinity = propfind("${url}top/", 'infinity')->multistatus;
my @open     = map {"${url}top/$_"} '', 'a', 'sub/', 'sub/b';
my @denied   = map {"${url}top/$_"} 'denied/', 'sub/denied/';
is_deeply([ sort($infinity->hrefs) ], [ sort(@open, @denied) ], 'Depth: infinity lists forbidden folders, not what is in them');
is($infinity->response($_)->{status}, 403, 'as forbidden') for @denied;
is_deeply([ sort(propfind("${hiding}top/", 'infinity')->multistatus->hrefs) ],
    [ sort(map { (my $href = $_) =~ s{^/deep/}{/hiding/}; $href } @open) ], 'or leaves them out, where that is configured');
is_deeply([ sort(propfind("${hiding}top/", 1)->multistatus->hrefs) ],
    [ sort(map {"${hiding}top/$_"} '', 'a', 'sub/') ], 'with Depth: 1, too');
is_deeply([ sort(propfind("${url}top/", 1)->multistatus->hrefs) ],
    [ sort(map {"${url}top/$_"} '', 'a', 'sub/', 'denied/') ], 'Depth: 1 lists them');

# Not taken along.
for my $case ([ 'DELETE', '' ], [ 'MOVE', 'moved/' ], [ 'COPY', 'copied/' ]) {
    my ($method, $to) = @$case;
    my $answer = dav($method, "${url}top/", headers => [ Destination => "http://127.0.0.1:$port$url$to" ]);
    status_is($answer, 207, "$method of a tree with forbidden folders");
    is_deeply([ sort($answer->multistatus->hrefs) ], [ sort @denied ], 'names them');
    is($answer->multistatus->response($_)->{status}, 403, 'as forbidden') for @denied;
    ok(-e "$dir/top/a" && -e "$dir/top/sub/denied/deep/x" && -e "$dir/top/denied/secret", 'all is where it was');
    ok($to eq '' || !-e "$dir/$to", 'and nowhere else');
}
make_tree($dir, 'other/', 'other/x');
status_is(dav('MOVE', "${url}other/", headers => [ Destination => "http://127.0.0.1:$port${url}top/" ]), 207, 'nor replaced');
ok(-e "$dir/top/denied/secret" && -e "$dir/other/x", 'all is where it was');
status_is(dav('COPY', "${url}top/", headers => [ Depth => 0, Destination => "http://127.0.0.1:$port${url}empty/" ]), 201,
    'COPY of the folder alone');
status_is(dav('DELETE', "${url}other/"), 204, 'a tree without such folders goes');

# Single members, where a section tells them apart; .htaccess files are asked too.
($url, $dir) = fresh('members');
make_tree($dir, 'top/', 'top/a', 'top/b.secret', 'top/sub/', 'top/sub/c.secret', 'top/sub/d', 'top/own/', 'top/own/mine', 'top/own/e',
    'top/own/below/', 'top/own/below/mine');
spew("$dir/top/own/.htaccess", qq{<Files "mine">\nRequire all denied\n</Files>\n});
$infinity = propfind("${url}top/", 'infinity')->multistatus;
@denied   = map {"${url}top/$_"} 'b.secret', 'sub/c.secret', 'own/mine', 'own/below/mine';
@open     = map {"${url}top/$_"} '', 'a', 'sub/', 'sub/d', 'own/', 'own/.htaccess', 'own/e', 'own/below/';
is_deeply([ sort($infinity->hrefs) ], [ sort(@open, @denied) ], 'Depth: infinity lists members that <Files> forbids');
is($infinity->response($_)->{status}, 403, "$_ as forbidden") for @denied;
is($infinity->response($_)->{status}, undef, "$_ as it is") for @open;
my $members = propfind("${url}top/", 1)->multistatus;
is($members->response("${url}top/b.secret")->{status}, 403, 'so does Depth: 1');
for my $case ([ 'DELETE', '' ], [ 'MOVE', 'moved/' ], [ 'COPY', 'copied/' ]) {
    my ($method, $to) = @$case;
    my $answer = dav($method, "${url}top/", headers => [ Destination => "http://127.0.0.1:$port$url$to" ]);
    status_is($answer, 207, "$method of a tree with forbidden files");
    is_deeply([ sort($answer->multistatus->hrefs) ], [ sort @denied ], 'names them');
    ok(-e "$dir/top/a" && -e "$dir/top/own/below/mine", 'all is where it was');
}
make_tree($dir, 'kept/', 'kept/readonly.txt', 'kept/a');
status_is(dav('DELETE', "${url}kept/"), 207, 'DELETE of a tree with a file that may only be read');
status_is(dav('COPY',   "${url}kept/", headers => [ Destination => "http://127.0.0.1:$port${url}again/" ]), 207, 'or COPY');
is(propfind("${url}kept/", 1)->multistatus->response("${url}kept/readonly.txt")->{status}, undef, 'which is listed');
ok(-e "$dir/kept/readonly.txt", 'and still there');

finish();
