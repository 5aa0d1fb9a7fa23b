# A folder on the way to a resource that turns into a symbolic link while requests run: where
# Options do not let links be followed, nothing outside is read, made, changed or removed; and the
# links that Options allow lead where they point.
use strict;
use warnings;

use POSIX ();

use Depot::Client;
use Depot::Lock;
use Depot::Server;
use Depot::Test;

expect_log(client_errors(), 
    qr/AH00031|AH00037|AH00035|AH00127|could not (?:open|list|read on)|is a file system not mounted/,
    qr{Could not MOVE/COPY /dav/swaps-\d+/on/tree\.  \[503}, qr/Could not put it at the destination\. .* busy; try again/);

my %RENAMEAT2 = (x86_64 => 316, aarch64 => 276, ppc64le => 357, s390x => 347, riscv64 => 276);
use constant { AT_FDCWD => -100, EXCHANGE => 2 };

my ($url, $dir) = fresh();
my $outside = "$dir-outside";
make_tree($dir, 'on/');
mkdir $outside or die "$outside: $!\n";

# What the requests are about, in the folder and outside alike.
my @files = qw(f moved kept);
sub fill {
    my ($top, $content) = @_;
    for my $name (@files) {
        spew("$top/$name", $content);
        chmod 0644, "$top/$name";
    }
    mkdir "$top/tree";
    spew("$top/tree/in", $content);
    spew("$top/only-$content", $content);
    return;
}
fill("$dir/on", 'inside');
fill($outside, 'outside');
symlink $outside, "$dir/link" or die "symlink: $!\n";

# All that is below TOP: names, kinds, permissions and contents.
sub state_of {
    my ($top) = @_;
    my %state;
    for my $name (members($top)) {
        my $mode = sprintf '%o', (lstat "$top/$name")[2];
        $state{$name} = -d "$top/$name" ? [ $mode, state_of("$top/$name") ] : [ $mode, slurp("$top/$name") ];
    }
    return \%state;
}
my $before = state_of($outside);

sub exchange {
    my ($from, $to) = @_;
    my $number = $RENAMEAT2{ (POSIX::uname())[4] };
    return syscall($number, AT_FDCWD, $from, AT_FDCWD, $to, EXCHANGE) == 0 if defined $number;
    rename $from, "$from.kept";
    rename $to, $from;
    return rename "$from.kept", $to;
}

# While CODE runs, the folder is a link as often as not.
sub while_swapped {
    my ($code) = @_;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        exchange("$dir/on", "$dir/link") while getppid() != 1;
        POSIX::_exit(0);
    }
    $code->();
    kill 'KILL', $pid;
    waitpid $pid, 0;
    exchange("$dir/on", "$dir/link") if -l "$dir/on";
    return;
}

my $executable = '<A:executable xmlns:A="http://apache.org/dav/props/">T</A:executable>';
my $in = "${url}on/";
my %requests = (
    GET       => sub { dav('GET', "${in}f") },
    PROPFIND  => sub { propfind($in, 1) },
    tree      => sub { propfind("${url}on/tree/", 1) },
    PUT       => sub { put("${in}f", 'new') },
    new       => sub { my $got = put("${in}new", 'new'); dav('DELETE', "${in}new"); $got },
    partial   => sub { put("${in}f", 'n', 'Content-Range' => 'bytes 0-0/3') },
    DELETE    => sub { dav('DELETE', "${in}kept") },
    rmtree    => sub { my $got = dav('DELETE', "${in}tree"); dav('MKCOL', "${in}tree"); put("${in}tree/in", 'inside'); $got },
    MKCOL     => sub { my $got = dav('MKCOL', "${in}made"); dav('DELETE', "${in}made"); $got },
    MOVE      => sub { dav('MOVE', "${in}f", headers => [ Destination => "${in}moved" ]) },
    out       => sub { dav('MOVE', "${in}moved", headers => [ Destination => "${url}taken" ]) },
    COPY      => sub { dav('COPY', "${in}f", headers => [ Destination => "${in}copy" ]) },
    copyout   => sub { dav('COPY', "${in}tree", headers => [ Destination => "${url}copied" ]) },
    LOCK      => sub {
        my $got = dav('LOCK', "${in}locked", body => lockinfo(), headers => [ Timeout => 'Second-60' ]);
        my $token = $got->header('Lock-Token');
        dav('UNLOCK', "${in}locked", headers => [ 'Lock-Token' => $token ]) if defined $token;
        dav('DELETE', "${in}locked");
        $got;
    },
    PROPPATCH => sub { proppatch("${in}kept", set => $executable) },
    both      => sub { proppatch("${in}kept", set => "$executable<t:p xmlns:t=\"urn:test\">1</t:p>") },
);
my (%seen, %statuses);
while_swapped(sub {
    for my $round (1 .. 60) {
        for my $what (sort keys %requests) {
            my $got = $requests{$what}->();
            $statuses{$what}{ $got->status }++;
            $seen{$what}++ if $got->body =~ /outside/;
        }
        $seen{taken}++ if grep { ($_ // '') eq 'outside' } map { -e "$dir/$_" ? slurp("$dir/$_") : undef } 'taken', 'copied/in';
        # What the requests have used up.
        put("${in}$_", 'inside') for 'f', 'kept';
    }
});
is_deeply(\%seen, {}, 'nothing from outside is served, moved or copied');
is_deeply(state_of($outside), $before, 'what is outside is as it was');
for my $what (sort keys %statuses) {
    my @odd = grep { !/^(?:20[0147]|403|404|405|409|412|423)$/ } keys %{ $statuses{$what} };
    # A copy gives up when its source is another one each time that it has been read.
    @odd = grep { $_ != 503 } @odd if $what eq 'copyout';
    is_deeply(\@odd, [], "$what: " . join ', ', map {"$_: $statuses{$what}{$_}"} sort keys %{ $statuses{$what} });
}
my $done = 0;
for my $status (map { my $of = $_; map { [ $_, $of->{$_} ] } keys %$of } values %statuses) {
    $done += $status->[1] if $status->[0] =~ /^20/;
}
ok($done > 20, "and is done now and then: $done");
status_is(put("${in}$_", 'new'), [ 201, 204 ], "afterwards $_ can be written") for @files;
is_deeply([ grep {/^\.dav-depot/} members("$dir/on"), members($dir) ], [], 'and leaves no temporary files');

# ---- a folder that is moved by another request ----

my $moves = 0;
make_tree($dir, 'a/', 'a/in/', 'a/in/f');
ok(set_prop("${url}a/in/f", 'p', 'kept'), 'a property of a file that is not moved');
my $mover = fork // die "fork: $!\n";
if ($mover == 0) {
    my $client = Depot::Client->new(port => vars('port'));
    my $ended = 0;
    local $SIG{TERM} = sub { $ended = 1 };
    while (!$ended && getppid() != 1) {
        $client->request('MOVE', "${url}a/in", headers => [ Destination => "${url}a/away" ]);
        $client->request('MOVE', "${url}a/away", headers => [ Destination => "${url}a/in" ]);
    }
    POSIX::_exit(0);
}
my %put;
$put{ put("${url}a/in/f", "round $_")->status }++ for 1 .. 200;
$moves++ if $put{409} || $put{404};
# It ends between two requests: httpd would go on with one that it has.
kill 'TERM', $mover;
waitpid $mover, 0;
dav('MOVE', "${url}a/away", headers => [ Destination => "${url}a/in" ]) if -e "$dir/a/away" && !-e "$dir/a/in";
is_deeply([ members("$dir/a") ], ['in'], 'PUT into a collection that others move: there is one of it, ' . join ', ', map {"$_: $put{$_}"} sort keys %put);
is(get_prop("${url}a/in/f", 'p'), 'kept', 'and the file has its property');

# Moved away while the body of a PROPFIND is on its way: then the file has been looked up.
my $late = Depot::Client->new(port => vars('port'));
my $body = propfind_body('{urn:test}p');
my $text = $late->format_request('PROPFIND', "${url}a/in/f", [ Depth => 0 ], $body);
$late->connect;
$late->send(substr $text, 0, length($text) - 20);
select undef, undef, undef, 0.3;
status_is(dav('MOVE', "${url}a/in", headers => [ Destination => "${url}a/away" ]), 201, 'MOVE of a collection');
$late->send(substr $text, length($text) - 20);
status_is($late->read_response('PROPFIND'), 404, 'PROPFIND of what was in it, whose body comes then: it is not there, rather than without its property');
status_is(dav('MOVE', "${url}a/away", headers => [ Destination => "${url}a/in" ]), 201, 'MOVE back');

# What is copied, or where to, is moved away meanwhile: there is one copy made, not one after the other.
for my $moved ('source', 'destination') {
    my $at = "${url}copies-$moved/";
    my ($from, $to) = $moved eq 'source' ? ('x/tree', 'copy') : ('tree', 'x/copy');
    make_tree($dir, "copies-$moved/", "copies-$moved/x/", "copies-$moved/$from/", map {"copies-$moved/$from/$_"} 1 .. 1500);
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        select undef, undef, undef, 0.05;
        rename "$dir/copies-$moved/x", "$dir/copies-$moved/away";
        POSIX::_exit(0);
    }
    status_is(dav('COPY', "$at$from", headers => [ Destination => "$at$to" ]), [ 201, 404, 409 ],
        "COPY, while the collection of the $moved is moved away");
    waitpid $pid, 0;
    is_deeply([ grep {/^\.dav-depot/} map { members($_) } grep {-d} "$dir/copies-$moved", glob "$dir/copies-$moved/{x,away}" ],
        [], 'leaves no temporary files');
}

# ---- a last segment that turns into a link ----

spew("$outside/long", 'x' x 4321);
my %size;
my $swapper = fork // die "fork: $!\n";
if ($swapper == 0) {
    while (getppid() != 1) {
        spew("$dir/f.file", 'short');
        rename "$dir/f.file", "$dir/swapped";
        symlink "$outside/long", "$dir/f.link";
        rename "$dir/f.link", "$dir/swapped";
    }
    POSIX::_exit(0);
}
for (1 .. 2000) {
    my $response = propfind("${url}swapped", 0, propfind_body('{DAV:}getcontentlength'));
    $size{ $response->body =~ /4321/ ? 'of the target' : $response->status }++;
}
kill 'KILL', $swapper;
waitpid $swapper, 0;
ok(!$size{'of the target'}, 'PROPFIND of a file that turns into a link tells nothing of the target: '
        . join ', ', map {"$_: $size{$_}"} sort keys %size);

# ---- links that Options allow ----

my $root = server_root() . '/swaps';
make_tree($dir, map {"elsewhere/$_"} '', 'strict/', 'strict/f', 'strict/sub/', 'strict/sub/f', 'owner/', 'owner/f');
mkdir $root or die "$root: $!\n";
mkdir "$root/drive" or die "$root/drive: $!\n";
symlink "$dir/elsewhere/strict", "$root/drive/strict" or die "symlink: $!\n";
mkdir "$root/drive/owner" or die;
symlink "$dir/elsewhere/owner", "$root/drive/owner/own" or die "symlink: $!\n";
symlink '/etc', "$root/drive/owner/other" or die "symlink: $!\n";
mkdir "$root/drive/both" or die;
symlink "$dir/elsewhere/owner/f", "$root/drive/both/own" or die "symlink: $!\n";
symlink '/etc/hostname', "$root/drive/both/other" or die "symlink: $!\n";
mkdir "$root/closed" or die;
symlink "$dir/elsewhere/strict", "$root/closed/open" or die "symlink: $!\n";
my $server = Depot::Server->start("$root/server", join "\n", "DavDepotStore lmdb:$root/store",
    Depot::Server::drive('/d', "$root/drive", 'Options FollowSymLinks'),
    "<Directory \"$root/drive/strict\">\nOptions None\n</Directory>",
    "<Directory \"$root/drive/owner\">\nOptions SymLinksIfOwnerMatch\n</Directory>",
    "<Directory \"$root/drive/both\">\nOptions +SymLinksIfOwnerMatch\n</Directory>",
    "Alias /closed \"$root/closed\"\n<Directory \"$root/closed\">\nDav depot\nOptions FollowSymLinks\nRequire all denied\n</Directory>",
    "<Directory \"$root/closed/open\">\nOptions None\nRequire all granted\n</Directory>", '') or die;
my $client = $server->client;
sub at { return $client->request(@_) }

is(at('GET', '/d/strict/f')->body, "bytes of elsewhere/strict/f\n", 'a linked folder with stricter Options than the one it is in: GET');
is(at('PUT', '/d/strict/sub/new', body => 'new')->status, 201, 'PUT');
is(slurp("$dir/elsewhere/strict/sub/new"), 'new', 'writes');
is(at('MKCOL', '/d/strict/sub/c')->status, 201, 'MKCOL');
is(at('MOVE', '/d/strict/sub/new', headers => [ Destination => '/d/strict/moved' ])->status, 201, 'MOVE');
is(at('COPY', '/d/strict/sub', headers => [ Destination => '/d/strict/copy' ])->status, 201, 'COPY');
is(at('DELETE', '/d/strict/sub')->status, 204, 'DELETE');
is(at('PROPFIND', '/d/strict/', headers => [ Depth => 1 ])->status, 207, 'PROPFIND');
symlink "$dir/elsewhere/owner", "$dir/elsewhere/strict/link" or die "symlink: $!\n";
is(at('GET', '/d/strict/link/f')->status, 403, 'a link in it is not followed');
is(at('GET', '/d/owner/own/f')->body, "bytes of elsewhere/owner/f\n", "SymLinksIfOwnerMatch, one's own link: GET");
is(at('PUT', '/d/owner/own/f', body => 'new')->status, 204, 'PUT');
is(slurp("$dir/elsewhere/owner/f"), 'new', 'writes');
SKIP: {
    skip 'this user owns /etc', 2 if -o '/etc';
    is(at('GET', '/d/owner/other/hostname')->status, 403, "a link to what is another's: GET");
    is(at('PUT', '/d/owner/other/hostname', body => '')->status, 403, 'PUT');
}
is(at('GET', '/closed/open/f')->body, "bytes of elsewhere/strict/f\n", 'a linked folder in one that nobody may see: GET');
is(at('PUT', '/closed/open/f', body => 'new')->status, 204, 'PUT');
is(at('PROPFIND', '/closed/open/', headers => [ Depth => 1 ])->status, 207, 'PROPFIND');
my $listed = at('PROPFIND', '/d/both/', headers => [ Depth => 1 ])->body;
like($listed, qr{/d/both/own<}, "+SymLinksIfOwnerMatch where links are followed: one's own link is listed");
SKIP: {
    skip 'this user owns /etc/hostname', 1 if -o '/etc/hostname';
    unlike($listed, qr{/d/both/other}, "another's is not, which httpd does not serve");
}
$server->stop;
is_deeply([ grep { !/AH00037|AH00035|notice|AH00094|AH00489/ } split /\n/, slurp("$root/server/logs/error_log") ], [], 'its log says nothing else');

finish();
