# RFC 4918 sections 15.3 and 15.5: getcontentlanguage and getcontenttype are not protected.
use strict;
use warnings;

use Depot::Test;

my ($url, $dir) = fresh();
make_tree($dir, 'a.txt', 'b.txt', 'sub/', 'plain');
my $file = "${url}a.txt";

sub type_of     { return propfind($_[0], 0, propfind_body('{DAV:}getcontenttype'))->multistatus->text($_[0], '{DAV:}getcontenttype') }
sub language_of { return propfind($_[0], 0, propfind_body('{DAV:}getcontentlanguage'))->multistatus->text($_[0], '{DAV:}getcontentlanguage') }

is(type_of($file), 'text/plain', 'the type httpd finds');
my $set = proppatch($file, set => '<D:getcontenttype>  image/x-test; a="b c"; charset=utf-8
  </D:getcontenttype><D:getcontentlanguage>de-AT, en</D:getcontentlanguage>');
is($set->multistatus->prop_status($file, "{DAV:}$_"), 200, "$_ can be set") for 'getcontenttype', 'getcontentlanguage';
my $type = 'image/x-test; a="b c"; charset=utf-8';
is(type_of($file),            $type,        'PROPFIND has it');
is(language_of($file),        'de-AT, en',  'and the language');
is(type_of("${url}b.txt"),    'text/plain', 'of no other file');
is(language_of("${url}b.txt"), undef,       'nor language');
for my $method ('GET', 'HEAD') {
    my $response = dav($method, $file);
    is($response->header('Content-Type'),     $type,       "$method sends the type");
    is($response->header('Content-Language'), 'de-AT, en', 'and the language');
}
for my $body (undef, propfind_body('{DAV:}getcontenttype', '{DAV:}getcontentlanguage')) {
    my $listed = propfind($url, 1, $body);
    is($listed->multistatus->text($file,          '{DAV:}getcontenttype'),     $type,        'a listing has it');
    is($listed->multistatus->text($file,          '{DAV:}getcontentlanguage'), 'de-AT, en',  'and the language');
    is($listed->multistatus->text("${url}b.txt", '{DAV:}getcontenttype'),     'text/plain', 'for that file only');
    is(() = $listed->body =~ m{<D:getcontentlanguage[ >]}g, 1, 'once');
}
my $names = propfind($file, 0, '<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>')->body;
is(() = $names =~ m{[:<]getcontenttype[ />]}g, 1, 'propname names it once');

# Like other properties, it goes where the file goes (section 15.5).
status_is(dav('COPY', $file, headers => [ Destination => "${url}copy.txt" ]), 201, 'COPY');
is(type_of("${url}copy.txt"), $type, 'takes it along');
status_is(dav('MOVE', $file, headers => [ Destination => "${url}moved.txt" ]), 201, 'so does MOVE');
is(type_of("${url}moved.txt"), $type, 'it');
$file = "${url}moved.txt";

# Removing gives httpd's back.
is(proppatch($file, remove => [ '{DAV:}getcontenttype', '{DAV:}getcontentlanguage' ])->multistatus->prop_status($file, '{DAV:}getcontenttype'),
    200, 'it can be removed');
is(type_of($file), 'text/plain', 'then it is the one httpd finds');
is(language_of($file), undef, 'and there is no language');

# What is no media type, or would not be one in a header.
for my $bad ('', 'text', 'text/', '/plain', 'text/plain;', 'text/plain; a', 'text/pl ain', "text/plain\r\nX-Evil: 1", 'a/b; c="d', 'a/b; c="&lt;"', 'x/' . 'y' x 2000) {
    my $refused = proppatch($file, set => "<t:other xmlns:t='urn:test'>1</t:other><D:getcontenttype>$bad</D:getcontenttype>")->multistatus;
    is($refused->prop_status($file, '{DAV:}getcontenttype'), 409, 'no type: ' . substr($bad, 0, 20) =~ s/\r\n/ /r);
    is($refused->prop_status($file, '{urn:test}other'), 424, 'all or nothing');
}
for my $bad ('', 'de,', 'de AT', '-de', "de\nX: y") {
    my $refused = proppatch($file, set => "<D:getcontentlanguage>$bad</D:getcontentlanguage>")->multistatus;
    is($refused->prop_status($file, '{DAV:}getcontentlanguage'), 409, 'no language: ' . $bad =~ s/\n/ /r);
}
is(type_of($file), 'text/plain', 'nothing changed');

# Protected: of collections, and where ForceType prescribes one.
my $collection = proppatch("${url}sub/", set => '<D:getcontenttype>text/html</D:getcontenttype>')->multistatus;
is($collection->prop_status("${url}sub/", '{DAV:}getcontenttype'), 403, 'of a collection it is protected');
is_deeply($collection->prop("${url}sub/", '{DAV:}getcontenttype')->{error}, ['{DAV:}cannot-modify-protected-property'], 'says the propstat');
my ($typed_url, $typed_dir) = fresh('typed');
make_tree($typed_dir, 'a.txt');
(my $free = "${typed_url}a.txt") =~ s{^/typed/}{/untyped/};
is(proppatch($free, set => '<D:getcontenttype>text/html</D:getcontenttype>')->multistatus->prop_status($free, '{DAV:}getcontenttype'), 200,
    'set where it may be');
is(dav('GET', $free)->header('Content-Type'), 'text/html', 'it is sent there');
is(dav('GET', "${typed_url}a.txt")->header('Content-Type'), 'application/x-forced', 'but not where ForceType prescribes another');
is(type_of("${typed_url}a.txt"), 'application/x-forced', 'nor shown');
my $all = propfind($typed_url, 1);
is($all->multistatus->text("${typed_url}a.txt", '{DAV:}getcontenttype'), 'application/x-forced', 'nor listed');
unlike($all->body, qr{text/html}, 'at all');
is(proppatch("${typed_url}a.txt", set => '<D:getcontenttype>text/css</D:getcontenttype>')->multistatus->prop_status("${typed_url}a.txt", '{DAV:}getcontenttype'),
    403, 'nor settable');

finish();
