package Bench::Report;
# What was measured: the table, the raw figures as CSV, the growth curves as SVG.
use strict;
use warnings;
use Bench::Servers;

my @METRICS = (
    # name, heading, format, factor
    [ first   => 'first byte' => '%9.2f ms',  1e3 ],
    [ peak    => 'peak'       => '%8.1f MiB', 1 / 1024 ],
    [ private => 'private'    => '%8.1f MiB', 1 / 1024 ],
    [ cpu     => 'processor'  => '%8.1f us',  1e6 ],
    [ p99     => '99th'       => '%9.2f ms',  1 ],
    [ failed  => 'failed'     => '%8.2f %%', 100 ],
);

# DIR takes the results.
sub new {
    my ($class, $dir) = @_;
    open my $table, '>', "$dir/table.txt" or die "$dir/table.txt: $!";
    open my $csv,   '>', "$dir/raw.csv"   or die "$dir/raw.csv: $!";
    print $csv "row,case,server,run,metric,value\n";
    return bless { dir => $dir, table => $table, csv => $csv, missed => 0 }, $class;
}

sub say {
    my ($self, $text) = @_;
    print "$text\n";
    print { $self->{table} } "$text\n";
}

sub median { my @s = sort { $a <=> $b } @_; return @s ? $s[ @s / 2 ] : undef }

# A case: row, title, unit; better, "less" or "more"; scale, what raw values are multiplied
# by; targets, each [server, times]: so many times that server's figure is wanted.
sub begin {
    my ($self, %case) = @_;
    return { scale => 1, better => 'less', targets => [], order => [], %case };
}

# Note a raw figure: seconds, a rate, KiB.
sub note {
    my ($self, $case, $server, $metric, $value) = @_;
    return unless defined $value;
    push @{ $case->{order} }, $server unless $case->{servers}{$server};
    my $values = $case->{servers}{$server}{$metric} //= [];
    push @$values, $value;
    printf { $self->{csv} } "%s,\"%s\",%s,%d,%s,%.9g\n", $case->{row}, $case->{title}, $server,
        scalar @$values, $metric, $value;
}

# A median in raw units, or undef.
sub raw { my ($case, $server, $metric) = @_; median(@{ $case->{servers}{$server}{$metric} // [] }) }

# How many times better we are than SERVER.
sub advantage {
    my ($case, $server) = @_;
    my ($ours, $theirs) = map { raw($case, $_, 'value') } 'depot', $server;
    return undef unless $ours && $theirs;
    return $case->{better} eq 'less' ? $theirs / $ours : $ours / $theirs;
}

sub title_of { $Bench::Servers::NAMES{ $_[0] } // $_[0] }

# Print CASE.
sub show {
    my ($self, $case) = @_;
    my @metrics = grep {
        my $name = $_->[0];
        grep { defined raw($case, $_, $name) } @{ $case->{order} };
    } @METRICS;
    $self->say('');
    $self->say(sprintf '%2s  %s', $case->{row}, "$case->{title}, $case->{unit}");
    $self->say(sprintf '    %-34s %10s %8s' . ' %12s' x @metrics, '', '', 'ratio',
        map { $_->[1] } @metrics);
    for my $server (@{ $case->{order} }) {
        my $times = $server eq 'depot' ? undef : advantage($case, $server);
        my $line = sprintf '    %-34s %10s %8s', title_of($server),
            figure($case->{scale} * raw($case, $server, 'value')),
            defined $times ? sprintf('%.2fx', $times) : '';
        for my $metric (@metrics) {
            my $value = raw($case, $server, $metric->[0]);
            $line .= sprintf ' %12s', defined $value ? sprintf $metric->[2], $value * $metric->[3] : '';
        }
        $self->say($line =~ s/\s+$//r);
    }
    for my $target (@{ $case->{targets} }) {
        my ($server, $wanted) = @$target;
        my $times = advantage($case, $server);
        next unless defined $times;
        $self->verdict(sprintf('at least %.2f times %s', $wanted, title_of($server)),
            $times, $wanted, '%.2f');
    }
}

sub figure { my ($n) = @_; return $n >= 100 ? sprintf '%.0f', $n : sprintf '%.2f', $n }

# A target WORDS: VALUE is to be at least WANTED, or with MOST at most.
sub verdict {
    my ($self, $words, $value, $wanted, $format, $most) = @_;
    my $met = $most ? $value <= $wanted : $value >= $wanted;
    $self->{missed}++ unless $met;
    $self->say(sprintf "    target: %s: $format, %s", $words, $value, $met ? 'met' : 'MISSED');
}

# Note that what is to hold does not.
sub miss {
    my ($self, $words) = @_;
    $self->{missed}++;
    $self->say("    MISSED: $words");
}

# Draw curves with gnuplot: what NAME.svg shows, and {server}[[x, y], ...].
sub draw {
    my ($self, $name, $title, $y, $curves) = @_;
    my @servers = grep { @{ $curves->{$_} } > 1 } sort keys %$curves;
    return unless @servers;
    my $data = join '', map {
        my $server = $_;
        "\"" . title_of($server) . "\"\n"
            . join('', map {"$_->[0] $_->[1]\n"} @{ $curves->{$server} }) . "\n\n"
    } @servers;
    Bench::Servers::write_file("$self->{dir}/$name.dat", $data);
    my $plots = join ', ', map {
        "'$self->{dir}/$name.dat' index $_ with linespoints pointtype 7 linewidth 2"
            . ' title columnheader(1)'
    } 0 .. $#servers;
    open my $gnuplot, '|-', 'gnuplot' or die "gnuplot: $!";
    print $gnuplot <<"END";
set terminal svg size 720,440 background "white"
set output '$self->{dir}/$name.svg'
set title '$title'
set xlabel 'members'
set ylabel '$y'
set logscale xy
set grid
set key left top
plot $plots
END
    close $gnuplot or die "gnuplot failed\n";
}

# Flush what was written, and tell where it is.
sub end {
    my ($self) = @_;
    $self->say('');
    $self->say("$self->{missed} targets missed");
    close $self->{table};
    close $self->{csv};
    print "the table, raw figures and curves are in $self->{dir}\n";
}

1;
