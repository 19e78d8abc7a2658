LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
trap '' HUP
# … the library probe

# … the library apply

# … the library site

# … the library nginx

change_before() (
set -eu
if command -v nginx >/dev/null 2>&1; then
if ! nginx -t >"$undo/check" 2>&1; then
  cat "$undo/check"
  reason=$(grep -m 1 -E 'emerg|rror' "$undo/check" || tail -n 1 "$undo/check")
  case $reason in
    *[\ \"]/etc/nginx/nginx.conf[:\"]* | *[\ \"]/etc/nginx/modules-enabled/90-selvedge.conf[:\"]* | *[\ \"]/etc/nginx/conf.d/selvedge.conf[:\"]* | *[\ \"]/etc/nginx/snippets/hello.conf[:\"]* | *[\ \"]/etc/nginx/sites-available/hello[:\"]* | *[\ \"]/etc/nginx/sites-enabled/hello[:\"]* | *[\ \"]/etc/nginx/conf.d/selvedge-default.conf[:\"]*) say "written anew: $reason" ;;
    *) fail "nginx is broken already, before anything was changed: $reason. Mend that file first." ;;
  esac
fi
fi
rm -f -- /var/lib/selvedge/loaded/nginx-hello
)
# change 0: needs /etc/nginx/nginx.conf, which `fab install` makes
change_0() (
set -eu
fail '/etc/nginx/nginx.conf is not there yet: run `fab install` first, or `fab deploy`, which runs all steps'
)
# change 1: create /var/log/hello/
change_1() (
set -eu
install -d -m 00710 -o root -g www-data -- /var/log/hello
)
# change 2: keep others out of /var/log/hello/nginx-access.log, /var/log/hello/nginx-error.log, /var/log/hello/nginx-missed.log
change_2() (
set -eu
for log in /var/log/hello/nginx-access.log /var/log/hello/nginx-error.log /var/log/hello/nginx-missed.log; do
  [ -e "$log" ] || : >"$log"
  chown -- www-data:adm "$log"
  chmod -- 0640 "$log"
done
)
# change 3: create /var/www/letsencrypt/
change_3() (
set -eu
install -d -m 00755 -o root -g root -- /var/www/letsencrypt
)
# change 4: create /etc/systemd/system/nginx.service.d/50-selvedge.conf
change_4() (
set -eu
put /etc/systemd/system/nginx.service.d/50-selvedge.conf 0644 root root <<'EOF'
# What nginx may do on this server, and no more. Written by `fab nginx`; `systemd-analyze security nginx` reads it.
# It holds from nginx's next start on.
[Service]
LimitNOFILE=65536
UMask=0027

# Ports below 1024, worker processes of another user, logs that belong to that user.
CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_SETUID CAP_SETGID CAP_CHOWN CAP_DAC_OVERRIDE
NoNewPrivileges=yes

# All is read-only but its logs, the bodies that it buffers, and its process number.
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
# A module with a just-in-time compiler (Lua) needs the opposite.
MemoryDenyWriteExecute=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@resources @keyring @ipc @timer @memlock
# For worker_rlimit_nofile.
SystemCallFilter=setrlimit prlimit64
SystemCallErrorNumber=EPERM
EOF
site_box /etc/systemd/system/nginx.service.d/50-selvedge.conf
)
# change 5: let nginx read backend/static
change_5() (
set -eu
site_readable /srv/hello/current backend/static
)
# change 6: let nginx read /srv/hello/shared/uploads
change_6() (
set -eu
site_media hello /srv/hello/shared uploads
)
# change 7: create /etc/nginx/modules-enabled/90-selvedge.conf
change_7() (
set -eu
put /etc/nginx/modules-enabled/90-selvedge.conf 0644 root root <<'EOF'
worker_rlimit_nofile 16384;
EOF
)
# change 8: create /etc/nginx/conf.d/selvedge.conf
change_8() (
set -eu
put /etc/nginx/conf.d/selvedge.conf 0644 root root <<'EOF'
# For all sites of this server. Written by `fab nginx`.

map $http_upgrade $connection_upgrade {
    default upgrade;
    '' close;
}
# Behind a load balancer that ends TLS ([tls] upstream = true), its word on the scheme counts.
map $http_x_forwarded_proto $selvedge_scheme {
    default $scheme;
    https https;
}
# The host that the request is for goes to the app as nginx has read it, with its port where one was named.
map $http_host $selvedge_port {
    default '';
    '~(?<named>:[0-9]+)$' $named;
}
# Headers that make browsers stricter, where the app has not said anything else: an empty one is not sent.
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
# How many requests each address has open.
limit_conn_zone $binary_remote_addr zone=selvedge_address:10m;
# What nobody has, asked for by a client itself, is logged for fail2ban. Not what came by way of a proxy or a CDN, whose
# address would be shut out for one of its clients.
map $http_x_forwarded_for$http_forwarded$http_via $selvedge_direct {
    default no;
    '' yes;
}
map $selvedge_direct$status $selvedge_missed {
    default 0;
    yes404 1;
}
EOF
)
# change 9: create /etc/nginx/snippets/hello.conf
change_9() (
set -eu
put /etc/nginx/snippets/hello.conf 0644 root root <<'EOF'
# What nginx does for hello, over HTTP and HTTPS alike. Written by `fab nginx`; included by the site files.

client_max_body_size 100m;
# Slow clients: a request's head must come within ten seconds, and no part of a body may be late by fifteen.
client_header_timeout 10s;
client_body_timeout 15s;
send_timeout 30s;
keepalive_timeout 65s;
client_header_buffer_size 1k;
large_client_header_buffers 4 8k;

# Open requests of one address: an office behind one has room, and a single client cannot fill the disk with bodies.
limit_conn selvedge_address 500;
limit_conn_status 429;

access_log /var/log/hello/nginx-access.log;
access_log /var/log/hello/nginx-missed.log combined if=$selvedge_missed;
error_log /var/log/hello/nginx-error.log warn;

gzip on;
gzip_vary on;
gzip_proxied any;
gzip_min_length 1024;
gzip_types text/plain text/css text/xml text/javascript application/json application/javascript application/xml
           application/rss+xml application/manifest+json image/svg+xml;

add_header X-Content-Type-Options $selvedge_content_type_options always;
add_header X-Frame-Options $selvedge_frame_options always;
add_header Referrer-Policy $selvedge_referrer_policy always;

location ^~ "/static/" {
    # Both end with a slash: without it, ..static would lead out of the folder.
    alias "/srv/hello/current/backend/static/";
    disable_symlinks if_not_owner "from=/srv/hello/current/";
    access_log off;
    expires 1h;
    location ~ /\. {
        return 404;
    }
}
location ^~ "/media/" {
    alias "/srv/hello/shared/uploads/";
    # The app writes here: a link that it was made to write must not show what else the server has.
    disable_symlinks on "from=/srv/hello/shared/";
    access_log off;
    location ~ /\. {
        return 404;
    }
}
location / {
    proxy_pass http://hello;
    proxy_http_version 1.1;
    proxy_redirect off;
    proxy_connect_timeout 5s;
    proxy_read_timeout 60s;
    proxy_send_timeout 60s;
    # [tls] hsts is sent by nginx, once.
    proxy_hide_header Strict-Transport-Security;

    # The app sees the client's own address and scheme. They are overwritten, not appended to: what a client sends in
    # these headers is worth nothing.
    proxy_set_header Host $host$selvedge_port;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $host$selvedge_port;
    proxy_set_header Forwarded "";
    proxy_set_header Proxy "";

    # WebSockets.
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
}
EOF
)
# change 10: create /etc/nginx/sites-available/hello
change_10() (
set -eu
put /etc/nginx/sites-available/hello 0644 root root <<'EOF'
# hello behind nginx. Written by `fab nginx`: change templates/nginx/ and run it again.

upstream hello {
    # A link to the socket of the live release, followed at every new connection: a release moves the link, and nginx
    # need not be reloaded. max_fails=0: never count it as dead because one answer failed.
    server unix:/srv/hello/live.sock max_fails=0;
    # While a new release proves itself, the one before it stands by.
    server unix:/srv/hello/previous.sock backup max_fails=0;
}

server {
    listen 80;
    listen [::]:80;
    server_name hello.example.com www.hello.example.com;
    server_tokens off;

    # Answers for the certificate authority (`fab certbot`).
    location ^~ /.well-known/acme-challenge/ {
        root /var/www/letsencrypt;
        default_type text/plain;
    }

    # Once there is a certificate, this file leads to HTTPS (`fab certbot` writes it).
    include /etc/nginx/snippets/hello-http[.]conf;
    include /etc/nginx/snippets/hello.conf;
}
EOF
)
# change 11: link /etc/nginx/sites-enabled/hello -> /etc/nginx/sites-available/hello
change_11() (
set -eu
keep /etc/nginx/sites-enabled/hello
mkdir -p -- /etc/nginx/sites-enabled
ln -sfn -- /etc/nginx/sites-available/hello /etc/nginx/sites-enabled/.selvedge.link
mv -fT -- /etc/nginx/sites-enabled/.selvedge.link /etc/nginx/sites-enabled/hello
)
# change 12: write /etc/nginx/conf.d/selvedge-default.conf
change_12() (
set -eu
put /etc/nginx/conf.d/selvedge-default.conf 0644 root root <<'EOF'
# For names that no site of this server has: closed without an answer. Written by `fab nginx`, for all its apps.

server {
    listen 80 default_server;
    listen [::]:80 default_server;
    server_name _;
    server_tokens off;

    # Slow clients: a request's head must come within ten seconds, and no part of a body may be late by fifteen.
    client_header_timeout 10s;
    client_body_timeout 15s;
    send_timeout 30s;
    keepalive_timeout 65s;
    client_header_buffer_size 1k;
    large_client_header_buffers 4 8k;

    # 444 is nginx's own number for "close the connection, send nothing".
    return 444;
}
EOF
)
# change 13: create /etc/logrotate.d/hello
change_13() (
set -eu
put /etc/logrotate.d/hello 0644 root root <<'EOF'
# The logs of hello: a file a day, two weeks of them. Written by `fab nginx`.
/var/log/hello/nginx-*.log {
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

# What `fab` has printed here.
/var/log/selvedge/hello.log {
    size 5M
    rotate 2
    missingok
    notifempty
    compress
    # A run that is under way goes on writing to the old one.
    delaycompress
    nocreate
}
EOF
)
# change 14: enable and start nginx
change_14() (
set -eu
if ! nginx -t >"$undo/check" 2>&1; then
  cat "$undo/check"
  reason=$(grep -m 1 -E 'emerg|rror' "$undo/check" || tail -n 1 "$undo/check")
  fail "nginx refuses its configuration, so it was not started: $reason. Mend the file that it names."
fi
if systemctl is-active -q nginx; then
nginx_reload
fi
systemctl enable --now nginx
(umask 077 && mkdir -p /var/lib/selvedge/loaded)
printf '%s\n' c72691aa1773231bdea34c5765722e6636f1b4ee94f15da70b060de626b80832 >/var/lib/selvedge/loaded/nginx-hello
)
# change 15: have fail2ban read /etc/fail2ban/jail.d/60-selvedge-hello.local
change_15() (
set -eu
rm -f -- /var/lib/selvedge/loaded/60-selvedge-hello
put /etc/fail2ban/jail.d/60-selvedge-hello.local 0644 root root <<'EOF'
# Addresses that try hello's site out are shut out from ports 80 and 443 for a while. Written by `fab nginx`.
# Never shut out: see 50-selvedge.local.

# Passwords that nginx itself asks for (auth_basic).
[hello-passwords]
enabled = true
filter = nginx-http-auth
backend = auto
port = http,https
# fail2ban does not start where no file of a jail is there: /dev/null always is, whatever becomes of the app.
logpath = /var/log/hello/nginx-error.log
          /dev/null

# Requests for wp-login.php, phpMyAdmin and their like, which this server does not have.
[hello-bots]
enabled = true
filter = nginx-botsearch
backend = auto
port = http,https
logpath = /var/log/hello/nginx-missed.log
          /dev/null
EOF
fail2ban-client --test >"$undo/check" 2>&1 || fail "fail2ban refuses its configuration: $(grep -m 1 ERROR "$undo/check" | sed 's/.*ERROR *//'). Mend the file that it names, in /etc/fail2ban."
fail2ban-client reload >"$undo/check" 2>&1 || { cat "$undo/check"; exit 1; }
(umask 077 && mkdir -p /var/lib/selvedge/loaded)
printf '%s\n' d23b9e302f08686be7bbd792d11439bddfa03d77b726a89fd82dd7aa8a85ebd5 >/var/lib/selvedge/loaded/60-selvedge-hello
)
run() {
  printf '%s begin %s\n' "$mark" "$1"
  "change_$1" 9>&-
  status=$?
  if [ "$status" -eq 0 ]; then printf '%s done %s\n' "$mark" "$1"; return 0; fi
  printf '%s failed %s %s\n' "$mark" "$1" "$status"
  restore
}
main() {
  exec 9>/run/selvedge/hello.step
  if ! flock -n 9; then
    say "waiting for the rest of a run that was cut off"
    flock -w 300 9 || fail "a step of a run that was cut off is still busy after 5 minutes; see /var/log/selvedge/hello.log"
  fi
  # Of a run that was killed: copies of what it changed, secrets among them.
  for left in /run/selvedge/hello.undo.*; do
    if [ -d "$left" ] && [ ! -e "$left/stuck" ]; then rm -rf -- "$left"; fi
  done
  undo=$(mktemp -d /run/selvedge/hello.undo.XXXXXX) || fail "cannot write to /run/selvedge"
  :
  all
  status=$?
  if [ "$status" -ne 0 ]; then
    :
  fi
  [ -e "$undo/stuck" ] || rm -rf -- "$undo"
  :
  # When the step ended, for a run that has read the server before that.
  : >/run/selvedge/hello.step
  return "$status"
}
all() {
  run before
  [ "$status" -eq 0 ] || return 1
  run 0
  [ "$status" -eq 0 ] || return 1
  run 1
  [ "$status" -eq 0 ] || return 1
  run 2
  [ "$status" -eq 0 ] || return 1
  run 3
  [ "$status" -eq 0 ] || return 1
  run 4
  [ "$status" -eq 0 ] || return 1
  run 5
  [ "$status" -eq 0 ] || return 1
  run 6
  [ "$status" -eq 0 ] || return 1
  run 7
  [ "$status" -eq 0 ] || return 1
  run 8
  [ "$status" -eq 0 ] || return 1
  run 9
  [ "$status" -eq 0 ] || return 1
  run 10
  [ "$status" -eq 0 ] || return 1
  run 11
  [ "$status" -eq 0 ] || return 1
  run 12
  [ "$status" -eq 0 ] || return 1
  run 13
  [ "$status" -eq 0 ] || return 1
  run 14
  [ "$status" -eq 0 ] || return 1
  run 15
  [ "$status" -eq 0 ] || return 1
}
logged() {
  [ -d /run/selvedge ] && [ -d /var/log/selvedge ] || (umask 077 && mkdir -p /run/selvedge /var/log/selvedge)
  { main; printf '%s end %s\n' "$mark" "$?"; } 3<&0 </dev/null 2>&1 | ( umask 077; tee -p -a /var/log/selvedge/hello.log )
}
logged
