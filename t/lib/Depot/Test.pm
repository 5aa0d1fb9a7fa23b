# What every functional test needs: Test::More, the server's drives, XML bodies, and a check
# that nothing unexpected was logged.  A test ends with finish().
package Depot::Test;

use strict;
use warnings;

use Apache::TestConfig ();
use Cwd                ();
use Exporter 'import';
use File::Basename     ();
use Test2::API ();
use Test::More;

use Depot::Client ();

our @EXPORT = (
    @Test::More::EXPORT,
    qw(client drive fresh escape unescape slurp spew status_is dav propfind_body propfind
        proppatch_body proppatch set_prop get_prop put server_root expect_log client_errors finish
        vars
        members make_tree)
);

my $config = Apache::TestConfig->thaw->httpd_config;
my $vars   = $config->{vars};
my $log    = "$vars->{t_logs}/error_log";
my $start  = -s $log // 0;
my $owner  = $$;
my ($finished, @expected, $client);

sub vars        { return $vars->{ $_[0] } }
sub server_root { return $vars->{serverroot} }

# A client of its own; without arguments, one for the whole test.
sub client {
    my (%arg) = @_;
    return Depot::Client->new(port => $vars->{port}, %arg) if %arg;
    return $client //= Depot::Client->new(port => $vars->{port});
}

# The directory behind a drive.
sub drive {
    my ($name) = @_;

    if ($name eq 'shm') {
        my ($path) = slurp("$vars->{t_conf}/shm.conf") =~ /"(.*)"/;
        return $path;
    }
    return "$vars->{serverroot}/drives/$name";
}

# An empty collection for this test alone: its URL path, with a slash at the end, and its
# directory, without.
sub fresh {
    my ($drive) = @_;
    my $name = File::Basename::basename($0, '.t');
    my $dir;

    $drive //= 'main';
    for (my $n = 1; ; $n++) {
        $dir = drive($drive) . "/$name-$n";
        next if -e $dir;
        mkdir $dir or die "$dir: $!\n";
        return ('/' . ($drive eq 'main' ? 'dav' : $drive) . "/$name-$n/", $dir);
    }
}

# A name as it stands in an href: everything but unreserved characters is escaped.
sub escape {
    my ($name) = @_;
    $name =~ s{([^A-Za-z0-9._~/-])}{sprintf '%%%02X', ord $1}ge;
    return $name;
}

sub unescape {
    my ($href) = @_;
    # What comes out of an XML parser counts in characters; file names are bytes.
    utf8::downgrade($href);
    $href =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
    return $href;
}

sub slurp {
    my ($path) = @_;
    open my $file, '<:raw', $path or return undef;
    local $/;
    my $bytes = <$file>;
    return $bytes // '';
}

sub spew {
    my ($path, $bytes) = @_;
    open my $file, '>:raw', $path or die "$path: $!\n";
    print {$file} $bytes;
    close $file or die "$path: $!\n";
    return;
}

# All names in a directory, sorted, without "." and "..".
sub members {
    my ($dir) = @_;
    opendir my $handle, $dir or return;
    return sort grep { $_ ne '.' && $_ ne '..' } readdir $handle;
}

# Make files below DIR: a name that ends in a slash is a directory.
sub make_tree {
    my ($dir, @names) = @_;
    for my $name (@names) {
        if ($name =~ m{/\z}) { mkdir "$dir/$name" or die "$dir/$name: $!\n" }
        else                 { spew("$dir/$name", "bytes of $name\n") }
    }
    return;
}

sub status_is {
    my ($response, $expected, $what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @allowed = ref $expected ? @$expected : ($expected);
    my $got     = $response->status;
    my $ok      = ok((grep { $_ == $got } @allowed), $what);

    (my $body = substr $response->body, 0, 400) =~ s/<!DOCTYPE.*<h1>|[^ -~]+/ /sg;
    diag("got $got, expected @allowed: $body") unless $ok;
    return $ok;
}

# A request through the test's client.
sub dav {
    my ($method, $path, %arg) = @_;
    return client()->request($method, $path, %arg);
}

sub put {
    my ($path, $bytes, @headers) = @_;
    return dav('PUT', $path, body => $bytes, headers => \@headers);
}

sub prop_elements {
    my (@names) = @_;
    my $n = 0;
    return join '', map {
        my ($ns, $local) = /^\{(.*)\}(.*)$/ or die "not a property name: $_\n";
        $n++;
        $ns eq '' ? qq{<$local xmlns=""/>} : qq{<p$n:$local xmlns:p$n="$ns"/>};
    } @names;
}

# The body that asks for these properties, "{namespace}local" each.
sub propfind_body {
    my (@names) = @_;
    return '<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop>'
        . prop_elements(@names)
        . '</D:prop></D:propfind>';
}

# propfind(PATH, DEPTH, BODY): BODY undef is no body at all.
sub propfind {
    my ($path, $depth, $body) = @_;
    return dav('PROPFIND', $path, body => $body, headers => [ Depth => $depth ]);
}

# proppatch_body(set => XML, remove => [names], ...), in that order.
sub proppatch_body {
    my (@actions) = @_;
    my $text = '<?xml version="1.0" encoding="utf-8"?><D:propertyupdate xmlns:D="DAV:">';

    while (my ($action, $what) = splice @actions, 0, 2) {
        my $inner = ref $what ? prop_elements(@$what) : $what;
        $text .= "<D:$action><D:prop>$inner</D:prop></D:$action>";
    }
    return "$text</D:propertyupdate>";
}

sub proppatch {
    my ($path, @actions) = @_;
    return dav('PROPPATCH', $path, body => proppatch_body(@actions));
}

# Set {urn:test}NAME to a text; true if it worked.
sub set_prop {
    my ($path, $name, $text) = @_;
    my $response = proppatch($path, set => qq{<t:$name xmlns:t="urn:test">$text</t:$name>});

    return 0 unless $response->status == 207;
    my ($href) = $response->multistatus->hrefs;
    return $response->multistatus->prop_status($href, "{urn:test}$name") == 200;
}

# The text of {urn:test}NAME, undef if there is none.
sub get_prop {
    my ($path, $name) = @_;
    my $response = propfind($path, 0, propfind_body("{urn:test}$name"));

    return undef unless $response->status == 207;
    my ($href) = $response->multistatus->hrefs;
    return $response->multistatus->text($href, "{urn:test}$name");
}

# What mod_dav's core logs, at the level of an error, about mistakes of a client's.
sub client_errors {
    return (
        qr/\[dav:error\].*\[(?:4\d\d|207), #\d+\]/,
        qr/\[dav:error\].*\[status 4\d\d\]/,
        qr/\[dav:error\].*AH00(?:5[89]\d)/,
    );
}

# Lines of the error log that match are no failure of this test.
sub expect_log {
    push @expected, @_;
    return;
}

sub unexpected_log_lines {
    my @found;

    open my $file, '<:raw', $log or return "$log: $!";
    seek $file, $start, 0;
    while (my $line = <$file>) {
        next
            unless $line =~ /\[[^\] ]*:(?:warn|error|crit|alert|emerg)\]/
            || $line     =~ /AH00052|exit signal|Assertion|runtime error|AddressSanitizer|\*\*\* /;
        next if grep { $line =~ $_ } @expected;
        chomp $line;
        push @found, $line;
    }
    return @found;
}

# The last test of a file: the log is clean.
sub finish {
    my @lines = unexpected_log_lines();

    ok(!@lines, 'the error log holds nothing unexpected');
    diag("$lines[$_]") for 0 .. ($#lines > 9 ? 9 : $#lines);
    diag(@lines . ' lines in all') if @lines > 10;
    $finished = 1;
    done_testing();
    return;
}

END {
    my $plan = Test2::API::test2_stack()->top->plan // '';
    if ($$ == $owner && !$finished && $plan ne 'SKIP') {
        diag('the test did not reach finish()');
        diag($_) for unexpected_log_lines();
        $? ||= 1;
    }
}

1;
