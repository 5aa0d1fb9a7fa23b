# RFC 4918 section 10.3: the Destination header in all its forms.
use strict;
use warnings;

use Depot::Test;

expect_log(client_errors());

my ($url, $dir) = fresh();
my $port = vars('port');
put("${url}f", 'bytes');

sub copy_to {
    my ($destination, @headers) = @_;
    unlink "$dir/to";
    return dav('COPY', "${url}f", headers => [ Destination => $destination, @headers ]);
}

subtest 'RFC 4918 section 10.3: an absolute URI, or an absolute path' => sub {
    for my $form ("http://127.0.0.1:$port${url}to", "${url}to", "HTTP://127.0.0.1:$port${url}to") {
        status_is(copy_to($form), 201, $form);
        is(slurp("$dir/to"), 'bytes', 'is there');
    }
};

# t/dav/proxy.t has a real one.
subtest 'RFC 4918 section 10.3: as a client has it that sees a proxy' => sub {
    status_is(copy_to("https://127.0.0.1:$port${url}to"), 201, 'another scheme');
    for my $forwarded ('drive.example', 'a.example, drive.example', 'DRIVE.example:443') {
        status_is(copy_to("https://drive.example${url}to", 'X-Forwarded-Host' => $forwarded), 201, "a host a proxy forwards for: $forwarded");
        status_is(copy_to("https://drive.example:443${url}to", 'X-Forwarded-Host' => $forwarded), 201, 'with its port');
    }
    ok(-e "$dir/to", 'is there');
    # A name that this server is configured to have, whatever the request was sent to.
    status_is(copy_to("https://alias.depot.test:$port${url}to"), 201, "one of the server's own names");
};

subtest 'RFC 4918 section 9.8.5: another server is 502' => sub {
    unlink "$dir/to";
    for my $foreign ("http://elsewhere.example${url}to", "http://127.0.0.2:$port${url}to", "https://elsewhere.example:443${url}to") {
        status_is(copy_to($foreign), 502, $foreign);
    }
    status_is(copy_to("https://drive.example${url}to", 'X-Forwarded-Host' => 'other.example'), 502, 'a host that no proxy forwards for');
    ok(!-e "$dir/to", 'nothing was made');
};

subtest 'RFC 4918 section 10.3: what is no URL is 400' => sub {
    for my $bad ('to', '', 'http:', 'mailto:x@y', "ht tp://127.0.0.1${url}to", "//elsewhere.example${url}to") {
        status_is(copy_to($bad), 400, "\"$bad\"");
    }
    status_is(dav('COPY', "${url}f"), 400, 'none at all');
    ok(!-e "$dir/to", 'nothing was made');
};

finish();
