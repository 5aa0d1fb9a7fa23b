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
for my $form ("http://127.0.0.1:$port${url}to", "${url}to", "HTTP://127.0.0.1:$port${url}to") {
    status_is(copy_to($form), 201, $form);
    is(slurp("$dir/to"), 'bytes', 'is there');
}
# A proxy in front that ends TLS: the client's scheme and host are not ours.
status_is(copy_to("https://127.0.0.1:$port${url}to"), 201, 'another scheme');
status_is(copy_to("https://drive.example${url}to", 'X-Forwarded-Host' => 'drive.example'), 201, 'a host a proxy forwards for');
status_is(copy_to("https://drive.example${url}to", 'X-Forwarded-Host' => 'a.example, drive.example'), 201, 'two proxies');
ok(-e "$dir/to", 'is there');

for my $foreign ("http://elsewhere.example${url}to", "http://127.0.0.2:$port${url}to", "//elsewhere.example${url}to") {
    status_is(copy_to($foreign), [ 502, 400 ], $foreign);
}
for my $bad ('to', '', 'http:', 'mailto:x@y', "ht tp://127.0.0.1${url}to") {
    status_is(copy_to($bad), 400, "\"$bad\"");
}
ok(!-e "$dir/to", 'nothing was made');

finish();
