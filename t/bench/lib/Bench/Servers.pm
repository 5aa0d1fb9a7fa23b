package Bench::Servers;
# The servers that are compared: their configurations, processes and memory.  All of them serve
# the same folder on loopback, each on a free port of its own.
use strict;
use warnings;
use Cwd qw(abs_path);
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(time sleep);

our %NAMES = (
    depot    => 'mod_dav_depot',
    fs       => 'mod_dav_fs',
    fsnolock => 'mod_dav_fs, DavLockDiscovery Off',
    lighttpd => 'lighttpd mod_webdav',
    nginx    => 'nginx dav-ext',
    floor    => 'floor',
);

# ROOT is the bench's folder, BUILD where mod_dav_depot.so and the bench's programs are.
sub new {
    my ($class, %self) = @_;
    my $user = $> == 0 ? 'www-data' : getpwuid($>);
    return bless { %self, user => $user, running => {} }, $class;
}

sub user { $_[0]{user} }
sub www  {"$_[0]{root}/www"}

# Give what was made under the docroot to the user that the servers run as.
sub own {
    my ($self, @paths) = @_;
    return if $> != 0;
    system('chown', '-R', $self->{user}, @paths) == 0 or die "chown failed\n";
}

# ---- configurations ----

sub apxs { my $v = `apxs2 -q $_[0] 2>/dev/null` || `apxs -q $_[0]`; chomp $v; return $v }

sub write_file {
    my ($path, $text) = @_;
    open my $out, '>', $path or die "$path: $!";
    print $out $text;
    close $out or die "$path: $!";
    return $path;
}

sub httpd {
    my ($self, $name, $port) = @_;
    my $modules = apxs('LIBEXECDIR');
    my $load = join '', map {
        -e "$modules/mod_$_.so" ? "LoadModule ${_}_module $modules/mod_$_.so\n" : ''
    } qw(mpm_event unixd authz_core mime dir alias dav), $name eq 'depot' ? () : 'dav_fs';
    my $dir = $self->state($name);
    my $dav = $name eq 'depot' ? 'depot' : 'filesystem';
    my $extra = $name eq 'depot'
        ? "LoadModule dav_depot_module $self->{build}/mod_dav_depot.so\n"
        . "DavDepotStore lmdb:$dir/store\nDavDepotDepthInfinity On\n"
        : "DavLockDB $dir/lockdb\nDavDepthInfinity On\n" . ($name eq 'fsnolock' ? "DavLockDiscovery Off\n" : '');
    my $config = write_file("$dir/httpd.conf", <<"END");
ServerRoot $dir
ServerName localhost
Listen 127.0.0.1:$port
PidFile $dir/httpd.pid
ErrorLog $dir/error_log
LogLevel warn
DefaultRuntimeDir $dir
${load}User $self->{user}
Group @{[scalar getgrgid((getpwnam $self->{user})[3])]}
# One process, so that its memory is the server's.
ServerLimit 1
StartServers 1
ThreadsPerChild 64
MaxRequestWorkers 64
MinSpareThreads 1
MaxKeepAliveRequests 0
KeepAliveTimeout 60
Timeout 300
EnableSendfile On
TypesConfig /etc/mime.types
DocumentRoot $self->{root}/www
${extra}<Directory />
  AllowOverride None
</Directory>
<Directory $self->{root}/www>
  Require all granted
  Dav $dav
</Directory>
<Directory $self->{root}/www/static>
  Dav Off
  # The fastest way to send a few bytes.
  EnableSendfile Off
  EnableMMAP Off
</Directory>
END
    return (apxs('SBINDIR') . '/' . apxs('PROGNAME'), '-DFOREGROUND', '-f', $config);
}

sub lighttpd {
    my ($self, $name, $port) = @_;
    my $dir = $self->state($name);
    my $user = $> == 0 ? qq{server.username = "$self->{user}"\n} : '';
    my $config = write_file("$dir/lighttpd.conf", <<"END");
server.modules = ( "mod_webdav" )
server.document-root = "$self->{root}/www"
server.port = $port
server.bind = "127.0.0.1"
${user}server.errorlog = "$dir/error_log"
server.upload-dirs = ( "$dir" )
server.max-keep-alive-requests = 1000000000
server.max-keep-alive-idle = 60
server.max-read-idle = 300
server.max-write-idle = 300
mimetype.assign = ( ".txt" => "text/plain" )
webdav.activate = "enable"
webdav.is-readonly = "disable"
webdav.sqlite-db-name = "$dir/webdav.db"
webdav.opts = ( "propfind-depth-infinity" => "enable" )
END
    return ('lighttpd', '-D', '-f', $config);
}

sub nginx {
    my ($self, $name, $port) = @_;
    my $dir = $self->state($name);
    my $user = $> == 0 ? "user $self->{user};\n" : '';
    my $modules = (grep { -d } '/usr/lib/nginx/modules', '/usr/lib64/nginx/modules')[0] // '';
    my $config = write_file("$dir/nginx.conf", <<"END");
load_module $modules/ngx_http_dav_ext_module.so;
daemon off;
worker_processes 1;
pid $dir/nginx.pid;
error_log $dir/error_log warn;
${user}events { worker_connections 512; }
http {
  types { text/plain txt; }
  access_log off;
  sendfile on;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_temp_path $dir/body;
  proxy_temp_path $dir/proxy;
  fastcgi_temp_path $dir/fastcgi;
  uwsgi_temp_path $dir/uwsgi;
  scgi_temp_path $dir/scgi;
  dav_ext_lock_zone zone=locks:10m;
  server {
    listen 127.0.0.1:$port;
    root $self->{root}/www;
    location / {
      dav_methods PUT DELETE MKCOL COPY MOVE;
      dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK;
      dav_ext_lock zone=locks;
    }
  }
}
END
    return ('nginx', '-c', $config, '-p', $dir, '-e', "$dir/error_log");
}

sub floor {
    my ($self, $name, $port) = @_;
    return ("$self->{build}/t/bench/floor", $port, "$self->{root}/www",
        "$self->{root}/depot/store");
}

my %COMMANDS = (
    depot    => \&httpd,
    fs       => \&httpd,
    fsnolock => \&httpd,
    lighttpd => \&lighttpd,
    nginx    => \&nginx,
    floor    => \&floor,
);

# ---- processes ----

# A server's folder, for its configuration, log and state.
sub state {
    my ($self, $name) = @_;
    my $dir = "$self->{root}/$name";
    if (!-d $dir) {
        mkdir $dir or die "$dir: $!";
        $self->own($dir);
    }
    return $dir;
}

sub free_port {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "port: $!";
    return $socket->sockport;
}

# Whether somebody serves: a port takes connections sooner.  The floor program ends this one, the
# others answer.
sub serves {
    my ($port) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or return 0;
    print {$socket} "OPTIONS / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    shutdown $socket, 1;
    readline $socket;
    return 1;
}

sub start {
    my ($self, $name) = @_;
    return if $self->{running}{$name};
    my $port = free_port();
    my @command = $COMMANDS{$name}->($self, $name, $port);
    my $dir = $self->state($name);
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        setpgrp;    # a server that signals its group at its end means its own
        open STDOUT, '>>', "$dir/output" or POSIX::_exit(1);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(1);
        exec @command or POSIX::_exit(127);
    }
    $self->{running}{$name} = { pid => $pid, port => $port };
    for (1 .. 300) {
        return if serves($port);
        last if waitpid($pid, POSIX::WNOHANG()) == $pid;
        sleep 0.05;
    }
    die "$NAMES{$name} does not answer; see $dir\n";
}

sub stop {
    my ($self, $name) = @_;
    my $server = delete $self->{running}{$name} or return;
    kill TERM => $server->{pid};
    for (1 .. 200) {
        return if waitpid($server->{pid}, POSIX::WNOHANG()) == $server->{pid};
        sleep 0.05;
    }
    # A worker that loops does not hear its parent; they have a process group of their own.
    kill KILL => -$server->{pid};
    waitpid $server->{pid}, 0;
}

sub stop_all { my ($self) = @_; $self->stop($_) for keys %{ $self->{running} } }

# A fresh process, which has read nothing yet.
sub restart {
    my ($self, @names) = @_;
    for my $name (@names) {
        $self->stop($name);
        $self->start($name);
    }
}

sub port { $_[0]{running}{ $_[1] }{port} // die "$_[1] does not run\n" }

# The processes that serve: of httpd and nginx, the children.
sub pids {
    my ($self, $name) = @_;
    my $parent = $self->{running}{$name}{pid};
    return $parent if $name eq 'lighttpd' || $name eq 'floor';
    for (1 .. 50) {
        my @children = split ' ', `pgrep -P $parent`;
        return @children if @children;
        sleep 0.05;
    }
    die "$NAMES{$name} has no child\n";
}

# ---- what a process took ----

# Seconds of processor time so far, user and system.
sub cpu {
    my ($self, $name) = @_;
    my $ticks = 0;
    for my $pid ($self->pids($name)) {
        open my $in, '<', "/proc/$pid/stat" or next;
        my @fields = split ' ', (<$in> =~ s/^.*\) //r);
        $ticks += $fields[11] + $fields[12];
    }
    return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

sub status_of {
    my ($pid, $field) = @_;
    open my $in, '<', "/proc/$pid/status" or return 0;
    while (<$in>) { return $1 if /^$field:\s+(\d+)/ }
    return 0;
}

# Run CODE while watching the memory of server NAME.  Returns its peak in all and of what is
# private, in KiB, then what CODE returned.  The difference is what is mapped of files, the
# store's pages among it; they are the page cache's.
sub watch_memory {
    my ($self, $name, $code) = @_;
    my ($pid) = $self->pids($name);
    pipe my $from_child, my $to_parent or die "pipe: $!";
    if (open my $out, '>', "/proc/$pid/clear_refs") { print $out '5'; close $out }
    my $watcher = fork // die "fork: $!";
    if ($watcher == 0) {
        my ($stop, $peak) = (0, 0);
        $SIG{TERM} = sub { $stop = 1 };
        until ($stop) {
            my $private = status_of($pid, 'RssAnon');
            $peak = $private if $private > $peak;
            sleep 0.004;
        }
        syswrite $to_parent, "$peak\n";
        POSIX::_exit(0);
    }
    close $to_parent;
    my @answer = eval { $code->() };
    my $error = $@;
    kill TERM => $watcher;
    my $private = <$from_child> // 0;
    waitpid $watcher, 0;
    die $error if $error;
    return (status_of($pid, 'VmHWM'), $private + 0, @answer);
}

1;
