# A small tree as RFC 4918 has it: what the methods answer when they come one after another.
#
# A state is a hash from path to resource, never changed; a resource is a hash with {content}
# (undef for a collection) and {prop}.  The root is the path "".
package Depot::Sequence;

use strict;
use warnings;

sub start { return { '' => {} } }

# The same string for equal states.
sub key {
    my ($state) = @_;
    return join ';', map { my $r = $state->{$_}; join ',', $_, $r->{content} // '/', $r->{prop} // '' }
        sort keys %$state;
}

sub parent_of {
    my ($path) = @_;
    return $path =~ m{^(.*)/} ? $1 : '';
}

sub is_collection {
    my ($state, $path) = @_;
    return $state->{$path} && !defined $state->{$path}{content};
}

# The paths of a resource and all below it.
sub tree {
    my ($state, $path) = @_;
    return grep { $_ eq $path || index($_, "$path/") == 0 } keys %$state;
}

sub changed {
    my ($state, %changes) = @_;
    return { %$state, %changes };
}

sub without {
    my ($state, $path) = @_;
    my %new = %$state;
    delete @new{ tree($state, $path) };
    return \%new;
}

# Whether something was there is what mod_dav's core saw when the request came: with others at
# work it may tell either.
my @WRITTEN = (201, 204);

my %METHODS = (
    PUT => sub {
        my ($state, $o) = @_;
        my $old = $state->{ $o->{path} };
        return (409) unless is_collection($state, parent_of($o->{path}));
        return (405, 409) if is_collection($state, $o->{path});
        return \(changed($state, $o->{path} => { prop => $old && $old->{prop}, content => $o->{value} })),
            @WRITTEN;
    },
    GET => sub {
        my ($state, $o) = @_;
        my $resource = $state->{ $o->{path} };
        return (404) unless $resource;
        return ($o->{got} // '') eq $resource->{content} ? (\$state, 200) : ();
    },
    PROPFIND => sub {
        my ($state, $o) = @_;
        my $resource = $state->{ $o->{path} };
        return (404) unless $resource;
        my $told = (defined $resource->{content} ? 'file ' : 'collection ') . ($resource->{prop} // '');
        return $told eq ($o->{got} // '') ? (\$state, 207) : ();
    },
    PROPPATCH => sub {
        my ($state, $o) = @_;
        my $old = $state->{ $o->{path} };
        return (404) unless $old;
        return \(changed($state, $o->{path} => { %$old, prop => $o->{value} })), 207;
    },
    DELETE => sub {
        my ($state, $o) = @_;
        return (404) unless $state->{ $o->{path} };
        return \(without($state, $o->{path})), 204;
    },
    MKCOL => sub {
        my ($state, $o) = @_;
        return (405) if $state->{ $o->{path} };
        return (409) unless is_collection($state, parent_of($o->{path}));
        return \(changed($state, $o->{path} => {})), 201;
    },
    COPY => sub { return transfer(@_) },
    MOVE => sub { return transfer(@_) },
);

# Several conditions may be broken at a time: any of them may be told.
sub transfer {
    my ($state, $o) = @_;
    my ($from, $to) = @$o{qw(path to)};
    my @wrong;

    push @wrong, 404 unless $state->{$from};
    push @wrong, 409 unless is_collection($state, parent_of($to));
    push @wrong, 412 if $state->{$to} && !$o->{overwrite};
    return @wrong if @wrong;

    my %new = %{ without($state, $to) };
    for my $path (tree($state, $from)) {
        $new{ $to . substr $path, length $from } = $state->{$path};
        delete $new{$path} if $o->{method} eq 'MOVE';
    }
    return \\%new, @WRITTEN;
}

# The state after operation O, if its answer is what the method gives in STATE; otherwise undef.
sub apply {
    my ($state, $o) = @_;
    my ($new, @statuses) = $METHODS{ $o->{method} }->($state, $o);

    # Without a state the method has failed, and changed nothing.
    unless (ref $new) {
        unshift @statuses, $new if defined $new;
        $new = \$state;
    }
    return (grep { $_ == $o->{status} } @statuses) ? $$new : undef;
}

# An operation in words.
sub text {
    my ($o, $zero) = @_;
    return sprintf '%.2f-%.2f ms %s: %s %s%s%s -> %s%s', ($o->{call} - $zero) * 1000, ($o->{return} - $zero) * 1000,
        $o->{who}, @$o{qw(method path)}, defined $o->{to} ? " to $o->{to}" . ($o->{overwrite} ? '' : ' (no overwrite)') : '',
        defined $o->{value} ? " = $o->{value}" : '', $o->{status}, defined $o->{got} ? " ($o->{got})" : '';
}

1;
