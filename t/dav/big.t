# Real trees: Debian's documentation, C headers and Perl libraries, with three properties on
# every resource, listed whole, moved, copied and deleted.
use strict;
use warnings;

use File::Find ();
use Depot::Test;

expect_log(client_errors());

my @sources = grep { -d } map {"/usr/$_"} qw(share/doc include share/perl share/perl5);
my $port    = vars('port');
# A store of its own, to see at the end what is left in it.
my @big = (port => $port, host => 'big.depot.test');
my $client = client(@big, timeout => 300);
my $dir  = drive('big');
my $top  = "$dir/top";
mkdir $top or die "$top: $!\n";
is(system('cp', '-a', '--no-preserve=ownership', @sources, $top), 0, 'real trees copied: ' . join ' ', @sources);
system('chmod', '-R', 'u+rwX', $top);

# What find sees below a directory: paths, folders with a slash; links are not descended, and
# those that lead nowhere, or to what is neither file nor folder, are no resources.
sub on_disk {
    my ($below) = @_;
    my %seen;
    File::Find::find({
        no_chdir => 1,
        wanted   => sub {
            return unless -d || -f _;
            my $path = substr $File::Find::name, length $below;
            $seen{ -d _ ? "$path/" : $path } = 1;
        },
    }, $below);
    return \%seen;
}

# The hrefs and values of a Depth: infinity listing, without building a document of it.
sub listed {
    my ($path) = @_;
    my $answer = $client->request('PROPFIND', $path, body => propfind_body(map {"{urn:test}p$_"} 1 .. 3),
        headers => [ Depth => 'infinity' ]);
    status_is($answer, 207, "PROPFIND of $path") or return {};
    my (%seen, $body);
    $body = $answer->body;
    while ($body =~ m{<D:response><D:href>([^<]*)</D:href>(.*?)</D:response>}gs) {
        my ($href, $rest) = ($1, $2);
        my $below = substr unescape($href), length($path) - 1;
        $seen{$below} = join ',', $rest =~ m{<t:p\d[^>]*>([^<]*)</t:p\d>}g;
    }
    return \%seen;
}

my $files = on_disk($top);
my @paths = sort keys %$files;
cmp_ok(scalar @paths, '>', 1000, scalar(@paths) . ' resources');

# The properties, over several connections.
my $writers = 4;
my @pids;
for my $n (0 .. $writers - 1) {
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        my $client = client(@big);
        my $bad = 0;
        for (my $i = $n; $i < @paths; $i += $writers) {
            my $body = proppatch_body(set => join '', map { "<t:p$_ xmlns:t=\"urn:test\">$i.$_</t:p$_>" } 1 .. 3);
            my $answer = $client->request('PROPPATCH', '/dav/top' . escape($paths[$i]), body => $body);
            $bad++ unless $answer->status == 207 && $answer->body !~ m{HTTP/1\.1 [45]};
        }
        require POSIX;
        POSIX::_exit($bad ? 1 : 0);
    }
    push @pids, $pid;
}
for my $pid (@pids) {
    waitpid $pid, 0;
    is($?, 0, 'every PROPPATCH succeeded');
}
my %expected = map { $paths[$_] => "$_.1,$_.2,$_.3" } 0 .. $#paths;

# Compares without printing tens of thousands of lines.
sub same {
    my ($got, $wanted, $what) = @_;
    my @wrong = grep { !exists $got->{$_} || $got->{$_} ne $wanted->{$_} } keys %$wanted;
    my @more = grep { !exists $wanted->{$_} } keys %$got;
    ok(!@wrong && !@more, $what);
    diag("wrong or missing: $_: ", $got->{$_} // 'missing') for (sort @wrong)[ 0 .. ($#wrong < 4 ? $#wrong : 4) ];
    diag("too many: $_") for (sort @more)[ 0 .. ($#more < 4 ? $#more : 4) ];
    return;
}
same(listed('/dav/top/'), \%expected, 'all that find sees is listed, with every value');

status_is($client->request('MOVE', '/dav/top/', headers => [ Destination => '/dav/moved/' ]), 201, 'MOVE of the top');
ok(!-e $top, 'it is gone');
same(listed('/dav/moved/'), \%expected, 'all is at the new name');

status_is($client->request('COPY', '/dav/moved/', headers => [ Destination => '/dav/copied/' ]), 201, 'COPY of it');
same(listed('/dav/copied/'), \%expected, 'all is in the copy');
same(listed('/dav/moved/'), \%expected, 'and all still where it was');
is(system('diff', '-r', '--no-dereference', "$dir/moved", "$dir/copied"), 0, 'byte for byte');

status_is($client->request('DELETE', "/dav/$_/"), 204, "DELETE of $_") for 'moved', 'copied';
is_deeply([ members($dir) ], [], 'nothing is left of the files');
my $count = server_root() . '/tools/nodecount';
SKIP: {
    skip 'nodecount was not built', 1 unless -x $count;
    my $counts = qx{$count @{[server_root()]}/stores/big};
    my %left = $counts =~ /^(\S) (\d+)$/mg;
    is("$left{N} $left{I} @{[ $left{V} // 0 ]}", '1 1 0', 'nothing is left in the store but the root');
}

finish();
