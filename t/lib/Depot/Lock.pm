# Locks, as clients take them out.
package Depot::Lock;

use strict;
use warnings;

use Exporter 'import';
use Depot::Test ();

our @EXPORT = qw(lockinfo lock token_of unlock locks_of);

# The body of a LOCK.
sub lockinfo {
    my ($scope, $owner) = @_;
    $scope //= 'exclusive';
    $owner //= '<D:owner>me</D:owner>';
    return '<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:"><D:lockscope>'
        . "<D:$scope/></D:lockscope><D:locktype><D:write/></D:locktype>$owner</D:lockinfo>";
}

# lock(CLIENT, PATH, scope =>, owner =>, NAME => VALUE ...): the response.
sub lock {
    my ($client, $path, %headers) = @_;
    my $body = lockinfo(delete $headers{scope}, delete $headers{owner});
    %headers = (Timeout => 'Second-100', %headers);
    return $client->request('LOCK', $path, body => $body, headers => [%headers]);
}

# The token a LOCK gave, or undef.
sub token_of {
    my ($response) = @_;
    my ($token) = ($response->header('Lock-Token') // '') =~ /^<(.*)>$/;
    return $token;
}

sub unlock {
    my ($client, $path, $token) = @_;
    return $client->request('UNLOCK', $path, headers => [ 'Lock-Token' => "<$token>" ])->status;
}

# The locks PROPFIND tells of: scope, depth, token, root, timeout of each.
sub locks_of {
    my ($client, $path) = @_;
    my $body = $client->request('PROPFIND', $path, body => Depot::Test::propfind_body('{DAV:}lockdiscovery'),
        headers => [ Depth => 0 ])->body;
    my @locks;
    while ($body =~ m{<D:activelock>(.*?)</D:activelock>}gs) {
        my $text = $1;
        my %lock;
        ($lock{scope})   = $text =~ m{<D:lockscope><D:(\w+)/>};
        ($lock{depth})   = $text =~ m{<D:depth>(\w+)<};
        ($lock{timeout}) = $text =~ m{<D:timeout>([^<]*)<};
        ($lock{token})   = $text =~ m{<D:locktoken><D:href>([^<]*)<};
        ($lock{root})    = $text =~ m{<D:lockroot><D:href>([^<]*)<};
        ($lock{owner})   = $text =~ m{(<D:owner.*</D:owner>)}s;
        push @locks, \%lock;
    }
    return @locks;
}

1;
