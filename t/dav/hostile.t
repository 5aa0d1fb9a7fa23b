# What only somebody with bad intent sends or puts into a tree, and what others then see.
use strict;
use warnings;

use Encode           ();
use IO::Socket::INET ();
use IO::Socket::UNIX ();
use POSIX            ();
use Socket           qw(SOL_SOCKET SO_RCVBUF);
use Time::HiRes      ();
use XML::LibXML      ();

use Depot::Ctl;
use Depot::Lock;
use Depot::Server;
use Depot::Test;

my ($url, $dir) = fresh();
expect_log(client_errors(), qr/AH00038|AH01630|AH10244|AH00037|AH00026|AH00127|AH02413|AH01252|could not open .*swapped/);
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

# ---- bodies that grow ----

my $laughs = '<!DOCTYPE l [<!ENTITY a0 "ha">' . join('', map { my $n = $_ - 1; qq{<!ENTITY a$_ "} . "&a$n;" x 10 . '">' } 1 .. 12) . ']>';
my %bomb = (
    'entities of entities'   => "$laughs<D:propfind xmlns:D=\"DAV:\"><D:prop><x>&a12;</x></D:prop></D:propfind>",
    'a long entity often'    => '<!DOCTYPE l [<!ENTITY a "' . 'a' x 50_000 . '">]><l>' . '&a;' x 50_000 . '</l>',
    'a file as an entity'    => '<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><l>&a;</l>',
    'an entity of the network' => '<!DOCTYPE l SYSTEM "http://127.0.0.1:1/x.dtd"><l/>',
    'a parameter entity'     => '<!DOCTYPE l [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]><l/>',
);
for my $what (sort keys %bomb) {
    for my $method ('PROPFIND', 'PROPPATCH', 'LOCK') {
        my $response = dav($method, $file, body => $bomb{$what}, headers => [ Depth => 0 ]);
        status_is($response, 403, "$method with $what");
        is_deeply([ $response->preconditions ], ['{DAV:}no-external-entities'], 'says why');
    }
}
for my $method ('PROPFIND', 'PROPPATCH', 'LOCK') {
    my $namespaces = join ' ', map { qq{xmlns:n$_="u:$_"} } 1 .. 40_000;
    status_is(dav($method, $file, body => "<D:propfind xmlns:D='DAV:' $namespaces/>", headers => [ Depth => 0 ]), 413, "$method with 40,000 namespaces");
    my $deep = '<a>' x 100_000 . '</a>' x 100_000;
    status_is(dav($method, $file, body => $deep, headers => [ Depth => 0 ]), 413, "$method with 100,000 elements inside each other");
}
status_is(set($file, join '', map {"<p$_ xmlns='urn:many'>v</p$_>"} 1 .. 10_000), 413, 'a PROPPATCH of 10,000 properties');
unlike(names_at($file), qr/many/, 'sets none');
for my $value ("\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x00", '&#0;', '&#xD800;', '&#xFFFE;', '&#1;') {
    my $name = join ' ', map { sprintf '%02x', ord } split //, $value;
    status_is(set($file, "<bad xmlns='urn:bad'>$value</bad>"),           400, "a value of $name");
    status_is(set($file, "<bad xmlns='urn:bad' a='$value'/>"),           400, "an attribute of $name");
    status_is(set($file, "<b:bad$value xmlns:b='urn:bad'/>"),            400, "a name of $name");
    status_is(set($file, "<b:bad xmlns:b='urn:$value'/>"),               400, "a namespace of $name");
}
unlike(names_at($file), qr/bad/, 'none of it was kept');

# ---- paths that lead elsewhere ----

my $above = drive('main');
spew("$above/../sentinel", 'outside');
make_tree($dir, 'd/', 'd/x');
my @up = qw(.. %2e%2e %2E. .%2e ..%2f %2e%2e%2f ..%5c ..%255c %252e%252e ..%00 ..;/ %c0%ae%c0%ae %e0%80%ae%e0%80%ae);
for my $up (@up) {
    for my $path ("/dav/$up/sentinel", "${url}d/$up/$up/$up/sentinel", "${url}d/$up$up$up$up/sentinel") {
        my @got;
        for my $method (qw(GET PROPFIND PUT MKCOL DELETE PROPPATCH LOCK COPY MOVE)) {
            my $client = client(port => vars('port'));
            my $response = $client->request($method, $path, headers => [ Depth => 0, Destination => "${url}stolen", Overwrite => 'F' ],
                body => $method eq 'PUT' ? 'changed' : $method eq 'PROPPATCH' ? proppatch_body(set => '<a/>') : $method eq 'LOCK' ? lockinfo() : undef);
            push @got, $method . ' ' . $response->status if $response->status < 400 || $response->status >= 500 || $response->body =~ /outside/;
        }
        # A backslash and the like are letters of a name: then something new may be made, inside.
        is(join(', ', grep { !/^(?:PUT|MKCOL|LOCK) 20|^PROPPATCH 207|^DELETE 204|^(?:COPY|MOVE) 201/ || $up !~ /5c|252e|;|c0|e0/ } @got), '', $path);
    }
    my $response = dav('COPY', "${url}d/x", headers => [ Destination => "${url}d/$up/$up/$up/$up/stolen" ]);
    ok($response->status >= 400 && $response->status < 500 || $up =~ /5c|252e|;|c0|e0/, "COPY to $up: " . $response->status);
}
is(slurp("$above/../sentinel"), 'outside', 'what is outside is as it was');
is_deeply([ grep {/stolen|changed/} members("$above/..") ], [], 'and nothing was put there');
for my $path ("${url}d%2fx", "${url}d%2Fx", "${url}d/x%00", "${url}d/x%00.txt", "${url}%2e%2e%2fd", "${url}d/%2f..%2f/x") {
    for my $method (qw(GET PUT DELETE PROPFIND)) {
        my $status = dav($method, $path, body => $method eq 'PUT' ? 'x' : undef, headers => [ Depth => 0 ])->status;
        ok($status >= 400 && $status < 500, "$method $path: $status");
    }
}
my $port = vars('port');
for my $destination ('/', '/nowhere/x', "http://127.0.0.1:$port/", "http://127.0.0.1:$port/nowhere/x", "http://127.0.0.1:$port${url}../../../x",
    'http://other.example/dav/x', 'ftp://127.0.0.1/dav/x', 'file:///etc/x', '//other.example/dav/x', 'http://', 'x', '', "/dav/../../x", "http://[::1/x")
{
    for my $method ('COPY', 'MOVE') {
        my $status = dav($method, "${url}d/x", headers => [ Destination => $destination ])->status;
        ok($status >= 400 && $status < 600 && $status != 500, "$method to \"$destination\": $status");
    }
}
is(slurp("$dir/d/x"), "bytes of d/x\n", 'the source is still there');

# ---- what is neither file nor directory, and files with two names ----

# No method takes what is at a path for a file, or waits for it.
sub is_no_resource {
    my ($path, $what) = @_;
    my ($parent) = $path =~ m{(.*/)};
    for my $method (qw(GET HEAD PUT PROPFIND PROPPATCH DELETE MKCOL LOCK COPY MOVE)) {
        my $response = dav($method, $path, headers => [ Depth => 0, Destination => "${parent}taken" ],
            body => $method eq 'PUT' ? 'x' : $method eq 'PROPPATCH' ? proppatch_body(set => '<a/>') : $method eq 'LOCK' ? lockinfo() : undef);
        status_is($response, [ 403, 404, 405, 409 ], "$method of $what");
        unlike($response->body, qr/\0/, 'answers nothing out of it') if $method eq 'GET';
    }
    for my $method ('COPY', 'MOVE') {
        make_tree($dir, 'source') unless -e "$dir/source";
        status_is(dav($method, "${url}source", headers => [ Destination => $path ]), [ 403, 409 ], "$method to $what");
    }
    return;
}

POSIX::mkfifo("$dir/d/fifo", 0666) or die "mkfifo: $!\n";
chdir "$dir/d" and my $socket = IO::Socket::UNIX->new(Local => 'socket', Listen => 1) or die "socket: $!\n";
chdir '/';
my $begun = time;
is_no_resource("${url}d/$_", "a $_") for 'fifo', 'socket';
my ($links_url, $links) = fresh('links');
symlink "$dir/d/$_", "$links/$_" or die "symlink: $!\n" for 'fifo', 'socket';
is_no_resource("$links_url$_", "a link to a $_") for 'fifo', 'socket';

# A file of which somebody makes a FIFO, or a link, between the look and the opening.
for my $case ([ $url, $dir ], [ $links_url, $links ]) {
    my ($at, $place) = @$case;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        POSIX::mkfifo("$place/f.fifo", 0666);
        symlink "$dir/../../sentinel", "$place/f.link";
        while (getppid() != 1) {
            spew("$place/f.file", "a file\n");
            rename "$place/f.$_", "$place/swapped" for 'file', 'fifo';
            POSIX::mkfifo("$place/f.fifo", 0666);
            next if $place eq $links;
            rename "$place/f.link", "$place/swapped";
            symlink "$dir/../../sentinel", "$place/f.link";
        }
        POSIX::_exit(0);
    }
    my %got;
    for (1 .. 300) {
        my $response = dav('GET', "${at}swapped");
        $got{ $response->status == 200 ? $response->body : $response->status }++;
    }
    kill 'KILL', $pid;
    waitpid $pid, 0;
    delete @got{ 403, 404, "a file\n", '' };
    is_deeply(\%got, {}, 'a file that turns into a FIFO or a link is read, or nothing is');
    unlink glob "$place/{f.*,swapped}";
}
is_deeply([ sort(propfind("${url}d/", 1)->multistatus->hrefs) ], [ "${url}d/", "${url}d/x" ], 'they are not listed');
status_is(dav('COPY', "${url}d", headers => [ Destination => "${url}d2" ]), 201, 'a tree with them is copied');
is_deeply([ members("$dir/d2") ], ['x'], 'without them');
status_is(dav('DELETE', "${url}d2"), 204, 'and removed');

# The same of a PUT: what the link points to stays as it is.
{
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        while (getppid() != 1) {
            spew("$dir/f.file", "a file\n");
            rename "$dir/f.file", "$dir/swapped";
            symlink "$dir/../../sentinel", "$dir/f.link";
            rename "$dir/f.link", "$dir/swapped";
        }
        POSIX::_exit(0);
    }
    my %got;
    for (1 .. 150) {
        $got{ dav('PUT', "${url}swapped", body => 'new')->status }++;
        $got{ dav('PUT', "${url}swapped", body => 'n', headers => [ 'Content-Range' => 'bytes 0-0/7' ])->status }++;
    }
    kill 'KILL', $pid;
    waitpid $pid, 0;
    is(slurp("$above/../sentinel"), 'outside', 'a PUT to a file that turns into a link writes nothing elsewhere');
    ok($got{204} || $got{201}, join ', ', map {"$_: $got{$_}"} sort keys %got);
    unlink glob "$dir/{f.*,swapped}";
}

# Devices, which root has made for us (t/run-functional).
my $devices = server_root() . '/devices';
SKIP: {
    skip 'no device nodes: the tests were not started by root, or he may not make any', 1 unless -c "$devices/zero";
    my @nodes = members($devices);
    ($links_url, $links) = fresh('links');
    mkdir "$dir/devices" or die "$dir/devices: $!\n";
    make_tree("$dir/devices", 'file');
    make_tree($links, 'file');
    for my $node (@nodes) {
        rename "$devices/$node", "$dir/devices/$node" or die "rename: $!\n";
        symlink "$dir/devices/$node", "$links/$node" or die "symlink: $!\n";
    }
    my @before = map { join ' ', (lstat "$dir/devices/$_")[ 1, 2, 4, 6, 9 ] } @nodes;
    for my $node (@nodes) {
        is_no_resource("${url}devices/$node", "the device $node");
        is_no_resource("$links_url$node",     "a link to the device $node");
    }
    is_deeply([ map { join ' ', (lstat "$dir/devices/$_")[ 1, 2, 4, 6, 9 ] } @nodes ], \@before, 'all are there, and were not written to');
    my @all = (headers => [ Depth => 'infinity' ], body => '<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>');
    is_deeply([ sort(propfind("${url}devices/", 1)->multistatus->hrefs) ], [ "${url}devices/", "${url}devices/file" ], 'they are not listed');
    is_deeply([ sort(dav('PROPFIND', $links_url, @all)->multistatus->hrefs) ], [ $links_url, "${links_url}file" ], 'nor are links to them');
    status_is(dav('COPY', "${url}devices", headers => [ Destination => "${url}devices2" ]), 201, 'a folder with them is copied');
    is_deeply([ members("$dir/devices2") ], ['file'], 'without them');
    status_is(dav('MOVE', "${url}devices", headers => [ Destination => "${url}moved" ]), 201, 'and moved');
    is_deeply([ members("$dir/moved") ], [ sort 'file', @nodes ], 'with them');
    status_is(lock(client(), "${url}moved", depth => 'infinity'), 200, 'and locked');
    status_is(dav('DELETE', "${url}moved", headers => [ If => '(<' . ((propfind("${url}moved", 0)->body =~ /(urn:uuid:[-0-9a-f]+|opaquelocktoken:[-0-9a-f]+)/)[0] // '') . '>)' ]),
        204, 'and removed');
    ok(!-e "$dir/moved", 'with them too');
}
ok(time - $begun < 30, 'nobody waited for a writer');

link "$dir/other", "$dir/second" or die "link: $!\n";
ok(set_prop("${url}other", 'mine', 'v'), 'a property of a file with two names');
is(get_prop("${url}second", 'mine'), undef, 'is of one of them');
status_is(put("${url}second", 'new'), 204, 'PUT to the other name');
is(slurp("$dir/other"), "bytes of other\n", 'leaves the first as it was');
link "$dir/other", "$dir/third" or die "link: $!\n";
status_is(dav('COPY', "${url}other", headers => [ Destination => "${url}third" ]), [ 403, 201, 204 ], 'COPY of one name to another');
is(slurp("$dir/other"), "bytes of other\n", 'keeps the content');
status_is(dav('DELETE', "${url}third"), [ 204, 404 ], 'DELETE of one name');
is(slurp("$dir/other"), "bytes of other\n", 'keeps the other');

# ---- a directory that turns into a link ----

my ($tree_url, $tree) = fresh('deep');
my $outside = "$tree-outside";
mkdir $outside or die;
make_tree($outside, 'precious', 'sub/', 'sub/precious2');

# Make what is missing in the tree, and begin to exchange one of its collections.
sub start_swapper {
    mkdir "$tree/t";
    make_tree("$tree/t", grep { !-e "$tree/t/$_" } 'a', 'swap/', map {"swap/$_"} 1 .. 20);
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    while (getppid() != 1) {
        rename "$tree/t/swap", "$tree/t/kept" or next;
        symlink $outside, "$tree/t/swap";
        unlink "$tree/t/swap";
        rename "$tree/t/kept", "$tree/t/swap";
    }
    POSIX::_exit(0);
}

sub stop_swapper {
    my ($pid) = @_;
    kill 'KILL', $pid;
    waitpid $pid, 0;
    unlink "$tree/t/swap" if -l "$tree/t/swap";
    rename "$tree/t/kept", "$tree/t/swap";
    return;
}

my (%seen, $removed);
my $swapper = start_swapper();
for my $round (1 .. 60) {
    $seen{propfind}++ if propfind("${tree_url}t/", 'infinity')->body =~ /precious/;
    dav('COPY', "${tree_url}t", headers => [ Destination => "${tree_url}copy" ]);
    $seen{copy}++ if -e "$tree/copy/swap/precious" && !-l "$tree/copy/swap";
    dav('DELETE', "${tree_url}copy");
    if ($round % 3 == 0) {
        $removed++ if dav('DELETE', "${tree_url}t")->status == 204;
        stop_swapper($swapper);
        $swapper = start_swapper();
    }
}
stop_swapper($swapper);
is_deeply(\%seen, {}, 'a link that was swapped in leads no listing and no copy outside');
ok($removed, 'nor a DELETE (of ' . ($removed // 0) . ')');
is_deeply([ members($outside), members("$outside/sub") ], [ 'precious', 'sub', 'precious2' ], 'what is outside is all there');

# ---- clients that make others wait ----

sub stat_json {
    my ($code, $out) = depotctl('stat', '--json', server_root() . '/stores/main');
    return $code == 0 ? $out : "exit code $code";
}

# A listing of some megabytes to a client that takes a few bytes of it.
make_tree($dir, 'many/', map {"many/$_"} 1 .. 10_000);
ok(set_prop("${url}many/$_", 'p', 'x' x 1500), 'a property to list') for 1, 2, 10_000;
my $slow = IO::Socket::INET->new(Proto => 'tcp') or die;
setsockopt $slow, SOL_SOCKET, SO_RCVBUF, pack 'i', 4096;
connect $slow, Socket::pack_sockaddr_in($port, Socket::inet_aton('127.0.0.1')) or die "connect: $!\n";
syswrite $slow, "PROPFIND ${url}many/ HTTP/1.1\r\nHost: 127.0.0.1\r\nDepth: 1\r\nContent-Length: 0\r\n\r\n";
for my $second (1 .. 3) {
    sysread $slow, my $byte, 1;
    is($byte, substr('HTTP', $second - 1, 1), "byte $second of a slow listing");
    my $then = Time::HiRes::time();
    ok(set_prop("${url}many/2", 'p', "written $second"), 'others write meanwhile');
    my $lock = lock(client(), "${url}many/3");
    status_is($lock, 200, 'and lock');
    is(unlock(client(), "${url}many/3", token_of($lock)), 204, 'and unlock');
    # A server that has not come to fill the connection's buffers yet does read; the reader takes
    # nothing meanwhile, so whoever waits for it with a snapshot does so to the end.
    my $snapshot = qr/"has_snapshot":true|"snapshot":true|"age":/;
    my $stat = stat_json();
    for (1 .. 50) {
        last if $stat !~ $snapshot;
        Time::HiRes::sleep(0.1);
        $stat = stat_json();
    }
    like($stat, qr/"readers":\[/, 'the store tells of its readers');
    unlike($stat, $snapshot, 'none of which holds a snapshot') or diag($stat);
    Time::HiRes::sleep(1) if $second < 3;
}
close $slow;

# Bodies that stop, in the middle and before they begin.
mkdir $_ or die "$_: $!\n" for server_root() . '/state/patient', server_root() . '/state/patient/drive';
my $patient = Depot::Server->start(server_root() . '/state/patient', <<"END");
DavDepotStore lmdb:store
Timeout 2
DocumentRoot "@{[server_root()]}/state/patient/drive"
<Directory "@{[server_root()]}/state/patient/drive">
    Require all granted
    Dav depot
</Directory>
END
if (ok($patient, 'a server with a short Timeout')) {
    spew("$patient->{dir}/drive/f", 'x');
    my %half = (
        PROPPATCH => '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><a xmlns="u">',
        LOCK      => '<D:lockinfo xmlns:D="DAV:"><D:lockscope>',
        PROPFIND  => '<D:propfind xmlns:D="DAV:"><D:prop>',
        PUT       => 'half a file',
    );
    my @waiting;
    for my $method (sort keys %half) {
        my $client = $patient->client;
        $client->connect;
        $client->send("$method /f HTTP/1.1\r\nHost: h\r\nDepth: 0\r\nContent-Length: 1000\r\n\r\n$half{$method}");
        push @waiting, [ $method, $client ];
    }
    my $client = $patient->client;
    status_is($client->request('PROPPATCH', '/f', body => proppatch_body(set => '<b xmlns="u"/>')), 207, 'others write while bodies have stopped');
    status_is(lock($client, '/f'), 200, 'and lock');
    for my $wait (@waiting) {
        my ($method, $stalled) = @$wait;
        my $response = eval { $stalled->read_response($method) };
        my $status = $response ? $response->status : 0;
        ok($status == 0 || $status == 408 || $status == 400, "$method is given up: $status");
    }
    is(slurp("$patient->{dir}/drive/f"), 'x', 'half a file is none');
    is_deeply([ members("$patient->{dir}/drive") ], ['f'], 'and nothing is left of it');
    $patient->stop;
}

finish();
