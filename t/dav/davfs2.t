# A drive mounted with davfs2, in a mount namespace of this test's own.
use strict;
use warnings;

use Depot::Test;
use Depot::Lock;

my ($url, $dir) = fresh();
my $port = vars('port');
my $root = server_root();
my $work = "$root/davfs2";
my $tools = "$root/tools";
my $node = server_root() . '/fuse';     # made by t/run-functional where /dev/fuse is root's alone

plan(skip_all => 'mount.davfs is not installed') unless -x '/sbin/mount.davfs';
plan(skip_all => 'there is no FUSE device to use') unless -w '/dev/fuse' || -w $node;
plan(skip_all => 'users may not have namespaces here')
    if system('unshare --user --map-root-user --mount true 2>/dev/null') != 0;

mkdir $_ for $work, "$work/mnt", "$work/cache", "$work/tree";
# Recent kernels ask for more of a directory at a time than its default buffer holds.
spew("$work/conf", <<"END");
dav_user root
dav_group root
cache_dir $work/cache
ask_auth 0
use_locks 1
lock_timeout 60
delay_upload 0
buf_size 1024
END
spew("$work/secrets", '');
chmod 0600, "$work/secrets" or die $!;
make_tree("$work/tree", 'a', 'b c', 'sub/', 'sub/d', 'sub/deep/', 'sub/deep/e');
make_tree($dir, 'before', 'old/', 'old/x');

# The steps of a session; each begins with a line to find it by if it fails.
spew("$work/session", <<"END");
set -e
mount -t tmpfs tmpfs /run
[ -w /dev/fuse ] || mount --bind $node /dev/fuse
mount --bind $work/conf /etc/davfs2/davfs2.conf
mount --bind $work/secrets /etc/davfs2/secrets
mount.davfs http://127.0.0.1:$port$url $work/mnt
cd $work/mnt
echo "# list"; [ "\$(ls -d before old/x | tr '\\n' ' ')" = "before old/x " ]
echo "# read"; cmp before $dir/before
echo "# write"; printf 'first line\\nsecond line\\n' >edited
echo "# edit in place"; printf 'FIRST' | dd of=edited bs=1 conv=notrunc status=none
echo "# append"; echo 'third line' >>edited
echo "# truncate"; printf 'long text' >short; truncate -s 4 short
echo "# rename over"; echo new >.edited.tmp; echo old >target; mv .edited.tmp target
echo "# copy a tree"; cp -R $work/tree copied
echo "# rename a folder"; mv copied renamed
echo "# remove"; rm before; rm -r old
echo "# odd names"; echo x >'umlaut ä & %41#?.txt'; mkdir 'a+b'
echo "# a large file"; head -c 3000000 /dev/urandom >large; cp large $work/large
echo "# no store on it"; mkdir kept; $tools/depotctl backup $root/stores/main $work/copy >/dev/null; cp $work/copy kept/data.mdb
if $tools/depotctl stat $work/mnt/kept 2>$work/refused >/dev/null; then exit 1; fi; grep 'file system (FUSE)' $work/refused >/dev/null
rm -r kept
echo "# unmount"; cd /; umount $work/mnt
END
my $said = qx{unshare --user --map-root-user --mount sh $work/session 2>&1};
is($?, 0, 'a session with davfs2') or diag($said);

is(slurp("$dir/edited"), "FIRST line\nsecond line\nthird line\n", 'edited in place');
is(slurp("$dir/short"), 'long', 'truncated');
is(slurp("$dir/target"), "new\n", 'renamed over');
ok(!-e "$dir/before" && !-e "$dir/old", 'removed');
is(slurp("$dir/renamed/$_"), slurp("$work/tree/$_"), "copied: $_") for 'a', 'b c', 'sub/d', 'sub/deep/e';
ok(-e "$dir/umlaut \xc3\xa4 & %41#?.txt" && -d "$dir/a+b", 'odd names');
ok(slurp("$dir/large") eq slurp("$work/large"), 'a large file');
is_deeply([ members($dir) ], [ sort('a+b', 'edited', 'large', 'renamed', 'short', 'target', "umlaut \xc3\xa4 & %41#?.txt") ],
    'and nothing else');
is_deeply([ map { locks_of(client(), "$url$_") } '', 'edited', 'target', 'large' ], [], 'no lock is left');

finish();
