# depotctl check beside a server: a sound store, and files that were changed from outside.
use strict;
use warnings;

use Depot::Ctl;
use Depot::Lock;
use Depot::Test;

my ($url, $dir) = fresh();
my $store = server_root() . '/stores/main';

# The kinds of findings and their paths below DIR, sorted; and the exit code.
sub findings {
    my (@arguments) = @_;
    my ($code, $out, $err) = depotctl('check', '--json', $store, @arguments);
    is($err, '', 'without a complaint');
    my @found;
    for my $line (split /\n/, $out) {
        my ($kind) = $line =~ /"finding":"([a-z-]+)"/ or next;
        my ($path) = $line =~ /"path":"([^"]*)"/;
        my ($to)   = $line =~ /"to":"([^"]*)"/;
        s/\A\Q$dir\E// for grep {defined} $path, $to;
        push @found, join ' ', $kind, grep {defined} $path, $to;
    }
    return ($code, sort @found);
}

# ---- what the server does itself is no finding ----

make_tree($dir, 'folder/', 'folder/below', map {"file$_"} 1 .. 6);
ok(set_prop("$url$_", 'p', "of $_"), "a property of $_") for 'folder', 'folder/below', map {"file$_"} 1 .. 6;
my $token = token_of(lock(client(), "${url}file1", owner => '<D:owner>me</D:owner>'));
ok($token, 'a lock');
is_deeply([ findings('--tree', $dir) ], [0], 'a sound store, and its files');

status_is(put("${url}file1", 'new content', If => "(<$token>)"), 204, 'PUT to a locked file with properties');
status_is(put("${url}file2", 'new content'), 204, 'and to another');
status_is(dav('MOVE', "${url}file2", headers => [ Destination => "${url}moved" ]), 201, 'MOVE');
status_is(dav('COPY', "${url}moved", headers => [ Destination => "${url}copied" ]), 201, 'COPY');
status_is(dav('MOVE', "${url}folder", headers => [ Destination => "${url}there" ]), 201, 'MOVE of a collection');
status_is(dav('DELETE', "${url}file6"), 204, 'DELETE');
is_deeply([ findings('--tree', $dir) ], [0], 'are no findings');
my ($code, $out, $err) = depotctl('check', $store, '--tree', $dir);
is($code, 0, 'in words');
like($out, qr/\A\d+ records checked and compared with the files, 0 findings\n\z/, 'it says so');

# ---- what was done from outside is ----

rename "$dir/moved", "$dir/there/elsewhere" or die "rename: $!\n";
unlink "$dir/file3" or die "unlink: $!\n";
spew("$dir/file4.new", 'other');
rename "$dir/file4.new", "$dir/file4" or die "rename: $!\n";
rename "$dir/file5", "$dir/kept5" or die "rename: $!\n";
spew("$dir/file5", 'other');
spew("$dir/file1", 'written in place');
is_deeply(
    [ findings('--tree', $dir) ],
    [ 1, 'gone /file3', 'renamed /file5 /kept5', 'renamed /moved /there/elsewhere', 'replaced /file4' ],
    'removed, replaced and renamed from outside'
);
rename "$dir/there", "$dir/hither" or die "rename: $!\n";
is_deeply(
    [ grep {/hither/} findings('--tree', $dir) ],
    [ 'renamed /moved /hither/elsewhere', 'renamed /there /hither' ],
    'a collection that was renamed takes what is in it along'
);
is_deeply([ findings() ], [0], 'the store in itself is sound');
($code, $out, $err) = depotctl('check', $store, '--tree', $dir);
is($code, 1, 'the exit code tells');
like($out, qr/^gone: \Q$dir\E\/file3 \(1 properties\) is gone$/m, 'as do the lines');

# ---- refusals ----

is_refused('no such store', qr/there is no store in/, 'check', "$dir/none");
is_refused('no such tree',  qr/No such file/,         'check', $store, '--tree', "$dir/none");

finish();
