# PROPFIND: its forms, its depths, its live properties and the form of the 207.
use strict;
use warnings;

use Depot::Test;
use POSIX ();

my ($url, $dir) = fresh();
expect_log(client_errors());
make_tree($dir, 'a.txt', 'run.sh', 'sub/', 'sub/b.html', 'sub/deeper/', 'sub/deeper/c');
chmod 0755, "$dir/run.sh";
my $mtime = 1_234_567_890;
utime $mtime, $mtime, "$dir/a.txt";
ok(set_prop("${url}a.txt", 'colour', 'red'),  'a dead property on a file');
ok(set_prop("${url}sub/",  'colour', 'blue'), 'a dead property on a collection');

sub query {
    my ($inner) = @_;
    return qq{<?xml version="1.0"?><D:propfind xmlns:D="DAV:">$inner</D:propfind>};
}

# The form of the answer.
my $response = propfind($url, 1);
status_is($response, 207, 'no body');
is($response->header('Content-Type'), 'application/xml; charset="utf-8"', 'Content-Type');
like($response->body, qr/\A<\?xml version="1\.0" encoding="utf-8"\?>\s*<D:multistatus\b[^>]*\bxmlns:D="DAV:"/,
    'an XML declaration, and D: declared on the root');
unlike($response->body, qr/<D:(?!multistatus)\w+ [^>]*xmlns/, 'nothing in DAV: declares a namespace again');
my $multistatus = $response->multistatus;
is_deeply([ sort $multistatus->hrefs ], [ sort map { "$url$_" } '', 'a.txt', 'run.sh', 'sub/' ],
    'Depth: 1 lists the collection and its members, collections with a slash');
is(($multistatus->hrefs)[0], $url, 'the collection itself is first');

# Live properties, as allprop has them.
my $file = "${url}a.txt";
is($multistatus->text($file, '{DAV:}getcontentlength'), -s "$dir/a.txt", 'getcontentlength');
is($multistatus->text($file, '{DAV:}getcontenttype'), 'text/plain', 'getcontenttype');
is($multistatus->text($file, '{DAV:}getlastmodified'), 'Fri, 13 Feb 2009 23:31:30 GMT', 'getlastmodified');
like($multistatus->text($file, '{DAV:}creationdate'), qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)$/,
    'creationdate is of ISO 8601');
is($multistatus->text($file, '{DAV:}getetag'), dav('HEAD', $file)->header('ETag'), 'getetag');
is($multistatus->text($file, '{DAV:}resourcetype'), '', 'the resourcetype of a file is empty');
is($multistatus->prop_status($file, '{DAV:}resourcetype'), 200, 'and there');
is(Depot::Multistatus::clark($multistatus->prop($url, "{DAV:}resourcetype")->{node}->firstChild), '{DAV:}collection', "a collection's resourcetype");
is($multistatus->text($file, '{http://apache.org/dav/props/}executable'), 'F', 'executable: no');
is($multistatus->text("${url}run.sh", '{http://apache.org/dav/props/}executable'), 'T', 'executable: yes');
is($multistatus->prop_status($url, '{DAV:}getcontentlength'), 0, 'a collection has no length');
is($multistatus->text($file, '{urn:test}colour'), 'red', 'allprop has dead properties');
is($multistatus->text("${url}sub/", '{urn:test}colour'), 'blue', "those of collections, too");
for my $name ('supportedlock', 'lockdiscovery') {
    my $named = propfind($file, 0, propfind_body("{DAV:}$name"))->multistatus;
    is($named->text($file, "{DAV:}$name"), '', "$name is there and empty") 
        or diag($multistatus->prop_status($file, "{DAV:}$name"));
}
my ($born) = ($multistatus->text($file, '{DAV:}creationdate') // '') =~ /^(\d{4})/;
is($born, (gmtime)[5] + 1900, "creationdate is the file's birth, not its mtime");

# The depths.
is_deeply([ propfind($url, 0)->multistatus->hrefs ], [$url], 'Depth: 0');
is_deeply([ propfind($file, $_)->multistatus->hrefs ], [$file], "Depth: $_ of a file") for 0, 1;
for my $refused (propfind($url, 'infinity'), dav('PROPFIND', $url)) {
    status_is($refused, 403, 'infinity is refused by default');
    is_deeply([ $refused->preconditions ], ['{DAV:}propfind-finite-depth'], 'with its precondition');
    like($refused->header('Content-Type'), qr{^application/xml}, 'as XML');
}
status_is(propfind($url, $_), 400, "Depth: $_") for 2, -1, 'all', '1,1', '';
status_is(dav('PROPFIND', $url, headers => [ Depth => 0, 'Content-Length' => 0 ]), 207, 'an empty body');
my ($deep_url, $deep_dir) = fresh('deep');
make_tree($deep_dir, 'a', 'sub/', 'sub/b', 'sub/deeper/', 'sub/deeper/c', 'empty/');
is_deeply([ sort(propfind($deep_url, $_)->multistatus->hrefs) ],
    [ sort map { "$deep_url$_" } '', 'a', 'sub/', 'sub/b', 'sub/deeper/', 'sub/deeper/c', 'empty/' ],
    "Depth: $_ where it is allowed")
    for 'infinity', 'Infinity';
is(scalar(my @all = dav('PROPFIND', $deep_url)->multistatus->hrefs), 7, 'no Depth means infinity');

# The same folder without its slash.
my $slashless = propfind(substr($url, 0, -1), 1);
status_is($slashless, 207, 'a collection without its slash');
is_deeply([ sort $slashless->multistatus->hrefs ], [ sort $multistatus->hrefs ], 'has the same hrefs');
status_is(propfind("${url}absent", 0), 404, 'what is not there');
status_is(propfind("${url}absent/", 1), 404, 'what is not there, with a slash');
status_is(propfind("${file}/", 0), [ 400, 404 ], 'a file with a slash');

# prop.
my @asked = ('{DAV:}getcontentlength', '{DAV:}nothing', '{urn:test}colour', '{urn:test}none', '{}bare', '{DAV:}resourcetype');
my $prop  = propfind($url, 1, propfind_body(@asked))->multistatus;
is_deeply([ $prop->names($file, 200) ], [ sort @asked[ 0, 2, 5 ] ], 'prop: what there is');
is_deeply([ $prop->names($file, 404) ], [ sort @asked[ 1, 3, 4 ] ], 'prop: what there is not');
is_deeply([ sort @{ $prop->response($file)->{propstats} } ], [ 200, 404 ], 'in one propstat each');
is($prop->text($file, '{urn:test}colour'), 'red', 'prop: the value');
is_deeply([ $prop->names($url, 404) ], [ sort @asked[ 0, 1, 2, 3, 4 ] ], 'a collection lacks a length');
for my $name ($prop->names($file, 404)) {
    is($prop->prop($file, $name)->{node}->textContent, '', "$name is named without a value");
}
my $twice = propfind($file, 0, query('<D:prop><D:getetag/><D:getetag/><x:y xmlns:x="u"/><x:y xmlns:x="u"/></D:prop>'));
status_is($twice, 207, 'asked twice');
ok(eval { $twice->multistatus->prop_status($file, '{DAV:}getetag') == 200 }, 'answered once') or diag($@);
my $none = propfind($file, 0, query('<D:prop/>'));
status_is($none, 207, 'an empty prop');
is_deeply([ eval { $none->multistatus->hrefs } ], [$file], 'still has a valid response') or diag($@ . $none->body);

# propname.
my $names = propfind($file, 0, query('<D:propname/>'))->multistatus;
my %named = map { $_ => 1 } $names->names($file, 200);
ok($named{$_}, "propname has $_")
    for qw({DAV:}resourcetype {DAV:}getcontentlength {DAV:}getetag {DAV:}supportedlock {urn:test}colour
    {http://apache.org/dav/props/}executable);
is(join('', map { $names->text($file, $_) } keys %named), '', 'propname has no values');
is_deeply([ map { $_->childNodes->size } grep { $_->hasChildNodes } map { $names->prop($file, $_)->{node} } keys %named ],
    [], 'nor elements in them');

# allprop and include.
my $allprop = propfind($file, 0, query('<D:allprop/>'))->multistatus;
is_deeply([ $allprop->names($file, 200) ], [ $multistatus->names($file, 200) ], 'allprop is no body');
is_deeply([ $allprop->names($file, 404) ], [], 'allprop knows no 404');
my $include = propfind($file, 0,
    query('<D:allprop/><D:include><D:supported-report-set/><D:getetag/><D:supportedlock/><x:no xmlns:x="urn:x"/></D:include>'))->multistatus;
is($include->text($file, '{urn:test}colour'), 'red', 'include: the others are there');
is($include->prop_status($file, '{DAV:}getetag'), 200, 'include: what allprop has anyway, once');
is($include->prop_status($file, '{DAV:}supportedlock'), 200, 'include: what there is');
is($include->prop_status($file, '{urn:x}no'), 404, 'include: what there is not');

# What is no question.
for my $case (
    [ '<D:propfind xmlns:D="DAV:"><D:prop>',                                          'cut off' ],
    [ '<D:propfind xmlns:D="DAV:"><D:prop></D:propfind>',                             'badly nested' ],
    [ '<D:propfind><D:prop/></D:propfind>',                                           'an undeclared prefix' ],
    [ '<propfind><prop/></propfind>',                                                 'no namespace' ],
    [ '<D:other xmlns:D="DAV:"/>',                                                    'another root' ],
    [ query(''),                                                                      'an empty propfind' ],
    [ query('<D:prop><D:getetag/></D:prop><D:propname/>'),                            'two questions' ],
    [ query('<D:allprop/><D:propname/>'),                                             'two other questions' ],
    [ 'no XML at all',                                                                'no XML' ],
    [ qq{<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop><x:\xff xmlns:x="u"/></D:prop></D:propfind>}, 'bad UTF-8' ],
    )
{
    my ($body, $what) = @$case;
    status_is(propfind($file, 0, $body), 400, "$what");
}
for my $doctype (
    '<!DOCTYPE a [<!ENTITY x "y">]>',
    '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
    '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    )
{
    my $body = qq{<?xml version="1.0"?>$doctype<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>};
    status_is(propfind($file, 0, $body), [ 400, 403 ], 'a document type declaration is refused');
}
status_is(propfind($file, 0, '<D:propfind xmlns:D="DAV:"><D:prop>&x;</D:prop></D:propfind>'), 400, 'an unknown entity');
my $latin1 = qq{<?xml version="1.0" encoding="iso-8859-1"?><D:propfind xmlns:D="DAV:"><D:prop><x:\xe9 xmlns:x="urn:x"/></D:prop></D:propfind>};
status_is(propfind($file, 0, $latin1), 415, 'a body in ISO 8859-1: only UTF-8 and UTF-16 are read');

# Extension elements are ignored (RFC 4918 section 17).
status_is(propfind($file, 0, query('<x:what xmlns:x="urn:x"/><D:prop><D:getetag/></D:prop>')), 207, 'unknown elements');

# Names with many namespaces, and prefixes that are not those of the answer.
my $many = '<D:prop>' . join('', map { qq{<n$_:p xmlns:n$_="urn:n$_"/>} } 1 .. 200) . '</D:prop>';
is(scalar($_ = () = propfind($file, 0, query($many))->multistatus->names($file, 404)), 200, 'two hundred namespaces');
my $trick = query('<D:prop><D:p xmlns:D="urn:not-dav"/><ns0:q xmlns:ns0="urn:ns0"/><q xmlns="urn:a%22b"/></D:prop>');
is_deeply([ propfind($file, 0, $trick)->multistatus->names($file, 404) ],
    [ sort '{urn:not-dav}p', '{urn:ns0}q', '{urn:a%22b}q' ], 'prefixes and odd namespace names');

# What cannot be read.
mkdir "$deep_dir/secret";
spew("$deep_dir/secret/file", 'x');
chmod 0, "$deep_dir/secret";
expect_log(qr/Permission denied/);
my $partial = propfind($deep_url, 'infinity');
status_is($partial, 207, 'a tree with an unreadable collection');
my %listed = map { $_ => 1 } $partial->multistatus->hrefs;
ok($listed{"${deep_url}$_"}, "$_ is listed all the same") for 'a', 'sub/b', 'empty/';
my ($secret) = grep { /secret/ } keys %listed;
ok(defined $secret, 'the unreadable one is mentioned');
is($partial->multistatus->response($secret // '')->{status}, 403, 'with its own status') if $secret;
ok(!$listed{"${deep_url}secret/file"}, 'what is in it is not');
my $one = propfind($deep_url, 1);
status_is($one, 207, 'Depth: 1 above it');
status_is(propfind("${deep_url}secret/", 1), 403, 'the unreadable collection itself');
chmod 0755, "$deep_dir/secret";

# Two questions at once on one connection.
{
    my $client = client(port => vars('port'));
    $client->connect;
    my $text = $client->format_request('PROPFIND', $file, [ Depth => 0 ]);
    $client->send($text x 3);
    status_is($client->read_response('PROPFIND'), 207, "pipelined request $_") for 1 .. 3;
}

finish();
