# A small HTTP/1.1 client that sends exactly what it is told, so that malformed requests,
# odd names and half-sent bodies can be tried, and that shows the response as it arrived.
package Depot::Client;

use strict;
use warnings;

use IO::Select       ();
use IO::Socket::INET ();
use Time::HiRes      ();

use Depot::Response ();

# new(port => N, host => NAME): HOST is what the Host header says.
sub new {
    my ($class, %arg) = @_;
    return bless { host => '127.0.0.1', timeout => 120, %arg }, $class;
}

sub connect {
    my ($self) = @_;

    $self->{socket} = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1',
        PeerPort => $self->{port},
        Proto    => 'tcp',
        Timeout  => 20,
    ) or die "cannot connect to port $self->{port}: $!\n";
    $self->{socket}->autoflush(1);
    $self->{buffer} = '';
    return $self->{socket};
}

sub close {
    my ($self) = @_;

    CORE::close($self->{socket}) if $self->{socket};
    delete $self->{socket};
    return;
}

# Send bytes as they are.
sub send {
    my ($self, $bytes) = @_;
    my $at = 0;

    local $SIG{PIPE} = 'IGNORE';
    while ($at < length $bytes) {
        my $n = syswrite($self->{socket}, $bytes, 65536, $at);
        return 0 unless defined $n;
        $at += $n;
    }
    return 1;
}

# The text of a request; HEADERS is a list of names and values.
sub format_request {
    my ($self, $method, $path, $headers, $body) = @_;
    my @headers = ('Host', $self->{host}, @{ $headers || [] });
    my $text    = "$method $path HTTP/1.1\r\n";

    push @headers, 'Content-Length', length $body if defined $body;
    while (my ($name, $value) = splice @headers, 0, 2) {
        $text .= "$name: " . ($value // "") . "\r\n";
    }
    return "$text\r\n" . (defined $body ? $body : '');
}

# request(METHOD, PATH, headers => [...], body => BYTES): the response.  PATH goes out as it
# is.  A connection the server closed between two requests is opened again once; status 0
# means that the server gave no answer.
sub request {
    my ($self, $method, $path, %arg) = @_;
    my $text = $self->format_request($method, $path, $arg{headers}, $arg{body});

    for my $attempt (1, 2) {
        my $reused = defined $self->{socket};

        $self->connect unless $reused;
        $self->send($text);
        my $response = $self->read_response($method);
        return $response if $response;
        $self->close;
        return Depot::Response->new(0, 'no response') unless $reused && $attempt == 1;
    }
}

# One response, or undef if the connection ended before it began.
sub read_response {
    my ($self, $method) = @_;
    my ($line, $response);

    do {
        $line = $self->line;
        return undef unless defined $line && length $line;
        my ($status, $reason) = $line =~ m{^HTTP/1\.\d (\d{3}) ?(.*)$}
            or die "not a status line: $line\n";
        $response = Depot::Response->new($status, $reason);
        while (length($line = $self->line // die "response cut off in its headers\n")) {
            my ($name, $value) = $line =~ /^([^:]+):\s*(.*)$/ or die "not a header: $line\n";
            $response->add_header($name, $value);
        }
    } while ($response->status < 200);

    if ($method ne 'HEAD' && $response->status != 204 && $response->status != 304) {
        $self->read_body($response);
    }
    if (($response->header('Connection') // '') =~ /close/i) {
        $self->close;
    }
    return $response;
}

sub read_body {
    my ($self, $response) = @_;

    if (($response->header('Transfer-Encoding') // '') =~ /chunked/i) {
        while (1) {
            my $line = $self->line;
            my ($hex) = ($line // '') =~ /^([0-9a-fA-F]+)/ or return $self->cut_off($response);
            my $size = hex $hex;
            last if $size == 0;
            my $chunk = $self->bytes($size) // return $self->cut_off($response);
            $response->add_body($chunk);
            $self->line;
        }
        while (length($self->line // '')) { }
    }
    elsif (defined(my $length = $response->header('Content-Length'))) {
        $response->add_body($self->bytes($length) // return $self->cut_off($response));
    }
    else {
        while ($self->fill) { }
        $response->add_body($self->{buffer});
        $self->close;
    }
    return;
}

sub cut_off {
    my ($self, $response) = @_;

    $response->{cut_off} = 1;
    $self->close;
    return;
}

# Read what there is.  False at the end, dies when nothing comes for too long.
sub fill {
    my ($self) = @_;

    IO::Select->new($self->{socket})->can_read($self->{timeout})
        or die "nothing came for $self->{timeout} seconds\n";
    $self->{first_byte} //= Time::HiRes::time();
    return sysread $self->{socket}, $self->{buffer}, 262144, length $self->{buffer};
}

sub line {
    my ($self) = @_;
    my $end;

    while (($end = index $self->{buffer}, "\n") < 0) {
        return undef unless $self->fill;
    }
    my $line = substr $self->{buffer}, 0, $end + 1, '';
    $line =~ s/\r?\n\z//;
    return $line;
}

sub bytes {
    my ($self, $count) = @_;

    while (length $self->{buffer} < $count) {
        return undef unless $self->fill;
    }
    return substr $self->{buffer}, 0, $count, '';
}

1;
