# depotctl migrate: a tree written by a real mod_dav_fs, by litmus and a loader, is moved over and
# then served by both; every PROPFIND answers the same properties, and the locks hold.
use strict;
use warnings;
use utf8;

use File::Find   ();
use MIME::Base64 ();
use POSIX ();
use Time::HiRes ();


use Depot::Ctl;
use Depot::Lock;
use Depot::Server;
use Depot::Test;

my $work    = server_root() . '/migrate';
my $store   = "$work/store";
my $tree    = "$work/tree";
my $convert = server_root() . '/tools/dbmconvert';
my ($modules) = slurp(vars('t_conf') . '/modules.conf') =~ m{dav_module "(.*)/mod_dav\.so"};
mkdir $_ or die "$_: $!\n" for $work, $tree, map {"$work/tree-$_"} 'sdbm', 'gdbm', 'link';

# One httpd serves the same files both ways: /old with mod_dav_fs, /new with ours.
sub start {
    my ($name, $directory, @trees) = @_;
    my $users  = server_root() . '/conf/users';
    my $drives = join '', map {
        my $path = "$work/tree$_";
        qq{Alias /old$_ "$path"\nAlias /new$_ "$path"\n<Directory "$path">\nRequire all granted\n</Directory>\n}
            . "<Location /old$_>\nDav filesystem\n</Location>\n<Location /new$_>\nDav depot\n</Location>\n"
    } @trees, '';
    return Depot::Server->start("$work/$name", <<"END");
LoadModule dav_fs_module "$modules/mod_dav_fs.so"
DavLockDB "$work/lockdb"
DavDepotStore lmdb:$directory
$drives
<LocationMatch "^/(old|new)/users/">
    AuthType Basic
    AuthName test
    AuthBasicProvider file
    AuthUserFile "$users"
    Require valid-user
</LocationMatch>
END
}

my $server = start('server', $store, '-sdbm', '-gdbm', '-link') or BAIL_OUT('no server');
my $client = $server->client;
my @anna   = (Authorization => 'Basic ' . MIME::Base64::encode_base64('anna:anna', ''));

# ---- what is written: by litmus ----

SKIP: {
    chdir $work or die "$work: $!\n";
    my $url = "http://127.0.0.1:$server->{port}/old/";
    my $said = `TESTS="basic copymove locks props" litmus -k $url 2>&1`;
    my @suites = $said =~ /^<- summary for `(\w+)'/mg;
    is("@suites", 'basic copymove locks props', 'litmus has written to mod_dav_fs') or diag($said);
}

# ---- and by a loader ----

sub patch {
    my ($path, $xml, @headers) = @_;
    utf8::encode($xml);
    my $response = $client->request('PROPPATCH', $path, body => proppatch_body(set => $xml), headers => \@headers);
    my $ok = $response->status == 207 && $response->body !~ m{HTTP/1\.1 [345]};
    diag("PROPPATCH $path: " . $response->body) unless $ok;
    return $ok;
}

my %xml = (
    plain      => '<t:p xmlns:t="urn:test">value</t:p>',
    none       => '<p xmlns="">no namespace</p>',
    both       => '<a:p xmlns:a="urn:one">1</a:p><b:p xmlns:b="urn:two">2</b:p><p xmlns="">3</p>',
    language   => '<t:p xmlns:t="urn:test" xml:lang="de-CH">Grüezi</t:p><t:q xmlns:t="urn:test">none</t:q>',
    inherited  => '<t:p xmlns:t="urn:test" xml:lang="fr">a<t:b xml:lang="en">b</t:b><t:c>c</t:c></t:p>',
    quoted     => '<t:p xmlns:t="urn:test" xml:lang="x-&amp;&quot;">odd</t:p>',
    mixed      => '<t:p xmlns:t="urn:test"> a <t:b>bold <u:i xmlns:u="urn:u" u:at="1" at="2">both</u:i></t:b> z'
        . "\n\t" . '<n xmlns="">none<d xmlns="urn:default"/></n></t:p>',
    empty      => '<t:p xmlns:t="urn:test"/><t:q xmlns:t="urn:test"></t:q><e xmlns=""/>',
    silent     => '<t:p xmlns:t="urn:test" xml:lang="en"/>',
    blank      => '<t:p xmlns:t="urn:test">  ' . "\n" . ' </t:p>',
    entities   => '<t:p xmlns:t="urn:test" >&lt;&amp;&gt;&quot;&apos;&#65;]]&gt;<![CDATA[<&]]><t:q a="&lt;&amp;&quot;&#9;&#10;"/></t:p>',
    letters    => '<t:ключ xmlns:t="urn:test">Привет, 世界 🎉</t:ключ><t:é xmlns:t="urn:t">é</t:é>',
    address    => '<t:p xmlns:t="http://example.org/?a=1&amp;b=2">with an ampersand</t:p>',
    dav        => '<D:displayname>a name</D:displayname>',
    long       => '<t:p xmlns:t="urn:test">' . ('long é & '=~ s/&/&amp;/r) x 5000 . '</t:p>',
    many       => join('', map {qq{<t$_:p$_ xmlns:t$_="urn:many:$_">$_<t$_:q/></t$_:p$_>}} 1 .. 40),
    returns    => "<t:p xmlns:t=\"urn:test\">a&#13;b\r\nc</t:p>",
);
mkdir "$tree/$_" or die "$tree/$_: $!\n" for 'folder', 'folder/deep', 'users', 'locked', 'shared', 'Übung & more';
make_tree($tree, sort keys %xml);
make_tree($tree, 'folder/plain', 'folder/deep/file', 'Übung & more/ä%20ö', 'users/file', 'locked/file', 'shared/file',
    'expired', 'without');
ok(patch("/old/$_", $xml{$_}), "set: $_") for sort keys %xml;
ok(patch('/old/folder/',      $xml{mixed} . $xml{none}), 'set on a folder');
ok(patch('/old/folder/deep/', $xml{language}),          'and on one below');
ok(patch('/old/folder/plain', $xml{plain}),             'and on a file in it');
ok(patch('/old/folder/deep/file', $xml{both}),          'and deeper');
ok(patch('/old/',             $xml{letters}),           'and on the top');
{
    my $odd = 'Übung & more/ä%20ö';
    utf8::encode($odd);
    ok(patch('/old/' . escape($odd), $xml{plain}), 'and on an odd name');
    ok(patch('/old/' . escape(substr $odd, 0, rindex $odd, '/') . '/', $xml{plain}), 'and on an odd folder');
}
# Namespaces that are no longer used stay in the table.
ok(patch('/old/both', '<z:gone xmlns:z="urn:gone">x</z:gone>'), 'a property for a while');
$client->request('PROPPATCH', '/old/both', body => proppatch_body(remove => ['{urn:gone}gone']));
ok(patch('/old/both', '<y:later xmlns:y="urn:later">x<w:q xmlns:w="urn:one"/></y:later>'), 'one more namespace');

# ---- locks of mod_dav_fs ----

# LOCK with a Timeout: its token.
sub lock_old {
    my ($path, $timeout, %arg) = @_;
    my $body = lockinfo($arg{scope}, $arg{owner});
    utf8::encode($body);
    return token_of($client->request('LOCK', $path, body => $body,
            headers => [ Timeout => $timeout, Depth => $arg{depth} // 0, @{ $arg{headers} // [] } ]));
}

my %token;
my $expiry = time + 2;
$token{expired} = lock_old('/old/expired', 'Second-1');
$token{file} = lock_old('/old/plain', 'Infinite', owner => '<D:owner><D:href>mailto:é&amp;@x</D:href> <z xmlns="urn:z"/></D:owner>');
$token{tree} = lock_old('/old/locked/', 'Second-4000', depth => 'infinity');
$token{folder} = lock_old('/old/folder/', 'Second-4000');
$token{$_}     = lock_old('/old/shared/file', 'Second-4000', scope => 'shared') for 'one', 'two';
$token{user}   = lock_old('/old/users/file', 'Second-4000', headers => \@anna);
$token{null}   = lock_old('/old/nothing', 'Second-4000');
like($token{$_}, qr/^opaquelocktoken:/, "a lock of mod_dav_fs: $_") for sort keys %token;

# ---- reading both ----

# An element as the tree of names, attributes and text that it is.
sub infoset {
    my ($node) = @_;
    my @attributes = sort map { Depot::Multistatus::clark($_) . '=' . $_->value }
        grep { $_->nodeType == XML::LibXML::XML_ATTRIBUTE_NODE() } $node->attributes;
    my @children = map { $_->nodeType == XML::LibXML::XML_ELEMENT_NODE() ? infoset($_) : $_->data } $node->childNodes;
    return '<' . join(' ', Depot::Multistatus::clark($node), @attributes) . '>' . join('', @children) . '</>';
}

# The dead properties at PATH, by name.
sub dead {
    my ($path) = @_;
    my $response = $client->request('PROPFIND', $path, headers => [ Depth => 0, @anna ],
        body => '<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>');
    return { status => $response->status } if $response->status != 207;
    my $multistatus = $response->multistatus;
    my ($href) = $multistatus->hrefs;
    my %live = map { $_ => 1 } map {"{DAV:}$_"} qw(creationdate getcontentlength getcontenttype getetag getlastmodified
        resourcetype supportedlock lockdiscovery getcontentlanguage);
    return { map { $_ => infoset($multistatus->prop($href, $_)->{node}) }
            grep { !$live{$_} && $_ ne '{http://apache.org/dav/props/}executable' } $multistatus->names($href, 200) };
}

# The URL paths below a tree, "" for itself.
sub paths {
    my ($top) = @_;
    my @paths;
    File::Find::find({ no_chdir => 1, preprocess => sub { grep { $_ ne '.DAV' } @_ },
        wanted => sub { push @paths, escape(substr $_, length $top) . (-d $_ ? '/' : '') } }, $top);
    return sort @paths;
}

my %old = map { $_ => dead("/old$_") } paths($tree);
my $resources  = grep { %{ $old{$_} } } keys %old;
my $properties = 0;
$properties += keys %{ $old{$_} } for keys %old;
cmp_ok($resources, '>', 24, 'many resources have properties');
is(scalar keys %{ $old{'/many'} }, 40, 'and one has many');

# The state of all that mod_dav_fs keeps: names, contents and times.
sub state_of {
    my ($top) = @_;
    my %state;
    File::Find::find({ no_chdir => 1, wanted => sub { $state{$_} = join ' ', (stat)[ 2, 7, 9 ], unpack '%32C*', -f $_ ? slurp($_) : '' if m{/\.DAV(?:/|\z)} } }, $top);
    $state{lockdb} = unpack '%32C*', slurp("$work/lockdb");
    return \%state;
}

sub counts {
    my ($out) = @_;
    my ($line) = $out =~ /^(\{"tree".*\})$/m or return {};
    return { $line =~ /"(\w+)":(\d+)/g };
}

# ---- a dry run, the run, and again ----

Time::HiRes::sleep(0.1) while time < $expiry;

my $before = state_of($tree);
my @locks = ('--locks', "$work/lockdb");
my ($code, $out, $err) = depotctl('migrate', '--json', '--dry-run', @locks, $tree, "$work/not-there");
is($code, 1, 'a dry run') or diag($err);
my $dry = counts($out);
is($dry->{set}, $properties, 'tells how many properties it would set');
is($dry->{taken}, 6, 'and how many locks it would take over');
ok(!-e "$work/not-there", 'and makes no store');

# The server has the store open.
($code, $out, $err) = depotctl('migrate', $tree, $store);
is($code, 0, 'the tree is moved over') or diag($out, $err);
is($err,  '', 'without a complaint');
like($out, qr/\A(\d+) resources with $properties properties: $properties set, 0 there already, 0 kept as the store has them; 0 problems\n\z/,
    'it tells what it did');
($code, $out, $err) = depotctl('migrate', '--json', @locks, $tree, $store);
is($code, 1, 'and again, with its locks: there is one without a resource') or diag($out, $err);
is((counts($out))->{set}, 0, 'it sets nothing again');
is((counts($out))->{same}, $properties, 'all is there');
is((counts($out))->{taken}, 6, 'the locks are taken over');
cmp_ok((counts($out))->{expired}, '>=', 1, 'but for the expired');
my @problems = $out =~ /^(\{.*"problem".*\})$/mg;
is("@problems", qq({"path":"$tree/nothing","problem":"is locked but does not exist"}), 'the one on nothing is told of');
($code, $out, $err) = depotctl('migrate', '--json', @locks, $tree, $store);
is_deeply([ @{ counts($out) }{ 'set', 'taken', 'same', 'kept' } ], [ 0, 0, $properties, 0 ], 'and a third time nothing is left to do');
is_deeply(state_of($tree), $before, 'the old databases are as they were, their times too');

my $same = 0;
for my $path (sort keys %old) {
    my $new  = dead("/new$path");
    my $want = { %{ $old{$path} } };
    # What mod_dav_fs keeps and does not send: the language of an empty value.
    $want->{'{urn:test}p'} = '<{urn:test}p {http://www.w3.org/XML/1998/namespace}lang=en></>' if $path eq '/silent';
    is_deeply($new, $want, "the same properties: /new$path") && $same++;
}
is($same, keys %old, 'all of them');
($code, $out, $err) = depotctl('migrate', '--verify', @locks, $tree, $store);
is($code, 1, 'verify finds the lock without a resource') or diag($out, $err);
like($out, qr/: $properties the same in the store, 0 differences; 6 locks/, 'and no difference');
($code, $out, $err) = depotctl('migrate', '--verify', $tree, $store);
is($code, 0, 'and without the locks, nothing') or diag($out, $err);

($code, $out, $err) = depotctl('check', '--tree', $tree, $store);
is($code, 0, 'the store is sound, and fits the files') or diag($out, $err);
for my $kind ('sdbm', 'gdbm') {
    system($convert, 'db', "$work/lockdb", $kind, "$work/lockdb-$kind");
    ($code, $out, $err) = depotctl('migrate', '--verify', '--locks', "$work/lockdb-$kind", $tree, $store);
    like($out, qr/ 0 differences; 6 locks,/, "a lock database that is $kind") or diag($err);
}

# ---- the locks hold ----

sub put_status {
    my ($path, $token, @headers) = @_;
    push @headers, If => "(<$token>)" if defined $token;
    return $client->request('PUT', $path, body => 'new', headers => \@headers)->status;
}
is(put_status('/new/plain'), 423, 'a locked file');
is(put_status('/new/plain', $token{file}), 204, 'with its token');
is(put_status('/new/locked/file'), 423, 'a file in a folder that is locked with all below');
is(put_status('/new/locked/new'), 423, 'and a new one');
is($client->request('PUT', '/new/locked/file', body => 'new', headers => [ If => "</new/locked/> (<$token{tree}>)" ])->status, 204, 'with the token');
is(put_status('/new/folder/plain'), 204, 'a file in a folder that is locked alone');
is(put_status('/new/folder/new'),   423, 'where none can be made');
is(put_status('/new/shared/file'),  423, 'a shared lock');
is(put_status('/new/shared/file', $token{$_}), 204, "with token $_") for 'one', 'two';
is(put_status('/new/users/file', undef, @anna), 423, 'a lock of a user');
is(put_status('/new/users/file', $token{user}, @anna), 204, 'by that user');
my @ben = (Authorization => 'Basic ' . MIME::Base64::encode_base64('ben:ben', ''));
isnt(put_status('/new/users/file', $token{user}, @ben), 204, 'not by another');
is(put_status('/new/expired'), 204, 'one that has expired is none');
my %told = map { $_->{token} =~ s/^urn:uuid://r => $_ } map { locks_of($client, "/new/$_") } 'plain', 'locked/file', 'shared/file';
my %is = map { $_ => $told{ $token{$_} =~ s/^opaquelocktoken://r } } keys %token;
is($is{file}{timeout}, 'Infinite', 'a lock without an end has none');
like($client->request('PROPFIND', '/new/plain', headers => [ Depth => 0 ], body => propfind_body('{DAV:}lockdiscovery'))->body,
    qr{<ns0:owner [^>]*><ns0:href>mailto:\xc3\xa9&amp;\@x</ns0:href> <ns\d:z/></ns0:owner>}, 'an owner is told as it was given');
is($is{tree}{depth}, 'infinity', 'a depth is kept');
cmp_ok(($is{tree}{timeout} =~ /(\d+)/)[0], '>', 3900, 'and a time');
is($is{one}{scope}, 'shared', 'and a scope');

# ---- changed since ----

ok(patch('/new/none', '<p xmlns="">set since</p>'), 'a property is set since');
ok(patch('/new/none', '<q xmlns="">only new</q>'), 'and a new one');
$client->request('PROPPATCH', '/new/empty', body => proppatch_body(remove => ['{urn:test}p']));
($code, $out, $err) = depotctl('migrate', '--verify', $tree, $store);
is($code, 1, 'verify finds what is different');
like($out, qr/^\Q$tree\E\/none: \{\}p is another in the store$/m, 'the one that was changed');
like($out, qr/^\Q$tree\E\/none: \{\}q is only in the store$/m, 'the one that is new');
like($out, qr/^\Q$tree\E\/empty: \{urn:test\}p is not in the store$/m, 'the one that is gone');
like($out, qr/, 3 differences; 0 problems$/m, 'and no other');
($code, $out, $err) = depotctl('migrate', '--json', $tree, $store);
is_deeply([ @{ counts($out) }{ 'set', 'kept' } ], [ 1, 1 ], 'again: what was set since is kept');
is(dead('/new/none')->{'{}p'}, '<{}p>set since</>', 'it is');
($code, $out, $err) = depotctl('migrate', '--json', '--overwrite', $tree, $store);
is_deeply([ @{ counts($out) }{ 'set', 'kept' } ], [ 1, 0 ], 'unless it is to be overwritten');
is(dead('/new/none')->{'{}p'}, $old{'/none'}{'{}p'}, 'it is');

# ---- the other kinds of databases ----

# Copies of small files with their databases as another kind.
my @small = qw(plain none both mixed empty language letters);
for my $kind ('sdbm', 'gdbm') {
    my $copy = "$work/tree-$kind";
    make_tree($copy, @small);
    mkdir "$copy/.DAV" or die "$copy/.DAV: $!\n";
    for my $name (@small, '.state_for_dir') {
        system($convert, 'db', "$tree/.DAV/$name", $kind, "$copy/.DAV/$name") == 0 or fail("$name as $kind");
    }
    ($code, $out, $err) = depotctl('migrate', $copy, $store);
    is($code, 0, "$kind is moved over") or diag($out, $err);
    for my $name (@small, '') {
        is_deeply(dead("/new-$kind/$name"), $old{"/$name"}, "$kind: the same properties: $name");
    }
}
ok(-e "$work/tree-sdbm/.DAV/plain.pag", 'there were two files of each sdbm');

# ---- by way of a link, and links that are not followed ----

symlink $tree, "$work/link" or die "link: $!\n";
($code, $out, $err) = depotctl('migrate', '--json', '--dry-run', "$work/link", $store);
like($out, qr/"tree":"\Q$work\E\/link"/, 'a tree may be named by way of a link, and keeps that name');
is((counts($out))->{set}, $properties, 'in which there is nothing yet');

# ---- what cannot be read ----

my $bad = "$work/tree-link";
make_tree($bad, 'good', 'cut', 'torn', 'garbage', 'linked', 'empty', 'broken', 'pipe', 'folder', 'inner');
mkdir "$bad/$_" or die for '.DAV', 'elsewhere', 'elsewhere/.DAV', 'statelink';
system('cp', '-p', "$tree/.DAV/plain", "$bad/.DAV/$_") for 'good', 'gone', 'elsewhere';
my $sound = slurp("$tree/.DAV/many");
my $page = length($sound) / 2;
spew("$bad/.DAV/cut", substr $sound, 0, 5000);
spew("$bad/.DAV/torn", substr($sound, 0, 4096) . "\xff" x (length($sound) - 4096));
spew("$bad/.DAV/garbage", join '', map { chr(($_ * 7919) % 256) } 1 .. 9000);
spew("$bad/.DAV/empty", '');
symlink "$tree/.DAV/plain", "$bad/.DAV/linked";
symlink "$tree/.DAV", "$bad/statelink/.DAV";
symlink $tree, "$bad/out";
system('mkfifo', "$bad/.DAV/pipe");
spew("$bad/.DAV/broken.pag", "\x10\x00" . "\xff\x03" x 500);
spew("$bad/.DAV/broken.dir", '');
system($convert, 'db', "$tree/.DAV/plain", 'db', "$bad/.DAV/inner", '0:bad\0', '\0<a></b>\0');
# What was written to lately is read twice before it is called damaged.
utime 1, 1, $_ for grep { -f && !-l } glob "$bad/.DAV/*";
($code, $out, $err) = depotctl('migrate', $bad, $store);
is($code, 1, 'damage is found') or diag($out, $err);
is($err, '', 'and told of in one place');
for my $line (
    "$bad/gone: does not exist any more; its properties are left out",
    "$bad/elsewhere: was a file once and is a folder now; that file's properties are left out",
    "$bad/cut: the database of its properties is damaged",
    "$bad/torn: the database of its properties is damaged",
    "$bad/broken: the database of its properties is damaged",
    "$bad/.DAV/garbage: is no database of a kind that is known",
    "$bad/.DAV/empty: is no database of a kind that is known",
    "$bad/.DAV/linked: is no regular file",
    "$bad/.DAV/pipe: is no regular file",
    "$bad/statelink/.DAV: is no folder that can be read",
    "$bad/out: is a link to a folder, and was not followed",
    "$bad/inner: its property 0:bad is damaged",
    )
{
    ok($out =~ s/^\Q$line\E\n//m, $line);
}
like($out, qr/\A2 resources with 2 properties: 2 set, .*; 12 problems\n\z/, 'what could be read is moved over, and nothing else told');
is(dead("/new-link/$_")->{'{urn:test}p'}, '<{urn:test}p>value</>', "it is there: $_") for 'good', 'inner';

# ---- beside a server that writes ----

# Each file is left alone for longer than a database has to be for its being whole.
my @busy = map {"busy$_"} 1 .. 4;
make_tree($tree, @busy);
my $writer = fork // die "fork: $!\n";
if ($writer == 0) {
    my ($bad, $end) = (0, time + 60);
    $client = Depot::Client->new(port => $server->{port});
    for (my $n = 0; !-e "$work/stop" && time < $end; $n++) {
        $bad++ unless patch("/old/$busy[$n % @busy]", qq{<t:a xmlns:t="urn:test">$n</t:a><t:b xmlns:t="urn:test">$n</t:b>});
        Time::HiRes::sleep(0.3);
    }
    POSIX::_exit($bad ? 1 : 0);
}
my %said;
for (1 .. 2) {
    ($code, $out, $err) = depotctl('migrate', '--overwrite', $tree, $store);
    $said{$_}++ for grep { !/^\d+ resources/ } split /\n/, $out . $err;
}
spew("$work/stop", '');
waitpid $writer, 0;
is($?, 0, 'a server that writes beside it does not notice');
ok(!(grep { !/: Device or resource busy$/ } keys %said), 'nor is anything half-written read') or diag(join "\n", %said);
my @torn = grep { my ($x, $y) = @{ dead("/new/$_") }{ '{urn:test}a', '{urn:test}b' }; ($x // '') =~ s/}a>/}b>/r ne ($y // '') } @busy;
is("@torn", '', 'properties that belong together come together');

# ---- interrupted ----

# A database that is written to all the time is waited for, a while.
mkdir "$work/waiting" or die;
mkdir "$work/waiting/.DAV" or die;
make_tree("$work/waiting", 'busy', 'busier');
system('cp', "$tree/.DAV/plain", "$work/waiting/.DAV/$_") for 'busy', 'busier';
my $toucher = fork // die "fork: $!\n";
if ($toucher == 0) {
    my $end = time + 60;
    while (time < $end && !-e "$work/stop2") {
        utime undef, undef, map {"$work/waiting/.DAV/$_"} 'busy', -e "$work/stop1" ? () : 'busier';
        Time::HiRes::sleep(0.01);
    }
    POSIX::_exit(0);
}
mkdir "$work/tmp" or die;
# A busy machine may let one through: then it is tried again.
for (1 .. 5) {
    my $run;
    {
        local $ENV{TMPDIR} = "$work/tmp";
        $run = depotctl_start('migrate', "$work/waiting", "$work/store-waiting");
    }
    for (1 .. 500) { last if grep {/^depotctl/} members("$work/tmp"); Time::HiRes::sleep(0.01) }
    kill 'INT', $run->{pid};
    ($code, $out, $err) = depotctl_end($run);
    last if $code == 2;
}
is($code, 2, 'interrupted') or diag($out);
is($err, "depotctl migrate: interrupted\n", 'it says so');
is_deeply([ grep {/^depotctl/} members("$work/tmp") ], [], 'and leaves nothing behind');
spew("$work/stop1", '');
my $busy;
for (1 .. 5) {
    ($code, $out, $err) = depotctl('migrate', "$work/waiting", "$work/store-waiting");
    last if $busy = $out =~ /^\Q$work\E\/waiting\/busy: the database of its properties could not be read: Device or resource busy$/m;
}
ok($busy, 'left alone, it gives up on the one, and says so') or diag($out, $err);
spew("$work/stop2", '');
waitpid $toucher, 0;
($code, $out, $err) = depotctl('migrate', "$work/waiting", "$work/store-waiting");
is($code, 0, 'the next run has it') or diag($out, $err);

# ---- refused ----

is_refused('no such tree',       qr/No such file/,          'migrate', "$work/none", $store);
is_refused('a file is no tree',  qr/Not a directory/,       'migrate', "$tree/plain", $store);
is_refused('no such lock database', qr/could not read the lock database/, 'migrate', '--locks', "$work/none", "$work/tree-sdbm", $store);
is_refused('verify wants a store', qr/there is no store in/, 'migrate', '--verify', $tree, "$work/not-there");
is_refused('one thing at a time', qr/do not go with each other/, 'migrate', '--verify', '--dry-run', $tree, $store);

unlike($server->said, qr/exit signal|AddressSanitizer/, 'the server was well all the time');
$server->stop;

finish();
