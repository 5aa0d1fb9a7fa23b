# What changes while a request is under way: locks and conditions hold at its end, not only at
# its beginning (RFC 4918 section 6.1, RFC 9110 section 13.2).
use strict;
use warnings;

use Depot::Test;
use Depot::Lock;

my ($url, $dir) = fresh();
my $other = client(port => vars('port'));
my $body  = 'x' x 1000;

make_tree($dir, 'file', 'coll/', 'coll/file');
# mod_dav's core answers, and logs it as an error.
expect_log(qr/It was locked while the request was under way|The file was changed during the upload/);

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

finish();
