package Bench::Data;
# The folders that are listed, copied and written to; each is made when a row first needs it.
use strict;
use warnings;
use File::Path qw(make_path);
use Bench::Client;

# SERVERS is a Bench::Servers, LOAD the path of load.c's program.
sub new { my ($class, %self) = @_; return bless { %self, filled => {} }, $class }

sub member { return sprintf 'member-%07d.txt', shift }

sub make_members {
    my ($path, @numbers) = @_;
    make_path($path);
    for my $i (@numbers) {
        open my $out, '>', "$path/" . member($i) or die "$path: $!";
        print $out 'x' x ($i % 50);
        close $out or die "$path: $!";
    }
}

# Make NAME with what CODE puts into its path, unless it is there.  Returns its URL path.
sub make {
    my ($self, $name, $code) = @_;
    my $path = $self->{servers}->www . "/$name";
    if (!-d $path) {
        make_path($path);
        $code->($path);
        $self->{servers}->own($path);
        # What is still to be written back would disturb what is measured next.
        system 'sync';
    }
    return "/$name";
}

# A folder of COUNT members.
sub folder {
    my ($self, $name, $count) = @_;
    return $self->make($name, sub { make_members($_[0], 0 .. $count - 1) });
}

# Two levels of folders, 100 in each of the first, with ten members each: COUNT in all.
sub tree {
    my ($self, $name, $count) = @_;
    return $self->make($name, sub {
        my ($path) = @_;
        for my $at (0 .. $count / 10 - 1) {
            make_members(sprintf('%s/%02d/%02d', $path, $at / 100, $at % 100),
                $at * 10 .. $at * 10 + 9);
        }
    });
}

# FOLDERS folders of 50 to 500 members, as load.c's script "office" expects them.
sub office {
    my ($self, $name, $folders) = @_;
    return $self->make($name, sub {
        my ($path) = @_;
        for my $at (0 .. $folders - 1) {
            my $last = int(50 + $at * 450 / ($folders - 1)) - 1;
            make_members(sprintf('%s/folder-%03d', $path, $at), 0 .. $last);
        }
    });
}

# Give every EVERYth of COUNT members in URL PROPS dead properties, by SERVER.
sub fill {
    my ($self, $server, $url, $count, $every, $props, $per_folder) = @_;
    return if $self->{filled}{"$server $url"}++;
    Bench::Client::load($self->{load}, $self->{servers}->port($server), 16, 0, 'fill', $url, $count,
        $every, $props, $per_folder // 0);
    system 'sync';
}

# Who keeps the properties that SERVER reads: two of them read another's.
sub keeper { return { fsnolock => 'fs', floor => 'depot' }->{ $_[0] } // $_[0] }

# A folder of COUNT members with five properties each, one for each keeper among SERVERS, which
# run.  Returns {server => URL path}.
sub with_properties {
    my ($self, $count, $every, @servers) = @_;
    my %url;
    for my $server (@servers) {
        my $keeper = keeper($server);
        $url{$server} = $self->folder("props-$count-$every-$keeper", $count);
        $self->fill($keeper, $url{$server}, $count, $every, 5);
    }
    return %url;
}

1;
