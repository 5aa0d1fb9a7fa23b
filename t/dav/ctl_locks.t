# depotctl locks and unlock beside a server that takes locks out.
use strict;
use warnings;

use Depot::Ctl;
use Depot::Lock;
use Depot::Test;

my ($url, $dir) = fresh();
my $store = server_root() . '/stores/main';
my @store = ('--store', $store);
make_tree($dir, 'folder/', 'folder/file', 'folder/deep/', 'folder/deep/file', 'other');

# The locks that depotctl tells of, by token: the JSON of each.
sub told {
    my (@arguments) = @_;
    my ($code, $out, $err) = depotctl('locks', '--json', @store, @arguments);
    is($code, 0, "locks @arguments") or diag($err);
    return map { /"token":"([^"]*)"/ ? ($1 => $_) : () } split /\n/, $out;
}

is_deeply({ told($dir) }, {}, 'no locks yet');

# ---- told of ----

my $client = client();
my $file   = token_of(lock($client, "${url}folder/deep/file", owner => '<D:owner>me &amp; you</D:owner>'));
my $shared = token_of(lock($client, "${url}other", scope => 'shared', Depth => 0));
ok($file && $shared, 'two locks');
my %locks = told($dir);
is_deeply([ sort keys %locks ], [ sort $file, $shared ], 'both are told of below the folder');
like($locks{$file}, qr/\A\{"token":"\Q$file\E","path":"\Q$dir\E\/folder\/deep\/file","scope":"exclusive","depth":"infinity","principal":"","owner":"<D:owner.*me &amp; you<\/D:owner>","expires":\d+\}\z/,
    'with all that is known');
like($locks{$shared}, qr/"scope":"shared","depth":"0"/, 'each as it is');
my ($expires) = $locks{$shared} =~ /"expires":(\d+)/;
cmp_ok($expires, '>', $^T, 'the expiry is a time');
is_deeply([ keys %{ { told("$dir/folder") } } ], [$file], 'below a folder only those there');
is_deeply([ keys %{ { told("$dir/folder/deep/file") } } ], [$file], 'of a file its own');
is_deeply([ keys %{ { told("$dir/folder/file") } } ], [], 'and no others');
is_deeply([ keys %{ { told("$dir/nothing/here") } } ], [], 'of what is not there none');
is_deeply([ keys %{ { told("$dir/nothing/.././folder/") } } ], [$file], 'a path may have dots and a slash at its end');
%locks = told();
ok($locks{$file} && $locks{$shared}, 'without a path all are told of');

my ($code, $out, $err) = depotctl({ env => { DEPOT_STORE => $store } }, 'locks', "$dir/folder");
is($code, 0, 'the store from the environment') or diag($err);
is($err, '', 'without a complaint');
like($out, qr/\A\Q$file\E\n  \Q$dir\E\/folder\/deep\/file\n  exclusive, depth infinity, until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n  principal not known\n  owner <D:owner/,
    'in lines for people');

my $folder = token_of(lock($client, "${url}folder/", Depth => 'infinity', scope => 'shared'));
ok(!$folder, 'a folder above an exclusive lock is not locked');
$folder = token_of(lock($client, "${url}folder/file", Depth => 0));
ok($folder, 'another file is');
is_deeply([ sort keys %{ { told("$dir/folder") } } ], [ sort $file, $folder ], 'and told of at once');

# ---- removed ----

is(put("${url}folder/deep/file", 'new')->status, 423, 'a PUT is refused');
($code, $out, $err) = depotctl('unlock', $file, @store);
is($code, 0, 'unlocked') or diag($err);
is($out, "$dir/folder/deep/file: unlocked\n", 'it tells what');
is(put("${url}folder/deep/file", 'new')->status, 204, 'and the PUT succeeds');
is_deeply([ locks_of($client, "${url}folder/deep/file") ], [], 'PROPFIND knows of no lock');
is(unlock($client, "${url}folder/deep/file", $file), 409, 'its client learns of it');

(my $old = $folder) =~ s/^urn:uuid:/opaquelocktoken:/;
($code, $out, $err) = depotctl('unlock', '--json', @store, "<$old>");
is($code, 0, 'as clients write a token') or diag($err);
like($out, qr/\A\{"token":"\Q$folder\E","path":"\Q$dir\E\/folder\/file",.*\}\n\z/, 'told as JSON');
($code, $out, $err) = depotctl('unlock', @store, uc $shared);
is($code, 0, 'in capitals too') or diag($err);
is_deeply({ told($dir) }, {}, 'none is left');
is(client()->request('LOCK', "${url}folder/", body => lockinfo(), headers => [ Depth => 'infinity' ])->status, 200,
    'the folder can be locked now');
%locks = told("$dir/folder/deep/file");
is(scalar(keys %locks), 1, 'a lock from above is told of');
is(unlock($client, "${url}folder/", (keys %locks)[0]), 204, 'it can be used as it was told');

# ---- refused ----

($code, $out, $err) = depotctl('unlock', @store, $file);
is($code, 1, 'a lock that is not there is exit code 1');
is($err, "depotctl unlock: there is no such lock, or it has expired\n", 'in words');
is_refused('no token',                 qr/is no token of a lock/,   'unlock', @store, 'urn:uuid:x');
is_refused('no such store',            qr/there is no store in/,    'locks',  '--store', "$dir/none");
is_refused('no store',                 qr/which store\? Say --store/, 'locks');
is_refused('nor to unlock in',         qr/which store\? Say --store/, 'unlock', $file);

finish();
