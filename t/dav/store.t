# A store that fails, or is full: said to the client, and nothing half done.
use strict;
use warnings;

use Depot::Test;

expect_log(client_errors(), qr/could not store properties of /, qr/\[dav:error\].*\[50[07], #\d+\]/);

# A request to another virtual host.
my %clients = map { $_ => client(port => vars('port'), host => "$_.depot.test") } qw(failing sound small);

sub at {
    my ($host, @request) = @_;
    return $clients{$host}->request(@request);
}
my $one = proppatch_body(set => '<t:p xmlns:t="urn:test">new</t:p>');
my $ask = propfind_body('{urn:test}p');

sub prop_at {
    my ($host, $path) = @_;
    return at($host, 'PROPFIND', $path, body => $ask, headers => [ Depth => 0 ])->multistatus->text($path, '{urn:test}p');
}

# Every commit fails.
my $dir = drive('failing');
make_tree($dir, 'file', 'tree/', 'tree/in');
is(at('sound', 'PROPPATCH', "/dav/$_", body => proppatch_body(set => '<t:p xmlns:t="urn:test">old</t:p>'))->status, 207,
    "a property of $_") for 'file', 'tree/', 'tree/in';
my $failed = at('failing', 'PROPPATCH', '/dav/file', body => $one);
status_is($failed, 207, 'PROPPATCH whose commit fails');
is($failed->multistatus->prop_status('/dav/file', '{urn:test}p'), 507, 'says so of the property');
is(prop_at('failing', '/dav/file'), 'old', 'nothing changed');

my $executable = '<A:executable xmlns:A="http://apache.org/dav/props/">T</A:executable>';
my $both = at('failing', 'PROPPATCH', '/dav/file', body => proppatch_body(set => "$executable<t:p xmlns:t=\"urn:test\">new</t:p>"));
is($both->multistatus->prop_status('/dav/file', '{http://apache.org/dav/props/}executable'), 424, 'what depended on it failed');
ok(!-x "$dir/file", 'and was undone');

my $port = vars('port');
for my $case ([ 'tree/', 'moved/', 'tree/in' ], [ 'file', 'moved', 'file' ]) {
    my ($from, $to, $is_there) = @$case;
    for my $method ('MOVE', 'COPY') {
        status_is(at('failing', $method, "/dav/$from", headers => [ Destination => "/dav/$to" ]), 507, "$method of $from");
        ok(-e "$dir/$is_there", 'the source is there');
        ok(!-e "$dir/$to", 'the destination is not');
        is(prop_at('sound', "/dav/$from"), 'old', 'with its property');
    }
}
spew("$dir/target", 'of the target');
status_is(at('failing', 'MOVE', '/dav/file', headers => [ Destination => '/dav/target' ]), 507, 'MOVE onto a file');
is(slurp("$dir/target"), 'of the target', 'leaves the target');
ok(-e "$dir/file", 'and the source');
is_deeply([ members($dir) ], [ 'file', 'target', 'tree' ], 'nothing is left over');

# Reading goes on, and so does what needs no commit.
status_is(at('failing', 'PROPFIND', '/dav/', headers => [ Depth => 1 ]), 207, 'PROPFIND');
status_is(at('failing', 'PUT', '/dav/put', body => 'x'), 201, 'PUT of a file without properties');

# A full store.
my $small = drive('small');
make_tree($small, 'file');
my $big = 'x' x 200_000;
my @statuses = map {
    at('small', 'PROPPATCH', '/dav/file', body => proppatch_body(set => "<t:p$_ xmlns:t=\"urn:test\">$big</t:p$_>"))
        ->multistatus->prop_status('/dav/file', "{urn:test}p$_")
} 1 .. 10;
is($statuses[0], 200, 'a store of 1 MiB takes a value');
is($statuses[-1], 507, 'and says when it is full');
my $kept = grep { $_ == 200 } @statuses;
my $listed = at('small', 'PROPFIND', '/dav/file', headers => [ Depth => 0 ]);
is(scalar(my @all = $listed->body =~ m{</t:p\d+>}g), $kept, 'what it took is there');
is(at('small', 'PROPPATCH', '/dav/file', body => proppatch_body(remove => [ map {"{urn:test}p$_"} 1 .. 10 ]))
        ->multistatus->prop_status('/dav/file', '{urn:test}p1'), 200, 'removing works when it is full');
is(at('small', 'PROPPATCH', '/dav/file', body => $one)->multistatus->prop_status('/dav/file', '{urn:test}p'), 200,
    'and makes room');

finish();
