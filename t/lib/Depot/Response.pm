# An HTTP response as Depot::Client received it.
package Depot::Response;

use strict;
use warnings;

use Test::More ();

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

# The body as a Depot::Multistatus.  If it is none, that is a failed test, and the answer is
# a multistatus without responses, so that the tests that follow can still run.
sub multistatus {
    my ($self) = @_;
    my $wrong =
          $self->{status} != 207 ? "expected 207, got $self->{status}"
        : $self->{cut_off}       ? 'the 207 was cut off'
        :                          undef;

    return $self->{multistatus} if $self->{multistatus};
    $self->{multistatus} = eval { Depot::Multistatus->new($self->{body}) } unless $wrong;
    return $self->{multistatus} if $self->{multistatus};

    my $builder = Test::More->builder;
    $builder->ok(0, 'the answer is a valid 207');
    $builder->diag(($wrong // $@) . ', asked at ' . join ' line ', (caller)[ 1, 2 ]);
    $builder->diag(substr $self->{body}, 0, 500);
    return $self->{multistatus} = Depot::Multistatus->new('<multistatus xmlns="DAV:"/>');
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
