# Configuration: what is refused, what is inherited, what a start leaves behind.  Each case runs
# an httpd of its own on a free loopback port; as root, with its children as another user.
use strict;
use warnings;

use File::Path       ();
use File::Temp       ();
use IO::Socket::INET ();
use POSIX            ();
use Time::HiRes      ();

use Depot::Ctl;
use Depot::Test;

my $httpd   = vars('httpd');
my $module  = server_root() . '/modules/mod_dav_depot.so';
my $modules = server_root() . '/conf/modules.conf';
my $root    = File::Temp::tempdir('depot-config.XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $user    = $> == 0 ? 'www-data' : undef;
my (%running, $count);

chmod 0755, $root;

sub free_port {
    return IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
}

# instance(CONFIGURATION): an httpd that is not running yet.  "@ROOT@" is its ServerRoot, where
# "drive" is served as /dav.
sub instance {
    my ($text, %arg) = @_;
    my $dir  = "$root/" . ++$count;
    my %self = (dir => $dir, port => free_port());

    File::Path::make_path("$dir/drive", "$dir/logs");
    chown +(getpwnam $user)[2, 3], "$dir/drive" if $user;
    spew("$dir/drive/file", 'content');
    configure(\%self, $text, %arg);
    return \%self;
}

sub configure {
    my ($self, $text, %arg) = @_;
    my $dir     = $self->{dir};
    my $drive   = $arg{drive} // <<"END";
Alias /dav "$dir/drive"
<Directory "$dir/drive">
    Dav depot
    Require all granted
</Directory>
END
    my $head = slurp($modules);

    $head =~ s/^LoadModule dav_module.*\n//m if $arg{no_dav};
    $text =~ s/\@ROOT\@/$dir/g;
    spew("$dir/httpd.conf", <<"END");
ServerRoot "$dir"
ServerName 127.0.0.1
Listen 127.0.0.1:$self->{port}
PidFile logs/httpd.pid
DefaultRuntimeDir "$dir/logs"
ErrorLog logs/error_log
LogLevel info
@{[ $user ? "User $user\nGroup $user" : '' ]}
$head
StartServers 2
ThreadsPerChild 4
MinSpareThreads 4
MaxSpareThreads 8
MaxRequestWorkers 8
ServerLimit 2
LoadModule dav_depot_module "$module"
TypesConfig /dev/null
$drive
$text
END
    return;
}

# Run httpd with ARGUMENTS: its process id.  What it says goes to a file.
sub run {
    my ($self, @arguments) = @_;
    my $pid = fork // die "fork: $!\n";

    return $pid if $pid;
    open STDIN,  '<', '/dev/null';
    open STDOUT, '>', "$self->{dir}/logs/said";
    open STDERR, '>&', \*STDOUT;
    # A start that a damaged file ends is no reason for a core.
    {
        exec '/bin/sh', '-c', 'ulimit -c 0; exec "$0" "$@"', $httpd, '-d', $self->{dir},
            '-f', "$self->{dir}/httpd.conf", @arguments;
    }
    POSIX::_exit(127);
}

# Check the configuration alone: the exit status, and what was said.
sub check {
    my ($self) = @_;

    waitpid run($self, '-t'), 0;
    return ($? >> 8, slurp("$self->{dir}/logs/said"));
}

sub wait_until {
    my ($condition) = @_;

    for (1 .. 400) {
        return 1 if $condition->();
        Time::HiRes::sleep(0.05);
    }
    return 0;
}

sub error_log { return slurp("$_[0]{dir}/logs/error_log") // '' }
sub reason    { return slurp("$_[0]{dir}/logs/said") . error_log($_[0]) }

# Whether httpd has ended; it is a child of ours.
sub has_ended {
    my ($self) = @_;

    return 1 unless $self->{pid};
    return 0 unless waitpid $self->{pid}, POSIX::WNOHANG();
    $self->{status} = $?;
    delete $running{ delete $self->{pid} };
    return 1;
}

# How often it has begun to serve.  (Its port takes connections sooner, while it reads the rest of
# its configuration.)
sub starts { return scalar(my @all = error_log($_[0]) =~ /resuming normal operations/g) }

# True once it serves; false if it ended instead.
sub start {
    my ($self) = @_;
    my $before = starts($self);

    $self->{pid} = run($self, '-DFOREGROUND');
    $running{ $self->{pid} } = $self;
    wait_until(sub { has_ended($self) || starts($self) > $before });
    return !has_ended($self);
}

sub stop {
    my ($self) = @_;

    # The event MPM can crash if it is stopped while a connection is closed.
    Time::HiRes::sleep(0.05);
    kill 'TERM', $self->{pid} if $self->{pid};
    ok(wait_until(sub { has_ended($self) }), 'it stops');
    unlike(error_log($self), qr/exit signal|AH00052|Assertion|AddressSanitizer|runtime error/, 'without a crash');
    return;
}

# Restart with SIGNAL: whether it serves again.
sub restart {
    my ($self, $signal) = @_;
    my $before = starts($self);

    kill $signal, $self->{pid};
    return wait_until(sub { starts($self) > $before });
}

END { kill 'TERM', keys %running }

sub at {
    my ($self, $method, $path, %arg) = @_;
    return Depot::Client->new(port => $self->{port}, host => $arg{host} // '127.0.0.1')
        ->request($method, $path, headers => [ Connection => 'close', @{ $arg{headers} // [] } ], body => $arg{body});
}

my $ask = propfind_body('{urn:test}p');

sub set {
    my ($self, $value, $host) = @_;
    my $response = at($self, 'PROPPATCH', '/dav/file', host => $host,
        body => proppatch_body(set => "<t:p xmlns:t=\"urn:test\">$value</t:p>"));
    return $response->multistatus->prop_status('/dav/file', '{urn:test}p');
}

sub get {
    my ($self, $host) = @_;
    return at($self, 'PROPFIND', '/dav/file', host => $host, body => $ask, headers => [ Depth => 0 ])
        ->multistatus->text('/dav/file', '{urn:test}p');
}

# Refused while the configuration is read, with a word that says why.
sub refused {
    my ($text, $why, $what) = @_;
    my $self = instance($text);
    my ($status, $said) = check($self);

    isnt($status, 0, "$what: refused");
    like($said, $why, "$what: said why");
    return;
}

# Accepted by a check of the configuration, but httpd does not start, and the log says why.
sub not_started {
    my ($self, $why, $what) = @_;
    my ($status, $said) = check($self);

    is($status, 0, "$what: the configuration itself is valid") or diag($said);
    unlink "$self->{dir}/logs/error_log";
    ok(!start($self), "$what: httpd does not start") or stop($self);
    is($self->{status}, 1 << 8, "$what: its exit status says so");
    my @lines = grep {/:emerg\].*DavDepotStore/} split /\n/, error_log($self);
    is(scalar @lines, 1, "$what: one line says so") or diag(reason($self));
    like($lines[0] // '', $why, "$what: and why");
    return;
}

# What the parser of the directive says.
refused('DavDepotStore',                   qr/name:location/,                                 'no argument');
refused('DavDepotStore /var/lib/x',        qr/"\/var\/lib\/x" is not of the form name:location/, 'no backend');
refused('DavDepotStore ldmb:/var/lib/x',   qr/no store called "ldmb"; there are: lmdb/,       'an unknown backend');
refused('DavDepotStore lmdb:',             qr/names no directory/,                            'no path');
refused('DavDepotStore lmdb:s mapsiz=1G',  qr/takes no "mapsiz"/,                             'an unknown parameter');
refused('DavDepotStore lmdb:s mapsize',    qr/"mapsize" is not of the form key=value/,        'a parameter without a value');
refused('DavDepotStore lmdb:s mapsize=1G mapsize=2G', qr/"mapsize" is given twice/,           'a parameter twice');
refused('<Directory "@ROOT@/drive">' . "\nDavDepotStore lmdb:s\n</Directory>", qr/DavDepotStore.*not allowed/s, 'a store for a directory');
refused("$_ maybe", qr/must be On or Off/, "$_ maybe")
    for 'DavDepotDepthInfinity', 'DavDepotHideOthersLocks', 'DavDepotHideForbidden';
refused("DavDepotDurability $_", qr/DavDepotDurability must be full or relaxed/, "DavDepotDurability $_") for 'none', 'On';
refused('DavDepotDurability', qr/takes one argument/, 'DavDepotDurability without a word');
for my $case (
    [ 'DavDepotXMLDepth',          8,  1000 ],
    [ 'DavDepotXMLElements',       16, 100_000_000 ],
    [ 'DavDepotXMLNamespaces',     8,  1_000_000 ],
    [ 'DavDepotRequestPropertiesMax', 16, 1_000_000 ],
    [ 'DavDepotDepthInfinityMax',  0,  (1 << 31) - 1 ],
    [ 'DavDepotPropertyNameMax',   32, 440 ],
    [ 'DavDepotPropertyValueMax',  1,  1 << 29 ],
    [ 'DavDepotPropertiesMax',     1,  1_000_000 ],
    [ 'DavDepotPropertyBytesMax',  1,  1 << 29 ],
    [ 'DavDepotPropertyNamesMax',  1,  (1 << 31) - 1 ],
    [ 'DavDepotLockTimeout',       1,  (1 << 31) - 1 ],
    [ 'DavDepotLockTimeoutMin',    1,  (1 << 31) - 1 ],
    [ 'DavDepotLockTimeoutMax',    0,  (1 << 31) - 1 ],
    [ 'DavDepotLocksMax',          1,  100_000 ],
    [ 'DavDepotLocksPerUserMax',   0,  1_000_000 ],
    [ 'DavDepotLockOwnerMax',      100, 1 << 20 ],
    )
{
    my ($name, $min, $max) = @$case;
    for my $value ($min - 1, $max + 1, '9' x 30, '10k', 'ten', -$max) {
        refused("$name $value", qr/$name must be a number from $min to $max/, "$name $value");
    }
    my ($status) = check(instance("$name $min\n<Location /dav>\n$name $max\n</Location>"));
    is($status, 0, "$name takes its bounds, in a server and in a section");
}

# mod_dav is missing.
{
    my ($status, $said) = check(instance('', no_dav => 1, drive => ''));
    isnt($status, 0, 'without mod_dav: refused');
    like($said, qr/mod_dav_depot\.so.*undefined symbol: dav_/s, 'the missing symbols are named');
}

# A path below ServerRoot; what is left behind.
{
    my $self = instance('DavDepotStore lmdb:store');
    my $dir  = "$self->{dir}/store";

    ok(start($self), 'a relative path: it starts') or diag(reason($self));
    is_deeply([ members($dir) ], [ 'data.mdb', 'lock.mdb' ], 'the store is below ServerRoot');
    is(sprintf('%04o', (stat $dir)[2] & 07777), '0700', 'others cannot look into its directory');
    is(sprintf('%04o', (stat "$dir/$_")[2] & 07777), '0600', "nor into $_") for members($dir);
    is(set($self, 'first'), 200, 'a property is set');
    ok(restart($self, 'USR1'), 'a graceful restart');
    is(get($self), 'first', 'keeps it');
    is(set($self, 'second'), 200, 'it can be set again');
    ok(restart($self, 'HUP'), 'a hard restart');
    is(get($self), 'second', 'keeps it too');
    stop($self);
    ok(start($self), 'it starts again');
    is(get($self), 'second', 'and has kept it');
    stop($self);
    unlike(error_log($self), qr/\[(?!core:|mpm)[^\] ]*:(?:warn|error|crit|emerg)\]/, 'nothing was complained of');
}

# Virtual hosts: the main server's store, their own, and the same one by another name.
{
    my $self = instance(<<'END');
DavDepotStore lmdb:main
<VirtualHost *>
    ServerName heir.test
</VirtualHost>
<VirtualHost *>
    ServerName own.test
    DavDepotStore lmdb:own
</VirtualHost>
<VirtualHost *>
    ServerName same.test
    DavDepotStore lmdb:@ROOT@/own/
</VirtualHost>
<VirtualHost *>
    ServerName other.test
    DavDepotStore lmdb:sub/../own mapsize=1G
</VirtualHost>
END
    ok(start($self), 'virtual hosts: it starts') or diag(reason($self));
    is(set($self, 'of main', 'heir.test'), 200, 'a host without a store');
    is(get($self, 'heir.test'), 'of main', 'uses the main server\'s');
    is(get($self, 'own.test'),  undef,     'a host with its own does not');
    is(set($self, 'of own', 'own.test'), 200, 'it sets the property');
    is(get($self, 'heir.test'),  'of main', 'which the other host\'s value survives');
    is(get($self, 'same.test'),  'of own',  'one store by another name is one');
    is(get($self, 'other.test'), 'of own',  'and with other settings');
    is_deeply([ grep {/^(?:main|own|sub)$/} members($self->{dir}) ], [ 'main', 'own' ], 'there are two');
    stop($self);
}

# What cannot be used.
not_started(instance('DavDepotStore lmdb:none/such'), qr{lmdb:\S+/none/such cannot be used.*No such file}, 'a parent that is not there');
{
    my $self = instance('DavDepotStore lmdb:drive/file');
    not_started($self, qr/Not a directory/, 'a file in the place of the directory');
    is(slurp("$self->{dir}/drive/file"), 'content', 'the file is as it was');

    $self = instance('DavDepotStore lmdb:closed/store');
    mkdir "$self->{dir}/closed", 0700;
    chmod 0500, "$self->{dir}/closed";
    not_started($self, qr/Permission denied/, 'a path that cannot be entered or written');

    $self = instance('DavDepotStore lmdb:closed');
    mkdir "$self->{dir}/closed";
    spew("$self->{dir}/closed/of-others", '');
    chmod 0555, "$self->{dir}/closed";
    not_started($self, qr/Permission denied/, 'a directory of somebody else\'s');
    is((stat "$self->{dir}/closed")[4], $>, 'which stays theirs');
    is_deeply([ members("$self->{dir}/closed") ], ['of-others'], 'as it was');

    for my $size ('nonsense', '1', '1X', '-1G', '100T') {
        $self = instance("DavDepotStore lmdb:store mapsize=$size");
        not_started($self, qr/cannot be used/, "mapsize=$size");
        like(error_log($self), qr/mapsize=\Q$size\E: must be/, 'which is named');
    }
}

# What is there is no store, or is damaged.  The damaged data is kept as it is.
{
    my $sound = instance('DavDepotStore lmdb:store');
    ok(start($sound), 'a sound store is made');
    set($sound, 'x' x 20_000);
    stop($sound);
    my $bytes = slurp("$sound->{dir}/store/data.mdb");

    for my $case (
        [ 'not of LMDB',   'no database at all' x 1000 ],
        [ 'cut off',       substr $bytes, 0, 4096 ],
        [ 'cut short',     substr $bytes, 0, 8192 ],
        [ 'overwritten',   substr($bytes, 0, 8192) . "\xff" x (length($bytes) - 8192) ],
        )
    {
        my ($what, $data) = @$case;
        my $self = instance('DavDepotStore lmdb:store');
        mkdir "$self->{dir}/store";
        spew("$self->{dir}/store/data.mdb", $data);
        not_started($self, qr/cannot be used/, "a data file that is $what");
        ok(slurp("$self->{dir}/store/data.mdb") eq $data, "$what: the file is as it was");
    }
}

# Files that httpd's user may not write, as those of somebody else's.
for my $name ('data.mdb', 'lock.mdb') {
    my $self = instance('DavDepotStore lmdb:store');
    ok(start($self), "$name of others: it is a store") or diag(reason($self));
    stop($self);
    for my $mode (0400, 0) {
        chmod $mode, "$self->{dir}/store/$name";
        not_started($self, qr/Permission denied/, sprintf '%s with mode %03o', $name, $mode);
        is((stat "$self->{dir}/store/$name")[2] & 07777, $mode, 'which it keeps');
    }
}

# A file system on which LMDB's locks and maps do not hold.
SKIP: {
    my $mounted = server_root() . '/fuse-store';
    skip 'no FUSE file system', 1 unless -d $mounted && (stat $mounted)[0] != (stat server_root())[0];
    not_started(instance("DavDepotStore lmdb:$mounted/store"), qr{lmdb:\S+/fuse-store/store cannot be used.*not supported}, 'FUSE');
    my $self = instance("DavDepotStore lmdb:$mounted/store anyfs=on");
    ok(start($self), 'FUSE, if the administrator insists') or diag(reason($self));
    is(set($self, 'x'), 200, 'takes a property');
    stop($self);
}

# Links in the place of the store's files.
for my $name ('data.mdb', 'lock.mdb') {
    my $self = instance('DavDepotStore lmdb:store');
    mkdir "$self->{dir}/store";
    chown +(getpwnam $user)[2, 3], "$self->{dir}/store" if $user;
    spew("$self->{dir}/secret", 'of the administrator');
    symlink "$self->{dir}/secret", "$self->{dir}/store/$name";
    not_started($self, qr/symbolic links/, "a link in the place of $name");
    is(slurp("$self->{dir}/secret"), 'of the administrator', 'what it leads to is as it was');
    is((stat "$self->{dir}/secret")[4], $>, 'and whose it was');
}

# A store of a later version of this module's.
{
    my $self = instance('DavDepotStore lmdb:store');
    ok(start($self), 'a store of another format: at first it is of ours');
    set($self, 'kept');
    stop($self);
    my $before = (depotctl('dump', "$self->{dir}/store"))[1];
    is(system(server_root() . '/tools/damage', "$self->{dir}/store", 'format', '9'), 0, 'then it is of format 9');
    not_started($self, qr/lmdb:\S+ cannot be used by user id \d+: .*format/, 'a newer format');
    like(error_log($self), qr/:error\].*the store is of format 9; this version knows format 1/, 'which is named');
    is_refused("depotctl $$_[0]", qr/of format 9; this version knows format 1/, $$_[0], "$self->{dir}/store") for ['check'], ['stat'], ['dump'];
    is(system(server_root() . '/tools/damage', "$self->{dir}/store", 'format', '1'), 0, 'it is of ours again');
    is((depotctl('dump', "$self->{dir}/store"))[1], $before, 'and nothing was changed');
}

# No store.
{
    my $self = instance('');
    ok(start($self), 'without a store: it starts') or diag(reason($self));
    like(error_log($self), qr/:warn\].*no server has a DavDepotStore/, 'with a warning');
    status_is(at($self, 'GET', '/dav/file'), 200, 'GET needs none');
    status_is(at($self, @$_), 503, "$$_[0] answers 503")
        for [ 'PROPPATCH', '/dav/file', body => proppatch_body(set => '<t:p xmlns:t="urn:test"/>') ],
        [ 'PROPFIND', '/dav/', headers => [ Depth => 1 ] ],
        [ 'PUT', '/dav/new', body => 'x' ],
        [ 'DELETE', '/dav/file' ],
        [ 'MOVE', '/dav/file', headers => [ Destination => '/dav/moved' ] ],
        [ 'COPY', '/dav/file', headers => [ Destination => '/dav/copied' ] ];
    is_deeply([ members("$self->{dir}/drive") ], ['file'], 'and does nothing');
    my @lines = grep {/:error\].*property store is not available/} split /\n/, error_log($self);
    is(scalar @lines, 6, 'each is in the log');
    stop($self);
}

# A store that goes away after the start.
{
    my $self = instance('DavDepotStore lmdb:store');
    ok(start($self), 'a store that goes away: it starts');
    my $children = sub { grep { (slurp("/proc/$_/stat") // '') =~ /\) \S $self->{pid} / } map {m{(\d+)}} glob '/proc/[0-9]*' };
    ok(wait_until(sub { 2 == grep { (slurp("/proc/$_/maps") // '') =~ /data\.mdb/ } $children->() }), 'and its processes open it');
    rename "$self->{dir}/store", "$self->{dir}/away";
    spew("$self->{dir}/store", 'in its place');
    is(set($self, 'still'), 200, 'those who have it open use it');

    my @children = $children->();
    kill 'KILL', @children;
    my $lines = sub { scalar(my @all = error_log($self) =~ /:crit\].*lmdb:\S+\/store: what needs it is answered with 503/g) };
    ok(wait_until(sub { $lines->() >= @children }), 'each new child says that it has none');
    like(error_log($self), qr/:error\].*could not open the store in \S+: Not a directory/, 'and why');
    status_is(at($self, 'GET',      '/dav/file'), 200, 'GET goes on');
    status_is(at($self, 'PROPFIND', '/dav/', headers => [ Depth => 1 ]), 503, 'PROPFIND does not');

    kill 'USR1', $self->{pid};
    ok(wait_until(sub { has_ended($self) }), 'a restart that cannot use the store ends httpd');
    like(error_log($self), qr/:emerg\].*lmdb:\S+ cannot be used.*Not a directory/, 'and the log says why');
}

# One that is removed meanwhile: a child that would make a new one does not serve from it.
{
    my $self = instance('DavDepotStore lmdb:store');
    ok(start($self), 'a store that is removed: it starts');
    is(set($self, 'kept'), 200, 'a property');
    my @children = grep { (slurp("/proc/$_/stat") // '') =~ /\) \S $self->{pid} / } map {m{(\d+)}} glob '/proc/[0-9]*';
    rename "$self->{dir}/store", "$self->{dir}/away";
    mkdir "$self->{dir}/store";
    chown +(getpwnam $user)[2, 3], "$self->{dir}/store" if $user;
    kill 'KILL', @children;
    my $lines = sub { scalar(my @all = error_log($self) =~ /:crit\].*lmdb:\S+\/store: what needs it is answered with 503/g) };
    ok(wait_until(sub { $lines->() >= @children }), 'each new child says that it has none');
    like(error_log($self), qr/:error\].*the store is gone; there is an empty one in its place/, 'and why');
    status_is(at($self, 'PROPFIND', '/dav/file', headers => [ Depth => 0 ]), 503, 'PROPFIND does not say that there are no properties');
    status_is(at($self, 'PUT', '/dav/file', body => 'x'), 503, 'PUT not that there are no locks');
    stop($self);
}

# Limits hold where they are set: main server, virtual host, section.
{
    my $self = instance(<<'END');
DavDepotStore lmdb:store
DavDepotPropertyValueMax 100
<VirtualHost *>
    ServerName heir.test
</VirtualHost>
<VirtualHost *>
    ServerName wide.test
    DavDepotPropertyValueMax 1000
    DavDepotDepthInfinity On
    <Location /dav/file>
        DavDepotPropertiesMax 1
    </Location>
</VirtualHost>
END
    my $long = 'x' x 500;
    ok(start($self), 'limits: it starts') or diag(reason($self));
    is(set($self, $long, 'heir.test'), 507, 'a virtual host has the main server\'s');
    is(set($self, $long, 'wide.test'), 200, 'or its own');
    is(at($self, 'PROPPATCH', '/dav/file', host => 'wide.test', body => proppatch_body(set => '<t:q xmlns:t="urn:test">1</t:q>'))
            ->multistatus->prop_status('/dav/file', '{urn:test}q'), 507, 'a section sets one more');
    my %infinite = (headers => [ Depth => 'infinity' ]);
    status_is(at($self, 'PROPFIND', '/dav/', host => 'wide.test', %infinite), 207, 'Depth: infinity where it is on');
    my $refused = at($self, 'PROPFIND', '/dav/', host => 'heir.test', %infinite);
    status_is($refused, 403, 'and not elsewhere');
    is_deeply([ $refused->preconditions ], ['{DAV:}propfind-finite-depth'], 'with its precondition');
    stop($self);
}

# What conf.d offers, at other places.
SKIP: {
    my $conf_d = ($ENV{SRCDIR} // '') . '/conf.d';
    my $shipped   = slurp("$conf_d/depot.conf");
    my $reference = slurp("$conf_d/depot-reference.conf");
    skip "$conf_d cannot be read by this user", 1 unless defined $shipped && defined $reference;

    my $places = sub { $_[0] =~ s{/var/lib/dav-depot}{\@ROOT\@/store}gr =~ s{/srv/drive}{\@ROOT\@/drive}gr };
    my ($libexec) = slurp($modules) =~ m{"(.*)/mod_dav\.so"};
    my $self   = instance("LoadModule authz_host_module $libexec/mod_authz_host.so\n" . $places->($shipped), drive => '');
    ok(start($self), 'depot.conf: it starts') or diag(reason($self));
    status_is(at($self, 'PUT', '/drive/new.cgi', body => "#!/bin/sh\n"), 201, 'PUT');
    is(at($self, 'GET', '/drive/new.cgi')->body, "#!/bin/sh\n", 'GET');
    status_is(at($self, 'PROPPATCH', '/drive/new.cgi', body => proppatch_body(set => '<t:p xmlns:t="urn:test"/>')), 207, 'PROPPATCH');
    status_is(at($self, 'PROPFIND', '/drive/', headers => [ Depth => 1 ]), 207, 'PROPFIND');
    is_deeply([ members("$self->{dir}/store") ], [ 'data.mdb', 'lock.mdb' ], 'its store is where it says');
    stop($self);

    my @lines = $reference =~ /^#(DavDepot.*)$/mg;
    cmp_ok(scalar @lines, '>=', 8, 'depot-reference.conf has the directives');
    my ($status, $said) = check(instance($places->(join "\n", @lines)));
    is($status, 0, 'which are valid as they stand') or diag($said);
}

# Whose files they are, when httpd starts as root.
SKIP: {
    skip 'not started by root', 1 unless $user;
    my ($uid, $gid) = (getpwnam $user)[2, 3];
    my $self = instance('DavDepotStore lmdb:store');
    my $dir  = "$self->{dir}/store";

    mkdir $dir;
    ok(start($self), 'as root: it starts') or diag(reason($self));
    is_deeply([ (stat $_)[4, 5] ], [ $uid, $gid ], "$_ is the user's") for $dir, "$dir/data.mdb", "$dir/lock.mdb";
    is(set($self, 'x'), 200, 'children write to it');
    stop($self);

    chown 0, 0, $dir, "$dir/data.mdb", "$dir/lock.mdb";
    ok(start($self), 'a store that became root\'s: it starts') or diag(reason($self));
    is_deeply([ (stat $_)[4, 5] ], [ $uid, $gid ], "$_ is the user's again") for $dir, "$dir/data.mdb", "$dir/lock.mdb";
    is(get($self), 'x', 'with what it held');
    stop($self);

    for my $name ('data.mdb', 'lock.mdb') {
        chown 1, 1, "$dir/$name";
        not_started($self, qr/cannot be used by user id $uid: Permission denied/, "$name of a third user's");
        is((stat "$dir/$name")[4], 1, 'stays theirs');
        chown $uid, $gid, "$dir/$name";
    }

    spew("$self->{dir}/secret", 'of the administrator');
    unlink "$dir/lock.mdb";
    link "$self->{dir}/secret", "$dir/lock.mdb";
    not_started($self, qr/Permission denied/, 'a file that has another name elsewhere');
    is((stat "$self->{dir}/secret")[4], 0, 'stays root\'s');
}

finish();
