# Parts that fail beneath a running server: each request is either done or not, is answered with
# a status that says so, and nothing is served as if it had no properties or locks.
use strict;
use warnings;

use File::Path   ();
use POSIX        ();
use Time::HiRes  ();

use Depot::Ctl;
use Depot::Lock;
use Depot::Server;
use Depot::Test;
use Depot::Workers;

my $root = server_root() . '/faults';
mkdir $root or die "$root: $!\n";

# A drive and a store; each virtual host NAME.test uses the store as SPEC says.
sub hosts {
    my ($dir, %specs) = @_;
    return join '', map { <<"END" } sort keys %specs;
<VirtualHost *>
    ServerName $_.test
    DavDepotStore $specs{$_}
</VirtualHost>
END
}

sub drive_at { return Depot::Server::drive('/dav', @_) }

my %clients;

sub at {
    my ($server, $host, @request) = @_;
    my $client = $clients{ $server->{port} . $host } //= Depot::Client->new(port => $server->{port}, host => "$host.test");
    return $client->request(@request);
}

sub set_at {
    my ($server, $host, $path, $value) = @_;
    my $response = at($server, $host, 'PROPPATCH', $path, body => proppatch_body(set => "<t:p xmlns:t=\"urn:test\">$value</t:p>"));
    return $response->status unless $response->status == 207;
    return $response->multistatus->prop_status($path, '{urn:test}p');
}

# What is at PATH, as a client sees it: "-", or content, property, and number of locks; "short" if one
# of those ends within a minute or so.
sub look {
    my ($server, $path) = @_;
    my $response = at($server, 'sound', 'PROPFIND', $path, headers => [ Depth => 0 ],
        body => propfind_body('{urn:test}p', '{DAV:}lockdiscovery', '{DAV:}resourcetype'));
    return '-'                     if $response->status == 404;
    return $response->status . '?' if $response->status != 207;
    my $kind = $response->body =~ m{<D:collection/>} ? 'dir' : at($server, 'sound', 'GET', $path)->body;
    my ($prop) = $response->body =~ m{<t:p[^>]*>([^<]*)</};
    my $locks = () = $response->body =~ m{<D:activelock>}g;
    my ($short) = $response->body =~ m{<D:timeout>Second-\d{1,2}<} ? 'short' : ();
    return join ' ', $kind, $prop // 'none', $locks, $short // ();
}

# ---- each operation of the store fails, for each method ----

# What each request is given, in /dav/N/: method, name, destination, body, what look() says of what
# has changed afterwards, by name; and what is locked before, by name.
my @paths   = ('file', 'new', 'tree', 'tree/in', 'other');
my @methods = (
    [ 'PUT',    'file', [], 'new',   { file => 'new 1 0' } ],
    [ 'PUT',    'new',  [], 'fresh', { new  => 'fresh none 0' } ],
    [ 'MKCOL',  'new',  [], undef,   { new  => 'dir none 0' } ],
    [ 'DELETE', 'file', [], undef,   { file => '-' } ],
    [ 'DELETE', 'tree', [], undef,   { tree => '-', 'tree/in' => '-' } ],
    [ 'DELETE', 'other', [], undef, { other => '-' } ],
    [ 'COPY',   'file', [ 'new' ],   undef, { new   => 'old 1 0' } ],
    [ 'COPY',   'file', [ 'other' ], undef, { other => 'old 1 0' } ],
    [ 'COPY',   'tree', [ 'new' ],   undef, { new   => 'dir 2 0' } ],
    [ 'MOVE',   'file', [ 'new' ],   undef, { new   => 'old 1 0', file => '-' } ],
    [ 'MOVE',   'file', [ 'other' ], undef, { other => 'old 1 0', file => '-' } ],
    [ 'MOVE',   'tree', [ 'new' ],   undef, { new   => 'dir 2 0', tree => '-', 'tree/in' => '-' } ],
    [ 'MOVE',   'other', [ 'new' ],  undef, { new   => 'other none 0', other => '-' } ],
    [ 'LOCK',   'file', [], lockinfo(), { file => 'old 1 1' } ],
    [ 'LOCK',   'new',  [], lockinfo(), { new  => ' none 1' } ],
    [ 'LOCK',   'file', [], undef, { file => 'old 1 1 short' }, 'file' ],
    [ 'LOCK',   'tree/in', [], undef, { tree => 'dir 2 1 short', 'tree/in' => 'in 3 1 short' }, 'tree' ],
    [ 'UNLOCK', 'file', [], undef, { file => 'old 1 0' }, 'file' ],
    [ 'UNLOCK', 'tree/in', [], undef, { tree => 'dir 2 0', 'tree/in' => 'in 3 0' }, 'tree' ],
    [ 'DELETE', 'file', [], undef,   { file => '-' }, 'file' ],
    [ 'MOVE',   'tree', [ 'new' ],   undef, { new => 'dir 2 0', tree => '-', 'tree/in' => '-' }, 'tree' ],
    [ 'PROPPATCH', 'file', [], proppatch_body(set => '<t:p xmlns:t="urn:test">2</t:p>'), { file => 'old 2 0' } ],
    [ 'PROPFIND',  'file', [], propfind_body('{urn:test}p'), {} ],
    [ 'GET',       'file', [], undef, {} ],
);

my $count = 0;
my %answers;

# Run one case: one line that says what is wrong, or "".
sub try_method {
    my ($server, $host, $drive, $case) = @_;
    my ($method, $name, $to, $body, $changes, $locked) = @$case;
    my $n    = ++$count;
    my $here = "/dav/$n";
    my $dir  = "$drive/$n";

    mkdir $dir or die "$dir: $!\n";
    mkdir "$dir/tree";
    spew("$dir/file", 'old');
    spew("$dir/other", 'other');
    spew("$dir/tree/in", 'in');
    set_at($server, 'sound', "$here/$$_[0]", $$_[1]) == 200 or return 'not prepared' for [ 'file', 1 ], [ 'tree/', 2 ], [ 'tree/in', 3 ];
    my @headers = map { (Destination => "http://$host.test:$server->{port}$here/$_") } @$to;
    if (defined $locked) {
        my $token = token_of(at($server, 'sound', 'LOCK', "$here/$locked", body => lockinfo(), headers => [ Timeout => 'Second-5000' ])) // return 'not locked';
        push @headers, $method eq 'UNLOCK' ? ('Lock-Token' => "<$token>") : (If => "<$here/$locked> (<$token>)", Timeout => 'Second-60');
    }
    my %was = map { $_ => look($server, "$here/$_") } @paths;
    my $response = at($server, $host, $method, "$here/$name", headers => [ Depth => $method eq 'PROPFIND' ? 0 : 'infinity', @headers ], body => $body);
    my $status = $response->status;
    if ($status == 207) {
        ($status) = $response->body =~ m{HTTP/1\.1 (\d+)};
        # What cannot be read is not said to be absent.
        return 'a property is denied' if $method eq 'PROPFIND' && $status == 404;
    }
    my %now   = map { $_ => look($server, "$here/$_") } @paths;
    my %after = (%was, %$changes);
    my $is_before = !grep { $now{$_} ne $was{$_} } @paths;
    my $is_after  = !grep { $now{$_} ne $after{$_} } @paths;
    my $done = $status >= 200 && $status < 300;
    my @private = grep { /^\.dav/ } members($dir);
    $answers{ $done ? "$method done" : "$method not done" }++;
    return "" if ($done ? $is_after : $is_before && $status >= 500) && !@private;
    return "$status; " . join ', ', (map {"$_: $now{$_}"} grep { $now{$_} ne $was{$_} } @paths), @private;
}

{
    my $dir   = "$root/eio";
    my $drive = "$dir/drive";
    my %specs = (sound => "lmdb:$dir/store");
    mkdir $dir;
    for my $op ('begin', 'get', 'get_many', 'put', 'del', 'del_range', 'scan', 'next', 'commit') {
        # A start makes some of these calls: they must not fail then.
        my $first = { begin => 5, get => 11, scan => 5, next => 5 }->{$op} // 1;
        $specs{"$op-$_"} = "trace:lmdb:$dir/store fail=$op:every/$_" for $first .. $first + 2;
    }
    my %names = map { (my $name = $_) =~ tr/_/x/; $name => $specs{$_} } keys %specs;
    my $server = Depot::Server->start($dir, "DavDepotStore lmdb:$dir/store\n" . drive_at($drive) . hosts($dir, %names));
    ok($server, 'a server whose stores fail');
    my ($tried, @wrong) = (0);
    for my $host (sort grep { $_ ne 'sound' } keys %names) {
        for my $case (@methods) {
            my $wrong = try_method($server, $host, $drive, $case);
            $tried++;
            push @wrong, "$host: $$case[0] $$case[1] @{$$case[2]}: $wrong" if $wrong ne '';
        }
    }
    is(scalar @wrong, 0, "$tried requests, each with a store in which calls fail, are done or not done");
    diag($_) for @wrong[ 0 .. ($#wrong > 19 ? 19 : $#wrong) ];
    note(join ', ', map {"$_: $answers{$_}"} sort keys %answers);
    unlike($server->said, qr/exit signal|AH00052|Assertion|Sanitizer|runtime error/, 'without a crash');
    $server->stop;
    # Of a PUT that could not tell the store, README says what check says.
    my @found = grep { !/^replaced: | records checked / } split /\n/, join '', (depotctl('check', "$dir/store", '--tree', $drive))[ 1, 2 ];
    is_deeply(\@found, [], 'the store is sound, and goes with the files');
}

# ---- no room ----

# full(NAME): a small file system of its own, where the machine lets the tests have one.
sub full {
    my ($name) = @_;
    my $path = server_root() . "/$name";
    return -e "$path/.mounted" ? undef : $path if -d $path && (stat $path)[0] != (stat server_root())[0];
    return undef;
}

# Fill the file system at PATH, but for ROOM bytes.
sub fill {
    my ($path, $room) = @_;
    open my $file, '>', "$path/ballast" or die "$path/ballast: $!\n";
    while (defined syswrite $file, 'x' x 4096) { }
    truncate $file, (-s $file) - $room;
    close $file;
    return;
}

SKIP: {
    my $full = full('full-tree');
    skip 'no small file system for the tree', 1 unless $full;
    my $dir    = "$root/tree";
    my $server = Depot::Server->start($dir, "DavDepotStore lmdb:$dir/store\n" . drive_at("$full/drive") . hosts($dir, sound => "lmdb:$dir/store"));
    ok($server, 'a drive on a small file system');
    at($server, 'sound', 'PUT', '/dav/kept', body => 'old');
    is(set_at($server, 'sound', '/dav/kept', 'p'), 200, 'with a file');
    my $big = 'x' x 3_000_000;
    for my $name ('kept', 'new') {
        my $response = at($server, 'sound', 'PUT', "/dav/$name", body => $big);
        status_is($response, 507, "PUT of more than there is room for, to $name");
        ok((grep { $_ eq '{DAV:}sufficient-disk-space' } $response->preconditions), 'says why');
    }
    is(look($server, '/dav/kept'), 'old p 0', 'the old content stays');
    is(look($server, '/dav/new'),  '-',       'and no part of the new');
    spew("$full/drive/half", 'x' x 900_000);
    mkdir "$full/drive/tree";
    spew("$full/drive/tree/half", 'x' x 300_000);
    fill($full, 8192);
    status_is(at($server, 'sound', 'COPY', '/dav/half', headers => [ Destination => '/dav/kept' ]), 507, 'COPY');
    status_is(at($server, 'sound', 'COPY', '/dav/tree', headers => [ Destination => '/dav/copied' ]), [ 507, 207 ], 'COPY of a tree');
    is(look($server, '/dav/kept'), 'old p 0', 'changes nothing');
    is_deeply([ members("$full/drive") ], [ 'half', 'kept', 'tree' ], 'and leaves nothing');
    status_is(at($server, 'sound', 'MOVE', '/dav/half', headers => [ Destination => '/dav/moved' ]), 201, 'MOVE needs no room');
    status_is(at($server, 'sound', 'DELETE', '/dav/tree'),  204, 'nor does DELETE');
    status_is(at($server, 'sound', 'DELETE', '/dav/moved'), 204, 'which makes some');
    status_is(at($server, 'sound', 'PUT', '/dav/new', body => 'x' x 500_000), 201, 'for PUT');
    $server->stop;
    unlink "$full/ballast";
}

SKIP: {
    my $full = full('full-store');
    skip 'no small file system for the store', 1 unless $full;
    my $dir    = "$root/full";
    my $drive  = "$dir/drive";
    my $server = Depot::Server->start($dir, "DavDepotStore lmdb:$full/store\n" . drive_at($drive) . hosts($dir, sound => "lmdb:$full/store"));
    ok($server, 'a store on a small file system');
    make_tree($drive, 'file', 'other');
    is(set_at($server, 'sound', '/dav/file', 'p'), 200, 'takes a property');
    fill($full, 0);
    my ($patched, $answer);
    for my $n (1 .. 200) {
        $patched = at($server, 'sound', 'PROPPATCH', '/dav/other', body => proppatch_body(set => "<t:p$n xmlns:t=\"urn:test\">" . 'x' x 2000 . "</t:p$n>"));
        $answer  = $patched->multistatus->prop_status('/dav/other', "{urn:test}p$n");
        last if $answer != 200;
    }
    is($answer, 507, 'PROPPATCH says when there is no room');
    like($patched->body, qr{<D:error><D:sufficient-disk-space/></D:error>}, 'and which');
    my $locked = at($server, 'sound', 'LOCK', '/dav/file', body => lockinfo('exclusive', '<D:owner>' . 'x' x 5000 . '</D:owner>'));
    status_is($locked, [ 200, 507 ], 'LOCK too, or it still fits');
    my $copied = at($server, 'sound', 'COPY', '/dav/file', headers => [ Destination => '/dav/copied' ]);
    status_is($copied, [ 201, 507 ], 'COPY of properties there is no room for, or it still fits');
    is(look($server, '/dav/copied'), $copied->status == 507 ? '-' : look($server, '/dav/file') =~ s/\d$/0/r, 'all of it is there, or nothing');
    is_deeply([ grep {/^\.dav/} members($drive) ], [], 'and nothing besides');
    like(look($server, '/dav/file'), qr/ p \d$/, 'what is there is served');
    status_is(at($server, 'sound', 'PUT', '/dav/plain', body => 'x'), 201, 'PUT needs no room there');

    # A start needs no room, but for a file of locks, which is mapped.
    my $restart = sub {
        $server->stop if $server;
        local *Test::More::diag = sub { };
        %clients = ();
        return $server = Depot::Server->start($dir, "DavDepotStore lmdb:$full/$_[0]\n" . drive_at($drive) . hosts($dir, sound => "lmdb:$full/$_[0]"));
    };
    ok($restart->('store'), 'it can be started with the full store');
    like(look($server, '/dav/file'), qr/ p \d$/, 'which is served') if $server;
    my $is_refused = sub {
        my ($name, $what) = @_;
        ok(!$restart->($name), "not with $what");
        my $said = slurp("$dir/logs/error_log") // '';
        like($said, qr{:emerg\].*DavDepotStore lmdb:\S+ cannot be used by user id \d+: the store or its device is full; httpd does not start}, 'and says why');
        unlike($said, qr/exit signal|ended by signal|damaged/, 'not that it is damaged');
    };
    $is_refused->('another', 'a new one');
    File::Path::remove_tree("$full/another");
    $server->stop if $server;
    unlink "$full/store/lock.mdb";
    rename "$full/ballast", "$full/more";
    fill($full, 0);
    $is_refused->('store', 'one whose locks have gone');
    unlink "$full/ballast", "$full/more";
    ok($restart->('store'), 'it can be started when there is room');
    is(set_at($server, 'sound', '/dav/other', 'q'), 200, 'with room again it goes on');
    $server->stop;
}

# A map that is full.
{
    my $dir    = "$root/map";
    my $drive  = "$dir/drive";
    my $server = Depot::Server->start($dir, "DavDepotStore lmdb:$dir/store mapsize=128K\n" . drive_at($drive) . hosts($dir, sound => "lmdb:$dir/store mapsize=128K"));
    ok($server, 'a store of 128 KiB');
    make_tree($drive, 'file', 'tree/', 'tree/in');
    my $n = 0;
    is(set_at($server, 'sound', $_, 'p'), 200, "a property of $_") for '/dav/file', '/dav/tree/', '/dav/tree/in';
    for my $size (2000, 100) {
        1 while $n++ < 500 && at($server, 'sound', 'PROPPATCH', '/dav/file', body => proppatch_body(set => "<t:p$n xmlns:t=\"urn:test\">" . 'x' x $size . "</t:p$n>"))
            ->multistatus->prop_status('/dav/file', "{urn:test}p$n") == 200;
    }
    for my $case ([ 'COPY', 'file', 'new' ], [ 'MOVE', 'tree', 'moved' ], [ 'MOVE', 'moved', 'tree' ], [ 'DELETE', 'tree/in' ], [ 'LOCK', 'file' ]) {
        my ($method, $name, $to) = @$case;
        next unless -e "$drive/$name";
        my $response = at($server, 'sound', $method, "/dav/$name", headers => [ $to ? (Destination => "/dav/$to") : () ], body => $method eq 'LOCK' ? lockinfo() : undef);
        my $full = $response->status == 507;
        status_is($response, [ 200, 201, 204, 507 ], "$method in a full store, " . ($full ? 'refused' : 'which had the room'));
        ok((grep { $_ eq '{DAV:}sufficient-disk-space' } $response->preconditions), 'why') if $full;
        next if $method eq 'LOCK';
        ok($full == !!-e "$drive/$name" || $method eq 'COPY', 'the files say the same');
        ok($full == !-e "$drive/$to", 'at the destination too') if $to;
    }
    $server->stop;
}

# ---- no descriptors, no readers ----

# The processes of SERVER that serve.
sub children_of {
    my ($server) = @_;
    return grep { (slurp("/proc/$_/stat") // '') =~ /\) \S $server->{pid} / } map {m{(\d+)}} glob '/proc/[0-9]*';
}

SKIP: {
    skip 'there is no prlimit', 1 unless grep { -x "$_/prlimit" } '/usr/bin', '/bin';
    my $dir    = "$root/files";
    my $drive  = "$dir/drive";
    my $server = Depot::Server->start($dir, "ServerLimit 1\nMaxRequestWorkers 4\nDavDepotStore lmdb:$dir/store\n" . drive_at($drive) . hosts($dir, sound => "lmdb:$dir/store"));
    ok($server, 'a server whose process may open few files');
    make_tree($drive, 'file', 'tree/', 'tree/in');
    is(set_at($server, 'sound', '/dav/file', 'p'), 200, 'a property is set');
    my ($child) = children_of($server);
    my $limit = sub { system('prlimit', "--nofile=$_[0]:", "--pid=$child") == 0 };
    my (%seen, @wrong);
    for my $room (0 .. 4) {
        for my $case (
            [ 'PUT',  'file' ], [ 'PUT', 'new' ], [ 'GET', 'file' ], [ 'PROPFIND', '' ], [ 'MKCOL', 'made' ],
            [ 'COPY', 'file', 'copied' ], [ 'COPY', 'tree', 'copied' ], [ 'MOVE', 'file', 'moved' ], [ 'DELETE', 'tree' ], [ 'LOCK', "locked$room" ]
            )
        {
            my ($method, $name, $to) = @$case;
            # A connection that is open already, and $room descriptors besides.
            %clients = ();
            at($server, 'sound', 'OPTIONS', '/dav/');
            my %open = map { m{/(\d+)$} ? ($1 => 1) : () } glob "/proc/$child/fd/*";
            my @free = grep { !$open{$_} } 0 .. 200;
            $limit->($free[$room]) or last;
            my $status = at($server, 'sound', $method, "/dav/$name", headers => [ Depth => $method eq 'PROPFIND' ? 1 : 'infinity', $to ? (Destination => "/dav/$to") : () ],
                body => $method eq 'PUT' ? 'bytes of file' . "\n" : $method eq 'LOCK' ? lockinfo() : undef)->status;
            $limit->(1024);
            my $done = $status >= 200 && $status < 300 && $status != 207 || $status == 207 && $method eq 'PROPFIND';
            $seen{"$method $status"}++;
            # Of a tree, some members may be copied; the others are named.
            my $in_part = $status == 207 && "$method $name" eq 'COPY tree';
            push @wrong, "$room: $method $name: $status" unless $done || $in_part || $status == 503;
            push @wrong, "$room: $method $name: $status, but not done" if $done && $to && !-e "$drive/$to";
            # Done or not, it can be undone for the next one.
            push @wrong, "$room: $method $name: $status, but something is left" if !$done && !$in_part && grep { -e "$drive/$_" } 'new', 'made', 'copied', 'moved', "locked$room";
            rename "$drive/moved", "$drive/file" if -e "$drive/moved";
            unlink map {"$drive/$_"} 'new', 'copied', "locked$room", 'copied/in';
            rmdir "$drive/$_" for 'made', 'copied';
            make_tree($drive, 'tree/', 'tree/in') unless -e "$drive/tree";
            push @wrong, "$room: $method $name: what is there" if join(' ', members($drive)) ne 'file tree' || !-e "$drive/tree/in";
        }
    }
    note(join ', ', map {"$_: $seen{$_}"} sort keys %seen);
    is(scalar @wrong, 0, 'what cannot be done is answered with 503, and not done') or diag(join "\n", @wrong);
    cmp_ok(scalar(grep {/ 503/} keys %seen), '>', 3, 'some could not');
    status_is(at($server, 'sound', 'PUT', '/dav/new', body => 'x'), 201, 'then it goes on');
    $server->stop;
}

{
    my $dir    = "$root/readers";
    my $drive  = "$dir/drive";
    my $server = Depot::Server->start($dir, "DavDepotStore lmdb:$dir/store maxreaders=1\n" . drive_at($drive) . hosts($dir, sound => "lmdb:$dir/store maxreaders=1"));
    ok($server, 'a store with a place for one reader');
    make_tree($drive, map {"f$_"} 1 .. 300);
    is(set_at($server, 'sound', '/dav/f1', 'p'), 200, 'a property');
    my @answers = in_parallel(6, sub {
        %clients = ();
        my %seen;
        for (1 .. 40) {
            my $response = at($server, 'sound', 'PROPFIND', '/dav/', headers => [ Depth => 1 ], body => propfind_body('{urn:test}p'));
            my $status = $response->status;
            # Nothing is said to have no property because there was no place to look.
            $status = 'denied' if $status == 207 && $response->body !~ m{>p<|HTTP/1.1 503};
            $seen{$status}++;
        }
        return join ' ', sort keys %seen;
    });
    is(scalar(grep { !/^(?:207|503|207 503)$/ } @answers), 0, 'readers get their answer, or are told to come again') or diag("@answers");
    like(look($server, '/dav/f1'), qr/ p 0$/, 'then it goes on');
    $server->stop;
}

# ---- processes that end ----

{
    my $dir    = "$root/load";
    my $drive  = "$dir/drive";
    my $server = Depot::Server->start($dir, <<"END" . drive_at($drive) . hosts($dir, sound => "lmdb:$dir/store"));
DavDepotStore lmdb:$dir/store
MaxConnectionsPerChild 10
ServerLimit 8
StartServers 2
MaxRequestWorkers 32
END
    ok($server, 'a server whose processes end after ten connections');
    my $seconds = 4;
    my @running;
    my $restarts = fork // die "fork: $!\n";
    if ($restarts == 0) {
        for (1 .. 3) { Time::HiRes::sleep($seconds / 4); kill 'USR1', $server->{pid} }
        POSIX::_exit(0);
    }
    my $until = time + $seconds;
    my @wrong = in_parallel(8, sub {
        %clients = ();
        my ($n) = @_;
        my ($client, $count, @bad) = (undef, 0);
        while (time < $until) {
            $client = Depot::Client->new(port => $server->{port}, host => 'sound.test') if !$client || ++$count % 5 == 0;
            my $body = "$n-$count";
            # A connection that ends before the answer begins may be tried again, as clients do.
            my $ask = sub { for (1 .. 3) { my $response = eval { $client->request(@_) }; return $response if $response && $response->status; $client->close } return Depot::Response->new(0, '') };
            my $put = $ask->('PUT', "/dav/f$n", body => $body)->status;
            my $patch = $ask->('PROPPATCH', "/dav/f$n", body => proppatch_body(set => "<t:p xmlns:t=\"urn:test\">$body</t:p>"));
            my $find = $ask->('PROPFIND', "/dav/f$n", headers => [ Depth => 0 ], body => propfind_body('{urn:test}p'));
            my $get = $ask->('GET', "/dav/f$n");
            push @bad, "PUT $put" unless $put == 201 || $put == 204;
            push @bad, 'PROPPATCH ' . $patch->status unless $patch->status == 207 && $patch->body =~ / 200 OK/;
            push @bad, 'PROPFIND ' . $find->status unless $find->status == 207 && $find->body =~ />$body</;
            push @bad, 'GET ' . $get->status unless $get->status == 200 && $get->body eq $body;
        }
        return @bad ? join ', ', @bad[ 0 .. ($#bad > 4 ? 4 : $#bad) ] : "all $count";
    });
    waitpid $restarts, 0;
    note("@wrong");
    is(scalar(grep { !/^all / } @wrong), 0, 'through graceful restarts, no request fails') or diag(join "\n", @wrong);
    unlike($server->said, qr/exit signal|AH00052|Assertion|Sanitizer|runtime error/, 'without a crash');
    $server->stop;
}

# A process dies while it has the writer's lock, or reads.
{
    my $dir   = "$root/death";
    my $drive = "$dir/drive";
    my %specs = (sound => "lmdb:$dir/store", map { ("in$_" => "trace:lmdb:$dir/store die=$_:8") } 'put', 'get', 'commit', 'next');
    my $server = Depot::Server->start($dir, "DavDepotStore lmdb:$dir/store\nServerLimit 4\nStartServers 3\nMaxRequestWorkers 16\n" . drive_at($drive) . hosts($dir, %specs));
    ok($server, 'a server whose processes die at work');
    make_tree($drive, 'file');
    is(set_at($server, 'sound', '/dav/file', 'v0'), 200, 'a property');
    my $last = 'v0';
    for my $host (grep { $_ ne 'sound' } sort keys %specs) {
        my ($died, $n) = (0, 0);
        while (!$died && $n++ < 60) {
            $died = !eval { ($host eq 'innext' ? at($server, $host, 'PROPFIND', '/dav/', headers => [ Depth => 1 ])->status : set_at($server, $host, '/dav/file', $host)) };
            %clients = ();
        }
        ok($died, "$host: a process dies");
        my $begin = time;
        like(get_text($server), qr/^(?:$last|$host)$/, 'what is there is as before, or after');
        is(set_at($server, 'sound', '/dav/file', "after $host"), 200, 'others write on');
        cmp_ok(time - $begin, '<', 30, 'without waiting for the dead');
        $last = "after $host";
    }
    # Readers that died do not keep old pages: the file does not grow.
    my $size = -s "$dir/store/data.mdb";
    set_at($server, 'sound', '/dav/file', 'x' x 1000 . $_) for 1 .. 200;
    cmp_ok(-s "$dir/store/data.mdb", '<', $size + 2_000_000, 'the store does not grow for the readers that died');
    $server->stop;
}

sub get_text {
    my ($server) = @_;
    my ($text) = at($server, 'sound', 'PROPFIND', '/dav/file', headers => [ Depth => 0 ], body => propfind_body('{urn:test}p'))->body =~ m{<t:p[^>]*>([^<]*)</};
    return $text // '';
}

finish();
