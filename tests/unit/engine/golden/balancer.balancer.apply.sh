LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library acme

# … the library apt

# … the library bans

# … the library certbot

# … the library disk

# … the library file

# … the library history

# … the library https

# … the library nginx

# … the library probe

# … the library service

# … the library site

# … the library sources

# … the library stamp

# … the library step

change_before() (
set -eu
if probe_has nginx_test; then
service_check 'nginx rejects its current configuration, so nothing was changed' 'Correct that file first.' nginx_test /etc/nginx/nginx.conf /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge-sites.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/conf.d/00-log-selvedge.conf /etc/nginx/snippets/hello.balancer.include.conf /etc/nginx/snippets/hello.balancer.conf /etc/nginx/conf.d/00-selvedge-hello.balancer.conf /etc/nginx/sites-available/hello.balancer /etc/nginx/sites-enabled/hello.balancer /etc/nginx/conf.d/selvedge-default.conf
fi
stamp_remove nginx-hello.balancer
if [ -e /etc/letsencrypt/live/hello.balancer/fullchain.pem ] || [ ! -L /etc/nginx/sites-enabled/hello.balancer-tls ]; then
if probe_has nginx_test; then
service_check 'nginx rejects its current configuration, so nothing was changed' 'Correct that file first.' nginx_test /etc/nginx/snippets/selvedge-listen-tls.conf /etc/nginx/sites-available/hello.balancer-tls /etc/nginx/sites-enabled/hello.balancer-tls /etc/nginx/snippets/hello.balancer-http.conf /etc/nginx/sites-available/hello.balancer /etc/nginx/conf.d/selvedge-default-tls.conf
fi
stamp_remove nginx-tls-hello.balancer
fi
)
change_0() (
set -eu
step_fail '/etc/nginx/nginx.conf is missing.'
)
change_1() (
set -eu
install -d -m 00710 -o root -g www-data -- /var/log/hello.balancer
)
change_2() (
set -eu
nginx_close_logs /var/log/hello.balancer/nginx-access.log /var/log/hello.balancer/nginx-error.log /var/log/hello.balancer/nginx-missed.log
)
change_3() (
set -eu
install -d -m 00755 -o root -g root -- /var/www/letsencrypt
)
change_4() (
set -eu
file_put /etc/systemd/system/nginx.service.d/50-selvedge.conf 0644 root root <<'EOF'
# Restricts nginx to the rights that it needs, from its next start on. `systemd-analyze security nginx` rates them.
# Written by `fab nginx`; edit its template nginx/box.conf.j2 instead.
[Service]
LimitNOFILE=65536
UMask=0027

# nginx listens on ports below 1024, runs its workers as another user and lets that user own the logs.
CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_SETUID CAP_SETGID CAP_CHOWN CAP_DAC_OVERRIDE
NoNewPrivileges=yes

# nginx can write only its logs, buffered request bodies and its pid file.
ProtectSystem=strict
ReadWritePaths=/run /var/log -/var/lib/nginx -/var/cache/nginx
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectProc=invisible
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes

RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
# Remove this line for a module with a just-in-time compiler, such as Lua.
MemoryDenyWriteExecute=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@resources @keyring @ipc @timer @memlock
# For worker_rlimit_nofile.
SystemCallFilter=setrlimit prlimit64
SystemCallErrorNumber=EPERM
EOF
nginx_restrict /etc/systemd/system/nginx.service.d/50-selvedge.conf
)
change_5() (
set -eu
install -d -m 00755 -o root -g root -- /etc/nginx/selvedge
)
change_6() (
set -eu
file_put /etc/nginx/selvedge/hello.balancer.html 0644 root root <<'EOF'
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="5">
<title>Back in a moment</title>
<style>
body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 32rem; margin: 20vh auto; padding: 0 1.5rem }
:root { color-scheme: light dark }
</style>
<h1>Back in a moment</h1>
<p>The site does not answer at present. This page tries again every five seconds.</p>
EOF
)
change_7() (
set -eu
file_put /etc/nginx/modules-enabled/90-selvedge.conf 0644 root root <<'EOF'
# How many files each nginx process may have open. Written by `fab nginx`; changes here are overwritten.
worker_rlimit_nofile 16384;
EOF
)
change_8() (
set -eu
file_remove /etc/nginx/conf.d/selvedge-sites.conf
)
change_9() (
set -eu
file_put /etc/nginx/conf.d/selvedge.conf 0644 root root <<'EOF'
# Settings that the sites of all apps share.
# Written by `fab nginx`; edit its template nginx/shared.conf.j2 instead.

# Only WebSockets change the protocol of a connection. With another one, such as HTTP/2 (h2c), a client would talk to the app
# past nginx, with forged headers.
map $http_upgrade $connection_upgrade {
    default close;
    '~*^websocket$' upgrade;
}
map $http_upgrade $selvedge_upgrade {
    default '';
    '~*^websocket$' websocket;
}
# The port of the request's Host header, if it has one: the app gets the host as nginx has parsed it, with this port.
map $http_host $selvedge_port {
    default '';
    '~(?<named>:[0-9]+)$' $named;
}
# Security headers, unless the app sends its own. nginx does not send an empty header.
map $upstream_http_x_content_type_options $selvedge_content_type_options {
    default '';
    '' nosniff;
}
map $upstream_http_x_frame_options $selvedge_frame_options {
    default '';
    '' SAMEORIGIN;
}
map $upstream_http_referrer_policy $selvedge_referrer_policy {
    default '';
    '' strict-origin-when-cross-origin;
}
# The app's own pages may use these, pages of others inside of them may not.
map $upstream_http_permissions_policy $selvedge_permissions_policy {
    default '';
    '' 'camera=(self), display-capture=(self), geolocation=(self), microphone=(self), payment=(self), usb=(self)';
}
# A page that opens this one cannot reach into it. Login windows that this one opens still can.
map $upstream_http_cross_origin_opener_policy $selvedge_opener_policy {
    default '';
    '' same-origin-allow-popups;
}
# Counts the open requests of each address.
limit_conn_zone $binary_remote_addr zone=selvedge_address:10m;
# Requests for missing pages are logged for fail2ban, but only direct ones: a ban for a request through a proxy or CDN would
# block all of its clients.
map $http_x_forwarded_for$http_forwarded$http_via $selvedge_direct {
    default no;
    '' yes;
}
map $selvedge_direct$status $selvedge_missed {
    default 0;
    yes404 1;
}
# Files of a release with a hash of their content in the name never change: browsers keep them. Others they keep for an hour.
map $request_filename $selvedge_hashed {
    default '';
    # Hexadecimal with letters and digits, as of webpack, Parcel and Django: app.3f2a9c1b.js. A date is none.
    '~^/srv/[^/]+/current/.*[.-](?=[0-9a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{8,64}\.(?!html?$)[^/]+$' 'public, max-age=31536000, immutable';
    # 8 capitals and digits, as of esbuild and Angular: chunk-5RZQHKTV.js
    '~^/srv/[^/]+/current/.*[.-](?=[A-Z]*[2-7])(?=[2-7]*[A-Z])[A-Z2-7]{8}\.(?!html?$)[^/]+$' 'public, max-age=31536000, immutable';
    # 8 letters and digits, as of Vite, only in the folders of such bundlers: assets/index-BxK3d9_f.js. Two words are none: UserList.js
    '~^/srv/[^/]+/current/(?:.*/)?(?:assets|_astro|_nuxt|_app)/.*[.-](?=[^./]*[A-Z])(?=[^./]*(?:[0-9_-]|[A-Z][A-Z]))[A-Za-z0-9_-]{8}\.(?:css|m?js)(?:\.map)?$' 'public, max-age=31536000, immutable';
}
map $selvedge_hashed $selvedge_asset_expires {
    default off;
    '' 1h;
}
# With a page that handles paths in the browser ([nginx] spa): requests for a page, not for data, and how long browsers keep files.
map "$request_method $http_accept" $selvedge_navigation {
    default '';
    '~^(GET|HEAD) .*text/html' yes;
}
map $sent_http_content_type $selvedge_page_expires {
    default $selvedge_asset_expires;
    '~^text/html' epoch;
}
# Requests that pass by the cache ([nginx] cache): those of a known user, with a body or for a part, WebSockets, event streams.
map "$http_cookie$http_authorization$http_proxy_authorization$selvedge_key$content_length$http_transfer_encoding$request_body$request_body_file$http_range$http_upgrade" $selvedge_uncached {
    default yes;
    '' $selvedge_event_stream;
}
# Other headers that usually hold a login.
map "$http_x_api_key$http_api_key$http_apikey$http_x_auth_token$http_x_access_token$http_x_token$http_x_csrf_token" $selvedge_key {
    default yes;
    '' '';
}
map $http_accept $selvedge_event_stream {
    default '';
    '~*text/event-stream' yes;
}
# The header X-Cache. Files that nginx serves do not have it.
map $upstream_cache_status $selvedge_cache_status {
    default $upstream_cache_status;
    EXPIRED MISS;
    UPDATING STALE;
    '' $selvedge_bypassed;
}
map $upstream_addr $selvedge_bypassed {
    default BYPASS;
    '' '';
}
# The id of a request in the logs of app.log_format = "json" is nginx's own: a visitor could send the id of another one. A proxy that
# has also told the visitor's address is in [nginx] trusted_proxies, so its id counts.
map "$realip_remote_addr $remote_addr $http_x_request_id" $selvedge_request_id {
    default $request_id;
    '~^(?<peer>[^ ]+) (?!\k<peer> )[^ ]+ (?<given>[A-Za-z0-9._:/+=-]{1,128})$' $given;
}
map $upstream_http_x_request_id $selvedge_sent_request_id {
    default '';
    '' $selvedge_request_id;
}
# JSON has no number 000.
map $status $selvedge_status {
    default $status;
    '~^0' 0;
}
EOF
)
change_10() (
set -eu
file_put /etc/nginx/conf.d/00-log-selvedge.conf 0644 root root <<'EOF'
# The log of requests with app.log_format = "json", under the names of selvedge_log.py. nginx must read it before the files that use it.
# Written by `fab nginx`; edit its template nginx/log.conf.j2 instead.
log_format selvedge_json escape=json '{"time": "$time_iso8601", "level": "info", "logger": "nginx", "message": "$request", '
    '"request_id": "$selvedge_request_id", "address": "$remote_addr", "user": "$remote_user", "method": "$request_method", '
    '"path": "$request_uri", "status": $selvedge_status, "duration": $request_time, "bytes": $body_bytes_sent, '
    '"referer": "$http_referer", "user_agent": "$http_user_agent"}';
EOF
)
change_11() (
set -eu
file_put /etc/nginx/snippets/hello.balancer.conf 0644 root root <<'EOF'
# The locations of hello.balancer. Its sites for HTTP and HTTPS include this file.
# Written by `fab balancer`; edit its template nginx/locations.conf.j2 instead.

# `fab maintenance --on` writes this file. It is the first, so that no other line answers before it.
include /etc/nginx/selvedge/hello.balancer.maintenance/site[.]conf;

client_max_body_size 10m;
# Limits for slow clients: a request's headers must arrive within 10 seconds, and each part of its body within 15.
client_header_timeout 10s;
client_body_timeout 15s;
send_timeout 30s;
keepalive_timeout 65s;
client_header_buffer_size 1k;
large_client_header_buffers 4 8k;

# Open requests per address: enough for an office with one address, but too few to fill the disk with request bodies.
limit_conn selvedge_address 500;
limit_conn_status 429;

access_log /var/log/hello.balancer/nginx-access.log;
access_log /var/log/hello.balancer/nginx-missed.log combined if=$selvedge_missed;
error_log /var/log/hello.balancer/nginx-error.log warn;

add_header X-Content-Type-Options $selvedge_content_type_options always;
add_header X-Frame-Options $selvedge_frame_options always;
add_header Referrer-Policy $selvedge_referrer_policy always;
add_header Permissions-Policy $selvedge_permissions_policy always;
add_header Cross-Origin-Opener-Policy $selvedge_opener_policy always;

add_header Content-Security-Policy $selvedge_csp_hello__balancer always;

proxy_http_version 1.1;
proxy_redirect off;
# A request goes to another backend if one cannot be reached, or closes the connection without an answer. Requests that change something
# (POST, PATCH) do so only as long as no backend has got them.
proxy_next_upstream error timeout;
proxy_next_upstream_timeout 15s;
# Each backend gets a request once at most.
proxy_next_upstream_tries 2;
proxy_connect_timeout 1s;
# A backend answers with an error after 60 s itself: one that is silent for longer is down.
proxy_read_timeout 65s;
# The page for visitors if no backend answers.
error_page 502 504 =503 /.selvedge-maintenance;
location = /.selvedge-maintenance {
    internal;
    alias /etc/nginx/selvedge/hello.balancer.html;
    default_type "text/html; charset=utf-8";
    auth_basic off;
    add_header Retry-After 5 always;
    add_header Cache-Control no-store always;
    # A location with a header of its own has none of those of its site.
    add_header X-Content-Type-Options $selvedge_content_type_options always;
    add_header X-Frame-Options $selvedge_frame_options always;
    add_header Referrer-Policy $selvedge_referrer_policy always;
    add_header Permissions-Policy $selvedge_permissions_policy always;
    add_header Cross-Origin-Opener-Policy $selvedge_opener_policy always;
}
proxy_send_timeout 60s;
# The head of a response must fit into one buffer. A backend adds headers to it, and one that does not fit counts as a failure.
proxy_buffer_size 16k;
proxy_buffers 8 8k;
# nginx sends this header itself ([tls] hsts).
proxy_hide_header Strict-Transport-Security;

# Tell the app the client's address and scheme. nginx replaces these headers, because a client can forge them.
proxy_set_header Host $host$selvedge_port;
proxy_set_header X-Real-IP $remote_addr;
proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Forwarded-Proto $scheme;
proxy_set_header X-Forwarded-Host $host$selvedge_port;
# The app's root_path ([nginx] path).
proxy_set_header X-Forwarded-Prefix "";
proxy_set_header Forwarded "";
proxy_set_header Proxy "";

# WebSockets.
proxy_set_header Upgrade $selvedge_upgrade;
proxy_set_header Connection $connection_upgrade;

limit_req_status 429;
add_header Retry-After $selvedge_retry_hello__balancer always;

location / {
    limit_req zone=selvedge_rate_hello__balancer burst=20 nodelay;
    proxy_pass http://hello.balancer;
}
EOF
)
change_12() (
set -eu
file_put /etc/nginx/sites-available/hello.balancer 0644 root root <<'EOF'
# The site of hello.balancer: nginx passes its requests to the backends.
# Written by `fab balancer`; edit its template nginx/site.conf.j2 instead.

upstream hello.balancer {
    # All processes of nginx share what they know of the backends.
    zone selvedge_backends_hello__balancer 256k;
    least_conn;
    # A backend that does not answer gets no requests for 5 seconds. Then a single one tries it again.
    server 10.0.0.2:80 max_fails=1 fail_timeout=5s; # web-1
    server [fd00::3]:80 max_fails=1 fail_timeout=5s; # web-2
    # If none has answered, nginx asks them all the same.
    server 10.0.0.2:80 backup max_fails=0;
    server [fd00::3]:80 backup max_fails=0;
}

# The policy of [nginx] csp, unless the app sends its own.
map $upstream_http_content_security_policy $selvedge_csp_hello__balancer {
    default '';
    '' "default-src 'self'";
}

# Counts the requests of each address ([nginx] rate_limit).
limit_req_zone $binary_remote_addr zone=selvedge_rate_hello__balancer:10m rate=10r/s;
map $limit_req_status $selvedge_retry_hello__balancer {
    default '';
    REJECTED 1;
}

# `fab maintenance --on` writes which requests get its page.
include /etc/nginx/selvedge/hello.balancer.maintenance/http[.]conf;

server {
    listen 80;
    listen [::]:80;
    server_name hello.example.com;
    server_tokens off;

    # Files for the certificate authority's checks (`fab certbot`).
    location ^~ /.well-known/acme-challenge/ {
        root /var/www/letsencrypt;
        default_type text/plain;
        auth_basic off;
    }

    # `fab certbot` writes this redirect to HTTPS once there is a certificate.
    include /etc/nginx/snippets/hello.balancer-http[.]conf;

    # Paths of other apps ([nginx] path). They note a request of theirs, for which this site's maintenance does not hold.
    set $selvedge_elsewhere "";
    include /etc/nginx/selvedge/sites/hello.example.com/*.conf;

    include /etc/nginx/snippets/hello.balancer.conf;
}

# Redirects these names ([nginx] redirects).
server {
    listen 80;
    listen [::]:80;
    server_name www.hello.example.com;
    server_tokens off;
    access_log /var/log/hello.balancer/nginx-access.log;
    # Limits for slow clients: a request's headers must arrive within 10 seconds, and each part of its body within 15.
    client_header_timeout 10s;
    client_body_timeout 15s;
    send_timeout 30s;
    keepalive_timeout 65s;
    client_header_buffer_size 1k;
    large_client_header_buffers 4 8k;

    location ^~ /.well-known/acme-challenge/ {
        root /var/www/letsencrypt;
        default_type text/plain;
        auth_basic off;
    }

    location / {
        return 301 $scheme://hello.example.com$request_uri;
    }
}
EOF
)
change_13() (
set -eu
file_link /etc/nginx/sites-enabled/hello.balancer /etc/nginx/sites-available/hello.balancer
)
change_14() (
set -eu
file_put /etc/nginx/conf.d/selvedge-default.conf 0644 root root <<'EOF'
# Closes the connection of requests for names without a site. All apps of this server share this file.
# Written by `fab nginx`; edit its template nginx/default.conf.j2 instead.

server {
    listen 80 default_server;
    listen [::]:80 default_server;
    server_name _;
    server_tokens off;

    # Limits for slow clients: a request's headers must arrive within 10 seconds, and each part of its body within 15.
    client_header_timeout 10s;
    client_body_timeout 15s;
    send_timeout 30s;
    keepalive_timeout 65s;
    client_header_buffer_size 1k;
    large_client_header_buffers 4 8k;

    # The certificate authority's checks for a new name come before nginx serves the name.
    location ^~ /.well-known/acme-challenge/ {
        root /var/www/letsencrypt;
        default_type text/plain;
        auth_basic off;
    }

    # nginx's own status 444 closes the connection without a response.
    location / {
        return 444;
    }
}
EOF
)
change_15() (
set -eu
file_put /etc/logrotate.d/hello.balancer 0644 root root <<'EOF'
# Rotates nginx's logs of hello.balancer every day and keeps two weeks.
# Written by `fab nginx`; edit its template nginx/logrotate.j2 instead.
/var/log/hello.balancer/nginx-*.log {
    daily
    rotate 14
    maxsize 100M
    missingok
    notifempty
    compress
    delaycompress
    create 0640 www-data adm
    sharedscripts
    postrotate
        if [ -s /run/nginx.pid ]; then kill -USR1 "$(cat /run/nginx.pid)"; fi
    endscript
}

# The output of earlier `fab` runs.
/var/log/selvedge/hello.balancer.log {
    size 5M
    rotate 2
    missingok
    notifempty
    compress
    # A run in progress keeps writing to the old file.
    delaycompress
    nocreate
}
EOF
)
change_16() (
set -eu
service_check 'nginx rejects its configuration, so it was not started' 'Correct the file that it names.' nginx_test
if systemctl is-active -q nginx; then
nginx_reload
fi
service_run 'enable --now' nginx
stamp_write nginx-hello.balancer 9bc03523e01b698157e49ffc6749dc45d32a68976e0e44b097172a182f83022f
)
change_17() (
set -eu
stamp_remove 60-selvedge-hello.balancer
file_put /etc/fail2ban/jail.d/60-selvedge-hello.balancer.local 0644 root root <<'EOF'
# Bans addresses that probe the site of hello.balancer: blocks the ports of the site for them, for a limited time.
# 50-selvedge.local has the addresses that are never banned.
# Written by `fab nginx`; edit its template nginx/fail2ban.local.j2 instead.

# Wrong passwords for nginx's own login (auth_basic).
[hello.balancer-passwords]
enabled = true
filter = nginx-http-auth
backend = auto
port = 80,443
# fail2ban does not start if a jail has no log file. /dev/null always exists, even after the app is removed.
logpath = /var/log/hello.balancer/nginx-error.log
          /dev/null

# Requests for wp-login.php, phpMyAdmin and similar pages, which do not exist here.
[hello.balancer-bots]
enabled = true
filter = nginx-botsearch
backend = auto
port = 80,443
logpath = /var/log/hello.balancer/nginx-missed.log
          /dev/null
EOF
bans_reload
stamp_write 60-selvedge-hello.balancer 12578cd6cdc4d4ce415566622868ecb39e1e57d99e257a072b11a3c57b92bc12
)
change_18() (
set -eu
step_fail '/etc/nginx/sites-available/hello.balancer is missing.'
)
change_19() (
set -eu
apt_install certbot
)
change_20() (
set -eu
service_check 'certbot.timer rejects its configuration, so it was not started' 'Correct the file that it names.' 'systemctl daemon-reload'
service_run 'enable --now' certbot.timer
:
)
change_21() (
set -eu
program=/usr/bin/certbot
server=https://acme-v02.api.letsencrypt.org/directory
webroot=/var/www/letsencrypt
checked='hello.example.com www.hello.example.com'
domain=hello.example.com
certbot_issue --cert-name hello.balancer --deploy-hook 'nginx -t -q && systemctl reload nginx' --webroot --webroot-path /var/www/letsencrypt --email me@example.com -d hello.example.com -d www.hello.example.com
)
change_22() (
set -eu
file_put /etc/nginx/snippets/selvedge-listen-tls.conf 0644 root root <<'EOF'
# Makes a site listen for HTTPS and HTTP/2. All HTTPS sites of Selvedge on this server include this file.
# Written by `fab certbot`; edit its template nginx/listen-tls.conf.j2 instead.
listen 443 ssl http2;
listen [::]:443 ssl http2;
EOF
)
change_23() (
set -eu
file_put /etc/nginx/sites-available/hello.balancer-tls 0644 root root <<'EOF'
# The site of hello.balancer over HTTPS.
# Written by `fab certbot`; edit its template nginx/tls.conf.j2 instead.

server {
    include /etc/nginx/snippets/selvedge-listen-tls.conf;
    server_name hello.example.com;
    server_tokens off;

    ssl_certificate /etc/letsencrypt/live/hello.balancer/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/hello.balancer/privkey.pem;

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

    add_header Strict-Transport-Security "max-age=31536000" always;

    # Files for the certificate authority's checks: a CDN that always uses HTTPS requests them here.
    location ^~ /.well-known/acme-challenge/ {
        root /var/www/letsencrypt;
        default_type text/plain;
        auth_basic off;
    }

    # Paths of other apps ([nginx] path). They note a request of theirs, for which this site's maintenance does not hold.
    set $selvedge_elsewhere "";
    include /etc/nginx/selvedge/sites/hello.example.com/*.conf;

    include /etc/nginx/snippets/hello.balancer.conf;
}

# Redirects these names ([nginx] redirects).
server {
    include /etc/nginx/snippets/selvedge-listen-tls.conf;
    server_name www.hello.example.com;
    server_tokens off;
    access_log /var/log/hello.balancer/nginx-access.log;

    ssl_certificate /etc/letsencrypt/live/hello.balancer/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/hello.balancer/privkey.pem;

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

    add_header Strict-Transport-Security "max-age=31536000" always;

    location ^~ /.well-known/acme-challenge/ {
        root /var/www/letsencrypt;
        default_type text/plain;
        auth_basic off;
    }

    location / {
        return 301 https://hello.example.com$request_uri;
    }
}
EOF
)
change_24() (
set -eu
file_link /etc/nginx/sites-enabled/hello.balancer-tls /etc/nginx/sites-available/hello.balancer-tls
)
change_25() (
set -eu
file_put /etc/nginx/snippets/hello.balancer-http.conf 0644 root root <<'EOF'
# Redirects HTTP to HTTPS, except for the certificate authority's checks.
# Written by `fab certbot`; edit its template nginx/redirect.conf.j2 instead.
if ($uri !~ "^/\.well-known/acme-challenge/") {
    return 301 https://$host$request_uri;
}
EOF
)
change_26() (
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
change_27() (
set -eu
service_check 'nginx rejects its configuration, so it was not started' 'Correct the file that it names.' nginx_test
if systemctl is-active -q nginx; then
nginx_reload
https_serves /etc/letsencrypt/live/hello.balancer/fullchain.pem hello.example.com 443
fi
service_run 'enable --now' nginx
stamp_write nginx-tls-hello.balancer 32833e232807ed3ffbcec082cdaeacbcc8b804ca5eff4406200d6cfc3e3043f1
)
change_arm() (
set -eu
:
)
change_failed() {
:
}
step_app=hello.balancer
step_by=''
step_why=''
step_changes='before 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27'
step_counted=0
step_start
