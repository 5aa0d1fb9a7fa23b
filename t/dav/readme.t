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
    '/var/lib/dav/lockdb' => "$work/lockdb",
    '/var/lib/dav-depot' => "$work/store",
    '/var/backups'       => "$work/backups",
    '/srv/drive'         => "$work/drive",
    '/srv/share'         => "$work/share",
);
mkdir $_ or die "$_: $!\n" for $work, "$work/backups", "$work/drive";
make_tree("$work/drive", 'file');

my ($modules) = slurp(vars('t_conf') . '/modules.conf') =~ m{dav_module "(.*)/mod_dav\.so"};
my %dav = (
    old => qq{LoadModule dav_fs_module "$modules/mod_dav_fs.so"\nDavLockDB "$work/lockdb"\n},
    new => "DavDepotStore lmdb:$work/store\n",
);
my ($server, $dav, $drive, $stopped) = (undef, 'old', "$work/drive", 0);

sub start {
    my $word = $dav eq 'old' ? 'On' : 'depot';
    $server = Depot::Server->start("$work/server", <<"END");
$dav{$dav}Alias /drive "$drive"
<Directory "$drive">
    Require all granted
    Dav $word
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

# The commands of a section; what is wider than one is no command.
sub commands {
    my ($title) = @_;
    my ($section) = $readme =~ /^\Q$title\E\n-+\n(.*?)\n\n\n/ms;
    ok($section, "the README has the section $title");
    return grep { !/  / } $section =~ /^    (\S.*)$/mg;
}

# A command's words, with our places for those of the README.
sub words_of {
    my @words = split ' ', $_[0];
    for my $word (@words) {
        $word =~ s/^\Q$_\E(?=[\/.]|\z)/$places{$_}/ for keys %places;
    }
    return @words;
}

# Run a command of depotctl's; it has nothing to complain of.
sub run_depotctl {
    my ($line) = @_;
    my ($program, @words) = words_of($line);
    is($program, 'depotctl', "a command we know: $line");
    my ($code, $out, $err) = depotctl(@words);
    is($code, 0, $line) or diag($out, $err);
    is($err, '', 'has no complaint');
    like($out, qr/\S/, 'and says something');
    return;
}

# ---- moving over from mod_dav_fs ----

ok(start(), 'a server with mod_dav_fs');
ok(set_value('before'), 'a property');
my $token = token_of(lock($server->client, '/drive/file'));
for my $line (commands('Moving over from mod_dav_fs')) {
    if ($line eq 'apachectl stop') { $server->stop }
    elsif ($line eq 'apachectl start') {
        $dav = 'new';
        ok(start(), 'the server with the configuration changed');
    }
    elsif ($line =~ /^find /) {
        ok(-e "$work/drive/.DAV", 'the old databases are still there');
        is(system(words_of($line)), 0, $line);
        ok(!-e "$work/drive/.DAV", 'removes them');
    }
    else { run_depotctl($line) }
}
is(value(), 'before', 'the property has come over');
is($server->client->request('PUT', '/drive/file', body => 'new')->status, 423, 'the lock too');
is($server->client->request('PUT', '/drive/file', body => 'new', headers => [ If => "(<$token>)" ])->status, 204,
    'with its token');
is(unlock($server->client, '/drive/file', $token), 204, 'and it can be unlocked');

# ---- looking after a store ----

my @lines = commands('Looking after a store');
for my $line (@lines) {
    if ($line eq 'apachectl stop') {
        ok(set_value('after'), 'a change after the backup') if $stopped++ == 0;
        $server->stop;
    }
    elsif ($line =~ /^mv /) {
        is(system(words_of($line)), 0, $line);
        $drive = (words_of($line))[2];
    }
    elsif ($line eq 'apachectl start') { ok(start(), $line) }
    else {
        if ($line =~ /^depotctl locks/) {
            my $id = token_of(lock($server->client, '/drive/file'));
            ok($id, 'a lock');
            $places{'urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6'} = $id;
        }
        run_depotctl($line);
    }
}
ok((grep {/^depotctl backup/} @lines) && (grep {/^depotctl restore/} @lines), 'there was a way there and back');
is(value(), 'before', 'all is as it was');
$server->stop;

finish();
