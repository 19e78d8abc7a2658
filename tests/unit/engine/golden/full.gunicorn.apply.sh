LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library appserver

# … the library apt

# … the library build

# … the library clock

# … the library disk

# … the library docker

# … the library dockerunit

# … the library export

# … the library file

# … the library git

# … the library group

# … the library gunicorn

# … the library hide

# … the library history

# … the library hook

# … the library hypercorn

# … the library image

# … the library index

# … the library instance

# … the library limit

# … the library manager

# … the library mirror

# … the library orphan

# … the library package

# … the library parent

# … the library pip

# … the library probe

# … the library processes

# … the library project

# … the library prune

# … the library python

# … the library releases

# … the library restoring

# … the library rpc

# … the library service

# … the library site

# … the library sources

# … the library stamp

# … the library step

# … the library supervisor

# … the library supervisorunit

# … the library survey

# … the library systemd

# … the library systemdunit

# … the library timers

# … the library unit

# … the library user

# … the library uv

# … the library uvicorn

# … the library venv

change_0() (
set -eu
step_fail '/srv/hello/releases/0123456789ab/.venv/bin/python is missing.'
)
change_1() (
set -eu
file_put /etc/tmpfiles.d/hello.conf 0644 root root <<'EOF'
d /run/hello 2750 hello www-data -
EOF
)
change_2() (
set -eu
install -d -m 02750 -o hello -g www-data -- /run/hello
)
change_3() (
set -eu
install -d -m 00710 -o root -g www-data -- /var/log/hello
)
change_4() (
set -eu
install -d -m 00750 -o root -g hello -- /srv/hello/instances
)
change_5() (
set -eu
install -d -m 00750 -o root -g hello -- /srv/hello/instances/0123456789ab-fae144
)
change_6() (
set -eu
file_link /srv/hello/instances/0123456789ab-fae144/.venv "$(readlink /srv/hello/releases/0123456789ab/.venv)"
)
change_7() (
set -eu
head -c 166 <&3 | file_put /srv/hello/instances/0123456789ab-fae144/env 0640 root hello 166
)
change_8() (
set -eu
file_put /srv/hello/instances/0123456789ab-fae144/run 0750 root hello <<'EOF'
#!/bin/sh
# Runs a command in the environment of this release of hello: its folder, variables and virtual environment. Example:
#   /srv/hello/instances/0123456789ab-fae144/run python -c 'import sys; print(sys.prefix)'
# Written by `fab gunicorn`; edit its template gunicorn/run.j2 instead.
set -eu
cd /srv/hello/releases/0123456789ab/backend
set -a
# nginx limits headers ([nginx] large_headers). uvicorn's library for WebSockets never answers a request with one over 8 kB.
WEBSOCKETS_MAX_LINE_LENGTH=65536
. /srv/hello/instances/0123456789ab-fae144/env
# The app may write only to this folder.
APP_SHARED=/srv/hello/shared
HOME=/srv/hello/shared
RELEASE=0123456789ab-fae144
COMMIT=0123456789abcdef0123456789abcdef01234567
VIRTUAL_ENV=/srv/hello/instances/0123456789ab-fae144/.venv
PATH=/srv/hello/instances/0123456789ab-fae144/.venv/bin:/usr/local/bin:/usr/bin:/bin
PYTHONPATH=/srv/hello/releases/0123456789ab/backend:/srv/hello/releases/0123456789ab/backend/src:/srv/hello/instances/0123456789ab-fae144
# Output reaches the log at once, and no byte code is written next to the source.
PYTHONUNBUFFERED=1
PYTHONDONTWRITEBYTECODE=1
# The release's own folder for temporary files, because all users of the server can write to /tmp.
TMPDIR=/srv/hello/shared/.tmp/0123456789ab-fae144
set +a
umask 0077
mkdir -p "$TMPDIR" 2>/dev/null || TMPDIR=/tmp
umask 0007
exec "$@"
EOF
)
change_9() (
set -eu
file_put /srv/hello/instances/0123456789ab-fae144/selvedge_worker.py 0640 root hello <<'EOF'
"""gunicorn's worker for hello, which adds the header X-Release to every response.

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
import selvedge_log

# app.log_format and app.access_log. gunicorn has its own log already, and has not written to it yet.
LOG = {"as_json": 1, "access_log": 1}
selvedge_log.begin("debug", **LOG)

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
        "headers": [("x-release", os.environ["RELEASE"])],
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
        self.wsgi = selvedge_log.requests(self.wsgi, **LOG)
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
change_10() (
set -eu
file_put /srv/hello/instances/0123456789ab-fae144/selvedge_app.py 0640 root hello <<'EOF'
# … selvedge_app.py
EOF
)
change_11() (
set -eu
file_put /srv/hello/instances/0123456789ab-fae144/selvedge_explain.py 0640 root hello <<'EOF'
# … selvedge_explain.py
EOF
)
change_12() (
set -eu
file_put /srv/hello/instances/0123456789ab-fae144/selvedge_asgi.py 0640 root hello <<'EOF'
# … selvedge_asgi.py
EOF
)
change_13() (
set -eu
file_put /srv/hello/instances/0123456789ab-fae144/selvedge_log.py 0640 root hello <<'EOF'
# … selvedge_log.py
EOF
)
change_14() (
set -eu
file_put /srv/hello/instances/0123456789ab-fae144/gunicorn_start 0750 root hello <<'EOF'
#!/bin/sh
# Starts hello: gunicorn manages the workers, and uvicorn runs the ASGI app in each of them.
# supervisor runs this script as the user hello.
# Written by `fab gunicorn`; edit its template gunicorn/gunicorn_start.j2 instead.
set -eu

NAME=hello
DIR=/srv/hello/releases/0123456789ab/backend
VENV=/srv/hello/instances/0123456789ab-fae144/.venv
# By default one worker more than CPU cores, so that all cores are busy while one worker waits (app.workers in hosts.toml).
WORKERS=3
# A new release starts with one worker. Once it is healthy, Selvedge makes gunicorn start the others.
if [ -e /srv/hello/instances/0123456789ab-fae144/one ]; then WORKERS=1; fi
# /srv/hello/instances/0123456789ab-fae144/selvedge_worker.py extends uvicorn_worker.UvicornWorker.
WORKER_CLASS=selvedge_worker.Worker
# Each release has its own socket. nginx connects to the live one by the link /srv/hello/live.sock.
BIND=unix:/run/hello/0123456789ab-fae144.sock
LOG_LEVEL=debug

# gunicorn 24 and later open a control socket in the home directory, which Selvedge does not use.
CONTROL=
for module in "$VENV"/lib/python*/site-packages/gunicorn/ctl; do
  if [ -e "$module" ]; then CONTROL=--no-control-socket; fi
done

# Allow as many open files and connections as the server does. Most programs get 1024 by default.
ulimit -S -n "$(ulimit -H -n)" 2>/dev/null || :

LAST=/srv/hello/shared/.tmp/.0123456789ab-fae144.pid
BOOT=$(cat /proc/sys/kernel/random/boot_id)

# started PID: print when it was started (proc(5)), nothing if it has ended.
started() { sed -n 's/.*) [^ZX] //p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 19; }

# The last process may still run, if supervisord was killed, or may have left programs of its own. They end first, because supervisor
# does not know them any more. $LAST has its id, when it was started, and the boot.
if { read -r pid time boot <"$LAST"; } 2>/dev/null && [ "$boot" = "$BOOT" ]; then
  waited=0
  while [ "$(started "$pid")" = "$time" ] && [ "$waited" -lt 400 ]; do
    if [ "$waited" -eq 0 ]; then
      echo "supervisor has lost the process $pid: waiting until it has ended"
      kill -s TERM -- "$pid" 2>/dev/null || :
    # It accepts no more requests, and finishes those in hand.
    elif [ ! -S /run/hello/0123456789ab-fae144.sock ]; then
      break
    fi
    sleep 0.1
    waited=$((waited + 1))
  done
  # If supervisord was killed meanwhile, another start script waits, too: only that of the supervisord that runs may go on.
  [ "$(sed 's/.*) . //' /proc/$$/stat | cut -d ' ' -f 1)" = "$PPID" ] || exit 1
  # Unless the kernel has given its id to another program.
  case $(started "$pid") in
    '') kill -s TERM -- "-$pid" 2>/dev/null || : ;;
    "$time") [ ! -S /run/hello/0123456789ab-fae144.sock ] || kill -s KILL -- "-$pid" 2>/dev/null || : ;;
  esac
fi

# Delete the temporary files of this release's last run and of removed releases.
for old in /srv/hello/shared/.tmp/* /srv/hello/shared/.tmp/.*.pid; do
  name=${old##*/.}
  name=${name##*/}
  if [ "$name" = 0123456789ab-fae144 ] || [ ! -e "/srv/hello/instances/${name%%.*}" ]; then rm -rf -- "$old" || :; fi
done
(umask 0077 && mkdir -p -- /srv/hello/shared/.tmp && echo "$$ $(started $$) $BOOT" >"$LAST") 2>/dev/null || :

# --umask 0 opens the socket to all users, but only this user and nginx can enter its folder.
# --forwarded-allow-ips '*': only nginx can reach the socket, so gunicorn may trust its headers about the client.
# --worker-tmp-dir: heartbeat files are in memory, so that a slow disk does not look like a dead worker.
exec setpriv --no-new-privs /srv/hello/instances/0123456789ab-fae144/run "$VENV/bin/python" -m gunicorn hello.web:app \
  --name "$NAME" \
  --chdir "$DIR" \
  --workers "$WORKERS" \
  --worker-class "$WORKER_CLASS" \
  --bind "$BIND" \
  --umask 0 \
  --timeout 45 \
  --graceful-timeout 30 \
  --forwarded-allow-ips '*' \
  --worker-tmp-dir /dev/shm \
  --log-level "$LOG_LEVEL" \
  --log-file - \
  $CONTROL
EOF
)
change_15() (
set -eu
install -d -m 00750 -o root -g hello -- /srv/hello/instances/0123456789ab-fae144/processes
)
change_16() (
set -eu
install -d -m 00750 -o root -g hello -- /srv/hello/instances/0123456789ab-fae144/processes/worker
)
change_17() (
set -eu
file_put /srv/hello/instances/0123456789ab-fae144/processes/worker/start 0750 root hello <<'EOF'
#!/bin/sh
# Runs the process worker of hello, release 0123456789ab-fae144, with this number: $1.
# supervisor runs this script as the user hello.
# Written by `fab gunicorn`; edit its template process/start.j2 instead.
set -eu

# If possible, the program takes the place of the shell, so that it gets the signals itself.
COMMAND='exec celery -A blog worker -n '"'"'w$PROCESS_NUMBER'"'"''

# Allow as many open files and connections as the server does. Most programs get 1024 by default.
ulimit -S -n "$(ulimit -H -n)" 2>/dev/null || :

# $FILES is its own folder for temporary files, because all users of the server can write to /tmp. Each start empties it, and
# deletes those of removed releases.
FILES=/srv/hello/shared/.tmp/.0123456789ab-fae144.worker@$1
LAST=$FILES.pid
BOOT=$(cat /proc/sys/kernel/random/boot_id)

# started PID: print when it was started (proc(5)), nothing if it has ended.
started() { sed -n 's/.*) [^ZX] //p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 19; }

# The last process may still run, if supervisord was killed, or may have left programs of its own. They end first, because supervisor
# does not know them any more. $LAST has its id, when it was started, and the boot.
if { read -r pid time boot <"$LAST"; } 2>/dev/null && [ "$boot" = "$BOOT" ]; then
  waited=0
  while [ "$(started "$pid")" = "$time" ] && [ "$waited" -lt 3000 ]; do
    if [ "$waited" -eq 0 ]; then
      echo "supervisor has lost the process $pid: waiting until it has ended"
      # It gets its signal only once.
      cmp -s -- "$LAST" "$LAST.asked" || { kill -s INT -- "$pid" && cp -- "$LAST" "$LAST.asked"; } 2>/dev/null || :
    fi
    sleep 0.1
    waited=$((waited + 1))
  done
  # If supervisord was killed meanwhile, another start script waits, too: only that of the supervisord that runs may go on.
  [ "$(sed 's/.*) . //' /proc/$$/stat | cut -d ' ' -f 1)" = "$PPID" ] || exit 1
  # Unless the kernel has given its id to another program.
  case $(started "$pid") in '' | "$time") kill -s KILL -- "-$pid" 2>/dev/null || : ;; esac
fi

# If it has ended, supervisor starts it again at once. A pause of a second, as under systemd, spares the server.
[ ! -e "$FILES" ] || sleep 1
for old in "$FILES" /srv/hello/shared/.tmp/.*@*; do
  release=${old##*/.}
  if [ "$old" = "$FILES" ] || [ ! -e "/srv/hello/instances/${release%%.*}" ]; then rm -rf -- "$old" || :; fi
done
umask 0077
mkdir -p -- "$FILES" 2>/dev/null || FILES=/tmp
echo "$$ $(started $$) $BOOT" 2>/dev/null >"$LAST" || :

exec setpriv --no-new-privs /srv/hello/instances/0123456789ab-fae144/run env PROCESS_NUMBER="$1" TMPDIR="$FILES" sh -c "$COMMAND"
EOF
)
change_18() (
set -eu
file_put /srv/hello/instances/0123456789ab-fae144/processes/worker/settings 0640 root hello <<'EOF'
overlap yes
stop_signal INT
stop_timeout 300
EOF
)
change_19() (
set -eu
file_put /srv/hello/instances/0123456789ab-fae144/processes/worker/process.conf 0640 root hello <<'EOF'
; Runs the process worker of hello, release 0123456789ab-fae144: one for each number after the @.
; Written by `fab gunicorn`; edit its template supervisor/process.conf.j2 instead.
[program:hello.0123456789ab-fae144.worker@NUMBER]
command=/srv/hello/instances/0123456789ab-fae144/processes/worker/start NUMBER
directory=/srv/hello/releases/0123456789ab
user=hello
autostart=true
autorestart=true
startsecs=1
; A program that waits for a database of the server, for example at a boot, is not given up.
startretries=1000
; Only the program itself gets the signal, and can let its own processes finish. What is left later is killed.
stopsignal=INT
stopwaitsecs=300
killasgroup=true
redirect_stderr=true
stdout_logfile=/var/log/hello/0123456789ab-fae144.worker@NUMBER.log
; logrotate checks the file every hour and rotates it at 10 MB. If it grows faster, supervisor truncates it. supervisor keeps
; no old files, because all users could read them.
stdout_logfile_maxbytes=50MB
stdout_logfile_backups=0
EOF
)
change_20() (
set -eu
app=hello
base=/srv/hello
new=0123456789ab-fae144
hook=after_build
user=hello
release=/srv/hello/releases/0123456789ab
folder=/srv/hello/releases/0123456789ab/backend
run=/srv/hello/instances/0123456789ab-fae144/run
build_env=''
mark_path=/srv/hello/releases/0123456789ab/.selvedge-after_build.0123456789ab-fae144
mark_text=d944855a14613d34
hook_build 5 RELEASE=0123456789ab-fae144 COMMIT=0123456789abcdef0123456789abcdef01234567 HOST=server ACTION=deploy PREVIOUS= 'python manage.py check && echo '"'"'it'"'"''"'"'s built'"'"''
)
change_21() (
set -eu
site_readable /srv/hello/releases/0123456789ab backend/static
site_readable /srv/hello/releases/0123456789ab frontend/dist spa
site_page /srv/hello/releases/0123456789ab frontend/dist
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
step_changes='0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21'
step_counted=0
step_start
