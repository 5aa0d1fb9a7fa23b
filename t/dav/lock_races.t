# What changes while a request is under way: locks and conditions hold at its end, not only at
# its beginning (RFC 4918 section 6.1, RFC 9110 section 13.2).
use strict;
use warnings;

use POSIX ();
use Depot::Test;
use Depot::Lock;

my ($url, $dir) = fresh();
my $other = client(port => vars('port'));
my $body  = 'x' x 1000;

make_tree($dir, 'file', 'coll/', 'coll/file');
expect_log(client_errors());

# A PUT whose body is half sent; the second call sends the rest and gives the response.
sub slow_put {
    my ($path, @headers) = @_;
    my $client = client(port => vars('port'));
    my $text   = $client->format_request('PUT', $path, \@headers, $body);
    my $rest   = substr $text, -500, 500, '';

    $client->connect;
    $client->send($text);
    # Until the server has begun to receive it.
    select undef, undef, undef, 0.2;
    return sub { $client->send($rest); return $client->read_response('PUT') };
}

for my $case (
    [ 'a file',                     'file',      'file', 0 ],
    [ 'an unmapped URL',            'unmapped',  'unmapped', 0 ],
    [ 'its collection',             'coll/file', 'coll/', 'infinity' ],
    [ 'the collection of a new file', 'coll/new',  'coll/', 0 ],
    )
{
    my ($what, $path, $locked, $depth) = @$case;
    my $before = slurp("$dir/$path");
    my $finish = slow_put("$url$path");
    my $lock   = lock($other, "$url$locked", Depth => $depth);
    my $answer = $finish->();

    status_is($answer, 423, "a PUT during which $what is locked");
    like($answer->body, qr{<D:lock-token-submitted><D:href>\Q$url$locked\E</D:href></D:lock-token-submitted>}, 'is told by which lock');
    is(slurp("$dir/$path"), $what eq 'an unmapped URL' ? '' : $before, 'and changes nothing');
    is(unlock($other, "$url$locked", token_of($lock)), 204, 'the lock is there');
}
is_deeply([ grep {/^\.dav/} members($dir) ], [], 'no temporary is left');

# The user's own lock, taken out before and told of.
my $token  = token_of(lock($other, "${url}file"));
my $finish = slow_put("${url}file", If => "(<$token>)");
status_is($finish->(), 204, 'a PUT under a lock');
$finish = slow_put("${url}file", If => "(<$token>)");
is(unlock($other, "${url}file", $token), 204, 'the lock goes during a PUT');
status_is($finish->(), 204, 'which nothing forbids then');

# Conditions.
$finish = slow_put("${url}fresh", 'If-None-Match' => '*');
status_is($other->request('PUT', "${url}fresh", body => 'first'), 201, 'somebody else is first');
status_is($finish->(), 412, 'If-None-Match: * notices');
is(slurp("$dir/fresh"), 'first', 'the first one stays');
my $etag = dav('GET', "${url}fresh")->header('ETag');
$finish = slow_put("${url}fresh", 'If-Match' => $etag);
status_is($other->request('PUT', "${url}fresh", body => 'second'), 204, 'somebody else is first again');
status_is($finish->(), 412, 'so does If-Match');
is(slurp("$dir/fresh"), 'second', 'the second one stays');
$finish = slow_put("${url}fresh", 'If-Match' => dav('GET', "${url}fresh")->header('ETag'));
status_is($finish->(), 204, 'with nobody else the PUT goes through');
$finish = slow_put("${url}fresh");
status_is($other->request('PUT', "${url}fresh", body => 'third'), 204, 'somebody else is first once more');
status_is($finish->(), 204, 'without conditions the last one wins');
is(slurp("$dir/fresh"), $body, 'with all of its bytes');

# Run CODE in COUNT processes with a client each, all let go at once; what each returns.
sub at_once {
    my ($count, $code) = @_;
    my @running;

    pipe my $gate, my $go or die "pipe: $!\n";
    for my $n (1 .. $count) {
        pipe my $out, my $in or die "pipe: $!\n";
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            CORE::close($_) for $out, $go;
            my $own = client(port => vars('port'));
            $own->connect;
            sysread $gate, my $nothing, 1;
            syswrite $in, eval { $code->($n, $own) } // "died: $@";
            POSIX::_exit(0);
        }
        push @running, [ $pid, $out ];
    }
    CORE::close($go);
    return map { my ($pid, $out) = @$_; my $line = <$out>; waitpid $pid, 0; $line // 'no answer' } @running;
}

# RFC 4918 section 7.3: of several who LOCK one unmapped URL one gets it, and the file stays;
# whoever comes second does not take it away again.
my ($granted, $lost) = (0, 0);
for my $round (1 .. 40) {
    my @answers = at_once(4, sub {
        my ($n, $own) = @_;
        my $lock = lock($own, "${url}race$round");
        return $lock->status . ' ' . (token_of($lock) // '');
    });
    my ($held) = grep {/^20[01] /} @answers;
    $granted += grep {/^20[01] /} @answers;
    my ($found) = locks_of($other, "${url}race$round");
    $lost++ unless $held && -e "$dir/race$round" && $found && $held =~ / \Q$found->{token}\E$/;
}
is($granted, 40, 'LOCK of unmapped URLs: each lock is granted once');
is($lost, 0, 'and holds on a file that is there');

# Nor what somebody else has put there meanwhile: a PUT either comes before the LOCK, or is told
# of it.
($granted, $lost) = (0, 0);
for my $round (1 .. 40) {
    my ($lock, $put) = at_once(2, sub {
        my ($n, $own) = @_;
        return lock($own, "${url}mixed$round")->status if $n == 1;
        return $own->request('PUT', "${url}mixed$round", body => 'bytes')->status;
    });
    $granted++ if $lock =~ /^20[01]$/;
    $lost++ if (slurp("$dir/mixed$round") // 'none') ne ($put =~ /^20[14]$/ ? 'bytes' : '');
}
is($granted, 40, 'a LOCK and a PUT of one unmapped URL: it is locked');
is($lost, 0, 'and has the bytes of a PUT that was let through');

# RFC 4918 sections 7.4 and 9.6: a LOCK on a member comes before its folder is removed or moved,
# and keeps it there; or it comes after, and finds nothing.
my %wrong;
for my $round (1 .. 40) {
    my $method = $round % 2 ? 'DELETE' : 'MOVE';
    make_tree($dir, "gone$round/", "gone$round/member", "gone$round/more/", "gone$round/more/member");
    my ($lock, $change) = at_once(2, sub {
        my ($n, $own) = @_;
        return lock($own, "${url}gone$round/more/member", Depth => 0)->status if $n == 1;
        return $own->request($method, "${url}gone$round/", headers => [ Destination => "${url}to$round/" ])->status;
    });
    my $is_there = -e "$dir/gone$round/more/member" ? 'there' : 'gone';
    my $first = $lock == 200 ? 'LOCK' : $method;
    my $right = $first eq 'LOCK' ? $is_there eq 'there' && $change =~ /^(?:207|423)$/
        :                          $is_there eq 'gone'  && $change =~ /^20[14]$/ && $lock =~ /^4(?:04|09)$/;
    $wrong{"LOCK $lock, $method $change, $is_there"}++ unless $right;
}
is_deeply(\%wrong, {}, 'a LOCK during a DELETE or MOVE of its folder');

# What was known of a file that went away outside is not the new one's.
make_tree($dir, 'outside');
ok(set_prop("${url}outside", 'p', 'old'), 'a property');
unlink "$dir/outside" or die $!;
status_is(lock($other, "${url}outside"), 201, 'LOCK where a file with a property was');
is(get_prop("${url}outside", 'p'), undef, 'the new file has none');

finish();
