# RFC 9110 section 13: conditional headers, on every method; with the ETags that clients have
# from compressed responses, too.
use strict;
use warnings;

use Depot::Test;

expect_log(client_errors());

my ($url, $dir) = fresh();
my $port  = vars('port');
my $patch = proppatch_body(set => '<t:p xmlns:t="urn:test">1</t:p>');
my $lock  = '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>';
my $past  = 'Mon, 01 Jan 2001 00:00:00 GMT';

my $turn = 0;

# Each method on a fresh file, with headers; its status.
sub try_all {
    my ($section, $wanted, $what, @headers) = @_;
    subtest "RFC 9110 section $section: $what" => sub { try_each($wanted, $what, @headers) };
    return;
}

sub try_each {
    my ($wanted, $what, @headers) = @_;
    my %success = (GET => 200, PUT => 204, PROPPATCH => 207, COPY => 201, LOCK => 200, MOVE => 201, DELETE => 204);
    for my $method ('GET', 'PUT', 'PROPPATCH', 'COPY', 'LOCK', 'MOVE', 'DELETE') {
        my ($to, $name) = ("${url}to" . ++$turn, "${url}f$turn");
        put($name, 'bytes');
        my $etag = dav('HEAD', $name)->header('ETag');
        (my $inside = $etag) =~ s/"//g;
        my @sent = map { (my $value = $_) =~ s/ETAG/$inside/g; $value } @headers;
        my $body = { PUT => 'new', PROPPATCH => $patch, LOCK => $lock }->{$method};
        my $answer = dav($method, $name, body => $body, headers => [ Destination => "http://127.0.0.1:$port$to", Depth => 0, @sent ]);
        status_is($answer, $wanted || $success{$method}, "$method: $what");
        is(slurp("$dir/f$turn"), 'bytes', 'nothing changed') if $wanted && $wanted == 412;
    }
    return;
}
try_all('13.1.1', 0,   'If-Match holds',                  'If-Match' => '"ETAG"');
try_all('13.1.1', 0,   'one of several',                  'If-Match' => '"x", "ETAG"');
try_all('13.1.1', 0,   'If-Match: *',                     'If-Match' => '*');
try_all('13.1.1', 0,   'the tag of a compressed answer',  'If-Match' => '"ETAG-gzip"');
try_all('13.1.1', 412, 'If-Match does not hold',          'If-Match' => '"x"');
try_all('13.1.1', 412, 'a weak one never does',           'If-Match' => 'W/"ETAG"');
try_all('13.1.2', 0,   'If-None-Match holds',             'If-None-Match' => '"x"');
try_all('13.1.4', 412, 'If-Unmodified-Since does not hold', 'If-Unmodified-Since' => $past);
try_all('13.1.4', 0,   'If-Unmodified-Since holds',       'If-Unmodified-Since' => 'Fri, 01 Jan 2100 00:00:00 GMT');

subtest 'RFC 9110 section 13.1.2: If-None-Match that does not hold' => sub {
    # 304 for GET, 412 for the others.
    put("${url}g", 'bytes');
    my $etag = dav('HEAD', "${url}g")->header('ETag');
    (my $packed = $etag) =~ s/"$/-gzip"/;
    for my $tag ($etag, "W/$etag", $packed, '*') {
        status_is(dav('GET', "${url}g", headers => [ 'If-None-Match' => $tag ]), 304, "GET, If-None-Match: $tag");
        status_is(dav('PUT', "${url}g", body => 'x', headers => [ 'If-None-Match' => $tag ]), 412, "PUT, If-None-Match: $tag");
    }
    status_is(dav('PUT', "${url}absent", body => 'x', headers => [ 'If-None-Match' => '*' ]), 201, 'PUT of what is not there, If-None-Match: *');
    status_is(dav('PUT', "${url}never", body => 'x', headers => [ 'If-Match' => '*' ]), 412, 'PUT of what is not there, If-Match: *');
    ok(!-e "$dir/never", 'makes nothing');
};

finish();
