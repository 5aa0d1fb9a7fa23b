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

finish();
