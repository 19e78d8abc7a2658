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
step_fail '/srv/hello/images/0123456789ab is missing.'
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
install -d -m 00750 -o root -g hello -- /srv/hello/instances/0123456789ab-ba359f
)
change_6() (
set -eu
head -c 150 <&3 | file_put /srv/hello/instances/0123456789ab-ba359f/env 0640 root hello 150
)
change_7() (
set -eu
file_put /srv/hello/instances/0123456789ab-ba359f/run 0750 root hello <<'EOF'
#!/.selvedge/sh
# Runs a command in the environment of this release of hello: its folder, variables and virtual environment. Example:
#   /srv/hello/instances/0123456789ab-ba359f/run python -c 'import sys; print(sys.prefix)'
# Written by `fab gunicorn`; edit its template gunicorn/run.j2 instead.
set -eu
# It runs in a container. The working folder is that of the image.
# Code: /srv/hello/releases/0123456789ab/backend
# The names of this script's own variables begin with selvedge_: others are those of the app or of the image.
selvedge_path=$PATH selvedge_modules=${PYTHONPATH:+:$PYTHONPATH}
set -a
# nginx limits headers ([nginx] large_headers). uvicorn's library for WebSockets never answers a request with one over 8 kB.
WEBSOCKETS_MAX_LINE_LENGTH=65536
. /srv/hello/instances/0123456789ab-ba359f/env
# The app may write only to this folder.
APP_SHARED=/srv/hello/shared
HOME=/srv/hello/shared
RELEASE=0123456789ab-ba359f
COMMIT=0123456789abcdef0123456789abcdef01234567
PATH=$selvedge_path
PYTHONPATH=$PWD:$PWD/src:/srv/hello/instances/0123456789ab-ba359f$selvedge_modules
# Output reaches the log at once, and no byte code is written next to the source.
PYTHONUNBUFFERED=1
PYTHONDONTWRITEBYTECODE=1
set +a
umask 0007
# The shell of busybox would take its own programs before those of the image. An image may have Python only as python3.
selvedge_program=$1
shift
case $selvedge_program in */*) ;; *)
  IFS=:
  for selvedge_name in "$selvedge_program" python3; do
    for selvedge_folder in $PATH; do
      if [ -x "$selvedge_folder/$selvedge_name" ]; then
        selvedge_program=$selvedge_folder/$selvedge_name
        break 2
      fi
    done
    [ "$selvedge_program" = python ] || break
  done
  unset IFS
  ;;
esac
exec "$selvedge_program" "$@"
EOF
)
change_8() (
set -eu
file_put /srv/hello/instances/0123456789ab-ba359f/selvedge_worker.py 0640 root hello <<'EOF'
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
change_9() (
set -eu
file_put /srv/hello/instances/0123456789ab-ba359f/selvedge_app.py 0640 root hello <<'EOF'
# … selvedge_app.py
EOF
)
change_10() (
set -eu
file_put /srv/hello/instances/0123456789ab-ba359f/selvedge_explain.py 0640 root hello <<'EOF'
# … selvedge_explain.py
EOF
)
change_11() (
set -eu
file_put /srv/hello/instances/0123456789ab-ba359f/selvedge_asgi.py 0640 root hello <<'EOF'
# … selvedge_asgi.py
EOF
)
change_12() (
set -eu
file_put /srv/hello/instances/0123456789ab-ba359f/selvedge_log.py 0640 root hello <<'EOF'
# … selvedge_log.py
EOF
)
change_13() (
set -eu
file_put /srv/hello/instances/0123456789ab-ba359f/gunicorn_start 0750 root hello <<'EOF'
#!/.selvedge/sh
# Starts hello: gunicorn manages the workers, and uvicorn runs the ASGI app in each of them.
# docker runs this script as the user hello.
# Written by `fab gunicorn`; edit its template gunicorn/gunicorn_start.j2 instead.
# The image may have variables for the app, such as LOG_LEVEL. Those of this script have other names.
set -eu

SELVEDGE_NAME=hello
# The folder and the Python of the image.
SELVEDGE_DIR=$PWD
SELVEDGE_PYTHON=$(command -v python || command -v python3)
# By default one worker more than CPU cores, so that all cores are busy while one worker waits (app.workers in hosts.toml).
SELVEDGE_WORKERS=$(($(nproc) + 1))
# A new release starts with one worker. Once it is healthy, Selvedge makes gunicorn start the others.
if [ -e /srv/hello/instances/0123456789ab-ba359f/one ]; then SELVEDGE_WORKERS=1; fi
# /srv/hello/instances/0123456789ab-ba359f/selvedge_worker.py extends uvicorn_worker.UvicornWorker.
SELVEDGE_WORKER_CLASS=selvedge_worker.Worker
# Each release has its own socket. nginx connects to the live one by the link /srv/hello/live.sock.
SELVEDGE_BIND=unix:/run/hello/0123456789ab-ba359f.sock
SELVEDGE_LOG_LEVEL=info

# gunicorn 24 and later open a control socket in the home directory, which Selvedge does not use.
SELVEDGE_CONTROL=
if "$SELVEDGE_PYTHON" -I -c 'import gunicorn.ctl' 2>/dev/null; then SELVEDGE_CONTROL=--no-control-socket; fi

# --umask 0 opens the socket to all users, but only this user and nginx can enter its folder.
# --forwarded-allow-ips '*': only nginx can reach the socket, so gunicorn may trust its headers about the client.
# --worker-tmp-dir: heartbeat files are in memory, so that a slow disk does not look like a dead worker.
exec /srv/hello/instances/0123456789ab-ba359f/run "$SELVEDGE_PYTHON" -m gunicorn main:app \
  --name "$SELVEDGE_NAME" \
  --chdir "$SELVEDGE_DIR" \
  --workers "$SELVEDGE_WORKERS" \
  --worker-class "$SELVEDGE_WORKER_CLASS" \
  --bind "$SELVEDGE_BIND" \
  --umask 0 \
  --timeout 30 \
  --graceful-timeout 30 \
  --forwarded-allow-ips '*' \
  --worker-tmp-dir /dev/shm \
  --log-level "$SELVEDGE_LOG_LEVEL" \
  --log-file - \
  $SELVEDGE_CONTROL
EOF
)
change_14() (
set -eu
install -d -m 00750 -o root -g hello -- /srv/hello/instances/0123456789ab-ba359f/processes
)
change_15() (
set -eu
install -d -m 00750 -o root -g hello -- /srv/hello/instances/0123456789ab-ba359f/processes/worker
)
change_16() (
set -eu
file_put /srv/hello/instances/0123456789ab-ba359f/processes/worker/start 0750 root hello <<'EOF'
#!/.selvedge/sh
# Runs the process worker of hello, release 0123456789ab-ba359f, with this number: $1.
# docker runs this script as the user hello.
# Written by `fab gunicorn`; edit its template process/start.j2 instead.
# The image may have variables for the app, such as LOG_LEVEL. Those of this script have other names.
set -eu

# If possible, the program takes the place of the shell, so that it gets the signals itself.
SELVEDGE_COMMAND='exec celery -A blog worker -n '"'"'w$PROCESS_NUMBER'"'"''

exec /srv/hello/instances/0123456789ab-ba359f/run env PROCESS_NUMBER="$1" sh -c "$SELVEDGE_COMMAND"
EOF
)
change_17() (
set -eu
file_put /srv/hello/instances/0123456789ab-ba359f/processes/worker/settings 0640 root hello <<'EOF'
overlap yes
stop_signal TERM
stop_timeout 300
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
