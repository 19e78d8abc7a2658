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
# change 0: needs /etc/logrotate.conf, which `fab install` makes
change_0() (
set -eu
fail '/etc/logrotate.conf is not there yet: run `fab install` first, or `fab deploy`, which runs all steps'
)
# change 1: needs /srv/hello/instances/0123456789ab-da6a58/gunicorn_start, which `fab gunicorn` makes
change_1() (
set -eu
fail '/srv/hello/instances/0123456789ab-da6a58/gunicorn_start is not there yet: run `fab gunicorn` first, or `fab deploy`, which runs all steps'
)
# change 2: create /srv/hello/instances/0123456789ab-da6a58/unit.socket
change_2() (
set -eu
put /srv/hello/instances/0123456789ab-da6a58/unit.socket 0640 root hello <<'EOF'
# hello, release 0123456789ab-da6a58: its socket. Written by `fab supervisor`.
# systemd listens from the first moment of the boot on, whether the app runs yet or not: requests wait, none is refused.
[Unit]
Description=hello, release 0123456789ab-da6a58: socket
# On the way down nginx goes first: nobody meets a socket that has just gone.
Before=nginx.service

[Socket]
ListenStream=/run/hello/0123456789ab-da6a58.sock
# nginx alone may connect; the app gets the socket from systemd and needs no right to it.
SocketUser=root
SocketGroup=www-data
SocketMode=0660
Backlog=2048
RemoveOnStop=yes
# An app that stops again and again is started again and again; the socket is never given up.
TriggerLimitIntervalSec=0

[Install]
WantedBy=sockets.target
EOF
)
# change 3: create /srv/hello/instances/0123456789ab-da6a58/unit.service
change_3() (
set -eu
put /srv/hello/instances/0123456789ab-da6a58/unit.service 0640 root hello <<'EOF'
# hello, release 0123456789ab-da6a58. During a release the new one runs beside the old one; then the old one goes.
# Written by `fab supervisor`. No value of free text stands here, where systemd would expand `%` and `$`: they are all
# in the start script and in the environment that it reads.
[Unit]
Description=hello, release 0123456789ab-da6a58
Requires=hello.0123456789ab-da6a58.socket
After=hello.0123456789ab-da6a58.socket network.target
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart=/srv/hello/instances/0123456789ab-da6a58/gunicorn_start
WorkingDirectory=/srv/hello/releases/0123456789ab
User=hello
Group=hello
# systemd opens the log as root, in a folder of root's, before the app's user comes in.
StandardOutput=append:/var/log/hello/0123456789ab-da6a58.log
StandardError=inherit

# Whatever ends it, it comes back at once; meanwhile requests wait at the socket.
Restart=always
RestartSec=100ms
# TERM goes to gunicorn alone, which lets its workers finish their requests; KILL to all that is left.
KillMode=mixed
TimeoutStopSec=40
TimeoutStartSec=300

# Of a worker that takes too much memory, gunicorn starts another; the others go on.
MemoryMax=512M
TasksMax=64
OOMPolicy=continue

# The box. What the app may write: its shared folder, and a /tmp and /dev/shm of its own; nothing there can be executed.
ProtectSystem=strict
ReadWritePaths=/srv/hello/shared
# ProtectSystem= leaves out /run where a line below needs API file systems of its own (systemd.exec(5), MountAPIVFS=).
ReadOnlyPaths=/run
PrivateTmp=yes
TemporaryFileSystem=/dev/shm:mode=1777,nosuid,nodev,noexec
NoExecPaths=/srv/hello/shared /tmp /var/tmp
ProtectHome=yes
PrivateDevices=yes
DevicePolicy=closed
PrivateIPC=yes
RemoveIPC=yes
# Other processes and users, and the kernel's own knobs, are not there for it.
PrivateUsers=yes
ProtectProc=invisible
ProcSubset=pid
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
# No rights beyond those of its user, and no way to get any.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
LockPersonality=yes
# The calls that services need, without those that change owners, limits or priorities.
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
UMask=0007

[Install]
WantedBy=multi-user.target
EOF
)
# change 4: create /etc/logrotate.d/hello.app
change_4() (
set -eu
put /etc/logrotate.d/hello.app 0644 root root <<'EOF'
# The output of hello's releases: 10 MB a file, three older ones. Written by `fab supervisor`.
/var/log/hello/[0-9a-f]*-*.log {
    size 10M
    rotate 3
    missingok
    notifempty
    compress
    # systemd holds the file open for as long as the release runs. So it also keeps its mode, 0640.
    copytruncate
}
EOF
)
# change 5: create /etc/systemd/system/logrotate.timer.d/selvedge.conf
change_5() (
set -eu
put /etc/systemd/system/logrotate.timer.d/selvedge.conf 0644 root root <<'EOF'
# logrotate looks every hour, not every day: a log that grows fast is cut in time. Written by `fab supervisor`.
[Timer]
OnCalendar=
OnCalendar=hourly
AccuracySec=5min
EOF
)
# change 6: enable and start logrotate.timer
change_6() (
set -eu
if systemctl is-active -q logrotate.timer; then
systemctl daemon-reload && systemctl restart logrotate.timer
fi
systemctl enable --now logrotate.timer
(umask 077 && mkdir -p /var/lib/selvedge/loaded)
printf '%s\n' f205a3c5da2c42f6163b6816808376c39e4812ff2eb1af81b37ecefcf34b0e87 >/var/lib/selvedge/loaded/logrotate.timer
)
# change 7: start 0123456789ab-da6a58 and make it live
change_7() (
set -eu
app=hello
new=0123456789ab-da6a58
why=deploy
by=me@laptop
base=/srv/hello
run_dir=/run/hello
log_dir=/var/log/hello
repo=/srv/hello/repo.git
site_enabled=/etc/nginx/sites-enabled/hello
supervisor_conf=/etc/supervisor/conf.d/hello.conf
module=main:app
health=/
health_host=localhost
health_ranges=200-399
health_timeout=5.0
health_attempts=60
health_interval=0.5
import_timeout=60
header=''
settle=6.0
settle_ms=6000
drain=10
strategy=restart
migrate=''
alembic=''
downgraded=''
migrate_timeout=600
settings=''
preflight_size=4430
host=server
before_switch=''
keep=5
live_switch
)
# change 8: create /etc/tmpfiles.d/hello.conf
change_8() (
set -eu
put /etc/tmpfiles.d/hello.conf 0644 root root <<'EOF'
d /run/hello 0750 root www-data -
EOF
)
# change 9: create /run/hello/
change_9() (
set -eu
install -d -m 00750 -o root -g www-data -- /run/hello
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
