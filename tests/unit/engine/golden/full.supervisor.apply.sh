LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
trap '' HUP
# … the library probe

# … the library apply

# … the library standing

# … the library gate

# … the library hide

# … the library workers

# … the library prune

# … the library record

# … the library live

# … the library manager

# … the library supervisor

# … the library systemd

change_before() (
set -eu
rm -f -- /var/lib/selvedge/loaded/logrotate.timer
)
# change 0: needs /etc/supervisor/supervisord.conf, which `fab install` makes
change_0() (
set -eu
fail '/etc/supervisor/supervisord.conf is not there yet: run `fab install` first, or `fab deploy`, which runs all steps'
)
# change 1: needs /srv/hello/instances/0123456789ab-2e3d8e/gunicorn_start, which `fab gunicorn` makes
change_1() (
set -eu
fail '/srv/hello/instances/0123456789ab-2e3d8e/gunicorn_start is not there yet: run `fab gunicorn` first, or `fab deploy`, which runs all steps'
)
# change 2: create /srv/hello/instances/0123456789ab-2e3d8e/program.conf
change_2() (
set -eu
put /srv/hello/instances/0123456789ab-2e3d8e/program.conf 0640 root hello <<'EOF'
; hello, release 0123456789ab-2e3d8e. During a release the new one runs beside the old one; then the old one's section goes.
[program:hello.0123456789ab-2e3d8e]
command=/srv/hello/instances/0123456789ab-2e3d8e/gunicorn_start
directory=/srv/hello/releases/0123456789ab
user=hello
autostart=true
autorestart=true
startsecs=1
startretries=10
; gunicorn ends its workers by itself on TERM and lets them finish their requests.
stopsignal=TERM
stopwaitsecs=40
killasgroup=true
redirect_stderr=true
stdout_logfile=/var/log/hello/0123456789ab-2e3d8e.log
; logrotate has it at 10 MB, hour by hour. A flood in between is cut here, in place: the files of supervisor's own rotation
; would be readable for everybody.
stdout_logfile_maxbytes=50MB
stdout_logfile_backups=0
EOF
)
# change 3: create /etc/logrotate.d/hello.app
change_3() (
set -eu
put /etc/logrotate.d/hello.app 0644 root root <<'EOF'
# The output of hello's releases: 10 MB a file, three older ones. Written by `fab supervisor`.
/var/log/hello/[0-9a-f]*-*.log {
    size 10M
    rotate 3
    missingok
    notifempty
    compress
    # supervisor holds the file open for as long as the release runs. So it also keeps its mode, 0640.
    copytruncate
}
EOF
)
# change 4: create /etc/systemd/system/logrotate.timer.d/selvedge.conf
change_4() (
set -eu
put /etc/systemd/system/logrotate.timer.d/selvedge.conf 0644 root root <<'EOF'
# logrotate looks every hour, not every day: a log that grows fast is cut in time. Written by `fab supervisor`.
[Timer]
OnCalendar=
OnCalendar=hourly
AccuracySec=5min
EOF
)
# change 5: enable and start logrotate.timer
change_5() (
set -eu
if systemctl is-active -q logrotate.timer; then
systemctl daemon-reload && systemctl restart logrotate.timer
fi
systemctl enable --now logrotate.timer
(umask 077 && mkdir -p /var/lib/selvedge/loaded)
printf '%s\n' f205a3c5da2c42f6163b6816808376c39e4812ff2eb1af81b37ecefcf34b0e87 >/var/lib/selvedge/loaded/logrotate.timer
)
# change 6: start 0123456789ab-2e3d8e and make it live
change_6() (
set -eu
app=hello
new=0123456789ab-2e3d8e
why=deploy
by=me@laptop
base=/srv/hello
run_dir=/run/hello
log_dir=/var/log/hello
repo=/srv/hello/repo.git
site_enabled=/etc/nginx/sites-enabled/hello
supervisor_conf=/etc/supervisor/conf.d/hello.conf
module=hello.web:app
health='/health?full=1'
health_host=health.example.com
health_ranges='200-299 301-301'
health_timeout=5.0
health_attempts=60
health_interval=0.5
import_timeout=60
header=1
settle=6.0
settle_ms=6000
drain=10
strategy=beside
migrate='alembic upgrade head && echo '"'"'done: $HOME'"'"''
alembic='alembic upgrade head && echo '"'"'done: $HOME'"'"''
downgraded=''
migrate_timeout=600
settings=''
preflight_size=4430
host=server
before_switch=./warm-up
keep=5
live_switch
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
}
logged() {
  [ -d /run/selvedge ] && [ -d /var/log/selvedge ] || (umask 077 && mkdir -p /run/selvedge /var/log/selvedge)
  { main; printf '%s end %s\n' "$mark" "$?"; } 3<&0 </dev/null 2>&1 | ( umask 077; tee -p -a /var/log/selvedge/hello.log )
}
logged
LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
trap '' HUP
# … the library probe

# … the library apply

# … the library hook

# change 0: run the hook after_switch
change_0() (
set -eu
hook=after_switch
user=hello
release=/srv/hello/releases/0123456789ab
folder=/srv/hello/releases/0123456789ab/backend
run=/srv/hello/instances/0123456789ab-2e3d8e/run
builds=''
mark_path=/srv/hello/instances/0123456789ab-2e3d8e/hook.after_switch
hook_begin RELEASE=0123456789ab-2e3d8e COMMIT=0123456789abcdef0123456789abcdef01234567 HOST=server PREVIOUS=
hook_command RELEASE=0123456789ab-2e3d8e COMMIT=0123456789abcdef0123456789abcdef01234567 HOST=server PREVIOUS= './tell released'
hook_end
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
  run 0
  [ "$status" -eq 0 ] || return 1
}
logged() {
  [ -d /run/selvedge ] && [ -d /var/log/selvedge ] || (umask 077 && mkdir -p /run/selvedge /var/log/selvedge)
  { main; printf '%s end %s\n' "$mark" "$?"; } 3<&0 </dev/null 2>&1 | ( umask 077; tee -p -a /var/log/selvedge/hello.log )
}
logged
