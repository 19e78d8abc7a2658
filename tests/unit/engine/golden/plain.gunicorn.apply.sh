LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library file

# … the library history

# … the library step

change_0() (
set -eu
step_fail '/srv/hello/releases/0123456789ab/.venv/bin/python is missing.'
)
change_1() (
set -eu
install -d -m 00710 -o root -g www-data -- /var/log/hello
)
change_2() (
set -eu
install -d -m 00750 -o root -g hello -- /srv/hello/instances
)
change_3() (
set -eu
install -d -m 00750 -o root -g hello -- /srv/hello/instances/0123456789ab-0f8825
)
change_4() (
set -eu
file_link /srv/hello/instances/0123456789ab-0f8825/.venv "$(readlink /srv/hello/releases/0123456789ab/.venv)"
)
change_5() (
set -eu
head -c 0 <&3 | file_put /srv/hello/instances/0123456789ab-0f8825/env 0640 root hello 0
)
change_6() (
set -eu
file_put /srv/hello/instances/0123456789ab-0f8825/run 0750 root hello <<'EOF'
#!/bin/sh
# Runs a command in the environment of this release of hello: its folder, variables and virtual environment. Example:
#   /srv/hello/instances/0123456789ab-0f8825/run python -c 'import sys; print(sys.prefix)'
# Written by `fab gunicorn`; edit its template gunicorn/run.j2 instead.
set -eu
cd /srv/hello/releases/0123456789ab
set -a
# nginx limits headers ([nginx] large_headers). uvicorn's library for WebSockets never answers a request with one over 8 kB.
WEBSOCKETS_MAX_LINE_LENGTH=65536
. /srv/hello/instances/0123456789ab-0f8825/env
# The app may write only to this folder.
APP_SHARED=/srv/hello/shared
HOME=/srv/hello/shared
RELEASE=0123456789ab-0f8825
COMMIT=0123456789abcdef0123456789abcdef01234567
VIRTUAL_ENV=/srv/hello/instances/0123456789ab-0f8825/.venv
PATH=/srv/hello/instances/0123456789ab-0f8825/.venv/bin:/usr/local/bin:/usr/bin:/bin
PYTHONPATH=/srv/hello/releases/0123456789ab:/srv/hello/releases/0123456789ab/src:/srv/hello/instances/0123456789ab-0f8825
# Output reaches the log at once, and no byte code is written next to the source.
PYTHONUNBUFFERED=1
PYTHONDONTWRITEBYTECODE=1
set +a
umask 0007
exec "$@"
EOF
)
change_7() (
set -eu
file_put /srv/hello/instances/0123456789ab-0f8825/selvedge_worker.py 0640 root hello <<'EOF'
"""gunicorn's worker for hello.

gunicorn loads this module before it listens and before it starts workers.
Written by `fab gunicorn`; edit its template gunicorn/selvedge_worker.py.j2 instead.
"""

import _thread
import contextlib
import gc
import importlib
import os
import threading
import time

import selvedge_app
import selvedge_asgi

# Workers inherit the libraries that gunicorn has loaded: they start faster and share the memory. The app's own modules are
# not loaded here, because they may open connections, which processes cannot share. Loading modules leaves no garbage, so
# the collector is off, and later skips these objects (https://docs.python.org/3/library/gc.html#gc.freeze).
gc.disable()
for library in ("uvicorn_worker", "fastapi"):
    with contextlib.suppress(Exception):
        importlib.import_module(library)
gc.freeze()
gc.enable()

# A new release waits here until Selvedge has checked the app's settings.
while os.path.exists(os.path.join(os.path.dirname(os.path.abspath(__file__)), "held")):
    time.sleep(0.01)

from gunicorn.errors import AppImportError  # noqa: E402

from uvicorn_worker import UvicornWorker as _Worker  # noqa: E402


class Worker(_Worker):
    CONFIG_KWARGS = {
        **getattr(_Worker, "CONFIG_KWARGS", {}),
        # uvicorn takes a plain function for an app of ASGI 2.
        "interface": "asgi3",
    }

    def load_wsgi(self):
        """Load the app, also without garbage collection. If that fails, the log says why."""
        self._started = threading.Event()
        # Unlike Thread, this does not keep the process alive.
        _thread.start_new_thread(self._starting, ())
        gc.disable()
        try:
            self.app.callable = selvedge_app.load_or_explain(self.app.app_uri)
        except selvedge_app.NoApp as error:
            raise AppImportError(str(error))
        super().load_wsgi()
        self.wsgi = selvedge_asgi.streaming(self.wsgi)
        gc.freeze()
        gc.enable()

    def _starting(self):
        """Tell gunicorn that the worker lives until it serves: app.timeout does not count while the app starts."""
        end = time.monotonic() + 120
        while not self._started.wait(1) and time.monotonic() < end:
            self.tmp.notify()

    def notify(self):
        self._started.set()
        super().notify()
EOF
)
change_8() (
set -eu
file_put /srv/hello/instances/0123456789ab-0f8825/selvedge_app.py 0640 root hello <<'EOF'
# … selvedge_app.py
EOF
)
change_9() (
set -eu
file_put /srv/hello/instances/0123456789ab-0f8825/selvedge_explain.py 0640 root hello <<'EOF'
# … selvedge_explain.py
EOF
)
change_10() (
set -eu
file_put /srv/hello/instances/0123456789ab-0f8825/selvedge_asgi.py 0640 root hello <<'EOF'
# … selvedge_asgi.py
EOF
)
change_11() (
set -eu
file_put /srv/hello/instances/0123456789ab-0f8825/selvedge_log.py 0640 root hello <<'EOF'
# … selvedge_log.py
EOF
)
change_12() (
set -eu
file_put /srv/hello/instances/0123456789ab-0f8825/gunicorn_start 0750 root hello <<'EOF'
#!/bin/sh
# Starts hello: gunicorn manages the workers, and uvicorn runs the ASGI app in each of them.
# systemd runs this script as the user hello.
# Written by `fab gunicorn`; edit its template gunicorn/gunicorn_start.j2 instead.
set -eu

NAME=hello
DIR=/srv/hello/releases/0123456789ab
VENV=/srv/hello/instances/0123456789ab-0f8825/.venv
# By default one worker more than CPU cores, so that all cores are busy while one worker waits (app.workers in hosts.toml).
WORKERS=$(($(nproc) + 1))
# A new release starts with one worker. Once it is healthy, Selvedge makes gunicorn start the others.
if [ -e /srv/hello/instances/0123456789ab-0f8825/one ]; then WORKERS=1; fi
# /srv/hello/instances/0123456789ab-0f8825/selvedge_worker.py extends uvicorn_worker.UvicornWorker.
WORKER_CLASS=selvedge_worker.Worker
LOG_LEVEL=info

# gunicorn 24 and later open a control socket in the home directory, which Selvedge does not use.
CONTROL=
for module in "$VENV"/lib/python*/site-packages/gunicorn/ctl; do
  if [ -e "$module" ]; then CONTROL=--no-control-socket; fi
done

# No --bind: systemd listens on the socket and passes it on ($LISTEN_FDS).
# --forwarded-allow-ips '*': only nginx can reach the socket, so gunicorn may trust its headers about the client.
# --worker-tmp-dir: heartbeat files are in memory, so that a slow disk does not look like a dead worker.
exec /srv/hello/instances/0123456789ab-0f8825/run "$VENV/bin/python" -m gunicorn main:app \
  --name "$NAME" \
  --chdir "$DIR" \
  --workers "$WORKERS" \
  --worker-class "$WORKER_CLASS" \
  --timeout 30 \
  --graceful-timeout 30 \
  --forwarded-allow-ips '*' \
  --worker-tmp-dir /dev/shm \
  --log-level "$LOG_LEVEL" \
  --log-file - \
  $CONTROL
EOF
)
change_13() (
set -eu
install -d -m 00750 -o root -g hello -- /srv/hello/instances/0123456789ab-0f8825/processes
)
change_14() (
set -eu
install -d -m 00750 -o root -g hello -- /srv/hello/instances/0123456789ab-0f8825/processes/beat
)
change_15() (
set -eu
file_put /srv/hello/instances/0123456789ab-0f8825/processes/beat/start 0750 root hello <<'EOF'
#!/bin/sh
# Runs the process beat of hello, release 0123456789ab-0f8825, with this number: $1.
# systemd runs this script as the user hello.
# Written by `fab gunicorn`; edit its template process/start.j2 instead.
set -eu

# If possible, the program takes the place of the shell, so that it gets the signals itself.
COMMAND='exec python beat.py'

exec /srv/hello/instances/0123456789ab-0f8825/run env PROCESS_NUMBER="$1" sh -c "$COMMAND"
EOF
)
change_16() (
set -eu
file_put /srv/hello/instances/0123456789ab-0f8825/processes/beat/settings 0640 root hello <<'EOF'
overlap no
stop_signal TERM
stop_timeout 300
EOF
)
change_17() (
set -eu
file_put /srv/hello/instances/0123456789ab-0f8825/processes/beat/process.service 0640 root hello <<'EOF'
# Runs the process beat of hello, release 0123456789ab-0f8825: one for each number after the @.
# Written by `fab gunicorn`; edit its template systemd/process.service.j2 instead.
# The start script and its environment file have all settings with free text, because systemd would expand `%` and `$` here.
[Unit]
Description=hello, release 0123456789ab-0f8825: beat %i
After=network.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=/srv/hello/instances/0123456789ab-0f8825/processes/beat/start %i
WorkingDirectory=/srv/hello/releases/0123456789ab
User=hello
Group=hello
# systemd opens the log as root, because only root may write to its folder.
StandardOutput=append:/var/log/hello/0123456789ab-0f8825.beat@%i.log
StandardError=inherit

# systemd restarts it after a second, whatever the reason.
Restart=always
RestartSec=1
# Only the program itself gets the signal, and can let its own processes finish. What is left later is killed.
KillMode=mixed
KillSignal=SIGTERM
TimeoutStopSec=300
# As many open files and connections as systemd allows. Most programs get 1024 by default.
LimitNOFILE=524288

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
step_changes='0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17'
step_counted=0
step_start
