# depotctl props, set and unset beside a server: what the one stores the other tells.
use strict;
use warnings;

use Depot::Ctl;
use Depot::Lock;
use Depot::Test;

my ($url, $dir) = fresh();
my @store = ('--store', server_root() . '/stores/main');
make_tree($dir, 'folder/', 'file', 'other', "odd \xe9");
my ($code, $out, $err);

# Run a command on this store that has nothing to complain of; its output.
sub ctl {
    my ($command, @arguments) = @_;
    ($code, $out, $err) = depotctl($command, @store, @arguments);
    ok($code == 0 && $err eq '', "$command @arguments[1 .. $#arguments]") or diag("$code: $err");
    return $out;
}

# The element that PROPFIND answers, undef if there is none.
sub element {
    my ($path, $name) = @_;
    my $multistatus = propfind($path, 0, propfind_body($name))->multistatus;
    return $multistatus->canonical(($multistatus->hrefs)[0], $name);
}

# ---- told of ----

is(ctl('props', "$dir/file"), '', 'no properties yet');
is(proppatch("${url}file", set => '<t:text xmlns:t="urn:test">a &lt; b</t:text>'
        . '<t:mixed xmlns:t="urn:test" xml:lang="en">one <b>two</b></t:mixed><bare xmlns="">x</bare>')->status, 207,
    'a PROPPATCH');
is(ctl('props', "$dir/file", '{urn:test}text'), "a < b\n", 'a text is told as it is');
is(ctl('props', "$dir/file", '{urn:test}text', '--xml'), qq{<t:text xmlns:t="urn:test">a &lt; b</t:text>\n}, 'or its element');
my $mixed = qq{<t:mixed xmlns:t="urn:test" xml:lang="en">one <b>two</b></t:mixed>};
is(ctl('props', "$dir/file", '{urn:test}mixed'), "$mixed\n", 'what is more than text as its element');
is(ctl('props', "$dir/file", '{}bare'), "x\n", 'a name without a namespace');
is(ctl('props', "$dir/file"), "{urn:test}text\n  a < b\n{urn:test}mixed\n  $mixed\n{}bare\n  x\n", 'all of them');
my @json = split /\n/, ctl('props', "$dir/file", '--json');
is($json[0], qq({"path":"$dir/file","namespace":"urn:test","local":"text",)
        . q("value":"<t:text xmlns:t=\"urn:test\">a &lt; b</t:text>","text":"a < b"}), 'as JSON');
like($json[1], qr/"local":"mixed",.*"text":null\}\z/, 'where not all is text');
($code, $out, $err) = depotctl('props', @store, "$dir/file", '{urn:test}none');
is($code, 1, 'a property that is not there is exit code 1');
is($err, "depotctl props: $dir/file has no property {urn:test}none\n", 'in words');
is(ctl('props', "$dir/nothing"), '', 'a file that is not there has none');

# ---- set ----

is(ctl('set', "$dir/file", '{urn:test}text', "c & d > \"e\"\n\xc3\xbc"), "$dir/file: {urn:test}text set\n", 'it tells what it did');
is(get_prop("${url}file", 'text'), "c & d > \"e\"\n\x{fc}", 'a PROPFIND has the text');
ctl('set', "$dir/file", '{urn:test}empty', '');
is(get_prop("${url}file", 'empty'), '', 'one without text');
ctl('set', "$dir/file", '{}bare', 'y');
is(element("${url}file", '{}bare'), '<bare>y</bare>', 'one without a namespace');
ctl('set', "$dir/file", '{DAV:}displayname', 'A file');
is(element("${url}file", '{DAV:}displayname'), '<p:displayname xmlns:p="DAV:">A file</p:displayname>', 'one of DAV: that is dead');
ctl('set', "$dir/folder", q({urn:a&b'c}p), 'v');
is(ctl('props', "$dir/folder", q({urn:a&b'c}p)), "v\n", 'a namespace that needs escaping');
like(propfind("${url}folder/", 0, propfind_body(q({urn:a&amp;b'c}p)))->body, qr/<p:p xmlns:p="urn:a&amp;b'c">v<\/p:p>/, 'and is sent with it');
is(propfind("${url}folder/", 0, undef)->status, 207, 'the folder can be listed');
ctl('set', "$dir/odd \xe9", '{urn:test}text', 'odd');
is(get_prop($url . escape("odd \xe9"), 'text'), 'odd', 'a file whose name is no text');
ctl('set', '--', "$dir/file", '{urn:test}minus', '-5');
is(get_prop("${url}file", 'minus'), '-5', 'a value that begins with a hyphen');

my $xml = qq{<x:mixed xmlns:x="urn:test" xmlns:q="urn:q" a="q:n" xml:lang="de"> <!-- c --><q:b/>t&amp;u\n</x:mixed>};
ctl('set', "$dir/file", '{urn:test}mixed', $xml, '--xml');
is(ctl('props', "$dir/file", '{urn:test}mixed', '--xml'), "$xml\n", 'an element is kept as it is');
ctl('set', "$dir/file", '{urn:test}mixed', "\n$xml\n", '--xml');
is(ctl('props', "$dir/file", '{urn:test}mixed', '--xml'), "$xml\n", 'without the white space around it');
like(propfind("${url}file", 0, propfind_body('{urn:test}mixed'))->body, qr/\Q$xml\E/, 'and sent so');
my $theirs = element("${url}file", '{urn:test}mixed');
proppatch("${url}other", set => $xml);
is(element("${url}other", '{urn:test}mixed'), $theirs, 'as one that a client has set');
is(ctl('props', "$dir/other", '{urn:test}mixed', '--xml'), "$xml\n", 'which is stored in the same way');
like(ctl('set', '--json', "$dir/other", '{urn:test}text', 'z'),
    qr/\A\{"path":".*other","namespace":"urn:test","local":"text","value":"<p:text xmlns:p=\\"urn:test\\">z<\/p:text>"\}\n\z/, 'told as JSON');

# ---- removed ----

is(ctl('unset', "$dir/other", '{urn:test}text'), "$dir/other: {urn:test}text removed\n", 'unset tells what it did');
is(get_prop("${url}other", 'text'), undef, 'a PROPFIND has it no longer');
($code, $out, $err) = depotctl('unset', @store, "$dir/other", '{urn:test}text');
is($code, 1, 'a second time it is exit code 1');
is($err, "depotctl unset: $dir/other has no property {urn:test}text\n", 'in words');
is(proppatch("${url}other", remove => ['{urn:test}mixed'])->status, 207, 'a client removes the last');
is(ctl('props', "$dir/other"), '', 'and depotctl knows');

# ---- locked ----

my $token = token_of(lock(client(), "${url}folder/"));
ok($token, 'a lock');
is_refused('what is locked is not changed', qr/is locked, see depotctl locks/, 'set', @store, "$dir/folder", '{urn:test}p', 'x');
is_refused('nor is a property removed', qr/is locked, see depotctl locks/, 'unset', @store, "$dir/folder", q({urn:a&b'c}p));
ctl('set', '--force', "$dir/folder", '{urn:test}p', 'x');
is(get_prop("${url}folder/", 'p'), 'x', 'unless it is forced');
is(unlock(client(), "${url}folder/", $token), 204, 'the lock is as it was');

# ---- refused ----

my @set = ('set', @store, "$dir/file");
for my $name (grep { $_ !~ /displayname|urn:|\{\}/ } map { @$_ } live("${url}file"), live("${url}folder/")) {
    is_refused("the live property $name", qr/is worked out by the server/, @set, $name, 'x');
}
is_refused('no file',              qr/No such file or directory/,      'set', @store, "$dir/nothing", '{urn:test}p', 'x');
is_refused('a name without braces', qr/is no name of a property/,      @set, 'p', 'x');
is_refused('a name without a name', qr/is no name of a property/,      @set, '{urn:test}', 'x');
is_refused('a long name',          qr/the name has more than 440 bytes/, @set, '{urn:test}' . 'x' x 440, 'x');
is_refused('no name in XML',       qr/cannot be stored: it is not well-formed/, @set, '{urn:test}1', 'x');
is_refused('nor one with an attribute', qr/cannot be stored: /,        @set, '{urn:test}p a="b"', 'x');
is_refused('nor with a prefix',    qr/cannot be stored: /,             @set, '{urn:test}p:q', 'x');
is_refused('no text in XML',       qr/cannot be stored: it is not well-formed/, @set, '{urn:test}p', "\x01");
is_refused('no UTF-8',             qr/cannot be stored: it is not well-formed/, @set, '{urn:test}p', "\xff");
is_refused('an open element',      qr/cannot be stored: it is not well-formed/, @set, '--xml', '{urn:test}p', '<p xmlns="urn:test">');
is_refused('two elements',         qr/cannot be stored: it is not well-formed/, @set, '--xml', '{urn:test}p', '<p xmlns="urn:test"/><q/>');
is_refused('no element',           qr/cannot be stored: it is not well-formed/, @set, '--xml', '{urn:test}p', 'text');
is_refused('nothing',              qr/cannot be stored: /,             @set, '--xml', '{urn:test}p', '');
is_refused('a document',           qr/it is not an element alone/,     @set, '--xml', '{urn:test}p', '<?xml version="1.0"?><p xmlns="urn:test"/>');
is_refused('a comment before it',  qr/it is not an element alone/,     @set, '--xml', '{urn:test}p', '<!-- --><p xmlns="urn:test"/>');
is_refused('no namespace',         qr/its namespace is no URI/,        @set, '{urn:"<x>}p', 'x');
is_refused('another element',      qr/is the element of another property/, @set, '--xml', '{urn:test}p', '<q xmlns="urn:test"/>');
is_refused('another namespace',    qr/is the element of another property/, @set, '--xml', '{urn:test}p', '<p xmlns="urn:other"/>');
is_refused('a prefix of nothing',  qr/cannot be stored: it is not well-formed/, @set, '--xml', '{urn:test}p', '<p xmlns="urn:test"><x:y/></p>');
is_refused('a document type',      qr/it has a document type/,         @set, '--xml', '{urn:test}p', '<!DOCTYPE p [<!ENTITY e "x">]><p xmlns="urn:test">&e;</p>');
is_refused('no store',             qr/which store\?/,                  'props', "$dir/file");

# One argument has at most 128 KiB, so the limit of a resource's properties is met first.
for my $n (1 .. 35) { ($code, $out, $err) = depotctl(@set, "{urn:test}large$n", 'x' x 126000); last if $code }
is($code, 2, 'a limit is met');
like($err, qr/is past a limit; --no-limits lifts those of a server$/, 'in words');
ctl('set', '--no-limits', "$dir/file", '{urn:test}more', 'x' x 126000);
is(length get_prop("${url}file", 'more'), 126000, 'and is lifted');

# The names of all live properties that a resource has.
sub live {
    my ($path) = @_;
    my $body = '<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>';
    my $multistatus = propfind($path, 0, $body)->multistatus;
    return [ $multistatus->names(($multistatus->hrefs)[0], 200) ];
}

finish();
