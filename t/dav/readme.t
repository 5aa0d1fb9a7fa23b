# The README's commands for administrators, run as they stand but for where things lie.
use strict;
use warnings;

use Depot::Ctl;
use Depot::Lock;
use Depot::Server;
use Depot::Test;

my $work   = server_root() . '/readme';
my $readme = slurp(server_root() . '/../README');
my %places = (
    '/var/lib/dav-depot' => "$work/store",
    '/var/backups'       => "$work/backups",
    '/srv/drive'         => "$work/drive",
);
mkdir $_ or die "$_: $!\n" for $work, "$work/backups", "$work/drive";
make_tree("$work/drive", 'file');

my $server;

sub start {
    $server = Depot::Server->start("$work/server", <<"END");
DavDepotStore lmdb:$work/store
Alias /drive "$work/drive"
<Directory "$work/drive">
    Require all granted
    Dav depot
</Directory>
END
    return defined $server;
}

sub set_value {
    my ($value) = @_;
    return $server->client->request('PROPPATCH', '/drive/file',
        body => proppatch_body(set => "<t:p xmlns:t=\"urn:test\">$value</t:p>"))->status == 207;
}

sub value {
    return $server->client->request('PROPFIND', '/drive/file', headers => [ Depth => 0 ],
        body => propfind_body('{urn:test}p'))->multistatus->text('/drive/file', '{urn:test}p');
}

my ($section) = $readme =~ /^Looking after a store\n-+\n(.*?)\n\n\n/ms;
ok($section, 'the README has the section');
my @lines = $section =~ /^    (\S.*)$/mg;
ok(start(), 'a server');
ok(set_value('before'), 'a property');

for my $line (@lines) {
    my @words = split ' ', $line;
    for my $word (@words) {
        $word =~ s/^\Q$_\E(?=[\/.]|\z)/$places{$_}/ for keys %places;
    }
    my $program = shift @words;
    if ($program eq 'apachectl') {
        if ($words[0] eq 'stop') {
            ok(set_value('after'), 'a change after the backup');
            $server->stop;
            pass($line);
        }
        else { ok(start(), $line) }
        next;
    }
    is($program, 'depotctl', "a command we know: $line");
    if ($words[0] eq 'locks') {
        my $token = token_of(lock($server->client, '/drive/file'));
        ok($token, 'a lock');
        $places{'urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6'} = $token;
    }
    my ($code, $out, $err) = depotctl(@words);
    is($code, 0, $line) or diag($err);
    is($err, '', 'has no complaint');
    like($out, qr/\S/, 'and says something');
}
ok((grep {/^depotctl backup/} @lines) && (grep {/^depotctl restore/} @lines), 'there was a way there and back');
is(value(), 'before', 'all is as it was');
$server->stop;

finish();
