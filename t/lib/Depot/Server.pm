# An httpd of a test's own, on a free loopback port, beside the one all tests share.
package Depot::Server;

use strict;
use warnings;

use File::Path       ();
use IO::Socket::INET ();
use POSIX            ();
use Time::HiRes      ();

use Depot::Client ();
use Depot::Test   ();

# Depot::Server->start(DIRECTORY, CONFIGURATION): DIRECTORY is its ServerRoot and is made.  All
# modules that the shared one has are loaded, and ours.  undef if it does not come up; the
# reason is in what said() answers.  Options: limit => for ulimit, env => { of httpd's own }.  It
# leads a process group of its own.
sub start {
    my ($class, $dir, $text, %arg) = @_;
    my $listen = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "listen: $!\n";
    my $self = bless { dir => $dir, port => $listen->sockport, owner => $$ }, $class;
    my $modules = Depot::Test::slurp(Depot::Test::vars('t_conf') . '/modules.conf');

    close $listen;
    File::Path::make_path("$dir/logs");
    # What an earlier one in this directory said is not what this one says.
    unlink "$dir/logs/said", "$dir/logs/error_log";
    Depot::Test::spew("$dir/httpd.conf", <<"END");
ServerRoot "$dir"
ServerName 127.0.0.1
Listen 127.0.0.1:$self->{port}
PidFile logs/httpd.pid
DefaultRuntimeDir "$dir/logs"
ErrorLog logs/error_log
$modules
LoadModule dav_depot_module "@{[Depot::Test::server_root()]}/modules/mod_dav_depot.so"
TypesConfig /dev/null
StartServers 1
ServerLimit 2
ThreadsPerChild 4
MinSpareThreads 4
MaxSpareThreads 8
MaxRequestWorkers 8
<Directory />
    AllowOverride None
</Directory>
$text
END
    Depot::Test::spew("$dir/logs/said", '');
    my $said = length $self->said;
    $self->{pid} = fork // die "fork: $!\n";
    if ($self->{pid} == 0) {
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>',  "$dir/logs/said";
        open STDERR, '>&', \*STDOUT;
        my @limit = $arg{limit} ? ('/bin/sh', '-c', "ulimit $arg{limit}; exec \"\$@\"", 'sh') : ();
        local %ENV = (%ENV, %{ $arg{env} // {} });
        setpgrp 0, 0;
        { exec @limit, Depot::Test::vars('httpd'), '-d', $dir, '-f', "$dir/httpd.conf", '-DFOREGROUND' }
        POSIX::_exit(127);
    }
    # Its port takes connections sooner, before the stores have been tried.
    for (1 .. 400) {
        return $self if substr($self->said, $said) =~ /resuming normal operations/;
        last if waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid};
        Time::HiRes::sleep(0.05);
    }
    Test::More::diag($self->said);
    return undef;
}

# The configuration of a drive at URL, in DIRECTORY, which is made; LINES are the directory's too.
sub drive {
    my ($url, $directory, @lines) = @_;

    File::Path::make_path($directory);
    return join "\n", qq{Alias $url "$directory"}, qq{<Directory "$directory">}, 'Dav depot',
        'Require all granted', @lines, "</Directory>\n";
}

# What it has printed and logged.
sub said {
    my ($self) = @_;
    return join '', map { Depot::Test::slurp("$self->{dir}/logs/$_") // '' } 'said', 'error_log';
}

sub client { return Depot::Client->new(port => $_[0]{port}) }

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    local $?;

    kill 'TERM', $pid;
    waitpid $pid, 0;
    return;
}

# As a crash of the machine would end it, if nothing has already.
sub kill_all {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    local $?;

    kill 'KILL', -$pid;
    waitpid $pid, 0;
    return;
}

sub DESTROY {
    my ($self) = @_;
    $self->stop if $self->{owner} == $$;
    return;
}

1;
