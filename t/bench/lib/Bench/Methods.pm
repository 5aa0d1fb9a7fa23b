package Bench::Methods;
# Rows 9 to 13: what changes something, GET, and the mixed load.
use strict;
use warnings;
use Bench::Client;
use Bench::Measure;
use Bench::Report;

my @WRITERS = qw(depot fs lighttpd);

# A case of load.c's SCRIPT in a folder of each server's own.
sub loaded {
    my ($bench, $servers, $clients, $folder, $script, $count, %case) = @_;
    my $case = $bench->{report}->begin(unit => 'requests a second', better => 'more', %case);
    Bench::Measure::rate($bench, $case, $servers, sub { ($script, $folder->($_[0]), $count) }, $clients);
    $bench->{report}->show($case);
}

sub own_folders {
    my ($bench, $servers, $name, $members) = @_;
    return { map { $_ => $bench->{data}->folder("$name-$_", $members) } @$servers };
}

sub row_9 {
    my ($bench) = @_;
    my $url = own_folders($bench, \@WRITERS, 'patched', 1000);
    $bench->{servers}->restart(@WRITERS);
    for my $clients (16, 1) {
        loaded($bench, \@WRITERS, $clients, sub { $url->{ $_[0] } }, 'proppatch', 1000, row => 9,
            title => "PROPPATCH of two properties, clients: $clients",
            targets => $clients > 1 ? [ [ fs => 3 ] ] : []);
    }
}

# Lock and unlock folders of ten and of MEMBERS members, by turns; list the locks of the latter.
sub lock_folders {
    my ($bench, $servers, $members) = @_;
    my ($report, $running) = @{$bench}{qw(report servers)};
    my @folders = map { {
        url  => own_folders($bench, $servers, "locked-$_", $_),
        case => $report->begin(row => 10, unit => 'milliseconds', scale => 1e3,
            title => "LOCK and UNLOCK, Depth: infinity, $_ members"),
    } } 10, $members;
    my @turns = map { my $folder = $_; map { [ $_, @{$folder}{qw(url case)} ] } @$servers } @folders;
    Bench::Measure::alternate(3 * $bench->{runs}, \@turns, sub {
        my ($server, $url, $case) = @{ $_[0] };
        my $port = $running->port($server);
        $report->note($case, $server, 'value', Bench::Measure::seconds(sub {
            my $token = Bench::Client::lock($port, "$url->{$server}/", 'infinity');
            Bench::Client::unlock($port, "$url->{$server}/", $token);
        }));
    });
    $report->show($_->{case}) for @folders;
    my ($few, $many) = map { Bench::Report::raw($_->{case}, 'depot', 'value') } @folders;
    $report->verdict("a lock of $members members costs what one of 10 costs, within 20 %",
        100 * ($many / $few - 1), 20, '%.0f %%', 1);
    list_locks($bench, $servers, $folders[1]{url}, $members);
}

sub list_locks {
    my ($bench, $servers, $url, $members) = @_;
    my ($report, $running) = @{$bench}{qw(report servers)};
    my %token = map {
        $_ => Bench::Client::lock($running->port($_), "$url->{$_}/", 'infinity')
    } @$servers;
    my $case = $report->begin(row => 10, unit => 'microseconds a member', scale => 1e6 / $members,
        title => "Depth: 1, lockdiscovery below such a lock, $members members");
    Bench::Measure::alternate($bench->{runs}, $servers, sub {
        my ($server) = @_;
        my %answer =
            Bench::Client::propfind($running->port($server), "$url->{$server}/", 'lockdiscovery', 1);
        $report->note($case, $server, 'value', $answer{total});
        $report->note($case, $server, 'first', $answer{first});
    });
    $report->show($case);
    Bench::Client::unlock($running->port($_), "$url->{$_}/", $token{$_}) for @$servers;
}

sub row_10 {
    my ($bench) = @_;
    my @servers = (@WRITERS, 'nginx');
    $bench->{servers}->restart(@servers);
    lock_folders($bench, \@servers, $bench->{sizes}{folder});
    # Last: clients that lock at once leave mod_dav_fs's lock database broken.
    my $url = own_folders($bench, \@servers, 'lockable', 2000);
    loaded($bench, \@servers, 20, sub { $url->{ $_[0] } }, 'lock', 2000, row => 10,
        title => 'LOCK or UNLOCK of distinct files, 20 clients (pairs: half)',
        targets => [ [ fs => 6 ] ]);
}

sub row_11 {
    my ($bench) = @_;
    my ($report, $running, $data) = @{$bench}{qw(report servers data)};
    my $members = $bench->{sizes}{folder};
    $running->start($_) for @WRITERS;
    my %url = $data->with_properties($members, 1, @WRITERS);
    # With properties as well: what has none, a rename moves, and nothing is committed.
    my %small = $data->with_properties(10, 1, @WRITERS);
    $running->restart(@WRITERS);
    my %case = map {
        my ($key, $title, @targets) = @$_;
        $key => $report->begin(row => 11, unit => 'milliseconds', scale => 1e3, title => $title,
            targets => \@targets)
        } (
        [ copy => "COPY of $members files with five properties each", [ fs => 8 ] ],
        [ few  => 'MOVE of a folder of ten files' ],
        [ move => "MOVE of a folder of $members files" ],
        [ delete => "DELETE of $members files", [ fs => 1.5 ] ],
        );
    my $one = sub {
        my ($server, $case, $method, $path, $destination) = @_;
        my $to = $destination ? "Destination: http://localhost$destination\r\n" : '';
        my $port = $running->port($server);
        $report->note($case{$case}, $server, 'value', Bench::Measure::seconds(sub {
            Bench::Client::expect('20[014]', $port, $method, $path, $to, '');
        }));
        system 'sync';
    };
    # All copies before the first DELETE: ext4 passes over inodes deleted a short while ago, one by
    # one, and whoever makes files then pays for it.
    my %run;
    my @runs = (($bench->{runs} + 1) / 2, \@WRITERS);
    Bench::Measure::alternate(@runs, sub {
        my ($server) = @_;
        my $copy = "/copy-$server-" . ++$run{$server};
        $one->($server, 'copy', 'COPY', "$url{$server}/", "$copy/");
        $one->($server, 'move', 'MOVE', "$copy/", "$copy-moved/");
        $one->($server, 'few', 'MOVE', "$small{$server}/", "$small{$server}-moved/");
        $one->($server, 'few', 'MOVE', "$small{$server}-moved/", "$small{$server}/");
    });
    Bench::Measure::alternate(@runs, sub {
        my ($server) = @_;
        $one->($server, 'delete', 'DELETE', "/copy-$server-" . $run{$server}-- . '-moved/');
    });
    $report->show($case{$_}) for qw(copy few move delete);
    my ($few, $many) = map { Bench::Report::raw($case{$_}, 'depot', 'value') } qw(few move);
    $report->verdict("a MOVE of $members files costs what one of ten costs, within 20 %",
        100 * ($many / $few - 1), 20, '%.0f %%', 1);
}

# A large file of its own, written by each of SERVERS; one of them, read by each.
sub large_file {
    my ($bench, $servers) = @_;
    my ($report, $running) = @{$bench}{qw(report servers)};
    my $size = $bench->{sizes}{file};
    my $mib = $size / (1 << 20);
    my $url = own_folders($bench, $servers, 'large', 1);
    for my $method (qw(PUT GET)) {
        my $case = $report->begin(row => 12, unit => 'MiB a second', better => 'more',
            title => "$method of $mib MiB", targets => [ [ fs => 0.95 ] ]);
        # What is read from the cache takes little time, and varies the more.
        my $runs = ($method eq 'GET' ? 7 : 1) * $bench->{runs};
        Bench::Measure::alternate($runs, $servers, sub {
            my ($server) = @_;
            my $cpu = $running->cpu($server);
            my %answer = Bench::Client::expect('20[014]', $running->port($server), $method,
                $url->{ $method eq 'PUT' ? $server : 'depot' } . '/large.bin', '',
                $method eq 'PUT' ? $size : '');
            $report->note($case, $server, 'value', $mib / $answer{total});
            $report->note($case, $server, 'cpu', ($running->cpu($server) - $cpu) / $mib);
            system 'sync' if $method eq 'PUT';
        });
        $report->show($case);
    }
    unlink $running->www . "$url->{$_}/large.bin" for @$servers;
}

sub row_12 {
    my ($bench) = @_;
    my @servers = (@WRITERS, 'nginx');
    my $url = own_folders($bench, \@servers, 'put', 1);
    $bench->{servers}->restart(@servers);
    loaded($bench, \@servers, 16, sub { $url->{ $_[0] } }, 'put', 1, row => 12,
        title => 'PUT of 1 KiB, 16 clients', targets => [ [ fs => 1 ] ]);
    large_file($bench, \@servers);
}

sub row_13 {
    my ($bench) = @_;
    my $folders = $bench->{sizes}{office};
    my %url = map { $_ => $bench->{data}->office("office-$_", $folders) } @WRITERS;
    $bench->{servers}->restart(@WRITERS);
    loaded($bench, \@WRITERS, 32, sub { $url{ $_[0] } }, 'office', $folders, row => 13,
        title => 'an office\'s mixed load, 32 clients');
}

1;
