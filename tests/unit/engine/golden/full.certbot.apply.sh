LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
trap '' HUP
# … the library probe

# … the library apply

# … the library apt

# … the library certbot

# … the library nginx

change_before() (
set -eu
if [ -e /etc/letsencrypt/live/hello/fullchain.pem ] || [ ! -L /etc/nginx/sites-enabled/hello-tls ]; then
if command -v nginx >/dev/null 2>&1; then
if ! nginx -t >"$undo/check" 2>&1; then
  cat "$undo/check"
  reason=$(grep -m 1 -E 'emerg|rror' "$undo/check" || tail -n 1 "$undo/check")
  case $reason in
    *[\ \"]/etc/nginx/snippets/selvedge-listen-tls.conf[:\"]* | *[\ \"]/etc/nginx/sites-available/hello-tls[:\"]* | *[\ \"]/etc/nginx/sites-enabled/hello-tls[:\"]* | *[\ \"]/etc/nginx/snippets/hello-http.conf[:\"]* | *[\ \"]/etc/nginx/conf.d/selvedge-default-tls.conf[:\"]*) say "written anew: $reason" ;;
    *) fail "nginx is broken already, before anything was changed: $reason. Mend that file first." ;;
  esac
fi
fi
rm -f -- /var/lib/selvedge/loaded/nginx-tls-hello
fi
)
# change 0: needs /etc/nginx/sites-available/hello, which `fab nginx` makes
change_0() (
set -eu
fail '/etc/nginx/sites-available/hello is not there yet: run `fab nginx` first, or `fab deploy`, which runs all steps'
)
# change 1: install certbot
change_1() (
set -eu
apt_install certbot
)
# change 2: enable and start certbot.timer
change_2() (
set -eu
if ! systemctl daemon-reload >"$undo/check" 2>&1; then
  cat "$undo/check"
  reason=$(grep -m 1 -E 'emerg|rror' "$undo/check" || tail -n 1 "$undo/check")
  fail "certbot.timer refuses its configuration, so it was not started: $reason. Mend the file that it names."
fi
systemctl enable --now certbot.timer
:
)
# change 3: get a certificate for hello.example.com, www.hello.example.com
change_3() (
set -eu
certbot_issue hello /usr/bin/certbot https://acme.example.com/directory me@example.com /var/www/letsencrypt 'nginx -t -q && systemctl reload nginx' hello.example.com www.hello.example.com
)
# change 4: create /etc/nginx/snippets/selvedge-listen-tls.conf
change_4() (
set -eu
put /etc/nginx/snippets/selvedge-listen-tls.conf 0644 root root <<'EOF'
# Written by `fab certbot`.
listen 443 ssl http2;
listen [::]:443 ssl http2;
EOF
)
# change 5: create /etc/nginx/sites-available/hello-tls
change_5() (
set -eu
put /etc/nginx/sites-available/hello-tls 0644 root root <<'EOF'
# hello over HTTPS. Written by `fab certbot`: change templates/nginx/tls.conf.j2 and run it again.

server {
    include /etc/nginx/snippets/selvedge-listen-tls.conf;
    server_name hello.example.com www.hello.example.com;
    server_tokens off;

    ssl_certificate /etc/letsencrypt/live/hello/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/hello/privkey.pem;

    # Mozilla's intermediate profile, version 5.7 (https://wiki.mozilla.org/Security/Server_Side_TLS), without the DHE
    # ciphers, which need parameters of their own and serve no client that the others do not.
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
    ssl_ecdh_curve X25519:prime256v1:secp384r1;
    ssl_prefer_server_ciphers off;
    ssl_session_timeout 1d;
    ssl_session_cache shared:selvedge:10m;
    # nginx never changes the key of its tickets by itself: one that leaks would open all sessions of months.
    ssl_session_tickets off;

    add_header Strict-Transport-Security "max-age=31536000" always;

    # Answers for the certificate authority: a CDN that always uses HTTPS asks for them here.
    location ^~ /.well-known/acme-challenge/ {
        root /var/www/letsencrypt;
        default_type text/plain;
    }

    include /etc/nginx/snippets/hello.conf;
}
EOF
)
# change 6: link /etc/nginx/sites-enabled/hello-tls -> /etc/nginx/sites-available/hello-tls
change_6() (
set -eu
keep /etc/nginx/sites-enabled/hello-tls
mkdir -p -- /etc/nginx/sites-enabled
ln -sfn -- /etc/nginx/sites-available/hello-tls /etc/nginx/sites-enabled/.selvedge.link
mv -fT -- /etc/nginx/sites-enabled/.selvedge.link /etc/nginx/sites-enabled/hello-tls
)
# change 7: create /etc/nginx/snippets/hello-http.conf
change_7() (
set -eu
put /etc/nginx/snippets/hello-http.conf 0644 root root <<'EOF'
# HTTP leads to HTTPS, but for the answers to the certificate authority. Written by `fab certbot`.
if ($uri !~ "^/\.well-known/acme-challenge/") {
    return 301 https://$host$request_uri;
}
EOF
)
# change 8: write /etc/nginx/conf.d/selvedge-default-tls.conf
change_8() (
set -eu
put /etc/nginx/conf.d/selvedge-default-tls.conf 0644 root root <<'EOF'
# For names that no site with TLS has: the handshake is refused. Written by `fab certbot`, for all apps of this server.
# The protocols of a port are those of its default server, so they stand here, too.

server {
    listen 443 ssl http2 default_server;
    listen [::]:443 ssl http2 default_server;
    server_name _;
    server_tokens off;

    ssl_reject_handshake on;
    # Mozilla's intermediate profile, version 5.7 (https://wiki.mozilla.org/Security/Server_Side_TLS), without the DHE
    # ciphers, which need parameters of their own and serve no client that the others do not.
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
    ssl_ecdh_curve X25519:prime256v1:secp384r1;
    ssl_prefer_server_ciphers off;
    ssl_session_timeout 1d;
    ssl_session_cache shared:selvedge:10m;
    # nginx never changes the key of its tickets by itself: one that leaks would open all sessions of months.
    ssl_session_tickets off;

    # Slow clients: a request's head must come within ten seconds, and no part of a body may be late by fifteen.
    client_header_timeout 10s;
    client_body_timeout 15s;
    send_timeout 30s;
    keepalive_timeout 65s;
    client_header_buffer_size 1k;
    large_client_header_buffers 4 8k;

    return 444;
}
EOF
)
# change 9: enable and start nginx
change_9() (
set -eu
if ! nginx -t >"$undo/check" 2>&1; then
  cat "$undo/check"
  reason=$(grep -m 1 -E 'emerg|rror' "$undo/check" || tail -n 1 "$undo/check")
  fail "nginx refuses its configuration, so it was not started: $reason. Mend the file that it names."
fi
if systemctl is-active -q nginx; then
nginx_reload
https_serves /etc/letsencrypt/live/hello/fullchain.pem hello.example.com
fi
systemctl enable --now nginx
(umask 077 && mkdir -p /var/lib/selvedge/loaded)
printf '%s\n' fa769c3879328fa1ac0e68fd5a7cedc1bb52b13eb28e4558af41991ec8550d54 >/var/lib/selvedge/loaded/nginx-tls-hello
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
}
logged() {
  [ -d /run/selvedge ] && [ -d /var/log/selvedge ] || (umask 077 && mkdir -p /run/selvedge /var/log/selvedge)
  { main; printf '%s end %s\n' "$mark" "$?"; } 3<&0 </dev/null 2>&1 | ( umask 077; tee -p -a /var/log/selvedge/hello.log )
}
logged
