# Sixteen clients change one small tree at random through several processes.  What each was
# answered must be what some order of all requests, one after another, would have given; every
# listing is well-formed; nobody waits for ever.
#
# DEPOT_HISTORY_SECONDS is how long, 8 if not set; DEPOT_HISTORY_SEED repeats the choices.
use strict;
use warnings;

use Depot::Test;
use Depot::History ();
use Depot::Sequence   ();
use Storable       ();
use Time::HiRes    qw(clock_gettime CLOCK_MONOTONIC);

my ($url, $dir) = fresh('deep');
# httpd itself looks at a file twice.
expect_log(client_errors(), qr{AH00031: access to /deep/history});

my $seconds = $ENV{DEPOT_HISTORY_SECONDS} // 8;
my $seed    = $ENV{DEPOT_HISTORY_SEED} // time;
my $port    = vars('port');
my @folders = qw(a b c);
my @files   = map { ("$_/x", "$_/y") } @folders;
note("seed $seed");

sub pick { return $_[ rand @_ ] }

# One request; what is asked is in O, and what was answered is put there.
sub run {
    my ($client, $o) = @_;
    my %request = (headers => []);

    $request{body} = $o->{value} if $o->{method} eq 'PUT';
    if ($o->{method} eq 'PROPPATCH') {
        $request{body} = proppatch_body(set => qq{<t:p xmlns:t="urn:test">$o->{value}</t:p>});
    }
    elsif ($o->{method} eq 'PROPFIND') {
        $request{body} = propfind_body('{urn:test}p', '{DAV:}resourcetype');
        push @{ $request{headers} }, Depth => 0;
    }
    elsif (defined $o->{to}) {
        push @{ $request{headers} }, Destination => "$url$o->{to}", Overwrite => $o->{overwrite} ? 'T' : 'F';
    }
    $o->{call} = clock_gettime(CLOCK_MONOTONIC);
    my $response = $client->request($o->{method}, "$url$o->{path}", %request);
    $o->{return} = clock_gettime(CLOCK_MONOTONIC);
    $o->{status} = $response->status;
    $o->{got}    = $response->body if $o->{method} eq 'GET' && $o->{status} == 200;
    if ($o->{status} == 207) {
        my $multistatus = $response->multistatus;
        my ($href) = $multistatus->hrefs;
        $o->{status} = $multistatus->response($href)->{status} // 207;
        $o->{got} = ($multistatus->prop($href, '{DAV:}resourcetype')->{node}->hasChildNodes ? 'collection ' : 'file ')
            . ($multistatus->text($href, '{urn:test}p') // '')
            if $o->{method} eq 'PROPFIND' && $o->{status} == 207;
    }
    return $o;
}

# What a client asks next; each value is given once.
my $count = 0;
sub choose {
    my ($who) = @_;
    my $dice  = rand;
    my $value = "$who." . $count++;

    return { method => 'PUT',       path => pick(@files), value => $value } if $dice < 0.2;
    return { method => 'GET',       path => pick(@files) } if $dice < 0.35;
    return { method => 'PROPPATCH', path => pick(@files, @folders), value => $value } if $dice < 0.5;
    return { method => 'PROPFIND',  path => pick(@files, @folders) } if $dice < 0.7;
    return { method => 'DELETE',    path => pick(@files, @files, @folders) } if $dice < 0.77;
    return { method => 'MKCOL',     path => pick(@folders) } if $dice < 0.87;
    my $method = $dice < 0.95 ? 'MOVE' : 'COPY';
    my @names  = $method eq 'MOVE' && rand() < 0.4 ? @folders : @files;
    my $from   = pick(@names);
    # A tree that takes another's place does so in two steps for who looks just then.
    return { method => $method, path => $from, to => pick(grep { $_ ne $from } @names),
        overwrite => $names[0] ne $folders[0] && rand() < 0.7 };
}

# A client: what it did, or why it could not go on.
sub work {
    my ($who, $until) = @_;
    my $client = client(port => $port, timeout => 60);
    my @done;

    srand $seed + $who;
    while (clock_gettime(CLOCK_MONOTONIC) < $until) {
        Time::HiRes::sleep(rand 0.04);
        if (rand() < 0.05) {
            my $response = $client->request('PROPFIND', $url, headers => [ Depth => pick(1, 'infinity') ]);
            die 'a listing was answered with ' . $response->status . "\n" unless $response->status == 207;
            $response->multistatus->hrefs or die "a listing is empty\n";
            next;
        }
        push @done, { who => $who, %{ run($client, choose($who)) } };
    }
    return \@done;
}

my $until = clock_gettime(CLOCK_MONOTONIC) + $seconds;
my @running;
for my $who (1 .. 16) {
    my $file = server_root() . "/history.$who";
    my $pid  = fork // die "fork: $!\n";
    if ($pid == 0) {
        my $result = eval { work($who, $until) } // "client $who: $@";
        Storable::nstore(ref $result ? $result : \$result, $file);
        CORE::exit(0);
    }
    push @running, [ $pid, $file ];
}

my (@operations, @failures);
for my $child (@running) {
    my ($pid, $file) = @$child;
    waitpid $pid, 0;
    my $result = -e $file ? Storable::retrieve($file) : \'a client died';
    unlink $file;
    ref $result eq 'ARRAY' ? push(@operations, @$result) : push(@failures, $$result);
}
is_deeply(\@failures, [], 'all clients came to their end, with well-formed answers');
cmp_ok(scalar @operations, '>', 100, 'they did something');
my %statuses;
$statuses{"$_->{method} $_->{status}"}++ for @operations;
note(join ', ', map { "$_: $statuses{$_}" } sort keys %statuses);
ok(!(grep { !$_->{status} || $_->{status} >= 500 } @operations), 'none was answered with an error of the server');

my ($why, $last, $state, $next) = Depot::History::linearize(\@operations, Depot::Sequence::start(), \&Depot::Sequence::apply,
    \&Depot::Sequence::key, 4_000_000);
SKIP: {
    # On a machine so busy that everything overlaps with everything.
    skip("$why", 1) if defined $why && $why =~ /^not decided/;
    is($why, undef, scalar(@operations) . ' answers are those of some order, one after another');
}
if (defined $why && $why !~ /^not decided/) {
    my ($zero) = sort { $a <=> $b } map { $_->{call} } @operations;
    diag('  ' . Depot::Sequence::text($_, $zero)) for @$last;
    diag('then: ' . Depot::Sequence::key($state) . ', and one of');
    diag('  ' . Depot::Sequence::text($_, $zero)) for @$next;
}
finish();
