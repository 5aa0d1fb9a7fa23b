# Requests that change something, and what a client can see of the collection they are made in.
package Depot::Scenario;

use strict;
use warnings;

use Depot::Lock ();
use Depot::Test qw(proppatch_body propfind_body);

my $executable = 'http://apache.org/dav/props/';

# Each: what it is, the method, the path in the collection; then headers, a body, and what is to
# be done before: LOCK "lock", or make a collection with so "many" files.  "Destination" is in the
# collection too.
my @all = (
    [ 'PUT of a new file',               'PUT',  'new', body => 'new bytes' ],
    [ 'PUT over a file with properties', 'PUT',  'a',   body => 'new bytes' ],
    [ 'PUT over a plain file',           'PUT',  'c',   body => 'new bytes' ],
    [ 'MKCOL',                           'MKCOL', 'new/' ],
    [ 'DELETE of a file',                'DELETE', 'a' ],
    [ 'DELETE of a plain file',          'DELETE', 'c' ],
    [ 'DELETE of a tree',                'DELETE', 'tree/' ],
    [ 'MOVE of a file',                  'MOVE', 'a', Destination => 'new' ],
    [ 'MOVE of a plain file',            'MOVE', 'c', Destination => 'tree/new' ],
    [ 'MOVE over a file',                'MOVE', 'a', Destination => 'b' ],
    [ 'MOVE over a plain file',          'MOVE', 'c', Destination => 'd' ],
    [ 'MOVE of a tree',                  'MOVE', 'tree/', Destination => 't2/new/' ],
    [ 'MOVE over a tree',                'MOVE', 'tree/', Destination => 't2/' ],
    [ 'COPY of a file',                  'COPY', 'a', Destination => 'new' ],
    [ 'COPY over a file',                'COPY', 'a', Destination => 'b' ],
    [ 'COPY over a plain file',          'COPY', 'c', Destination => 'd' ],
    [ 'COPY of a tree',                  'COPY', 'tree/', Destination => 'new/' ],
    [ 'COPY over a tree',                'COPY', 'tree/', Destination => 't2/' ],
    # More than are synced one by one (provider/treesync.h).
    [ 'COPY of a tree of many',          'COPY', 'many/', Destination => 'new/', many => 9 ],
    [ 'PROPPATCH',                       'PROPPATCH', 'a',
        body => proppatch_body(set => '<t:p xmlns:t="urn:test">new</t:p>', remove => ['{urn:test}q']) ],
    [ 'PROPPATCH of permissions too',    'PROPPATCH', 'a',
        body => proppatch_body(set => "<e:executable xmlns:e='$executable'>T</e:executable>"
                . '<t:p xmlns:t="urn:test">new</t:p>') ],
    [ 'LOCK',                            'LOCK', 'a', body => Depot::Lock::lockinfo() ],
    [ 'LOCK of an unmapped URL',         'LOCK', 'new', body => Depot::Lock::lockinfo() ],
    [ 'UNLOCK',                          'UNLOCK', 'a', lock => 'a' ],
    [ 'DELETE of what is locked',        'DELETE', 'a', lock => 'a' ],
    [ 'MOVE of what is locked',          'MOVE', 'tree/', Destination => 'new/', lock => 'tree/x' ],
);

sub all {
    return map {
        my ($what, $method, $path, %more) = @$_;
        bless { what => $what, method => $method, path => $path, more => \%more }, __PACKAGE__
    } @all;
}

sub what { return $_[0]{what} }

# Make the collection that others are copied from.
sub prepare {
    my ($client, $base) = @_;

    for my $name ('', qw(tree/ tree/sub/ t2/)) {
        die "$base$name" unless $client->request('MKCOL', "$base$name")->status == 201;
    }
    for my $name (qw(a b c d tree/x tree/sub/y t2/z)) {
        die "$base$name" unless $client->request('PUT', "$base$name", body => "bytes of $name")->status == 201;
    }
    for my $name (qw(a b tree/ tree/x tree/sub/y t2/ t2/z)) {
        my $long = 'x' x 3000;
        my $body = proppatch_body(set => "<t:p xmlns:t='urn:test'>$name</t:p><t:q xmlns:t='urn:test'>$long</t:q>");
        die "$base$name" unless $client->request('PROPPATCH', "$base$name", body => $body)->status == 207;
    }
    return;
}

# A copy of it for one try.  Returns what the request needs.
sub begin {
    my ($self, $client, $template, $base) = @_;
    my $status = $client->request('COPY', $template, headers => [ Destination => $base ])->status;

    die "no copy at $base: $status\n" unless $status == 201;
    $self->make_many($client, "${base}many/") if $self->{more}{many};
    return undef unless defined $self->{more}{lock};
    my $token = Depot::Lock::token_of(Depot::Lock::lock($client, $base . $self->{more}{lock}));
    die "no lock at $base\n" unless defined $token;
    return $token;
}

sub make_many {
    my ($self, $client, $path) = @_;
    die $path unless $client->request('MKCOL', $path)->status == 201;
    for my $name (1 .. $self->{more}{many}) {
        die "$path$name" unless $client->request('PUT', "$path$name", body => "one of many, $name")->status == 201;
    }
    my $body = proppatch_body(set => '<t:p xmlns:t="urn:test">one</t:p>');
    die $path unless $client->request('PROPPATCH', "${path}5", body => $body)->status == 207;
    return;
}

# Make the request.  @return its status, 0 if there was no answer
sub run {
    my ($self, $client, $base, $token) = @_;
    my %more = %{ $self->{more} };
    my @headers;

    # A connection of its own: over one that was used before it would be sent a second time.
    $client->close;
    push @headers, Destination => $base . $more{Destination} if defined $more{Destination};
    push @headers, 'Lock-Token' => "<$token>" if $self->{method} eq 'UNLOCK';
    push @headers, If => "<$base$more{lock}> (<$token>)" if defined $token && $self->{method} ne 'UNLOCK';
    my $response = eval {
        $client->request($self->{method}, $base . $self->{path}, headers => \@headers, body => $more{body});
    };
    $client->close unless $response;
    return $response ? $response->status : 0;
}

# All that a client sees of the collection at BASE: by path, kind, properties, locks, permissions
# and content.
sub state {
    my ($client, $base) = @_;
    my $response = $client->request('PROPFIND', $base, headers => [ Depth => 'infinity' ],
        body => propfind_body('{urn:test}p', '{urn:test}q', '{DAV:}lockdiscovery', "{$executable}executable"));

    return 'status ' . $response->status unless $response->status == 207;
    my $multistatus = $response->multistatus;
    my %state;
    for my $href ($multistatus->hrefs) {
        my ($p, $q, $locks, $on) = map { $multistatus->text($href, $_) // '-' }
            '{urn:test}p', '{urn:test}q', '{DAV:}lockdiscovery', "{$executable}executable";
        my $content = '';
        if ($href !~ m{/\z}) {
            my $get = $client->request('GET', $href);
            $content = $get->status . ' ' . $get->body;
        }
        $state{ substr $href, length $base } = join '|', $p, length $q, ($locks =~ /urn:uuid/ ? 'locked' : ''),
            $on, $content;
    }
    return join "\n", map {"$_: $state{$_}"} sort keys %state;
}

1;
