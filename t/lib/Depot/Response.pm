# An HTTP response as Depot::Client received it.
package Depot::Response;

use strict;
use warnings;

use Depot::Multistatus ();

sub new {
    my ($class, $status, $reason) = @_;
    return bless { status => $status, reason => $reason, headers => {}, body => '' }, $class;
}

sub add_header {
    my ($self, $name, $value) = @_;
    push @{ $self->{headers}{ lc $name } }, $value;
    return;
}

sub add_body {
    my ($self, $bytes) = @_;
    $self->{body} .= $bytes;
    return;
}

sub status  { return $_[0]{status} }
sub body    { return $_[0]{body} }
sub cut_off { return $_[0]{cut_off} ? 1 : 0 }

# All values of a header, joined; undef if there is none.
sub header {
    my ($self, $name) = @_;
    my $values = $self->{headers}{ lc $name };
    return $values ? join(', ', @$values) : undef;
}

# The body as a Depot::Multistatus; dies if it is none.
sub multistatus {
    my ($self) = @_;

    die "expected 207, got $self->{status}: " . substr($self->{body}, 0, 500) . "\n"
        unless $self->{status} == 207;
    die "the 207 was cut off\n" if $self->{cut_off};
    return $self->{multistatus} //= Depot::Multistatus->new($self->{body});
}

# The names of the elements inside a DAV:error body; empty if the body is none.
sub preconditions {
    my ($self) = @_;
    my $document = eval { XML::LibXML->load_xml(string => $self->{body}) } or return;

    my $root = $document->documentElement;
    return unless ($root->namespaceURI // '') eq 'DAV:' && $root->localname eq 'error';
    return map { Depot::Multistatus::clark($_) } grep { $_->nodeType == 1 } $root->childNodes;
}

1;
