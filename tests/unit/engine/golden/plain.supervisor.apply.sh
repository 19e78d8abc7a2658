LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library alembic

# … the library answer

# … the library answering

# … the library appserver

# … the library apt

# … the library backup

# … the library build

# … the library changeover

# … the library clock

# … the library copy

# … the library disk

# … the library docker

# … the library dockerunit

# … the library drain

# … the library export

# … the library file

# … the library gate

# … the library git

# … the library group

# … the library gunicorn

# … the library hide

# … the library hint

# … the library history

# … the library https

# … the library hypercorn

# … the library image

# … the library index

# … the library instance

# … the library limit

# … the library maintenance

# … the library manager

# … the library migrate

# … the library mirror

# … the library nginx

# … the library orphan

# … the library output

# … the library package

# … the library parent

# … the library payload

# … the library pip

# … the library preflight

# … the library probe

# … the library process

# … the library processes

# … the library programs

# … the library project

# … the library prune

# … the library python

# … the library reason

# … the library record

# … the library releases

# … the library request

# … the library restoring

# … the library rpc

# … the library service

# … the library settle

# … the library site

# … the library sources

# … the library stamp

# … the library step

# … the library supervisor

# … the library supervisorunit

# … the library survey

# … the library switch

# … the library systemd

# … the library systemdunit

# … the library timers

# … the library unit

# … the library user

# … the library uv

# … the library uvicorn

# … the library venv

# … the library workers

change_before() (
set -eu
stamp_remove logrotate.timer
)
change_0() (
set -eu
step_fail '/etc/logrotate.conf is missing.'
)
change_1() (
set -eu
step_fail '/srv/hello/instances/0123456789ab-0f8825/gunicorn_start is missing.'
)
change_2() (
set -eu
file_put /srv/hello/instances/0123456789ab-0f8825/unit.socket 0640 root hello <<'EOF'
# The socket of hello, release 0123456789ab-0f8825.
# Written by `fab supervisor`; edit its template systemd/unit.socket.j2 instead.
# systemd listens from early boot on, before the app runs, so requests wait instead of failing.
[Unit]
Description=hello, release 0123456789ab-0f8825: socket
# At shutdown nginx stops before the socket, so that no request finds the socket removed.
Before=nginx.service

[Socket]
ListenStream=/run/hello/0123456789ab-0f8825.sock
# Only nginx may connect. The app needs no permission, because systemd passes it the open socket.
SocketUser=root
SocketGroup=www-data
SocketMode=0660
Backlog=2048
RemoveOnStop=yes
# Never disable the socket, even if the app keeps crashing.
TriggerLimitIntervalSec=0

[Install]
WantedBy=sockets.target
EOF
)
change_3() (
set -eu
file_put /srv/hello/instances/0123456789ab-0f8825/unit.service 0640 root hello <<'EOF'
# Runs hello, release 0123456789ab-0f8825. During a deploy, the previous release also has a unit.
# Written by `fab supervisor`; edit its template systemd/unit.service.j2 instead.
# The start script and its environment file have all settings with free text, because systemd would expand `%` and `$` here.
[Unit]
Description=hello, release 0123456789ab-0f8825
Requires=hello.0123456789ab-0f8825.socket
After=hello.0123456789ab-0f8825.socket network.target
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart=/srv/hello/instances/0123456789ab-0f8825/gunicorn_start
WorkingDirectory=/srv/hello/releases/0123456789ab
User=hello
Group=hello
# systemd opens the log as root, because only root may write to its folder.
StandardOutput=append:/var/log/hello/0123456789ab-0f8825.log
StandardError=inherit

# systemd restarts the app at once, whatever the reason. Requests wait at the socket meanwhile.
Restart=always
RestartSec=100ms
# systemd sends TERM to the parent process of gunicorn only, which lets its workers finish their requests, and later KILL to all processes.
KillMode=mixed
TimeoutStopSec=40
TimeoutStartSec=180
# As many open files and connections as systemd allows. Most programs get 1024 by default.
LimitNOFILE=524288

# If the kernel kills a worker that uses too much memory, gunicorn starts another one and the rest continue.
MemoryMax=512M
TasksMax=64
OOMPolicy=continue

# The sandbox. The app may write to its shared folder, its own /tmp and its own /dev/shm, and execute nothing there. [box] in
# hosts.toml opens single restrictions.
ProtectSystem=strict
ReadWritePaths=/srv/hello/shared
# ProtectSystem= does not cover /run if another setting implies MountAPIVFS= (systemd.exec(5)).
ReadOnlyPaths=/run
PrivateTmp=yes
TemporaryFileSystem=/dev/shm:mode=1777,nosuid,nodev,noexec
NoExecPaths=/srv/hello/shared /tmp /var/tmp
ProtectHome=yes
PrivateDevices=yes
DevicePolicy=closed
PrivateIPC=yes
RemoveIPC=yes
# Hide other processes, other users and kernel settings.
PrivateUsers=yes
ProtectProc=invisible
ProcSubset=pid
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
# The app has only the rights of its user, and cannot gain others.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
LockPersonality=yes
# Only system calls that services need, without those that change owners, limits or priorities.
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
UMask=0007

[Install]
WantedBy=multi-user.target
EOF
)
change_4() (
set -eu
file_put /etc/logrotate.d/hello.app 0644 root root <<'EOF'
# Rotates the logs of hello's releases and timers at 10 MB and keeps three old files.
# Written by `fab supervisor`; edit its template supervisor/logrotate.j2 instead.
/var/log/hello/[0-9a-f]*-*.log /var/log/hello/timer-*.log {
    size 10M
    rotate 3
    missingok
    notifempty
    compress
    # The process manager keeps the file open while the release runs, and systemd that of a timer. Copying also keeps the file's mode, 0640.
    copytruncate
}
EOF
)
change_5() (
set -eu
file_put /etc/systemd/system/logrotate.timer.d/selvedge.conf 0644 root root <<'EOF'
# Runs logrotate every hour instead of every day, because a log may grow fast.
# Written by `fab supervisor`; edit its template supervisor/logrotate.timer.j2 instead.
[Timer]
OnCalendar=
OnCalendar=hourly
AccuracySec=5min
EOF
)
change_6() (
set -eu
if systemctl is-active -q logrotate.timer; then
systemctl daemon-reload
service_run restart logrotate.timer
fi
service_run 'enable --now' logrotate.timer
stamp_write logrotate.timer 32ada9bb664033f74ff401769fb74384bc2f453ab4a5acb590d6a00cd6ebb30c
)
change_7() (
set -eu
app=hello
base=/srv/hello
run_dir=/run/hello
log_dir=/var/log/hello
live_socket=/srv/hello/live.sock
previous_socket=/srv/hello/previous.sock
repo=/srv/hello/repo.git
site_enabled=/etc/nginx/sites-enabled/hello
site_cache=/var/lib/nginx/cache-hello
site_login=/etc/selvedge/hello/site-login
site_host=203.0.113.10
site_follow=yes
supervisor_conf=/etc/supervisor/conf.d/hello.conf
health=/
health_host=localhost
health_ranges=200-399
health_timeout=5.0
health_attempts=60
health_interval=0.5
new=0123456789ab-0f8825
why=deploy
module=main:app
start_timeout=120
header=''
settle=6
settle_ms=6000
drain=10
stop_timeout=30
strategy=restart
migrate=''
alembic=''
downgraded=''
migrate_timeout=600
wait_for=30
settings=''
host=server
before_switch=''
processes=beat=1
keep=5
switch_release
)
change_8() (
set -eu
file_put /etc/tmpfiles.d/hello.conf 0644 root root <<'EOF'
d /run/hello 0750 root www-data -
EOF
)
change_9() (
set -eu
install -d -m 00750 -o root -g www-data -- /run/hello
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
