package Bench::Listings;
# Rows 1 to 8: PROPFIND.
use strict;
use warnings;
use Bench::Client;
use Bench::Measure;
use Bench::Report;

my @READERS = qw(depot fs fsnolock lighttpd nginx floor);
my @KEEPERS = qw(depot fs fsnolock lighttpd floor);

# The floor program must not be flattered by writing less.
sub check_floor {
    my ($bench, $url, $form) = @_;
    my %lines;
    for my $server (qw(depot floor)) {
        my %answer =
            Bench::Client::propfind($bench->{servers}->port($server), "$url->{$server}/", $form, 1, 1);
        $lines{$server} = join "\n", sort split /\n/, Bench::Client::body_of($answer{text});
    }
    $bench->{report}->miss('the floor program and mod_dav_depot send different bytes')
        if $lines{depot} ne $lines{floor};
}

sub depth_one {
    my ($bench, %case) = @_;
    my ($members, $servers, $url, $form, $runs) = delete @case{qw(members servers url form runs)};
    my $case = $bench->{report}->begin(
        unit => 'microseconds a member', scale => 1e6 / $members, %case);
    Bench::Measure::listing($bench, $case, $servers, $url, $form, 1, $runs // $bench->{runs});
    check_floor($bench, $url, $form);
    push @{ $case->{targets} }, [ floor => 1 / 1.5 ];
    $bench->{report}->show($case);
}

sub row_1 {
    my ($bench) = @_;
    for my $members (@{$bench->{sizes}}{qw(folder large)}) {
        my $url = $bench->{data}->folder("plain-$members", $members);
        $bench->{servers}->restart(@READERS);
        depth_one($bench, row => 1, title => "Depth: 1, four live properties, $members members",
            members => $members, servers => \@READERS, url => { map { $_ => $url } @READERS },
            form => 'live', targets => [ [ fs => 2.5 ], [ lighttpd => 1 ] ],
            runs => $members > 100_000 ? ($bench->{runs} + 1) / 2 : $bench->{runs});
    }
}

sub row_2 {
    my ($bench) = @_;
    my $members = $bench->{sizes}{folder};
    my $url = $bench->{data}->folder("plain-$members", $members);
    $bench->{servers}->restart(@READERS);
    depth_one($bench, row => 2, title => "Depth: 1, allprop, no dead properties, $members members",
        members => $members, servers => \@READERS, url => { map { $_ => $url } @READERS },
        form => 'allprop', targets => [ [ fs => 8 ], [ lighttpd => 4 ] ]);
}

sub row_3 {
    my ($bench) = @_;
    my $members = $bench->{sizes}{folder};
    $bench->{servers}->start($_) for @KEEPERS;
    my %url = $bench->{data}->with_properties($members, 1, @KEEPERS);
    $bench->{servers}->restart(@KEEPERS);
    depth_one($bench, row => 3, title => "Depth: 1, allprop, five dead properties each, $members members",
        members => $members, servers => \@KEEPERS, url => \%url, form => 'allprop',
        targets => [ [ fs => 15 ] ]);
}

sub row_4 {
    my ($bench) = @_;
    my $members = $bench->{sizes}{folder};
    $bench->{servers}->start($_) for @KEEPERS;
    my %url = $bench->{data}->with_properties($members, 1, @KEEPERS);
    $bench->{servers}->restart(@KEEPERS);
    depth_one($bench, row => 4, title => "Depth: 1, four live and one dead property by name, $members members",
        members => $members, servers => \@KEEPERS, url => \%url, form => 'named',
        targets => [ [ fs => 10 ] ]);
}

# Growth: the same listing of ever larger folders, properties on every tenth member.
sub row_6 {
    my ($bench) = @_;
    my ($report, $running, $data) = @{$bench}{qw(report servers data)};
    my @sizes;
    for my $members (@{ $bench->{sizes}{growth} }) {
        my @able = grep { /^(?:depot|floor)$/ || $members <= 100_000 } qw(depot fs lighttpd floor);
        $running->start($_) for @able;
        my %url = $data->with_properties($members, 10, @able);
        $running->restart(@able);
        my $case = $report->begin(row => 6, unit => 'microseconds a member',
            title => "Depth: 1, allprop, properties on every tenth, $members members",
            scale => 1e6 / $members);
        my @what = ($case, \@able, \%url, 'allprop', 1);
        Bench::Measure::listing_memory($bench, @what);
        push @sizes, { members => $members, case => $case, what => \@what };
    }
    # By turns, so that a drift of the machine does not pass for growth.
    Bench::Measure::alternate($bench->{runs}, \@sizes, sub {
        my ($size) = @_;
        Bench::Measure::listing_time($bench, @{ $size->{what} }, $size->{members} < 10_000 ? 5 : 1);
    });
    my (%time, %first, %private);
    for my $size (@sizes) {
        my ($members, $case) = @{$size}{qw(members case)};
        $report->show($case);
        for my $server (@{ $case->{order} }) {
            my @medians = map { Bench::Report::raw($case, $server, $_) } qw(value first private);
            push @{ $time{$server} },    [ $members, 1e6 * $medians[0] / $members ];
            push @{ $first{$server} },   [ $members, 1e3 * $medians[1] ];
            push @{ $private{$server} }, [ $members, $medians[2] / 1024 ];
        }
    }
    my @y = map { [ map { $_->[1] } @{ $_->{depot} } ] } \%time, \%first, \%private;
    my ($least, $most) = (sort { $a <=> $b } @{ $y[0] })[ 0, -1 ];
    $report->verdict('time a member constant within 20 %', 100 * ($most / $least - 1), 20, '%.0f %%', 1);
    $report->verdict('first byte within 10 ms', (sort { $a <=> $b } @{ $y[1] })[-1], 10, '%.2f ms', 1);
    ($least, $most) = (sort { $a <=> $b } @{ $y[2] })[ 0, -1 ];
    $report->verdict('private memory within 8 MiB', $most - $least, 8, '%.2f MiB', 1);
    $report->draw('growth-time', 'PROPFIND Depth: 1, allprop', 'microseconds a member', \%time);
    $report->draw('growth-first-byte', 'PROPFIND Depth: 1, allprop', 'first byte, ms', \%first);
    $report->draw('growth-memory', 'PROPFIND Depth: 1, allprop', 'private memory, MiB', \%private);
}

sub row_7 {
    my ($bench) = @_;
    my ($report, $running, $data) = @{$bench}{qw(report servers data)};
    my @servers = qw(depot fs);
    my $members = $bench->{sizes}{tree};
    my %url;
    for my $server (@servers) {
        $running->start($server);
        $url{$server} = $data->tree("tree-$server", $members);
        $data->fill($server, $url{$server}, $members, 1, 3, 10);
    }
    $running->restart(@servers);
    my $case = $report->begin(row => 7, unit => 'microseconds a file', scale => 1e6 / $members,
        title => "Depth: infinity, allprop, three dead properties each, $members files in "
            . $members / 10 . ' folders');
    Bench::Measure::listing($bench, $case, \@servers, \%url, 'allprop', 'infinity', ($bench->{runs} + 1) / 2);
    $report->show($case);
}

sub row_8 {
    my ($bench) = @_;
    my ($report, $running, $data) = @{$bench}{qw(report servers data)};
    my @servers = qw(depot fs lighttpd nginx);
    my $static = $data->folder('static', 50) . '/member-0000049.txt';
    my $file = $data->folder('plain-50', 50) . '/member-0000049.txt';
    $running->restart(@servers);
    my $case = $report->begin(row => 8, unit => 'requests a second', better => 'more',
        title => 'PROPFIND Depth: 0, four live properties, 16 clients',
        targets => [ [ 'GET of a static file, same httpd' => 0.75 ] ]);
    Bench::Measure::rate($bench, $case, \@servers, sub { ('propfind', $file) }, 16,
        [ 'GET of a static file, same httpd' => 'depot', 'get', $static ]);
    $report->show($case);
}

1;
