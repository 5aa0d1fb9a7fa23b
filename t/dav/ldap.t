# conf.d/depot-ldap.conf as it is shipped, with a real slapd on loopback: who may list, read,
# write, lock and unlock what.
use strict;
use warnings;

use File::Path       ();
use IO::Socket::INET ();
use MIME::Base64     ();
use Time::HiRes      ();
use Depot::Test;
use Depot::Lock;

my ($slapd)   = grep { -x } '/usr/sbin/slapd', '/usr/libexec/slapd';
my ($slapadd) = grep { -x } '/usr/sbin/slapadd';
my ($modules) = (slurp(vars('t_conf') . '/modules.conf') =~ m{"(.*)/mod_dav\.so"});
plan(skip_all => 'no slapd, or no mod_authnz_ldap') unless $slapd && $slapadd && -e "$modules/mod_authnz_ldap.so";

my $work = server_root() . '/ldap';
File::Path::make_path("$work/db", "$work/logs", map {"$work/drive/$_"} qw(users/anna users/ben groups/sales groups/research));
# The folders themselves are the administrator's, who need not let the server change them.
chmod 0555, "$work/drive", map {"$work/drive/$_"} 'users', 'groups';
my %running;
END {
    kill 'TERM', $_ for keys %running;
    chmod 0755, "$work/drive", map {"$work/drive/$_"} 'users', 'groups';
}

sub free_port {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "listen: $!\n";
    return $socket->sockport;
}

# Start a program that stays in the foreground, and wait for its port.
sub start {
    my ($port, @command) = @_;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open STDOUT, '>>', "$work/logs/said";
        open STDERR, '>&', \*STDOUT;
        exec @command or exit 127;
    }
    $running{$pid} = 1;
    for (1 .. 100) {
        return $pid if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
        Time::HiRes::sleep(0.1);
    }
    diag(slurp("$work/logs/said"));
    return 0;
}

# The directory: anna sells, ben does research.
my ($ldap_port, $port) = (free_port(), free_port());
spew("$work/slapd.conf", <<"END");
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile $work/slapd.pid
database mdb
suffix "dc=example,dc=org"
directory $work/db
maxsize 10485760
END
my $person = sub { "dn: uid=$_[0],ou=people,dc=example,dc=org\nobjectClass: inetOrgPerson\nuid: $_[0]\ncn: $_[0]\nsn: $_[0]\nuserPassword: pw-$_[0]\n\n" };
my $group  = sub { "dn: cn=$_[0],ou=groups,dc=example,dc=org\nobjectClass: groupOfNames\ncn: $_[0]\nmember: uid=$_[1],ou=people,dc=example,dc=org\n\n" };
spew("$work/data.ldif", "dn: dc=example,dc=org\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example\n\n"
    . join('', map {"dn: ou=$_,dc=example,dc=org\nobjectClass: organizationalUnit\nou: $_\n\n"} 'people', 'groups')
    . $person->('anna') . $person->('ben') . $group->('sales', 'anna') . $group->('research', 'ben'));
is(system("$slapadd -f $work/slapd.conf -l $work/data.ldif >$work/logs/slapadd 2>&1"), 0, 'a directory') or diag(slurp("$work/logs/slapadd"));
ok(start($ldap_port, $slapd, '-f', "$work/slapd.conf", '-h', "ldap://127.0.0.1:$ldap_port", '-d', '0'), 'slapd');

# The server, with the configuration as it is shipped.
my $load = join '', map {"LoadModule ${_}_module $modules/mod_$_.so\n"}
    qw(mpm_event authn_core authz_core authz_user auth_basic alias mime dir dav ldap authnz_ldap);
spew("$work/httpd.conf", <<"END");
ServerRoot $work
ServerName 127.0.0.1
Listen 127.0.0.1:$port
PidFile $work/httpd.pid
DefaultRuntimeDir $work
ErrorLog $work/logs/error_log
${load}LoadModule dav_depot_module @{[server_root()]}/modules/mod_dav_depot.so
TypesConfig /dev/null
Define DEPOT_LDAP_URL "ldap://127.0.0.1:$ldap_port/ou=people,dc=example,dc=org?uid?one"
Define DEPOT_LDAP_GROUPS "ou=groups,dc=example,dc=org"
Define DEPOT_LDAP_DRIVE "$work/drive"
Define DEPOT_LDAP_STORE "$work/store"
Include @{[server_root()]}/../conf.d/depot-ldap.conf
END
ok(start($port, server_root() . '/httpd', '-f', "$work/httpd.conf", '-DFOREGROUND'), 'httpd') or diag(slurp("$work/logs/error_log"));

my $client = client(port => $port);

sub as {
    my ($user, $method, $path, $body, @headers) = @_;
    my $word = $user =~ /:/ ? $user : "$user:pw-$user";
    return $client->request($method, "/drive/$path", body => $body,
        headers => [ Authorization => 'Basic ' . MIME::Base64::encode_base64($word, ''), @headers ]);
}

sub listed {
    my ($user, $path) = @_;
    return join ' ', sort map {s{^/drive/}{}r} as($user, 'PROPFIND', $path, undef, Depth => 1)->multistatus->hrefs;
}

# Who comes in.
status_is($client->request('PROPFIND', '/drive/'), 401, 'nobody without a password');
status_is(as('anna:wrong', 'PROPFIND', ''), 401, 'nor with a wrong one');
status_is(as('carl:pw-carl', 'PROPFIND', ''), 401, 'nor somebody unknown');

# Who sees what.
is(listed('anna', ''), ' groups/ users/', 'the drive');
is(listed('anna', 'users/'), 'users/ users/anna/', 'each sees the own folder');
is(listed('ben',  'users/'), 'users/ users/ben/', 'and not the others');
is(listed('anna', 'groups/'), 'groups/ groups/sales/', 'and the folders of the own groups');
is(listed('ben',  'groups/'), 'groups/ groups/research/', 'only');
status_is(as('ben', 'PROPFIND', "$_/"), [ 401, 403 ], "$_ is closed to ben") for 'users/anna', 'groups/sales';

# Who writes, locks and unlocks where.
for my $case ([ 'anna', 'users/anna', 'ben' ], [ 'anna', 'groups/sales', 'ben' ], [ 'ben', 'users/ben', 'anna' ], [ 'ben', 'groups/research', 'anna' ]) {
    my ($user, $folder, $other) = @$case;
    status_is(as($user, 'PUT', "$folder/f", "of $user"), 201, "$user writes in $folder");
    status_is(as($user, 'PROPPATCH', "$folder/f", proppatch_body(set => '<t:p xmlns:t="urn:test">1</t:p>')), 207, 'and sets a property');
    my $token = token_of(as($user, 'LOCK', "$folder/f", lockinfo(), Depth => 0));
    ok($token, 'and locks');
    status_is(as($other, $_, "$folder/f", 'x', 'Lock-Token' => "<$token>", If => "(<$token>)"), [ 401, 403 ], "$other cannot $_")
        for 'GET', 'PUT', 'DELETE', 'PROPFIND', 'PROPPATCH', 'LOCK', 'UNLOCK';
    status_is(as($user, 'PUT', "$folder/f", 'again', If => "(<$token>)"), 204, "$user writes under the lock");
    status_is(as($user, 'UNLOCK', "$folder/f", undef, 'Lock-Token' => "<$token>"), 204, 'and unlocks');
    is(slurp("$work/drive/$folder/f"), 'again', 'what is there is theirs');
}
{
    my $large = client(port => $port);
    $large->connect;
    $large->send($large->format_request('PUT', '/drive/users/anna/large',
        [ Authorization => 'Basic ' . MIME::Base64::encode_base64('anna:pw-anna', ''), Expect => '100-continue', 'Content-Length' => 20_000_000_000 ]));
    like($large->line, qr{^HTTP/1\.1 100 }, 'a file of 20 GB is welcome');
    $large->close;
}
status_is(as('anna', @$_), [ 401, 403 ], "nobody changes the drive itself: $$_[0] $$_[1]")
    for [ 'PUT', 'f', 'x' ], [ 'MKCOL', 'users/carl' ], [ 'DELETE', 'users/' ], [ 'DELETE', 'groups/sales' ];
status_is(as('anna', 'MOVE', 'users/anna/f', undef, Destination => "http://127.0.0.1:$port/drive/users/ben/f2"), [ 401, 403 ], 'nor puts something into another folder');
status_is(as('anna', 'MOVE', 'users/anna/f', undef, Destination => "http://127.0.0.1:$port/drive/groups/sales/moved"), 201, 'but from one of the own to another');

unlike(slurp("$work/logs/error_log"), qr/exit signal|AH00052|Assertion|AddressSanitizer|runtime error/, 'no crash');
for my $pid (keys %running) { kill 'TERM', $pid; waitpid $pid, 0; delete $running{$pid} }

finish();
