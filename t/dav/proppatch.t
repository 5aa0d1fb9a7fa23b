# PROPPATCH: all or nothing, in order, and values that come back as they were sent.
use strict;
use warnings;
use utf8;

use Depot::Test;
use Encode      ();
use XML::LibXML ();

my ($url, $dir) = fresh();
expect_log(client_errors());
make_tree($dir, 'file', 'sub/');
my $file = "${url}file";

# The element NAME in urn:v as it was sent and as it came back, both canonical.
sub round_trip {
    my ($name, $element, $around) = @_;
    my $body = sprintf '<?xml version="1.0" encoding="utf-8"?><D:propertyupdate xmlns:D="DAV:"%s><D:set><D:prop>%s</D:prop></D:set></D:propertyupdate>',
        $around // '', $element;
    $body = Encode::encode_utf8($body);
    my ($sent) = XML::LibXML->load_xml(string => $body)->findnodes("//*[local-name()='$name' and namespace-uri()='urn:v']");
    my $response = dav('PROPPATCH', $file, body => $body);
    return ($response->status, '') unless $response->status == 207;
    return ('refused: ' . $response->body, '') unless $response->multistatus->prop_status($file, "{urn:v}$name") == 200;
    my $back = propfind($file, 0, Encode::encode_utf8(propfind_body("{urn:v}$name")))->multistatus;
    return ($sent->toStringEC14N(1), $back->canonical($file, "{urn:v}$name") // 'undef', $sent, $back->prop($file, "{urn:v}$name")->{node});
}

sub comes_back {
    my ($what, $element, $around) = @_;
    my ($name) = $element =~ /<(?:\w+:)?(\w+)/;
    my ($sent, $back, @nodes) = round_trip($name, $element, $around);
    is($back, $sent, "comes back: $what");
    return @nodes;
}

# The form of the answer.
my $response = proppatch($file, set => '<t:a xmlns:t="urn:test">1</t:a>');
status_is($response, 207, 'set');
is($response->header('Content-Type'), 'application/xml; charset="utf-8"', 'Content-Type');
is($response->multistatus->prop_status($file, '{urn:test}a'), 200, 'its propstat');
is($response->multistatus->prop($file, '{urn:test}a')->{node}->textContent, '', 'without the value');
is(get_prop($file, 'a'), '1', 'it is there');
status_is(proppatch("${url}sub/", set => '<t:a xmlns:t="urn:test">2</t:a>'), 207, 'on a collection');
status_is(proppatch("${url}sub",  set => '<t:b xmlns:t="urn:test">3</t:b>'), 207, 'without its slash');
is(get_prop("${url}sub/", 'b'), '3', 'is the same collection');
is_deeply([ proppatch("${url}sub", set => '<t:b xmlns:t="urn:test">3</t:b>')->multistatus->hrefs ], ["${url}sub/"],
    "a collection's href has its slash");
status_is(proppatch("${url}absent", set => '<t:a xmlns:t="urn:test">1</t:a>'), 404, 'on nothing');
ok(!-e "$dir/absent", 'makes nothing');

# In document order.
proppatch($file, set => '<t:a xmlns:t="urn:test">2</t:a>', set => '<t:a xmlns:t="urn:test">3</t:a>');
is(get_prop($file, 'a'), '3', 'the last set wins');
proppatch($file, set => '<t:a xmlns:t="urn:test">4</t:a>', remove => ['{urn:test}a']);
is(get_prop($file, 'a'), undef, 'set, then remove');
proppatch($file, remove => ['{urn:test}a'], set => '<t:a xmlns:t="urn:test">5</t:a>');
is(get_prop($file, 'a'), '5', 'remove, then set');
my $absent = proppatch($file, remove => [ '{urn:test}never', '{urn:test}a' ]);
is($absent->multistatus->prop_status($file, '{urn:test}never'), 200, 'removing what is not there is fine');
is(get_prop($file, 'a'), undef, 'the other one was removed');

# All or nothing.
ok(set_prop($file, 'kept', 'old'), 'a property');
for my $protected ('getetag', 'getcontentlength', 'resourcetype', 'creationdate', 'getlastmodified', 'lockdiscovery', 'supportedlock') {
    my $mixed = proppatch($file,
        set => qq{<t:kept xmlns:t="urn:test">new</t:kept><D:$protected>x</D:$protected><t:more xmlns:t="urn:test">x</t:more>});
    status_is($mixed, 207, "setting $protected") or next;
    my $multistatus = $mixed->multistatus;
    is($multistatus->prop_status($file, "{DAV:}$protected"), 403, "$protected is protected");
    is_deeply($multistatus->prop($file, "{DAV:}$protected")->{error}, ['{DAV:}cannot-modify-protected-property'],
        'says its propstat');
    is($multistatus->prop_status($file, "{urn:test}$_"), 424, "$_ failed with it") for 'kept', 'more';
}
is(get_prop($file, 'kept'), 'old', 'nothing changed');
is(get_prop($file, 'more'), undef, 'nothing was added');
my $removed = proppatch($file, remove => [ '{urn:test}kept', '{DAV:}getetag' ]);
is($removed->multistatus->prop_status($file, '{DAV:}getetag'), 403, 'removing a protected one');
is($removed->multistatus->prop_status($file, '{urn:test}kept'), 424, 'fails the other one');
is(get_prop($file, 'kept'), 'old', 'nothing was removed');

# Apache's executable.
my $executable = '{http://apache.org/dav/props/}executable';
my $apache     = 'xmlns:A="http://apache.org/dav/props/"';
for my $case ([ 'T', 1 ], [ 'F', 0 ], [ 'T', 1 ]) {
    my ($value, $mode) = @$case;
    my $set = proppatch($file, set => "<A:executable $apache>$value</A:executable>");
    is($set->multistatus->prop_status($file, $executable), 200, "executable: $value");
    is((-x "$dir/file") ? 1 : 0, $mode, 'is the mode');
    is(propfind($file, 0, propfind_body($executable))->multistatus->text($file, $executable), $value, 'and is listed');
}
is(proppatch($file, set => "<A:executable $apache>maybe</A:executable>")->multistatus->prop_status($file, $executable),
    409, 'executable is T or F');
my $undone = proppatch($file, set => "<A:executable $apache>F</A:executable><D:getetag/>");
isnt($undone->multistatus->prop_status($file, $executable), 200, 'executable fails with the others');
ok(-x "$dir/file", 'and the mode is as it was');
isnt(proppatch($file, remove => [$executable])->multistatus->prop_status($file, $executable), 200, 'executable cannot be removed');

# Values that come back.
comes_back('text',                    '<v:a xmlns:v="urn:v">text</v:a>');
comes_back('nothing',                 '<v:a xmlns:v="urn:v"/>');
comes_back('white space',             "<v:a xmlns:v=\"urn:v\">  \n\t two  lines \n </v:a>");
comes_back('white space alone',       "<v:a xmlns:v=\"urn:v\"> \n\t </v:a>");
comes_back('a carriage return',       '<v:a xmlns:v="urn:v">a&#13;b&#13;&#10;c</v:a>');
comes_back('markup characters',       '<v:a xmlns:v="urn:v">&lt;&amp;&gt;"\'&#x5d;&#x5d;&gt;</v:a>');
comes_back('CDATA',                   '<v:a xmlns:v="urn:v"><![CDATA[<not> & markup]]]]><![CDATA[>]]></v:a>');
comes_back('a comment',               '<v:a xmlns:v="urn:v">a<!-- b -->c</v:a>');
comes_back('a processing instruction', '<v:a xmlns:v="urn:v">a<?b c d?>e</v:a>');
comes_back('attributes',              q{<v:a xmlns:v="urn:v" one="1" v:two='"2"' three="&lt;&#9;&#10;&amp;">x</v:a>});
comes_back('elements',                '<v:a xmlns:v="urn:v"><v:b><v:c>d</v:c></v:b><v:b/></v:a>');
comes_back('mixed content',           '<v:a xmlns:v="urn:v">one <v:b>two</v:b> three <v:b/> four</v:a>');
comes_back('other namespaces',        '<v:a xmlns:v="urn:v" xmlns:w="urn:w" w:x="y"><w:b/><c xmlns="urn:c"><d/></c></v:a>');
comes_back('a default namespace',     '<a xmlns="urn:v"><b/><c xmlns=""/></a>');
comes_back('namespaces from outside', '<v:a><w:b w:c="d"/></v:a>', ' xmlns:v="urn:v" xmlns:w="urn:w"');
comes_back('DAV: elements',           '<v:a xmlns:v="urn:v"><D:href>/x</D:href></v:a>');
comes_back('a prefix D for another',  '<D:a xmlns:D="urn:v"><D:b/></D:a>');
comes_back('one prefix, two meanings', '<v:a xmlns:v="urn:v"><v:b xmlns:v="urn:other"><v:c/></v:b><v:d/></v:a>');
comes_back('accents',                 '<v:a xmlns:v="urn:v">é e&#x301; ü</v:a>');
comes_back('beyond the BMP',          '<v:a xmlns:v="urn:v" w="🎈">𝔘𝔫𝔦 🎈 &#x10FFFF;</v:a>');
comes_back('a name with accents',     '<v:été xmlns:v="urn:v"><v:ñ/></v:été>');
comes_back('entities of XML',         '<v:a xmlns:v="urn:v">&quot;&apos;&#x41;</v:a>');
comes_back('depth',                   '<v:a xmlns:v="urn:v">' . '<v:b>' x 50 . 'x' . '</v:b>' x 50 . '</v:a>');
comes_back('many namespaces',         '<v:a xmlns:v="urn:v">' . join('', map { qq{<n$_:e xmlns:n$_="urn:n$_"/>} } 1 .. 100) . '</v:a>');

# xml:lang, its own and inherited (RFC 4918 section 4.3).
sub language_of {
    my ($name) = @_;
    my $node = propfind($file, 0, propfind_body("{urn:v}$name"))->multistatus->prop($file, "{urn:v}$name")->{node};
    return $node->findvalue('ancestor-or-self::*[@xml:lang][1]/@xml:lang');
}
comes_back("its own xml:lang", '<v:a xmlns:v="urn:v" xml:lang="de">Hallo <v:b xml:lang="fr">monde</v:b></v:a>');
is(language_of('a'), 'de', 'its own language');
for my $case (
    [ '<D:set><D:prop xml:lang="nl"><v:l xmlns:v="urn:v">x</v:l></D:prop></D:set>', 'nl', 'of prop' ],
    [ '<D:set xml:lang="sv"><D:prop><v:l xmlns:v="urn:v">x</v:l></D:prop></D:set>', 'sv', 'of set' ],
    [ '<D:set xml:lang="sv"><D:prop xml:lang="fi"><v:l xmlns:v="urn:v" xml:lang="da">x</v:l></D:prop></D:set>', 'da', 'nearest' ],
    [ '<D:set><D:prop><v:l xmlns:v="urn:v">x</v:l></D:prop></D:set>', '', 'none' ],
    )
{
    my ($actions, $language, $what) = @$case;
    dav('PROPPATCH', $file, body => qq{<D:propertyupdate xmlns:D="DAV:">$actions</D:propertyupdate>});
    is(language_of('l'), $language, "inherited xml:lang: $what");
}

# Prefixes are part of a value: QNames may stand in its text.
{
    my (undef, $node) = comes_back('QNames in text', '<v:q xmlns:v="urn:v" xmlns:xs="http://www.w3.org/2001/XMLSchema" t="xs:int">xs:string</v:q>');
    is($node ? $node->lookupNamespaceURI('xs') : undef, 'http://www.w3.org/2001/XMLSchema', 'their prefix keeps its meaning');
    (undef, $node) = comes_back('QNames with a prefix from outside', '<v:q>out:name</v:q>', ' xmlns:v="urn:v" xmlns:out="urn:out"');
    is($node ? $node->lookupNamespaceURI('out') : undef, 'urn:out', 'its prefix keeps its meaning');
    (undef, $node) = comes_back('prefixes as sent', '<odd:p xmlns:odd="urn:v"><odd:in/></odd:p>');
    is($node ? $node->prefix // '' : undef, 'odd', 'the prefix is the one that was sent');
}

# Names: the same local name in several namespaces and in none.
proppatch($file, set => '<x xmlns="urn:one">1</x><x xmlns="urn:two">2</x><x xmlns="">3</x>');
my $three = propfind($file, 0, propfind_body('{urn:one}x', '{urn:two}x', '{}x'))->multistatus;
is($three->text($file, '{urn:one}x'), '1', 'a name in one namespace');
is($three->text($file, '{urn:two}x'), '2', 'in another');
is($three->text($file, '{}x'),        '3', 'in none');
is($three->prop_status($file, '{}x'), 200, 'a property in no namespace is found');
is(propfind($file, 0)->multistatus->text($file, '{}x'), '3', 'and is in allprop');

# Large ones.
my $large = 'large & ' x 40_000;
(my $escaped = $large) =~ s/&/&amp;/g;
ok(set_prop($file, 'large', $escaped), 'a value of 300 KB');
is(length(get_prop($file, 'large') // ''), length $large, 'comes back whole');
ok((get_prop($file, 'large') // '') eq $large, 'and the same');
ok(set_prop($file, 'large', 'small'), 'replaced by a small one');
is(get_prop($file, 'large'), 'small', 'comes back');

# Many.
make_tree($dir, 'many');
my $many = proppatch("${url}many", set => join '', map { qq{<t:p$_ xmlns:t="urn:test">value $_</t:p$_>} } 1 .. 500);
is(scalar($_ = () = $many->multistatus->names("${url}many", 200)), 500, 'five hundred properties are set');
my $listed = propfind("${url}many", 0)->multistatus;
is(scalar(grep { ($listed->text("${url}many", "{urn:test}p$_") // '') eq "value $_" } 1 .. 500), 500, 'and come back');
proppatch("${url}many", remove => [ map { "{urn:test}p$_" } 1 .. 250 ]);
$listed = propfind("${url}many", 0)->multistatus;
is(scalar(grep { /urn:test/ } $listed->names("${url}many", 200)), 250, 'half of them removed');

# What is no update.
for my $case (
    [ '',                                                                              'no body' ],
    [ '<D:propertyupdate xmlns:D="DAV:">',                                             'cut off' ],
    [ '<D:propfind xmlns:D="DAV:"/>',                                                  'another root' ],
    [ '<propertyupdate/>',                                                             'no namespace' ],
    [ '<D:propertyupdate xmlns:D="DAV:"><D:set/></D:propertyupdate>',                  'no prop' ],
    [ '<!DOCTYPE x [<!ENTITY y "z">]><D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><a xmlns="u">&y;</a></D:prop></D:set></D:propertyupdate>', 'an entity' ],
    )
{
    my ($body, $what) = @$case;
    status_is(dav('PROPPATCH', $file, body => $body), [ 400, 403 ], $what);
}
is(get_prop($file, 'kept'), 'old', 'nothing changed');

# Conditions.
my $etag = dav('HEAD', $file)->header('ETag');
my $body = proppatch_body(set => '<t:if xmlns:t="urn:test">1</t:if>');
status_is(dav('PROPPATCH', $file, body => $body, headers => [ 'If-Match' => '"other"' ]), 412, 'If-Match fails');
is(get_prop($file, 'if'), undef, 'nothing was set');
status_is(dav('PROPPATCH', $file, body => $body, headers => [ 'If-Match' => $etag ]), 207, 'If-Match holds');
status_is(dav('PROPPATCH', $file, body => $body, headers => [ If => '(["other"])' ]), 412, 'If with another ETag');
status_is(dav('PROPPATCH', $file, body => $body, headers => [ If => "([$etag])" ]), 207, 'If with the ETag');

finish();
