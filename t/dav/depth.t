# RFC 4918 sections 10.2 and 10.6: the Depth and Overwrite headers, method by method.  What is
# wrong is 400 and changes nothing, whatever else would have been answered.
use strict;
use warnings;

use Depot::Test;
use Depot::Lock;

expect_log(client_errors());

my ($url, $dir) = fresh('deep');
my $client = client();
my %body   = (
    PROPFIND  => propfind_body('{DAV:}getetag'),
    PROPPATCH => proppatch_body(set => '<t:p xmlns:t="urn:test">1</t:p>'),
    LOCK      => lockinfo(),
    PUT       => 'new',
);
my ($file, $coll, $to, $turn) = ('', '', '', 0);

# A new file, a new collection with a member, and a new name beside them.
sub prepare {
    $turn++;
    make_tree($dir, "f$turn", "c$turn/", "c$turn/member");
    ($file, $coll, $to) = ("${url}f$turn", "${url}c$turn/", "${url}to$turn");
    return;
}

sub try_it {
    my ($method, $path, @headers) = @_;
    return dav($method, $path, body => $body{$method}, headers => [ Destination => $to, 'Lock-Token' => '<x:y>', @headers ]);
}

# Whether all that prepare() made is as it was.
sub is_untouched {
    my ($what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok(slurp("$dir/f$turn") eq "bytes of f$turn\n" && -e "$dir/c$turn/member" && !-e "$dir/to$turn"
            && !(map { locks_of($client, $_) } $file, $coll) && !defined get_prop($file, 'p'), "$what: nothing changed");
}

my @methods = qw(PROPFIND PROPPATCH MKCOL PUT COPY MOVE DELETE LOCK UNLOCK);

for my $depth ('2', '-1', 'infinite', '0,1', '1,noroot', '') {
    subtest "RFC 4918 section 10.2: Depth: \"$depth\" is 400 for every method" => sub {
        prepare();
        for my $method (@methods) {
            status_is(try_it($method, $method eq 'MKCOL' ? "${to}new/" : $_, Depth => $depth), 400, "$method of $_") for $file, $coll;
        }
        is_untouched("Depth: $depth");
    };
}

subtest 'RFC 4918 section 9.6.1: DELETE of a collection is of Depth: infinity' => sub {
    prepare();
    for my $depth (0, 1) {
        status_is(try_it('DELETE', $coll, Depth => $depth), 400, "Depth: $depth");
    }
    status_is(try_it('DELETE', $file, Depth => 1), 400, 'Depth: 1 of a file');
    is_untouched('DELETE');
    # Also where it would have been refused for another reason.
    my $token = token_of(lock($client, "${coll}member", Depth => 0));
    status_is(try_it('DELETE', $coll, Depth => 0), 400, 'Depth: 0, with a locked member');
    unlock($client, "${coll}member", $token);
    status_is(try_it('DELETE', $coll, Depth => 'Infinity'), 204, 'Depth: Infinity');
    status_is(try_it('DELETE', $file, Depth => 0), 204, 'Depth: 0 of a file');
};

subtest 'RFC 4918 section 9.8.3: COPY is of Depth 0 or infinity' => sub {
    prepare();
    status_is(try_it('COPY', $_, Depth => 1), 400, "Depth: 1 of $_") for $file, $coll;
    is_untouched('COPY');
    status_is(try_it('COPY', $coll, Depth => 0), 201, 'Depth: 0 of a collection');
    is_deeply([ members("$dir/to$turn") ], [], 'copies it alone');
    status_is(try_it('COPY', $coll, Depth => 'infinity'), 204, 'Depth: infinity');
    is_deeply([ members("$dir/to$turn") ], ['member'], 'copies its member');
    status_is(try_it('COPY', $coll), 204, 'no Depth');
    is_deeply([ members("$dir/to$turn") ], ['member'], 'is the same');
};

subtest 'RFC 4918 section 9.9.2: MOVE of a collection is of Depth: infinity' => sub {
    prepare();
    status_is(try_it('MOVE', $coll, Depth => $_), 400, "Depth: $_") for 0, 1;
    is_untouched('MOVE');
    status_is(try_it('MOVE', $coll, Depth => 'infinity'), 201, 'Depth: infinity');
    status_is(try_it('MOVE', $file, Depth => 0), 204, 'Depth: 0 of a file');
};

subtest 'RFC 4918 section 9.10.3: LOCK is of Depth 0 or infinity' => sub {
    prepare();
    status_is(try_it('LOCK', $_, Depth => 1), 400, "Depth: 1 of $_") for $file, $coll, $to;
    is_untouched('LOCK');
    for my $case ([ 0, '0' ], [ 'infinity', 'infinity' ], [ undef, 'infinity' ]) {
        my ($depth, $kept) = @$case;
        my $token = token_of(try_it('LOCK', $coll, defined $depth ? (Depth => $depth) : ()));
        is((locks_of($client, $coll))[0]{depth}, $kept, 'Depth: ' . ($depth // 'none'));
        # Section 9.10.2: a refresh must ignore its Depth.
        status_is(dav('LOCK', $coll, headers => [ If => "(<$token>)", Depth => $_ ]), 200, "a refresh with Depth: $_") for 0, 1, 'infinity', 'x';
        is((locks_of($client, $coll))[0]{depth}, $kept, 'does not change it');
        unlock($client, $coll, $token);
    }
};

subtest 'RFC 4918 section 9.1: PROPFIND is of any Depth' => sub {
    prepare();
    my %count = (0 => 1, 1 => 2, infinity => 2, INFINITY => 2);
    is(scalar(my @all = try_it('PROPFIND', $coll, Depth => $_)->multistatus->hrefs), $count{$_}, "Depth: $_") for sort keys %count;
};

subtest 'RFC 4918 section 10.2: methods that know no Depth ignore a proper one' => sub {
    prepare();
    for my $depth (0, 1, 'infinity') {
        status_is(try_it('PROPPATCH', $coll, Depth => $depth), 207, "PROPPATCH, Depth: $depth");
        status_is(try_it('PUT', $file, Depth => $depth), 204, "PUT, Depth: $depth");
        status_is(try_it('MKCOL', "$coll$depth/", Depth => $depth), 201, "MKCOL, Depth: $depth");
        my $token = token_of(try_it('LOCK', $file));
        status_is(dav('UNLOCK', $file, headers => [ 'Lock-Token' => "<$token>", Depth => $depth ]), 204, "UNLOCK, Depth: $depth");
    }
    is(get_prop("${coll}member", 'p'), undef, 'PROPPATCH is of the collection alone');
};

for my $overwrite ('X', 'true', 'TF', 'T,F', '') {
    subtest "RFC 4918 section 10.6: Overwrite: \"$overwrite\" is 400 for every method" => sub {
        prepare();
        for my $method (@methods) {
            status_is(try_it($method, $method eq 'MKCOL' ? "${to}new/" : $_, Overwrite => $overwrite), 400, "$method of $_") for $file, $coll;
        }
        is_untouched("Overwrite: $overwrite");
    };
}

subtest 'RFC 4918 section 10.6: Overwrite: F and T' => sub {
    for my $method ('COPY', 'MOVE') {
        for my $source ('file', 'collection') {
            prepare();
            put($to, 'there');
            my $from = $source eq 'file' ? $file : $coll;
            status_is(try_it($method, $from, Overwrite => 'F'), 412, "$method of a $source with F");
            is(slurp("$dir/to$turn"), 'there', 'what is there stays');
            status_is(dav($method, $from, headers => [ Destination => "${to}new", Overwrite => 'F' ]), 201, 'F, where nothing is');
            prepare();
            put($to, 'there');
            $from = $source eq 'file' ? $file : $coll;
            status_is(try_it($method, $from, @$_), 204, 'T, or nothing') for [ Overwrite => 'T' ], $method eq 'COPY' ? [] : ();
            isnt(slurp("$dir/to$turn"), 'there', 'what was there is replaced');
        }
    }
};

finish();
