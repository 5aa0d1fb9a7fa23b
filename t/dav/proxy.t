# RFC 4918 section 10.3 behind a proxy that ends TLS: clients send https: URLs of a host and port
# that this server does not have, in Destination and in the tags of If headers.
use strict;
use warnings;

use Depot::Lock;
use Depot::Server;
use Depot::Test;

my ($modules) = (slurp(vars('t_conf') . '/modules.conf') =~ m{"(.*)/mod_dav\.so"});
plan(skip_all => 'no openssl, no curl, or no mod_ssl')
    unless -e "$modules/mod_ssl.so" && -e "$modules/mod_proxy_http.so" && system('which openssl curl >/dev/null') == 0;

expect_log(client_errors());

my $work = server_root() . '/proxy';
mkdir $work or die "$work: $!\n";
is(system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=drive.example -keyout $work/key -out $work/cert >$work/said 2>&1"), 0, 'a certificate')
    or diag(slurp("$work/said"));

# /dav with the Host that the client sent, /deep with this server's own and X-Forwarded-Host.
my $backend = 'http://127.0.0.1:' . vars('port');
my $proxy   = Depot::Server->start($work, <<"END") or BAIL_OUT('no proxy');
LoadModule ssl_module "$modules/mod_ssl.so"
LoadModule proxy_module "$modules/mod_proxy.so"
LoadModule proxy_http_module "$modules/mod_proxy_http.so"
SSLSessionCache none
SSLEngine On
SSLCertificateFile "$work/cert"
SSLCertificateKeyFile "$work/key"
<Location /dav>
    ProxyPass "$backend/dav"
    ProxyPreserveHost On
</Location>
<Location /deep>
    ProxyPass "$backend/deep"
    ProxyPreserveHost Off
</Location>
END

# The status of a request through the proxy, which takes itself for PORT of drive.example.
sub through {
    my ($method, $path, @more) = @_;
    my $port = $proxy->{port};
    my @command = ('curl', '-sSk', '--resolve', "drive.example:$port:127.0.0.1", '-o', "$work/out", '-w', '%{http_code}', '-X', $method, @more);
    open my $out, '-|', @command, "https://drive.example:$port$path" or die "curl: $!\n";
    return scalar <$out>;
}

for my $drive ('main', 'deep') {
    subtest "RFC 4918 section 10.3: through the proxy to $drive" => sub {
        my ($url, $dir) = fresh($drive);
        my $site = "https://drive.example:$proxy->{port}$url";
        spew("$work/file", 'bytes');
        is(through('PUT', "${url}f", '-T', "$work/file"), 201, 'PUT');
        is(through('MKCOL', "${url}c/"), 201, 'MKCOL');
        is(through('COPY', "${url}f", '-H', "Destination: ${site}c/copied"), 201, 'COPY');
        is(through('COPY', "${url}f", '-H', "Destination: ${url}c/too"), 201, 'COPY to an absolute path');
        is(through('COPY', "${url}f", '-H', "Destination: ${site}c/too", '-H', 'Overwrite: F'), 412, 'with Overwrite: F');
        is(through('MOVE', "${url}c/", '-H', "Destination: ${site}moved/"), 201, 'MOVE');
        is(slurp("$dir/moved/copied"), 'bytes', 'what was copied and moved is there');
        is(through('COPY', "${url}f", '-H', "Destination: https://elsewhere.example:$proxy->{port}${url}no"), 502, 'another host is another server');
        # Section 10.4.3: tags are as the client sees them, too.
        spew("$work/lockinfo", lockinfo());
        is(through('LOCK', "${url}f", '-H', 'Depth: 0', '--data-binary', "\@$work/lockinfo"), 200, 'LOCK');
        my ($token) = slurp("$work/out") =~ m{<D:locktoken><D:href>([^<]*)<};
        is(through('MOVE', "${url}f", '-H', "Destination: ${site}g"), 423, 'MOVE of what is locked');
        is(through('MOVE', "${url}f", '-H', "Destination: ${site}g", '-H', "If: <${site}f> (<$token>)"), 201, 'with the token');
        is(through('PROPFIND', $url, '-H', 'Depth: 1'), 207, 'PROPFIND');
        like(slurp("$work/out"), qr{<D:href>\Q${url}\Eg</D:href>}, 'has hrefs that hold for the client');
        ok(!-e "$dir/no" && !-e "$dir/f", 'and no more is there');
    };
}
$proxy->stop;

finish();
