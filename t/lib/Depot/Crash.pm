# A server that is killed on purpose: a drive and a store of its own, httpd with the shim
# (t/crash/shim.c) that counts and writes down what it does to them, and a way to throw away
# what no sync has covered.
package Depot::Crash;

use strict;
use warnings;

use Fcntl      qw(O_RDWR O_WRONLY);
use File::Find ();
use File::Path ();

use Depot::Server ();
use Depot::Test   ();

# new(DIRECTORY, durability =>): nothing runs yet.
sub new {
    my ($class, $dir, %arg) = @_;
    my $self = bless { dir => $dir, root => "$dir/root", shim => "$dir/shim", durability => $arg{durability} // 'full' }, $class;

    File::Path::make_path("$dir/root/drive", "$dir/shim/grave", "$dir/server");
    Depot::Test::spew("$dir/shim/control", "\0" x 4096);
    Depot::Test::spew("$dir/shim/log",     '');
    return $self;
}

sub drive { return "$_[0]{root}/drive" }
sub store { return "$_[0]{root}/store" }

# Start httpd.  FAULT is for the trace decorator.
sub start {
    my ($self, $fault) = @_;
    my $store = defined $fault ? "\"trace:lmdb:$self->{root}/store\" $fault" : "lmdb:$self->{root}/store";

    $self->disarm;
    for (1 .. 5) {
        $self->{server} = Depot::Server->start("$self->{dir}/server", <<"END",
DavDepotStore $store
Alias /d "$self->{root}/drive"
StartServers 2
ServerLimit 8
ThreadsPerChild 2
MinSpareThreads 6
MaxSpareThreads 16
MaxRequestWorkers 16
ThreadLimit 2
KeepAliveTimeout 60
MaxKeepAliveRequests 0
<Directory "$self->{root}/drive">
    Require all granted
    Dav depot
    DavDepotDepthInfinity on
    DavDepotDurability $self->{durability}
</Directory>
END
            env => {
                LD_PRELOAD      => Depot::Test::server_root() . '/tools/shim.so',
                DEPOT_SHIM      => $self->{shim},
                DEPOT_SHIM_ROOT => $self->{root},
            },
        );
        last if $self->{server};
    }
    die "httpd does not start in $self->{dir}\n" unless $self->{server};
    $self->{client} = $self->{server}->client;
    return $self;
}

sub client { return $_[0]{client} }

# End it as a crash does, and begin anew.
sub kill_all {
    my ($self) = @_;
    $self->{server}->kill_all if $self->{server};
    delete $self->{server};
    return;
}

sub stop {
    my ($self) = @_;
    $self->{server}->stop if $self->{server};
    delete $self->{server};
    return;
}

# ---- the shim ----

sub control {
    my ($self, @numbers) = @_;
    sysopen my $file, "$self->{shim}/control", O_WRONLY or die "$self->{shim}/control: $!\n";
    syswrite $file, pack 'L*', @numbers;
    close $file;
    return;
}

# Kill the process that makes the TARGETth change from now on, or all of them (group => 1); or
# nobody, if TARGET is undef.
sub arm {
    my ($self, $target, %arg) = @_;
    File::Path::remove_tree("$self->{shim}/grave", { keep_root => 1 });
    truncate "$self->{shim}/log", 0;
    $self->control(1, 0, $target // 0xffffffff, $arg{group} ? 1 : 0, $arg{logs} ? 1 : 0, 0);
    return;
}

# The number of changes since.
sub disarm {
    my ($self) = @_;
    my (undef, $count) = unpack 'LL', Depot::Test::slurp("$self->{shim}/control");
    $self->control(0);
    return $count;
}

# What was done since, in order: each a hash with the kind, and what the kind has.
#   A, R  an entry came or went: directory, object, type, name
#   L     a file had this size before a write: object, size
#   W     what was written over: object, offset, bytes
#   S     synced: object;  D  written and synced in one: object;  F  all synced;  P  a response was sent
sub changes {
    my ($self) = @_;
    my @changes;

    for my $line (split /\n/, Depot::Test::slurp("$self->{shim}/log")) {
        my ($number, $kind, @rest) = split / /, $line, 6;
        my %change = (number => $number, kind => $kind);
        if    ($kind =~ /[AR]/) { @change{qw(directory object type)} = @rest; $change{name} = $rest[3] }
        elsif ($kind eq 'L')    { @change{qw(object size)} = @rest }
        elsif ($kind eq 'W')    { @change{qw(object offset)} = @rest; $change{bytes} = pack 'H*', $rest[2] }
        elsif ($kind =~ /[SD]/) { $change{object} = $rest[0] }
        push @changes, \%change;
    }
    return @changes;
}

# The changes up to the response, and whether there was one.
sub before_response {
    my ($self) = @_;
    my @changes;
    for my $change ($self->changes) {
        return (1, @changes) if $change->{kind} eq 'P';
        push @changes, $change;
    }
    return (0, @changes);
}

# Whether CHANGE is one of the store's data.
sub is_of_store {
    my ($self, $change) = @_;
    return ($change->{object} // 0) == (stat $self->store . '/data.mdb')[1];
}

# Those that no later sync has covered.  A rename is covered when both its directories are.
sub unsynced {
    my ($self) = @_;
    my @changes = $self->changes;
    my (%synced, $all, %open, @lost);

    for my $change (reverse @changes) {
        my $kind = $change->{kind};
        if    ($kind eq 'F') { $all = 1 }
        elsif ($kind eq 'S') { $synced{ $change->{object} } = 1 }
        elsif ($kind =~ /[ARLW]/ && !$all) {
            my $where = $kind =~ /[AR]/ ? $change->{directory} : $change->{object};
            $open{ $change->{number} } = 1 unless $synced{$where};
        }
    }
    return grep { $_->{kind} =~ /[ARLW]/ && $open{ $_->{number} } } @changes;
}

# Throw away what no sync has covered.  Nothing may run.  Returns how many changes that were.
# WHERE: only "store", or only "tree": the rest has reached the disk by itself.
sub lose_power {
    my ($self, $where) = @_;
    my @lost = grep { !defined $where || ($where eq 'store') == !!$self->is_of_store($_) } $self->unsynced;
    my (%path, %now);
    my $hold = "$self->{shim}/hold";

    mkdir $hold;
    File::Find::find({ no_chdir => 1, wanted => sub { $path{ (lstat)[1] } //= $_ if -e || -l } },
        "$self->{root}", "$self->{shim}/grave");
    for my $change (reverse @lost) {
        my ($kind, $object) = @$change{qw(kind object)};
        if ($kind =~ /[LW]/) {
            my $file = $path{$object} or next;
            if ($kind eq 'L') { truncate $file, $change->{size} or die "$file: $!\n"; next }
            sysopen my $out, $file, O_RDWR or die "$file: $!\n";
            sysseek $out, $change->{offset}, 0;
            syswrite $out, $change->{bytes};
            close $out;
            next;
        }
        my $directory = $path{ $now{ $change->{directory} } // $change->{directory} } or next;
        my $entry     = "$directory/$change->{name}";
        if ($kind eq 'A') {
            rename $entry, "$hold/$object" or next;
            $self->note_paths(\%path, $entry, "$hold/$object");
        }
        elsif (-e "$hold/$object" || -l "$hold/$object") {
            rename "$hold/$object", $entry or die "$entry: $!\n";
            $self->note_paths(\%path, "$hold/$object", $entry);
        }
        elsif ($change->{type} eq 'd') {
            mkdir $entry or die "$entry: $!\n";
            $now{$object} = (stat $entry)[1];
            $path{ $now{$object} } = $entry;
        }
        else {
            link "$self->{shim}/grave/$object", $entry or die "$entry: $!\n";
        }
    }
    File::Path::remove_tree($hold);
    return scalar @lost;
}

# What was at or below FROM is at TO.
sub note_paths {
    my ($self, $path, $from, $to) = @_;
    for my $at (values %$path) {
        $at = $to . substr $at, length $from if $at eq $from || index($at, "$from/") == 0;
    }
    return;
}

1;
