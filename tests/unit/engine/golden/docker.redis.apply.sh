LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library apt

# … the library disk

# … the library file

# … the library history

# … the library probe

# … the library redis

# … the library service

# … the library sources

# … the library stamp

# … the library step

change_before() (
set -eu
stamp_remove selvedge-redis@hello
)
change_0() (
set -eu
redis_install
)
change_1() (
set -eu
useradd --home-dir /srv/hello/shared --shell /usr/sbin/nologin --user-group --comment 'runs hello' --system --no-create-home -- hello
)
change_2() (
set -eu
redis_unit /etc/systemd/system/selvedge-redis@.service /usr/bin/redis-server <<'EOF'
# The Redis of one app: its user, its data, its socket. It is /usr/bin/redis-server, started as selvedge-redis@APP.
# Written by `fab redis`; edit its template redis/unit.service.j2 instead.
[Unit]
Description=Redis of %i
After=network.target

[Service]
Type=notify
ExecStart=/usr/bin/redis-server /etc/selvedge/redis/%i.conf --supervised systemd --daemonize no
# The app's own user, so that the kernel keeps the data of other apps from it.
User=%i
Group=%i
# The socket is in /run/selvedge-redis/APP, the data in /var/lib/selvedge-redis/APP.
RuntimeDirectory=selvedge-redis/%i
RuntimeDirectoryMode=0750
StateDirectory=selvedge-redis/%i
StateDirectoryMode=0700
Restart=always
RestartSec=1
# At TERM it writes its data, however long that takes.
TimeoutStopSec=infinity
TimeoutStartSec=infinity
LimitNOFILE=65535
UMask=0077

# As the distribution's own unit.
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
ProtectHome=yes
ProtectSystem=strict
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
CapabilityBoundingSet=
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
RemoveIPC=no
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
NoExecPaths=/
ExecPaths=/usr/bin/redis-server /usr/lib /lib

[Install]
WantedBy=multi-user.target
EOF
)
change_3() (
set -eu
file_put /etc/selvedge/redis/hello.conf 0644 root root <<'EOF'
# The Redis of hello, on a server with 1920 MB of memory.
# Written by `fab redis`; edit its template redis/redis.conf.j2 instead.

# No TCP port: only the app's user and group may connect to the socket.
port 0
unixsocket /run/selvedge-redis/hello/redis.sock
unixsocketperm 770

# A queue must survive a restart: a log has each write, and is on the disk a second later. A snapshot (save) would be minutes old.
dir /var/lib/selvedge-redis/hello
appendonly yes
appendfsync everysec
save ""

# At most an eighth of the memory. A full Redis refuses writes: to delete other data could mean to lose jobs.
maxmemory 240mb
maxmemory-policy noeviction

# To the journal: `journalctl -u selvedge-redis@hello`.
logfile ""
EOF
)
change_4() (
set -eu
if systemctl is-active -q selvedge-redis@hello; then
systemctl daemon-reload && service_run restart selvedge-redis@hello
fi
service_run 'enable --now' selvedge-redis@hello
stamp_write selvedge-redis@hello f544c295f30e4fdb582869f321615c26b79f4d1fa1d2a1ad3d3c8f703ea807c8
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
step_changes='before 0 1 2 3 4'
step_counted=0
step_start
