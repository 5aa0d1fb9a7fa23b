# What real clients do: cadaver and rclone themselves, and the request sequences of the Windows
# Mini-Redirector, of Office, and of macOS Finder, after their documented behaviour.
use strict;
use warnings;

use Depot::Test;
use Depot::Lock;

expect_log(client_errors());

my ($url, $dir) = fresh();
my $port   = vars('port');
my $client = client();
my $work   = server_root() . '/clients';
mkdir $work or die "$work: $!\n";

sub to { return (Destination => "http://127.0.0.1:$port$url$_[0]") }

# cadaver: up, properties, locks, down.
{
    spew("$work/up.txt", "from cadaver\n");
    spew("$work/script", <<"END");
mkcol folder
cd folder
lcd $work
put up.txt
propset up.txt colour blue
propget up.txt colour
lock up.txt
discover up.txt
unlock up.txt
copy up.txt copy.txt
move copy.txt moved.txt
get moved.txt down.txt
ls
quit
END
    local $ENV{HOME} = $work;
    my $said = qx{cd $work && cadaver http://127.0.0.1:$port$url < $work/script 2>&1};
    is($?, 0, 'cadaver') or diag($said);
    is(slurp("$work/down.txt") // '', "from cadaver\n", 'up and down again');
    ok(-e "$dir/folder/moved.txt" && !-e "$dir/folder/copy.txt", 'copied and moved');
    like($said, qr/colour[^\n]*blue/, 'a property');
    unlike($said, qr/failed|error/i, 'without a failure') or diag($said);
}

# curl: up, a listing, part of a file, an interrupted upload gone on with, down.
{
    my $site = "http://127.0.0.1:$port$url";
    my $curl = sub { my $out = qx{cd $work && curl -sS -o out -w '%{http_code}' @_ 2>&1}; return $out };
    spew("$work/big", join '', map {"line $_\n"} 1 .. 100_000);
    is($curl->("-X MKCOL ${site}curl/"), 201, 'curl: MKCOL');
    is($curl->("-T big ${site}curl/"), 201, 'upload');
    is($curl->("-T - ${site}curl/piped <big"), 201, 'upload in chunks');
    is(slurp("$dir/curl/$_"), slurp("$work/big"), "$_ is whole") for 'big', 'piped';
    is($curl->("-H 'If-None-Match: *' -T big ${site}curl/"), 412, 'not over what is there');
    is($curl->("-r 5-9 ${site}curl/big"), 206, 'a range');
    is(slurp("$work/out"), substr(slurp("$work/big"), 5, 5), 'of the right bytes');
    truncate "$dir/curl/big", 1000 or die $!;
    is($curl->("-C 1000 -T big ${site}curl/big"), 204, 'an upload gone on with');
    is(slurp("$dir/curl/big"), slurp("$work/big"), 'is whole in the end');
    is($curl->("-X PROPFIND -H 'Depth: 1' ${site}curl/"), 207, 'a listing');
    like(slurp("$work/out"), qr{<D:href>\Q${url}curl/\Ebig</D:href>}, 'of what is there');
    is($curl->("-X MOVE -H 'Destination: ${site}curl/moved' ${site}curl/big"), 201, 'MOVE');
    is($curl->("--compressed ${site}curl/moved"), 200, 'download');
    is(slurp("$work/out"), slurp("$work/big"), 'of the same');
    is($curl->("-X DELETE ${site}curl/"), 204, 'DELETE');
}

# rclone: sync up, check, sync down.
SKIP: {
    my ($rclone) = grep { -x } map {"$_/rclone"} split /:/, $ENV{PATH};
    skip 'no rclone', 6 unless $rclone;
    my ($local, $back) = ("$work/local", "$work/back");
    mkdir $_ for $local, $back;
    dav('MKCOL', "${url}rclone/");
    make_tree($local, 'a', 'b c', 'sub/', 'sub/d', 'sub/deep/', 'sub/deep/e');
    my @run = ($rclone, '--config', '/dev/null', '-q', '--retries', '1', '--webdav-vendor', 'other', '--webdav-url', "http://127.0.0.1:$port${url}rclone");
    is(system(@run, 'sync', $local, ':webdav:'), 0, 'rclone sync up');
    is(system(@run, 'check', '--download', $local, ':webdav:'), 0, 'rclone check');
    unlink "$local/a";
    spew("$local/sub/d", 'changed, and longer');
    is(system(@run, 'sync', $local, ':webdav:'), 0, 'sync again');
    ok(!-e "$dir/rclone/a", 'removes what is gone');
    is(system(@run, 'sync', ':webdav:', $back), 0, 'sync down');
    is(system('diff', '-r', $local, $back), 0, 'gives the same');
}

# Windows: OPTIONS, PROPFIND, LOCK of the new name, PUT, PROPPATCH of its own properties, UNLOCK.
{
    my $ms = 'xmlns:Z="urn:schemas-microsoft-com:"';
    status_is(dav('OPTIONS', $url), 200, 'Windows: OPTIONS');
    status_is(propfind($url, 0, ''), 207, 'PROPFIND without a body');
    status_is(propfind("${url}new.docx", 0, ''), 404, 'of what is not there');
    status_is(put("${url}new.docx", ''), 201, 'an empty PUT');
    my $lock = lock($client, "${url}new.docx", Timeout => 'Second-3600', Depth => 'infinity', owner => '<D:owner><D:href>HOST\\user</D:href></D:owner>');
    status_is($lock, 200, 'LOCK');
    my $token = token_of($lock);
    my $times = join '', map {"<Z:$_>Tue, 24 Nov 2026 12:00:00 GMT</Z:$_>"} qw(Win32CreationTime Win32LastAccessTime Win32LastModifiedTime);
    my $props = qq{<?xml version="1.0" encoding="utf-8" ?><D:propertyupdate xmlns:D="DAV:" $ms><D:set><D:prop>$times<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>};
    status_is(dav('PROPPATCH', "${url}new.docx", body => $props, headers => [ If => "(<$token>)" ]), 207, 'PROPPATCH');
    status_is(put("${url}new.docx", 'document', If => "(<$token>)"), 204, 'PUT under the lock');
    is(unlock($client, "${url}new.docx", $token), 204, 'UNLOCK');
    my $listed = propfind($url, 1, '')->body;
    like($listed, qr{<Z:Win32FileAttributes[^>]*>00000020<}, 'its attributes are listed');
    like($listed, qr{<Z:Win32LastModifiedTime[^>]*>Tue, 24 Nov 2026 12:00:00 GMT<}, 'and its times');
}

# Office saves: a temporary beside the document, the document aside, the temporary in its place.
{
    put("${url}report.docx", 'old');
    set_prop("${url}report.docx", 'kept', 'yes');
    my $token = token_of(lock($client, "${url}report.docx", Depth => 0));
    status_is(put("${url}~WRD0001.tmp", 'new'), 201, 'Office: the new content');
    status_is(dav('MOVE', "${url}report.docx", headers => [ to('~WRL0002.tmp'), If => "(<$token>)", Overwrite => 'F' ]), 201, 'the old one aside');
    status_is(dav('MOVE', "${url}~WRD0001.tmp", headers => [ to('report.docx'), Overwrite => 'F' ]), 201, 'the new one in its place');
    status_is(dav('DELETE', "${url}~WRL0002.tmp"), 204, 'the old one away');
    is(slurp("$dir/report.docx"), 'new', 'saved');
    is(unlock($client, "${url}report.docx", $token), 409, 'the lock went with the old file');
}

# Finder: a PUT of nothing, a LOCK, a chunked PUT with the length it expects, its "._" file.
{
    for my $name ('movie.mov', '._movie.mov') {
        status_is(propfind("$url$name", 0), 404, "Finder: $name is not there");
        status_is(put("$url$name", ''), 201, 'a PUT of nothing');
        my $token = token_of(lock($client, "$url$name", Depth => 0, Timeout => 'Second-600'));
        ok($token, 'LOCK');
        my $content = 'x' x 100_000;
        my $own = client(port => $port);
        $own->connect;
        $own->send("PUT $url$name HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: Chunked\r\nX-Expected-Entity-Length: 100000\r\nIf: (<$token>)\r\n\r\n");
        $own->send(sprintf "%x\r\n%s\r\n", length $_, $_) for unpack '(a16384)*', $content;
        $own->send("0\r\n\r\n");
        is($own->read_response('PUT')->status, 204, 'a chunked PUT under the lock');
        is(slurp("$dir/$name"), $content, 'arrives whole');
        is(unlock($client, "$url$name", $token), 204, 'UNLOCK');
    }
    status_is(propfind($url, 1, '<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop><D:getlastmodified/><D:getcontentlength/><D:creationdate/><D:resourcetype/></D:prop></D:propfind>'),
        207, 'and a listing');
}

finish();
