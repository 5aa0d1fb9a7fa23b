# What only somebody with bad intent sends, and what others then see.
use strict;
use warnings;

use Encode      ();
use XML::LibXML ();

use Depot::Test;

my ($url, $dir) = fresh();
expect_log(client_errors());
make_tree($dir, 'file', 'other');
my $file = "${url}file";

# The body of a response as a document; undef if it is not well-formed.  (Depot::Multistatus is
# stricter: it does not take a namespace whose name is no URI, which XML leaves to its users.)
sub document {
    my ($response) = @_;
    open my $xmllint, '|-', 'xmllint --noout - 2>/dev/null' or die "xmllint: $!\n";
    print {$xmllint} $response->body;
    return undef unless close $xmllint;
    return XML::LibXML->new(recover => 2, expand_entities => 1)->parse_string($response->body);
}

# The dead properties a PROPFIND finds at PATH.
sub names_at {
    my ($path) = @_;
    my $document = document(propfind($path, 0)) or return 'not well-formed';
    return join ' ', map { Depot::Multistatus::clark($_) }
        grep { ($_->namespaceURI // '') !~ m{^(?:DAV:|http://apache.org/dav/props/)$} }
        $document->findnodes('//*[local-name()="prop"]/*');
}

sub set {
    my ($path, $element) = @_;
    return dav('PROPPATCH', $path, body => proppatch_body(set => $element));
}

# Markup in the name of a namespace stays a name.
my @namespaces = (
    'urn:a&amp;b', 'urn:&lt;a&gt;', q{urn:&quot;/>&lt;/D:prop>'}, 'urn:&#10;&#9;x', q{&quot;'&amp;lt;},
    'urn:&quot;>&lt;D:x/>&lt;y z=&quot;'
);
for my $namespace (@namespaces) {
    make_tree($dir, 'marked');
    (my $plain = $namespace) =~ s/&(?:(amp)|(lt)|(gt)|(quot)|#(\d+));/$1 ? '&' : $2 ? '<' : $3 ? '>' : $4 ? '"' : chr $5/ge;
    (my $attribute = $namespace) =~ s/'/&apos;/g;
    my $response = set("${url}marked", qq{<p xmlns='$attribute'><q/></p>});
    status_is($response, 207, "a namespace $namespace");
    is(names_at("${url}marked"), "{$plain}p", 'is what it was');
    my $listing = document(propfind($url, 1));
    is($listing && $listing->findnodes('//*[local-name()="response"]/*[local-name()="href"]')->size, 4,
        'and the listing around it is whole');
    status_is(dav('DELETE', "${url}marked"), 204, 'away with it');
}

# A name in XML's own namespace, which must not have another prefix.
status_is(set($file, '<xml:mine>v</xml:mine>'), 207, 'a property in the namespace of xml:');
is(names_at($file), '{http://www.w3.org/XML/1998/namespace}mine', 'comes back');
my $ask = '<D:propfind xmlns:D="DAV:"><D:prop><xml:mine/></D:prop></D:propfind>';
is(propfind($file, 0, $ask)->multistatus->text($file, '{http://www.w3.org/XML/1998/namespace}mine'),
    'v', 'also asked for by name');
like(propfind("${url}other", 0, $ask)->body, qr{<xml:mine/>}, 'and where it is not, with its own prefix');

# Encodings: the two that all of XML has, and no other.
my $text = proppatch_body(set => "<t:e xmlns:t=\"urn:test\">\xe2\x82\xac</t:e>");
$text =~ s/<\?.*?\?>//;
for my $encoding ('UTF-8', 'utf-8') {
    status_is(dav('PROPPATCH', $file, body => qq{<?xml version="1.0" encoding="$encoding"?>$text}), 207, "a body in $encoding");
}
status_is(dav('PROPPATCH', $file, body => "\xef\xbb\xbf$text"), 207, 'a body in UTF-8 with a mark');
for my $order ('UTF-16BE', 'UTF-16LE') {
    my $body = Encode::encode($order, "\x{feff}" . Encode::decode('UTF-8', $text));
    status_is(dav('PROPPATCH', $file, body => $body), 207, "a body in $order with a mark");
    is(get_prop($file, 'e'), "\x{20ac}", 'is read');
}
for my $encoding ('iso-8859-1', 'utf-7', 'iso-2022-cn-ext', 'ut-f8', 'IBM037', 'UCS-4', '') {
    status_is(dav('PROPPATCH', $file, body => qq{<?xml version="1.0" encoding="$encoding"?>$text}), [ 400, 415 ],
        "a body that says it is in \"$encoding\"");
}
status_is(dav('PROPPATCH', $file, body => '<?xml version="1.0" ' . ' ' x 300 . qq{encoding="utf-7"?>$text}), 415,
    'a declaration that hides its encoding');
for my $encoding ('UTF-32BE', 'UTF-32LE', 'UTF-16LE', 'cp37') {
    status_is(dav('PROPPATCH', $file, body => Encode::encode($encoding, '<?xml version="1.0"?><a/>')), 415, "a body in $encoding");
}

finish();
