# Names and bytes: whatever the file system holds is listed, and found again by its href.
use strict;
use warnings;

use Depot::Test;
use File::Path ();

my ($url, $dir) = fresh('deep');
expect_log(client_errors(), qr/AH00036: access to .*File name too long|File name too long.*AH00036/, qr/AH10244: invalid URI path/);

my %names = (
    'spaces'                => ' two  spaces ',
    'percent'               => '100% %20 %zz %',
    'hash'                  => 'a#b',
    'question mark'         => 'what?',
    'ampersand'             => 'a&b&amp;c',
    'angle brackets'        => '<b>&lt;',
    'quotes'                => q{"double" 'single'},
    'plus'                  => 'a+b',
    'semicolon'             => 'a;b=c',
    'CDATA end'             => ']]>',
    'comment'               => '<!-- x -->',
    'backslash'             => 'a\\b',
    'colon'                 => 'http:x',
    'comma, at, equals'     => ',@=$!*()~',
    'brackets'              => '[a]{b}|^`',
    'dots'                  => '...',
    'leading dot'           => '.hidden',
    'trailing dot'          => 'trailing.',
    'dash'                  => '-rf',
    'NFC'                   => "caf\xc3\xa9",
    'NFD'                   => "cafe\xcc\x81",
    'beyond the BMP'        => "\xf0\x9f\x8e\x88 balloon",
    'invalid UTF-8'         => "latin1 \xe9t\xe9",
    'lone bytes'            => "\xff\xfe\x80",
    'surrogate in UTF-8'    => "\xed\xa0\x80",
    'overlong slash'        => "\xc0\xaf",
    'U+FFFE'                => "\xef\xbf\xbe",
    'U+0085'                => "a\xc2\x85b",
    'control characters'    => "\x01\x02\x1f\x7f",
    'tab and newline'       => "a\tb\nc\rd",
    'newline at the end'    => "line\n",
    'escape'                => "\e[31mred",
    '255 bytes'             => 'x' x 255,
    '255 bytes, escaped'    => "\xc3\xa9" x 127 . 'x',
    'looks like a drive'    => 'dav',
    'index page'            => 'index.html',
    'entity'                => '&#0;',
);

# Names put over HTTP.
for my $what (sort keys %names) {
    my $name = $names{$what};
    my $put  = put($url . escape($name), "bytes of $what");
    status_is($put, 201, "$what: PUT");
    is(slurp("$dir/$name"), "bytes of $what", "$what: on disk");
    ok(set_prop($url . escape($name), 'p', 'v'), "$what: PROPPATCH");
}

# Listed, and found again by their hrefs.
sub listing_ok {
    my ($from, $root, $depth, $what, %expected) = @_;
    my $response = propfind($from, $depth, propfind_body('{DAV:}getcontentlength', '{DAV:}displayname', '{urn:test}p'));
    my $multistatus = $response->multistatus;
    my (%seen, @bad);

    for my $href ($multistatus->hrefs) {
        next if $href eq $from;
        push @bad, "href $href" unless $href =~ m{^[!-~]+$} && index($href, $from) == 0;
        my $name = unescape(substr $href, length $from);
        $seen{$name}++;
        next if $name =~ m{/\z};
        my $get = dav('GET', $href);
        push @bad, "GET $href: " . $get->status unless $get->status == 200 && $get->body eq slurp("$root/$name");
    }
    is(join("\n", @bad), '', "$what: each href gives the bytes");
    is_deeply([ sort keys %seen ], [ sort keys %expected ], "$what: all are listed, once");
    return $multistatus;
}
my $listed = listing_ok($url, $dir, 1, 'Depth: 1', map { $_ => 1 } values %names);
is(scalar(grep { ($listed->text($_, '{urn:test}p') // '') eq 'v' } $listed->hrefs), scalar(keys %names),
    'each has its property');

# Every byte there can be in a name.
my ($byte_url, $byte_dir) = fresh('deep');
my %bytes;
for my $byte (1 .. 255) {
    next if chr $byte eq '/';
    my $name = 'b' . chr($byte) . 'e';
    spew("$byte_dir/$name", "byte $byte");
    $bytes{$name} = 1;
}
listing_ok($byte_url, $byte_dir, 1, 'every byte', %bytes);

# The same for collections, moved and copied.
my ($tree_url, $tree_dir) = fresh('deep');
my %tree;
for my $what (sort keys %names) {
    next if $names{$what} eq '.DAV';
    my $name = $names{$what};
    status_is(dav('MKCOL', $tree_url . escape($name) . '/'), 201, "$what: MKCOL");
    spew("$tree_dir/$name/in", $what);
    set_prop($tree_url . escape($name) . '/in', 'p', $what);
    $tree{"$name/"} = $tree{"$name/in"} = 1;
}
listing_ok($tree_url, $tree_dir, 'infinity', 'Depth: infinity', %tree);
my ($other_url, $other_dir) = fresh('deep');
for my $method ('COPY', 'MOVE') {
    my $wrong = '';
    for my $what (sort keys %names) {
        my $name = $names{$what};
        next if $name eq '.DAV';
        my $from = $tree_url . escape($name) . '/';
        my $to   = $other_url . $method . escape($name) ;
        next if length "$method$name" > 255;
        my $status = dav($method, $from, headers => [ Destination => 'http://127.0.0.1:' . vars('port') . "$to/" ])->status;
        $wrong .= "$what: $status\n" unless $status == 201;
        $wrong .= "$what: bytes\n" unless (slurp("$other_dir/$method$name/in") // '') eq $what;
        $wrong .= "$what: property\n" unless (get_prop("$to/in", 'p') // '') eq $what;
    }
    is($wrong, '', "$method of collections with such names");
}

# Long names and paths.
status_is(put($url . 'x' x 256, 'x'), [ 400, 403, 404, 409, 414, 500 ], 'a name of 256 bytes is refused');
my $part = 'p' x 199;
my ($long, $path) = ('', $dir);
my $server_root = length $dir;
while (length "$path/$part" < 3700) {
    $path .= "/$part";
    $long .= "$part/";
    my $status = dav('MKCOL', "$url$long")->status;
    is($status, 201, 'MKCOL of a path of ' . length $path) if $status != 201 || length $path > 3500;
    last if $status != 201;
}
my $leaf = 'l' x (4000 - 1 - length $path);
my $leaf_name = substr $leaf, 0, 255;
my $file = "$long$leaf_name";
note('the path has ' . length("$dir/$file") . ' bytes');
status_is(put("$url$file", 'far down'), 201, 'PUT of a very long path');
is(dav('GET', "$url$file")->body, 'far down', 'GET');
ok(set_prop("$url$file", 'p', 'v'), 'PROPPATCH');
is(get_prop("$url$file", 'p'), 'v', 'PROPFIND');
my $infinity = propfind("$url$part/", 'infinity');
status_is($infinity, 207, 'Depth: infinity down to it');
ok((grep { $_ eq "$url$file" } $infinity->multistatus->hrefs), 'lists it');
status_is(dav('MOVE', "$url$part/", headers => [ Destination => 'http://127.0.0.1:' . vars('port') . "${url}moved/" ]),
    201, 'MOVE of its top');
(my $moved = $file) =~ s{^\Q$part\E}{moved};
is(get_prop("$url$moved", 'p'), 'v', 'the property came along');
status_is(dav('DELETE', "${url}moved/"), 204, 'DELETE of its top');
ok(!-e "$dir/moved", 'is gone');

# Ways to write one path.
put("${url}ways", 'ways');
for my $way ('%77%61%79%73', './ways', 'x/../ways', '//ways', 'ways?query') {
    is(dav('GET', "$url$way")->body, 'ways', "GET $way");
    is_deeply([ propfind("$url$way", 0)->multistatus->hrefs ], ["${url}ways"], "PROPFIND $way has the plain href");
}
status_is(put("${url}a%2Fb", 'x'), [ 400, 403, 404, 409 ], 'an escaped slash');
status_is(put("${url}nul%00byte", 'x'), [ 400, 403, 404 ], 'a NUL byte');
status_is(dav('GET', "${url}%zz"), 400, 'a bad escape');

# A round trip by a real client.
SKIP: {
    my $rclone = (grep { -x } map { "$_/rclone" } split /:/, $ENV{PATH})[0];
    skip 'rclone is not installed', 4 unless $rclone;
    my ($remote_url, $remote_dir) = fresh('deep');
    my $local = server_root() . '/rclone-source';
    my $back  = server_root() . '/rclone-back';
    mkdir $_ for $local, $back, "$local/sub dir";
    for my $what (sort keys %names) {
        # rclone itself maps invalid UTF-8, control characters and a few others to stand-ins.
        next if $names{$what} =~ /[\x00-\x1f\x7f]|\\|\.\z|\A |\x20\z|\xff|\xe9t|\xed\xa0|\xc0|\xef\xbf|\xc2\x85/;
        spew("$local/$names{$what}", "bytes of $what");
        spew("$local/sub dir/$names{$what}", "sub bytes of $what");
    }
    my @rclone = ($rclone, '--config', '/dev/null', '-q', '--retries', '1', '--no-unicode-normalization',
        '--webdav-url', 'http://127.0.0.1:' . vars('port') . $remote_url, '--webdav-vendor', 'other');
    is(system(@rclone, 'copy', $local, ':webdav:'), 0, 'rclone copies there');
    is(system('diff', '-r', $local, $remote_dir), 0, 'and what is on disk is the same');
    is(system(@rclone, 'copy', ':webdav:', $back), 0, 'rclone copies back');
    is(system('diff', '-r', $local, $back), 0, 'and it is the same');
}

finish();
