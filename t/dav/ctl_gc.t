# depotctl gc and relocate beside a server.
use strict;
use warnings;

use Depot::Ctl;
use Depot::Lock;
use Depot::Server;
use Depot::Test;

my $work  = server_root() . '/ctl-gc';
my $tree  = "$work/tree";
my $store = "$work/store";
mkdir $_ or die "$_: $!\n" for $work, $tree, "$work/empty";
make_tree($tree, 'a/', 'a/b/', 'a/b/one', 'a/b/two', 'a/locked', 'kept');

my $server;

sub start {
    my ($directory) = @_;
    $server = Depot::Server->start("$work/server", "DavDepotStore lmdb:$store\n" . Depot::Server::drive('/drive', $directory));
    return defined $server;
}

sub set_value {
    my ($path, $value) = @_;
    return $server->client->request('PROPPATCH', "/drive/$path",
        body => proppatch_body(set => "<t:p xmlns:t=\"urn:test\">$value</t:p>"))->status == 207;
}

sub value {
    my ($path) = @_;
    return $server->client->request('PROPFIND', "/drive/$path", headers => [ Depth => 0 ],
        body => propfind_body('{urn:test}p'))->multistatus->text("/drive/$path", '{urn:test}p');
}

# Exit code 0 or 1, no complaint: the lines.
sub lines {
    my ($code, @arguments) = @_;
    my ($got, $out, $err) = depotctl(@arguments);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($got, $code, "@arguments[0, 2 .. $#arguments]") or diag($out, $err);
    is($err, '', 'without a complaint');
    return [ split /\n/, $out ];
}

ok(start($tree), 'a server');
ok(set_value($_, "of $_"), "a value of $_") for 'a/b/one', 'a/b/two', 'kept';
my $token = token_of(lock($server->client, '/drive/a/locked', owner => '<D:owner>me</D:owner>'));
ok($token, 'a lock');

# ---- gc ----

is_deeply(lines(0, 'gc', $store, '--tree', $tree), ['0 resources forgotten'], 'nothing is gone');
unlink "$tree/a/b/one" or die "unlink: $!\n";
is_deeply(
    lines(1, 'gc', $store, '--tree', $tree, '--dry-run'),
    [ "$tree/a/b/one: 1 properties", '1 resources would be forgotten' ],
    'a dry run tells'
);
is_deeply(lines(1, 'gc', $store, '--tree', $tree, '--dry-run', '--json'),
    [ qq({"gone":"$tree/a/b/one","properties":1,"locked":false}), '{"resources":1,"forgotten":false}' ], 'as JSON too');
spew("$tree/a/b/one", 'back');
is(value('a/b/one'), 'of a/b/one', 'and changes nothing');
unlink "$tree/a/b/one" or die "unlink: $!\n";
is_deeply(
    lines(0, 'gc', $store, '--tree', $tree),
    [ "$tree/a/b/one: 1 properties", '1 resources forgotten' ],
    'what is gone is forgotten'
);
spew("$tree/a/b/one", 'back');
is(value('a/b/one'), undef,         'for good');
is(value('a/b/two'), 'of a/b/two', 'nothing else is');
is_refused('an empty directory may be one that is not mounted', qr/is its file system mounted/,
    'gc', $store, '--tree', "$work/empty");
is_refused('a missing one is no tree', qr/No such file/,  'gc', $store, '--tree', "$work/none");
is_refused('nor is a file',            qr/Not a directory/, 'gc', $store, '--tree', "$tree/kept");
is_refused('a tree must be named',     qr/--tree/,        'gc', $store);

# ---- relocate ----

$server->stop;
rename $tree, "$work/elsewhere" or die "rename: $!\n";
is_refused('what is not known cannot be moved', qr/knows of nothing in/, 'relocate', $store, "$work/none", "$work/elsewhere");
is_refused('nor into itself', qr/one is in the other/, 'relocate', $store, $tree, "$tree/a");
is_deeply(lines(0, 'relocate', $store, "$tree/", "$work/elsewhere"),
    ["what was known of $tree is known of $work/elsewhere"], 'a moved directory');
is_deeply(lines(0, 'check', $store, '--tree', "$work/elsewhere")->[-1] =~ /(\d+ findings)/, '0 findings', 'all fits');
ok(start("$work/elsewhere"), 'a server there');
is(value('a/b/two'), 'of a/b/two', 'with the properties');
is($server->client->request('PUT', '/drive/a/locked', body => 'x')->status, 423, 'and the lock');
is(($server->client->request('PUT', '/drive/a/locked', body => 'x', headers => [ If => "(<$token>)" ]))->status,
    204, 'with its token');
is(unlock($server->client, '/drive/a/locked', $token), 204, 'it can be taken away');
is_deeply(lines(0, 'check', $store, '--tree', "$work/elsewhere")->[-1] =~ /(\d+ findings)/, '0 findings', 'all fits then');
$server->stop;

mkdir $tree or die "$tree: $!\n";
make_tree($tree, 'new');
ok(start($tree), 'a server at the old place');
ok(set_value('new', 'new'), 'with properties');
$server->stop;
is_refused('properties are not replaced', qr/--force/, 'relocate', $store, "$work/elsewhere", $tree);
is_deeply(lines(0, 'relocate', $store, "$work/elsewhere", $tree, '--force'),
    ["what was known of $work/elsewhere is known of $tree"], 'unless that is said');

finish();
