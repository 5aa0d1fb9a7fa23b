# Several clients at once, served by several processes.
use strict;
use warnings;

use Depot::Server  ();
use Depot::Test;
use Depot::Workers ();
use Time::HiRes ();

my ($url, $dir) = fresh();
expect_log(client_errors());
my $port = vars('port');

# CODE in COUNT processes, with its number and a client.
sub in_parallel {
    my ($count, $code) = @_;
    return Depot::Workers::in_parallel($count, sub { $code->($_[0], client(port => $port)) });
}

sub patch {
    my ($client, $path, $name, $value) = @_;
    my $response = $client->request('PROPPATCH', $path,
        body => proppatch_body(set => qq{<t:$name xmlns:t="urn:test">$value</t:$name>}));
    return 0 unless $response->status == 207;
    return $response->multistatus->prop_status($path, "{urn:test}$name") == 200;
}

# Each writes its own property on one file.
put("${url}shared", 'x');
my @done = in_parallel(8, sub {
    my ($n, $client) = @_;
    my $ok = 0;
    for my $round (1 .. 50) {
        $ok++ if patch($client, "${url}shared", "p$n", "v$round");
    }
    return $ok;
});
is_deeply(\@done, [ (50) x 8 ], 'eight writers of eight properties of one file');
is(join(' ', map { get_prop("${url}shared", "p$_") // 'none' } 1 .. 8), join(' ', ('v50') x 8), 'no update is lost');

# Several properties in one request change together.
in_parallel(4, sub {
    my ($n, $client) = @_;
    my $set = sub { join '', map { qq{<t:t$_ xmlns:t="urn:test">$_[0]</t:t$_>} } 1 .. 5 };
    my $mixed = 0;
    for my $round (1 .. 40) {
        if ($n <= 2) {
            $client->request('PROPPATCH', "${url}shared", body => proppatch_body(set => $set->("$n-$round")));
        }
        else {
            my $multistatus = $client->request('PROPFIND', "${url}shared", headers => [ Depth => 0 ],
                body => propfind_body(map { "{urn:test}t$_" } 1 .. 5))->multistatus;
            my %values = map { ($multistatus->text("${url}shared", "{urn:test}t$_") // '') => 1 } 1 .. 5;
            $mixed++ if keys %values != 1;
        }
    }
    return $mixed;
}) and pass('readers and writers of five properties ended');

# The same, with the answers looked at.
my @mixed = in_parallel(4, sub {
    my ($n, $client) = @_;
    my $mixed = 0;
    for my $round (1 .. 40) {
        my $body = join '', map { qq{<t:t$_ xmlns:t="urn:test">$n-$round</t:t$_>} } 1 .. 5;
        $client->request('PROPPATCH', "${url}shared", body => proppatch_body(set => $body)) if $n <= 2;
        my $multistatus = $client->request('PROPFIND', "${url}shared", headers => [ Depth => 0 ],
            body => propfind_body(map { "{urn:test}t$_" } 1 .. 5))->multistatus;
        my %values = map { ($multistatus->text("${url}shared", "{urn:test}t$_") // '') => 1 } 1 .. 5;
        $mixed++ if keys %values != 1;
    }
    return $mixed;
});
is_deeply(\@mixed, [ (0) x 4 ], 'a reader never sees a half-done update');

# Writers of one file: it is always one writer's bytes, whole.
my @whole = in_parallel(6, sub {
    my ($n, $client) = @_;
    my $bad = 0;
    for my $round (1 .. 40) {
        if ($n <= 3) {
            my $status = $client->request('PUT', "${url}raced", body => $n x (10_000 * $n))->status;
            $bad++ unless $status == 201 || $status == 204;
        }
        else {
            my $response = $client->request('GET', "${url}raced");
            next if $response->status == 404;
            my $body  = $response->body;
            my $first = substr $body, 0, 1;
            $bad++ unless $response->status == 200 && $body eq $first x (10_000 * $first);
        }
    }
    return $bad;
});
is_deeply(\@whole, [ (0) x 6 ], 'writers and readers of one file');
is_deeply([ members($dir) ], [ 'raced', 'shared' ], 'nothing is left over');

# If-Match lets one of several writers win.
my $etag = dav('HEAD', "${url}raced")->header('ETag');
my @statuses = sort(in_parallel(6, sub {
    my ($n, $client) = @_;
    return $client->request('PUT', "${url}raced", body => "winner $n", headers => [ 'If-Match' => $etag ])->status;
}));
note("If-Match: @statuses");
ok((grep { $_ == 204 } @statuses) >= 1, 'If-Match: somebody wins');
ok(!(grep { $_ != 204 && $_ != 412 } @statuses), 'and the others are told');

# MOVE back and forth while others write below: a property stays with its file.
make_tree($dir, 'here/', 'here/file');
my @moves = in_parallel(3, sub {
    my ($n, $client) = @_;
    my $count = 0;
    for my $round (1 .. 60) {
        if ($n == 1) {
            my ($from, $to) = $round % 2 ? ('here', 'there') : ('there', 'here');
            my $status = $client->request('MOVE', "$url$from/",
                headers => [ Destination => "http://127.0.0.1:$port$url$to/" ])->status;
            return "MOVE $status" unless $status == 201 || $status == 204;
        }
        else {
            for my $place ('here', 'there') {
                $count++ if eval { patch($client, "$url$place/file", "m$n", "v$round") };
            }
        }
    }
    return 'ok';
});
is_deeply(\@moves, [ ('ok') x 3 ], 'MOVE of a tree while others set properties in it');
is(get_prop("${url}there/file", 'm2'), undef, 'nothing is left at the other name');
put("${url}here/file", 'again');
my @left = map { get_prop("${url}here/file", "m$_") // '' } 2, 3;
ok(!(grep { $_ ne '' && $_ !~ /^v\d+$/ } @left), 'what was set is there');
dav('MKCOL', "${url}there/");
put("${url}there/file", 'new');
is(get_prop("${url}there/file", "m$_"), undef, 'a new file at the other name has no properties') for 2, 3;

# Making and deleting the same names.
my @churn = in_parallel(6, sub {
    my ($n, $client) = @_;
    for my $round (1 .. 40) {
        my $name = 'churn' . ($round % 3);
        my @s;
        push @s, $client->request('MKCOL', "$url$name/")->status;
        push @s, $client->request('PUT', "$url$name/f", body => 'x')->status;
        push @s, $client->request('PROPPATCH', "$url$name/f", body => proppatch_body(set => '<t:p xmlns:t="urn:test">x</t:p>'))->status;
        push @s, $client->request('DELETE', "$url$name/")->status;
        my ($bad) = grep { $_ >= 500 || $_ == 0 } @s;
        return "status @s" if $bad;
    }
    return 'ok';
});
is_deeply(\@churn, [ ('ok') x 6 ], 'making and deleting the same names') or diag("@churn");

# More than one process took part.
my %pids;
for my $line (split /\n/, slurp(server_root() . '/logs/access_log')) {
    $pids{$1}++ if $line =~ /concurrency.* (\d+)$/;
}
ok(keys %pids >= 2, scalar(keys %pids) . ' processes took part');

# A long property changes while its file is copied, between the copy of it and the copy's appearance,
# by a server beside a slow one: what is at the destination then is what was there last.
{
    my $place  = server_root() . '/concurrency-slow';
    my $drive  = "$place/drive";
    my $server = Depot::Server->start($place, "DavDepotStore lmdb:$place/store\n"
        . Depot::Server::drive('/dav', $drive) . <<"END");
<VirtualHost *>
    ServerName slow.test
    DavDepotStore "trace:lmdb:$place/store" delay=10000
</VirtualHost>
<VirtualHost *>
    ServerName fast.test
    DavDepotStore lmdb:$place/store
</VirtualHost>
END
    ok($server, 'a slow server and a fast one');
    my $at = sub { Depot::Client->new(port => $server->{port}, host => "$_[0].test", timeout => 60) };
    my $fast = $at->('fast');
    $fast->request('PUT', '/dav/from', body => 'x');
    ok(patch($fast, '/dav/from', 'p', 'a' x 3000), 'a file with a long property');
    my ($copied, $changed) = Depot::Workers::in_parallel(2, sub {
        my ($n) = @_;
        if ($n == 1) {
            return $at->('slow')->request('COPY', '/dav/from',
                headers => [ Destination => "http://slow.test:$server->{port}/dav/to" ])->status;
        }
        my $client = $at->('fast');
        Time::HiRes::sleep(0.002) until grep { /^\.dav-depot/ } members($drive);
        # One that waits is let in as soon as the slow one has written the copy's properties down.
        for my $letter ('b' .. 'z') {
            my $begin = Time::HiRes::time();
            patch($client, '/dav/from', 'p', $letter x 3000) or return 'failed';
            Time::HiRes::sleep(0.005), next if Time::HiRes::time() - $begin < 0.05;
            return $client->request('HEAD', '/dav/to')->status . " $letter";
        }
        return 'none waited';
    });
    is($copied, 201, 'the file is copied');
    note("then: $changed");
    my $found = $fast->request('PROPFIND', '/dav/to', headers => [ Depth => 0 ], body => propfind_body('{urn:test}p'))
        ->multistatus->text('/dav/to', '{urn:test}p');
    # Where the change came later than the copy, either is right.
    my ($status, $letter) = split / /, $changed;
    ok($status ne '404' || $found eq $letter x 3000, 'with the value it had when the copy appeared')
        or diag(substr($found, 0, 1) . " instead of $letter");
    $server->stop;
}

finish();
