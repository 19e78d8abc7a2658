LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library acme

# … the library apt

# … the library certbot

# … the library disk

# … the library file

# … the library history

# … the library https

# … the library maintenance

# … the library nginx

# … the library probe

# … the library request

# … the library service

# … the library site

# … the library sources

# … the library stamp

# … the library step

change_before() (
set -eu
if [ -e /etc/letsencrypt/live/hello/fullchain.pem ] || [ ! -L /etc/nginx/sites-enabled/hello-tls ]; then
if probe_has nginx_test; then
service_check 'nginx rejects its current configuration, so nothing was changed' 'Correct that file first.' nginx_test /etc/nginx/snippets/selvedge-listen-tls.conf /etc/nginx/sites-available/hello-tls /etc/nginx/sites-enabled/hello-tls /etc/nginx/snippets/hello-http.conf /etc/nginx/sites-available/hello /etc/nginx/conf.d/selvedge-default-tls.conf
fi
stamp_remove nginx-tls-hello
fi
)
change_0() (
set -eu
step_fail '/etc/nginx/sites-available/hello is missing.'
)
change_1() (
set -eu
apt_install certbot
)
change_2() (
set -eu
service_check 'certbot.timer rejects its configuration, so it was not started' 'Correct the file that it names.' 'systemctl daemon-reload'
service_run 'enable --now' certbot.timer
:
)
change_3() (
set -eu
program=/usr/bin/certbot
server=https://acme-v02.api.letsencrypt.org/directory
webroot=/var/www/letsencrypt
checked=hello.example.com
domain=hello.example.com
certbot_issue --cert-name hello --deploy-hook 'nginx -t -q && systemctl reload nginx' --webroot --webroot-path /var/www/letsencrypt --register-unsafely-without-email -d hello.example.com
)
change_4() (
set -eu
file_put /etc/nginx/snippets/selvedge-listen-tls.conf 0644 root root <<'EOF'
# Makes a site listen for HTTPS and HTTP/2. All HTTPS sites of Selvedge on this server include this file.
# Written by `fab certbot`; edit its template nginx/listen-tls.conf.j2 instead.
listen 443 ssl http2;
listen [::]:443 ssl http2;
EOF
)
change_5() (
set -eu
file_put /etc/nginx/sites-available/hello-tls 0644 root root <<'EOF'
# The site of hello over HTTPS.
# Written by `fab certbot`; edit its template nginx/tls.conf.j2 instead.

server {
    include /etc/nginx/snippets/selvedge-listen-tls.conf;
    server_name hello.example.com;
    server_tokens off;

    ssl_certificate /etc/letsencrypt/live/hello/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/hello/privkey.pem;

    # Mozilla's intermediate profile, version 5.7 (https://wiki.mozilla.org/Security/Server_Side_TLS), without the DHE
    # ciphers: they need extra parameters, and every client supports one of the others.
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
    ssl_ecdh_curve X25519:prime256v1:secp384r1;
    ssl_prefer_server_ciphers off;
    ssl_session_timeout 1d;
    ssl_session_cache shared:selvedge:10m;
    # nginx does not rotate the key of its session tickets: a leaked key would decrypt months of sessions.
    ssl_session_tickets off;

    # Files for the certificate authority's checks: a CDN that always uses HTTPS requests them here.
    location ^~ /.well-known/acme-challenge/ {
        root /var/www/letsencrypt;
        default_type text/plain;
        auth_basic off;
    }

    # Paths of other apps ([nginx] path). They note a request of theirs, for which this site's maintenance does not hold.
    set $selvedge_elsewhere "";
    include /etc/nginx/selvedge/sites/hello.example.com/*.conf;

    include /etc/nginx/snippets/hello.conf;
}
EOF
)
change_6() (
set -eu
file_link /etc/nginx/sites-enabled/hello-tls /etc/nginx/sites-available/hello-tls
)
change_7() (
set -eu
file_put /etc/nginx/snippets/hello-http.conf 0644 root root <<'EOF'
# Redirects HTTP to HTTPS, except for the certificate authority's checks.
# Written by `fab certbot`; edit its template nginx/redirect.conf.j2 instead.
if ($uri !~ "^/\.well-known/acme-challenge/") {
    return 301 https://$host$request_uri;
}
EOF
)
change_8() (
set -eu
file_put /etc/nginx/conf.d/selvedge-default-tls.conf 0644 root root <<'EOF'
# Rejects the TLS handshake for names without an HTTPS site. All apps of this server share this file.
# Written by `fab certbot`; edit its template nginx/default-tls.conf.j2 instead.
# All sites of a port use the protocols of its default server, so this file sets them, too.

server {
    listen 443 ssl default_server;
    listen [::]:443 ssl default_server;
    server_name _;
    server_tokens off;

    ssl_reject_handshake on;
    # Mozilla's intermediate profile, version 5.7 (https://wiki.mozilla.org/Security/Server_Side_TLS), without the DHE
    # ciphers: they need extra parameters, and every client supports one of the others.
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
    ssl_ecdh_curve X25519:prime256v1:secp384r1;
    ssl_prefer_server_ciphers off;
    ssl_session_timeout 1d;
    ssl_session_cache shared:selvedge:10m;
    # nginx does not rotate the key of its session tickets: a leaked key would decrypt months of sessions.
    ssl_session_tickets off;

    # Limits for slow clients: a request's headers must arrive within 10 seconds, and each part of its body within 15.
    client_header_timeout 10s;
    client_body_timeout 15s;
    send_timeout 30s;
    keepalive_timeout 65s;
    client_header_buffer_size 1k;
    large_client_header_buffers 4 8k;

    # For requests that reach this server over the connection of another name (RFC 9110, 15.5.20).
    location / {
        return 421;
    }
}
EOF
)
change_9() (
set -eu
service_check 'nginx rejects its configuration, so it was not started' 'Correct the file that it names.' nginx_test
if systemctl is-active -q nginx; then
nginx_reload
https_serves /etc/letsencrypt/live/hello/fullchain.pem hello.example.com 443
app=hello
live_socket=/srv/hello/live.sock
site_enabled=/etc/nginx/sites-enabled/hello
site_login=/etc/selvedge/hello/site-login
site_host=hello.example.com
site_follow=https
health=/
health_timeout=5.0
header=1
request_check
fi
service_run 'enable --now' nginx
stamp_write nginx-tls-hello a5b6183f79ab71fdf63e5a4d41c5e98465e3844127bc6c3f040eeafd25b1d48b
)
change_arm() (
set -eu
:
)
change_failed() {
:
}
step_app=hello
step_by=''
step_why=''
step_changes='before 0 1 2 3 4 5 6 7 8 9'
step_counted=0
step_start
