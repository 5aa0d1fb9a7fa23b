package Bench::Client;
# A client of one request at a time, and the program that plays many (load.c).
use strict;
use warnings;
use IO::Socket::INET;
use Time::HiRes qw(time);

our %FORMS = (
    live => '<D:prop><D:getetag/><D:getcontentlength/><D:getlastmodified/><D:resourcetype/>'
        . '</D:prop>',
    allprop => '<D:allprop/>',
    named   => '<D:prop><D:getetag/><D:getcontentlength/><D:getlastmodified/><D:resourcetype/>'
        . '<x:p3 xmlns:x="http://example.org/bench"/></D:prop>',
    lockdiscovery => '<D:prop><D:lockdiscovery/></D:prop>',
);

sub connection {
    my ($port) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) || die "connect: $!";
}

# One request on a connection of its own.  BODY is a string, or a number of bytes to send;
# HEADERS are lines.  Returns first (seconds to the first byte), total, bytes, status, and with
# KEEP the whole answer as text.
sub request {
    my ($port, $method, $path, $headers, $body, $keep) = @_;
    my $s = connection($port);
    my $length = $body =~ /^\d+$/ ? $body : length $body;
    my $started = time;
    syswrite $s, "$method $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n$headers"
        . "Content-Length: $length\r\n\r\n" . ($length == length $body ? $body : '');
    send_zeros($s, $length) if $length != length $body;
    my %answer = (bytes => 0, text => '');
    my $head = '';
    while (my $got = sysread $s, my $buffer, 1 << 18) {
        $answer{first} //= time - $started;
        $head = substr $buffer, 0, 4096 if $answer{bytes} == 0;
        $answer{bytes} += $got;
        $answer{text} .= $buffer if $keep;
    }
    $answer{total} = time - $started;
    ($answer{status}) = $head =~ m{^HTTP/1\.\d (\d+)} or die "$method $path: no answer\n";
    ($answer{token}) = $head =~ /^Lock-Token: (\S+)/mi;
    return %answer;
}

sub send_zeros {
    my ($s, $length) = @_;
    my $block = "\0" x (1 << 20);
    while ($length > 0) {
        my $sent = syswrite $s, $block, $length < length $block ? $length : length $block;
        die "send: $!\n" unless $sent;
        $length -= $sent;
    }
}

# As request(), when only one answer will do.
sub expect {
    my ($wanted, $port, $method, $path, @rest) = @_;
    my %answer = request($port, $method, $path, @rest);
    die "$method $path: status $answer{status}\n" unless $answer{status} =~ /^(?:$wanted)$/;
    return %answer;
}

sub propfind {
    my ($port, $path, $form, $depth, $keep) = @_;
    return expect(207, $port, 'PROPFIND', $path,
        "Depth: $depth\r\nForm: $form\r\nContent-Type: application/xml\r\n",
        qq{<?xml version="1.0"?><D:propfind xmlns:D="DAV:">$FORMS{$form}</D:propfind>}, $keep);
}

# The answer's body, without the chunked coding.
sub body_of {
    my ($text) = @_;
    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    return $body unless $head =~ /^Transfer-Encoding: chunked/mi;
    my $whole = '';
    while ($body =~ /\G([0-9a-f]+)\r\n/gci) {
        my $size = hex $1 or last;
        $whole .= substr $body, pos $body, $size;
        pos($body) += $size + 2;
    }
    return $whole;
}

sub lock {
    my ($port, $path, $depth) = @_;
    my %answer = expect('200|201', $port, 'LOCK', $path,
        "Depth: $depth\r\nTimeout: Second-3600\r\nContent-Type: application/xml\r\n",
        '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype>'
            . '<D:write/></D:locktype><D:owner>bench</D:owner></D:lockinfo>');
    return $answer{token};
}

sub unlock {
    my ($port, $path, $token) = @_;
    expect(204, $port, 'UNLOCK', $path, "Lock-Token: $token\r\n", '');
}

# Run load.c's PROGRAM with its ARGUMENTS.  Returns what it measured: requests, seconds, rate, p50,
# p99, failed.
sub load {
    my ($program, @arguments) = @_;
    open my $in, '-|', $program, @arguments or die "$program: $!";
    my $line = <$in> // '';
    close $in or die "@arguments[3 .. $#arguments]: failed\n";
    return $line =~ /(\w+)=([\d.]+)/g;
}

1;
