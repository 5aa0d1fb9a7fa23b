# A 207 Multi-Status body, taken apart.  Properties are named "{namespace}local".
package Depot::Multistatus;

use strict;
use warnings;

use XML::LibXML ();

sub new {
    my ($class, $text) = @_;
    my $parser   = XML::LibXML->new(no_network => 1, huge => 1, expand_entities => 0);
    my $document = $parser->parse_string($text);
    my $self     = bless { document => $document, hrefs => [], by_href => {} }, $class;
    my $root     = $document->documentElement;

    die 'the root element is ' . clark($root) . "\n" unless clark($root) eq '{DAV:}multistatus';
    for my $response (elements($root)) {
        if (clark($response) eq '{DAV:}response') {
            $self->add_response($response);
        }
        elsif (clark($response) eq '{DAV:}responsedescription') {
            $self->{description} = $response->textContent;
        }
        else {
            die 'unexpected ' . clark($response) . " in the multistatus\n";
        }
    }
    return $self;
}

sub clark {
    my ($node) = @_;
    return '{' . ($node->namespaceURI // '') . '}' . $node->localname;
}

sub elements {
    my ($node) = @_;
    return grep { $_->nodeType == XML::LibXML::XML_ELEMENT_NODE() } $node->childNodes;
}

sub status_code {
    my ($text) = @_;
    my ($code) = $text =~ m{^HTTP/1\.1 (\d{3}) .+$} or die "not a status line: $text\n";
    return $code;
}

sub add_response {
    my ($self, $node) = @_;
    my (@hrefs, %response);

    for my $child (elements($node)) {
        my $name = clark($child);
        if ($name eq '{DAV:}href') {
            push @hrefs, $child->textContent;
        }
        elsif ($name eq '{DAV:}status') {
            $response{status} = status_code($child->textContent);
        }
        elsif ($name eq '{DAV:}propstat') {
            add_propstat(\%response, $child);
        }
        elsif ($name eq '{DAV:}error') {
            $response{error} = [ map { clark($_) } elements($child) ];
        }
        elsif ($name eq '{DAV:}responsedescription') {
            $response{description} = $child->textContent;
        }
        else {
            die "unexpected $name in a response\n";
        }
    }
    die "a response has no href\n" unless @hrefs;
    die "a response has neither or both of status and propstat\n"
        if defined $response{status} == defined $response{props};
    for my $href (@hrefs) {
        die "$href stands in the multistatus twice\n" if $self->{by_href}{$href};
        push @{ $self->{hrefs} }, $href;
        $self->{by_href}{$href} = \%response;
    }
    return;
}

sub add_propstat {
    my ($response, $node) = @_;
    my ($status, $error, $description, @props);

    for my $child (elements($node)) {
        my $name = clark($child);
        if    ($name eq '{DAV:}prop')                { push @props, elements($child) }
        elsif ($name eq '{DAV:}status')              { $status      = status_code($child->textContent) }
        elsif ($name eq '{DAV:}error')               { $error       = [ map { clark($_) } elements($child) ] }
        elsif ($name eq '{DAV:}responsedescription') { $description = $child->textContent }
        else                                         { die "unexpected $name in a propstat\n" }
    }
    die "a propstat has no status\n" unless defined $status;
    $response->{props} //= {};
    push @{ $response->{propstats} }, $status;
    for my $prop (@props) {
        my $name = clark($prop);
        die "$name stands in a response twice\n" if $response->{props}{$name};
        $response->{props}{$name} =
            { status => $status, node => $prop, error => $error, description => $description };
    }
    return;
}

sub hrefs { return @{ $_[0]{hrefs} } }

sub response {
    my ($self, $href) = @_;
    return $self->{by_href}{$href};
}

# The names of a response's properties that have STATUS, sorted.
sub names {
    my ($self, $href, $status) = @_;
    my $props = ($self->response($href) // {})->{props} // {};
    return sort grep { $props->{$_}{status} == $status } keys %$props;
}

sub prop {
    my ($self, $href, $name) = @_;
    return (($self->response($href) // {})->{props} // {})->{$name};
}

# A property's status, 0 if it is not mentioned.
sub prop_status {
    my ($self, $href, $name) = @_;
    return ($self->prop($href, $name) // { status => 0 })->{status};
}

# A property's text, undef if it has no value here.
sub text {
    my ($self, $href, $name) = @_;
    my $prop = $self->prop($href, $name);
    return $prop && $prop->{status} == 200 ? $prop->{node}->textContent : undef;
}

# A property's element in exclusive canonical form, for comparison.
sub canonical {
    my ($self, $href, $name) = @_;
    my $prop = $self->prop($href, $name);
    return $prop && $prop->{status} == 200 ? $prop->{node}->toStringEC14N(1) : undef;
}

1;
