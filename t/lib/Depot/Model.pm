# A collection as it must be after the requests that one client has made in it, each after the
# answer to the one before.
package Depot::Model;

use strict;
use warnings;

use Depot::Test qw(proppatch_body propfind_body);

# new(BASE): an empty collection.  A path in it leads to a hash: p, the property, or undef; content,
# undef for a collection.
sub new {
    my ($class, $base) = @_;
    return bless { base => $base, at => {} }, $class;
}

sub copy {
    my ($self) = @_;
    return bless { base => $self->{base}, at => { map { $_ => { %{ $self->{at}{$_} } } } keys %{ $self->{at} } } },
        ref $self;
}

sub below {
    my ($self, $path) = @_;
    return grep { $_ eq $path || index($_, "$path/") == 0 } keys %{ $self->{at} };
}

sub one { return $_[ rand @_ ] }

# A request that makes sense now: a hash with method, path, to, text.
sub choose {
    my ($self) = @_;
    my @files = map { my $d = $_; map {"$d$_"} qw(f1 f2 f3) } '',
        map {"$_/"} grep { exists $self->{at}{$_} } qw(d1 d2 d3);
    my @there = keys %{ $self->{at} };

    for (1 .. 50) {
        my $method = one(qw(PUT PUT PUT PROPPATCH PROPPATCH MKCOL DELETE MOVE MOVE COPY COPY));
        my %op = (method => $method, text => join('', map { chr 97 + rand 26 } 1 .. 1 + rand 60));
        if    ($method eq 'PUT')   { $op{path} = one(@files) }
        elsif ($method eq 'MKCOL') { $op{path} = one(qw(d1 d2 d3)); next if exists $self->{at}{ $op{path} } }
        else {
            next unless @there;
            $op{path} = one(@there);
        }
        if ($method =~ /MOVE|COPY/) {
            my $is_file = defined $self->{at}{ $op{path} }{content};
            $op{to} = $is_file ? one(@files) : one(qw(d1 d2 d3));
            next if $op{to} eq $op{path};
        }
        return \%op;
    }
    return { method => 'PUT', path => 'f1', text => 'f1' };
}

# Make the request.  @return its status, 0 if there was no answer
sub send {
    my ($self, $client, $op) = @_;
    my ($method, $path) = @$op{qw(method path)};
    my $at = $self->{at}{$path};
    my $slash = $method eq 'MKCOL' || ($at && !defined $at->{content}) ? '/' : '';
    my (@headers, $body);

    @headers = (Destination => "$self->{base}$op->{to}$slash") if defined $op->{to};
    $body = $op->{text} if $method eq 'PUT';
    $body = proppatch_body(set => "<t:p xmlns:t='urn:test'>$op->{text}</t:p>") if $method eq 'PROPPATCH';
    $client->close;
    my $response = eval {
        $client->request($method, "$self->{base}$path$slash", headers => \@headers, body => $body);
    };
    $client->close unless $response;
    return $response ? $response->status : 0;
}

# Do the same here.
sub apply {
    my ($self, $op) = @_;
    my ($method, $path, $to) = @$op{qw(method path to)};
    my $at = $self->{at};

    if    ($method eq 'PUT')       { $at->{$path}{content} = $op->{text} }
    elsif ($method eq 'MKCOL')     { $at->{$path} = {} }
    elsif ($method eq 'PROPPATCH') { $at->{$path}{p} = $op->{text} }
    elsif ($method eq 'DELETE')    { delete $at->{$_} for $self->below($path) }
    else {
        my %new = map { $to . substr($_, length $path) => { %{ $at->{$_} } } } $self->below($path);
        if ($method eq 'MOVE') { delete $at->{$_} for $self->below($path) }
        delete $at->{$_} for $self->below($to);
        $at->{$_} = $new{$_} for keys %new;
    }
    return $self;
}

sub text {
    my ($self) = @_;
    my $at = $self->{at};
    return join "\n", map { "$_: " . ($at->{$_}{p} // '-') . ' ' . ($at->{$_}{content} // '/') } sort keys %$at;
}

# The same of what is served, and of the files in DIRECTORY.
sub served {
    my ($self, $client, $directory) = @_;
    my $response = $client->request('PROPFIND', $self->{base}, headers => [ Depth => 'infinity' ],
        body => propfind_body('{urn:test}p'));
    return 'status ' . $response->status unless $response->status == 207;
    my $multistatus = $response->multistatus;
    my %at;
    for my $href ($multistatus->hrefs) {
        my $path = substr $href, length $self->{base};
        next if $path eq '';
        my $is_collection = $path =~ s{/\z}{};
        $at{$path} = { p => $multistatus->text($href, '{urn:test}p') };
        next if $is_collection;
        my $get = $client->request('GET', $href);
        $at{$path}{content} = $get->body;
        my $disk = Depot::Test::slurp("$directory/$path") // 'absent';
        $at{$path}{content} .= " (on disk: $disk)" if $disk ne $get->body || $get->status != 200;
    }
    return bless({ base => $self->{base}, at => \%at }, ref $self);
}

1;
