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
install -d -m 00750 -o root -g hello -- /srv/hello/instances/0123456789ab-e73f07
)
change_6() (
set -eu
head -c 150 <&3 | file_put /srv/hello/instances/0123456789ab-e73f07/env 0640 root hello 150
)
change_7() (
set -eu
file_put /srv/hello/instances/0123456789ab-e73f07/run 0750 root hello <<'EOF'
#!/.selvedge/sh
# Runs a command in the environment of this release of hello: its folder, variables and virtual environment. Example:
#   /srv/hello/instances/0123456789ab-e73f07/run python -c 'import sys; print(sys.prefix)'
# Written by `fab gunicorn`; edit its template gunicorn/run.j2 instead.
set -eu
# It runs in a container. The working folder is that of the image.
# Code: /srv/hello/releases/0123456789ab/backend
image_path=$PATH image_modules=${PYTHONPATH:+:$PYTHONPATH}
set -a
# nginx limits headers ([nginx] large_headers). uvicorn's library for WebSockets never answers a request with one over 8 kB.
WEBSOCKETS_MAX_LINE_LENGTH=65536
. /srv/hello/instances/0123456789ab-e73f07/env
# The app may write only to this folder.
APP_SHARED=/srv/hello/shared
HOME=/srv/hello/shared
RELEASE=0123456789ab-e73f07
COMMIT=0123456789abcdef0123456789abcdef01234567
PATH=$image_path
PYTHONPATH=$PWD:$PWD/src:/srv/hello/instances/0123456789ab-e73f07$image_modules
# Output reaches the log at once, and no byte code is written next to the source.
PYTHONUNBUFFERED=1
PYTHONDONTWRITEBYTECODE=1
set +a
umask 0007
# The shell of busybox would take its own programs before those of the image. An image may have Python only as python3.
program=$1
shift
case $program in */*) ;; *)
  IFS=:
  for name in "$program" python3; do
    for folder in $PATH; do
      if [ -x "$folder/$name" ]; then
        program=$folder/$name
        break 2
      fi
    done
    [ "$program" = python ] || break
  done
  unset IFS
  ;;
esac
exec "$program" "$@"
EOF
)
change_8() (
set -eu
file_put /srv/hello/instances/0123456789ab-e73f07/selvedge_uvicorn.py 0640 root hello <<'EOF'
"""Serve an ASGI app by uvicorn: a process of selvedge_parent.py. Arguments: see there."""

import os

import selvedge_parent


def serve(app, sock, options, beating):
    """Serve until TERM. Return the exit status."""
    import uvicorn

    headers = [("x-release", os.environ["RELEASE"])] if options.release_header else []
    config = uvicorn.Config(
        app,
        interface="asgi3",
        proxy_headers=True,
        forwarded_allow_ips="*",
        headers=headers,
        access_log=False,
        log_config=None,
        log_level=options.log_level,
    )
    # uvicorn before 0.22 does not have this as an argument, and waits until the parent process kills the worker.
    config.timeout_graceful_shutdown = options.stop_timeout
    server = uvicorn.Server(config)
    selvedge_parent.run_loop(server.serve(sockets=[sock]), beating)
    return 0 if server.started else selvedge_parent.BROKEN


if __name__ == "__main__":
    selvedge_parent.main(serve, ["uvicorn", "uvicorn.logging", "uvicorn.protocols.http.auto", "uvicorn.protocols.websockets.auto"])
EOF
)
change_9() (
set -eu
file_put /srv/hello/instances/0123456789ab-e73f07/selvedge_parent.py 0640 root hello <<'EOF'
"""Run an ASGI app in worker processes, for an app server that is asked to serve in one process.

The parent process opens the socket, or takes it from systemd, and starts the workers. It adds one at the signal TTIN, replaces
one that has died or does not respond, and ends with its workers at TERM. If a worker ends before it has started, so does the
parent: the app is broken, and its process manager knows what to do.

uvicorn has a parent process of its own, which does not replace a worker whose event loop is blocked; hypercorn has one that
adds no workers. This module is in the folder of each release on the server, and on its PYTHONPATH.
"""

import asyncio
import contextlib
import faulthandler
import gc
import importlib
import logging
import mmap
import os
import signal
import struct
import sys
import time

import selvedge_app
import selvedge_asgi
import selvedge_log
import selvedge_process

BROKEN = 3
"""The exit status of a worker that could not start, and of its parent (the same as gunicorn's and uvicorn's)."""
SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD, signal.SIGTTIN, signal.SIGTTOU}
SLOT = struct.Struct("dd")
"""What parent and worker share: the time of the worker's last sign of life, and the time at which it was ready, 0 before."""
log = logging.getLogger("selvedge")


class Worker:
    """A worker process, as its parent sees it."""

    def __init__(self):
        self.pid = 0
        self.shared = mmap.mmap(-1, SLOT.size)
        self.stopping = False
        self.beat()

    def beat(self, *, ready=False):
        """Give a sign of life."""
        now = time.monotonic()
        _, since = SLOT.unpack_from(self.shared)
        SLOT.pack_into(self.shared, 0, now, since or (now if ready else 0))

    @property
    def ready(self):
        return SLOT.unpack_from(self.shared)[1] > 0

    def silence(self):
        """Return how long ago the last sign of life was, in seconds."""
        return time.monotonic() - SLOT.unpack_from(self.shared)[0]


class Parent:
    """The parent process. serve(app, sock, options, beating) serves in one process until TERM; beating: a coroutine."""

    def __init__(self, serve, options, sock):
        self.serve, self.options, self.sock = serve, options, sock
        self.wanted = options.workers
        self.workers = {}
        self.status = None
        self.deadline = None

    def run(self):
        """Run the workers until the end. Return the exit status."""
        log.info("Listening at: %s (%d)", self.options.bind or "systemd's socket", os.getpid())
        selvedge_process.notify("READY=1")
        while self.status is None or self.workers:
            if self.status is None:
                self.fill()
            received = signal.sigtimedwait(SIGNALS, 1 if self.status is None else 0.1)
            if received is not None:
                self.handle(received.si_signo)
            self.reap()
            self.watch()
        log.info("Shutting down: Master")
        return self.status

    def handle(self, number):
        if number == signal.SIGTTIN:
            self.wanted += 1
        elif number == signal.SIGTTOU:
            self.wanted = max(1, self.wanted - 1)
            for pid in [pid for pid, each in self.workers.items() if not each.stopping][self.wanted :]:
                self.end(pid)
        elif number not in (signal.SIGCHLD, signal.SIGHUP):
            self.stop(0)

    def stop(self, status):
        """End all workers, and then this process."""
        if self.status is not None:
            return
        self.status = status
        self.deadline = time.monotonic() + self.options.stop_timeout + 5
        selvedge_process.notify("STOPPING=1")
        for pid in list(self.workers):
            self.end(pid)

    def end(self, pid):
        self.workers[pid].stopping = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)

    def reap(self):
        """Remove the workers that have ended."""
        for pid, worker in list(self.workers.items()):
            found, state = os.waitpid(pid, os.WNOHANG)
            if not found:
                continue
            del self.workers[pid]
            if self.status is not None or worker.stopping:
                continue
            code = os.waitstatus_to_exitcode(state)
            how = f"was sent {signal.Signals(-code).name}!" if code < 0 else f"exited with code {code}"
            more = " Perhaps out of memory?" if code == -signal.SIGKILL else ""
            log.error("Worker (pid:%d) %s%s", pid, how, more)
            if not worker.ready and code != -signal.SIGKILL:
                log.error("Worker failed to boot.")
                self.stop(BROKEN)

    def watch(self):
        """Kill the workers that do not respond, and at the end those that do not end."""
        for pid, worker in self.workers.items():
            limit = self.options.timeout if worker.ready else self.options.start_timeout + self.options.timeout
            if self.deadline is not None and time.monotonic() > self.deadline:
                os.kill(pid, signal.SIGKILL)
            elif not worker.stopping and worker.silence() > limit:
                log.critical("WORKER TIMEOUT (pid:%d)", pid)
                # The worker prints where it is, and ends.
                os.kill(pid, signal.SIGABRT)
                worker.beat()

    def fill(self):
        """Start workers until there are as many as wanted."""
        while sum(not each.stopping for each in self.workers.values()) < self.wanted:
            worker = Worker()
            pid = os.fork()
            if not pid:
                self.work(worker)
            self.workers[pid] = worker

    def work(self, worker):
        """Be the worker: load the app and serve it. This does not return."""
        status = BROKEN
        try:
            for number in SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            faulthandler.enable()
            log.info("Booting worker with pid: %d", os.getpid())
            as_json, access_log = self.options.log_format == "json", self.options.access_log
            app = selvedge_log.requests(load(self.options.app), as_json=as_json, access_log=access_log)
            app = announced(app, worker)
            status = self.serve(app, self.sock, self.options, beating(worker, os.getppid()))
        except selvedge_app.NoApp as error:
            log.error("%s", error)
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else BROKEN
        except BaseException:
            log.exception("The worker ended with an exception.")
        finally:
            leave(status or 0)


def leave(status):
    """End this process, whatever runs in it."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(status)


def load(name):
    """Return the app, loaded without garbage collection. Raise selvedge_app.NoApp with a sentence."""
    gc.disable()
    app = selvedge_asgi.streaming(selvedge_app.load_or_explain(name))
    gc.freeze()
    gc.enable()
    return app


def announced(app, worker):
    """Let the log and the parent know of the app's start."""

    def began():
        log.info("Waiting for application startup (pid:%d)", os.getpid())

    def ready():
        worker.beat(ready=True)
        log.info("Worker is ready (pid:%d)", os.getpid())

    def failed(message):
        # Not every app server would end.
        log.error("%s\nApplication startup failed. Exiting.", message)
        leave(BROKEN)

    return selvedge_asgi.announced(app, began, ready, failed)


async def beating(worker, parent):
    """Give signs of life for as long as the event loop runs. parent: its process id; without it nobody would stop this process."""
    while os.getppid() == parent:
        worker.beat(ready=worker.ready)
        await asyncio.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def main(serve, libraries):
    """Run the app server. libraries: modules that all workers share, which are loaded once."""
    options = selvedge_process.arguments()
    as_json = options.log_format == "json"
    selvedge_process.begin_log(options.log_level, as_json=as_json)
    selvedge_log.begin(options.log_level, as_json=as_json, access_log=options.access_log)
    # Loading modules leaves no garbage (https://docs.python.org/3/library/gc.html#gc.freeze). The app's own modules are not
    # loaded here, because they may open connections, which processes cannot share.
    gc.disable()
    for library in (*libraries, "fastapi"):
        with contextlib.suppress(Exception):
            importlib.import_module(library)
    gc.freeze()
    gc.enable()
    # A new release waits here until Selvedge has checked the app's settings.
    while os.path.exists(os.path.join(os.path.dirname(os.path.abspath(__file__)), "held")):
        time.sleep(0.01)
    sock = selvedge_process.listen(options.bind)
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    sys.exit(Parent(serve, options, sock).run())


def run_loop(serving, beating):
    """Run two coroutines until the first ends, by uvloop where it is installed."""

    async def both():
        beats = asyncio.ensure_future(beating)
        try:
            await serving
        finally:
            beats.cancel()

    loop = asyncio.new_event_loop
    with contextlib.suppress(ImportError):
        loop = importlib.import_module("uvloop").new_event_loop
    if hasattr(asyncio, "Runner"):
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(both())
    else:  # before Python 3.11
        asyncio.set_event_loop(loop())
        asyncio.get_event_loop().run_until_complete(both())
EOF
)
change_10() (
set -eu
file_put /srv/hello/instances/0123456789ab-e73f07/selvedge_process.py 0640 root hello <<'EOF'
"""What the parent process of the workers has from outside: its options, its log, its socket, and systemd.

This module is in the folder of each release on the server, and on its PYTHONPATH.
"""

import argparse
import contextlib
import logging.config
import os
import socket

import selvedge_log


def arguments():
    """Return the options of the start script."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("app", help="the ASGI app, module:name")
    parser.add_argument("--bind", default="", help="the path of the socket; by default systemd passes it")
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--timeout", type=int, required=True, help="seconds after which a worker that does not respond is replaced")
    parser.add_argument("--start-timeout", type=int, required=True, help="seconds for the start of a worker")
    parser.add_argument("--stop-timeout", type=int, required=True, help="seconds for the requests in hand, once it is to end")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--log-format", choices=["text", "json"], default="text")
    parser.add_argument("--access-log", action="store_true", help="log each request")
    parser.add_argument("--release-header", action="store_true", help="add the header X-Release to every response")
    return parser.parse_args()


def notify(text):
    """Tell systemd a state (sd_notify(3)), if it has started this process."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, contextlib.suppress(OSError):
            sock.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            sock.sendall(text.encode())


def listen(path):
    """Return the socket at a path, or the one that systemd passes (sd_listen_fds(3))."""
    if not path:
        if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
            raise SystemExit("systemd has passed no socket")
        return socket.socket(fileno=3)
    sock = socket.socket(socket.AF_UNIX)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # a process that was killed left it
    # All users may connect, but only this user and nginx can enter the socket's folder.
    before = os.umask(0)
    sock.bind(path)
    os.umask(before)
    sock.listen(2048)
    return sock


def begin_log(level, *, as_json=False):
    """Write all loggers' records to the output, in the form of gunicorn's log or in JSON."""
    form = {"()": selvedge_log.Json} if as_json else {"format": selvedge_log.TEXT, "datefmt": selvedge_log.TIME}
    handler = {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "line"}
    own = {"handlers": ["output"], "propagate": False}
    # The app's logger decides of itself. These lines the release switch needs whatever the level is.
    loggers = {"selvedge": {**own, "level": "INFO"}}
    loggers.update((name, {**own, "level": level.upper()}) for name in ("uvicorn", "hypercorn.error"))
    settings = {"version": 1, "disable_existing_loggers": False, "formatters": {"line": form}, "handlers": {"output": handler}}
    logging.config.dictConfig({**settings, "loggers": loggers})
EOF
)
change_11() (
set -eu
file_put /srv/hello/instances/0123456789ab-e73f07/selvedge_app.py 0640 root hello <<'EOF'
# … selvedge_app.py
EOF
)
change_12() (
set -eu
file_put /srv/hello/instances/0123456789ab-e73f07/selvedge_explain.py 0640 root hello <<'EOF'
# … selvedge_explain.py
EOF
)
change_13() (
set -eu
file_put /srv/hello/instances/0123456789ab-e73f07/selvedge_asgi.py 0640 root hello <<'EOF'
# … selvedge_asgi.py
EOF
)
change_14() (
set -eu
file_put /srv/hello/instances/0123456789ab-e73f07/selvedge_log.py 0640 root hello <<'EOF'
# … selvedge_log.py
EOF
)
change_15() (
set -eu
file_put /srv/hello/instances/0123456789ab-e73f07/uvicorn_start 0750 root hello <<'EOF'
#!/.selvedge/sh
# Starts hello: uvicorn runs the ASGI app in each of its worker processes.
# docker runs this script as the user hello.
# Written by `fab gunicorn`; edit its template uvicorn/uvicorn_start.j2 instead.
set -eu

PYTHON=$(command -v python || command -v python3)
# By default one worker more than CPU cores, so that all cores are busy while one worker waits (app.workers in hosts.toml).
WORKERS=$(($(nproc) + 1))
# A new release starts with one worker. Once it is healthy, Selvedge makes the parent process start the others.
if [ -e /srv/hello/instances/0123456789ab-e73f07/one ]; then WORKERS=1; fi
LOG_LEVEL=info

# Each release has its own socket. nginx connects to the live one by the link /srv/hello/live.sock.
# /srv/hello/instances/0123456789ab-e73f07/selvedge_uvicorn.py serves the app; selvedge_parent.py is the parent process of the workers.
exec /srv/hello/instances/0123456789ab-e73f07/run "$PYTHON" -m selvedge_uvicorn main:app \
  --workers "$WORKERS" \
  --bind /run/hello/0123456789ab-e73f07.sock \
  --timeout 30 \
  --start-timeout 120 \
  --stop-timeout 30 \
  --release-header \
  --log-level "$LOG_LEVEL"
EOF
)
change_16() (
set -eu
install -d -m 00750 -o root -g hello -- /srv/hello/instances/0123456789ab-e73f07/processes
)
change_17() (
set -eu
install -d -m 00750 -o root -g hello -- /srv/hello/instances/0123456789ab-e73f07/processes/worker
)
change_18() (
set -eu
file_put /srv/hello/instances/0123456789ab-e73f07/processes/worker/start 0750 root hello <<'EOF'
#!/.selvedge/sh
# Runs the process worker of hello, release 0123456789ab-e73f07, with this number: $1.
# docker runs this script as the user hello.
# Written by `fab gunicorn`; edit its template process/start.j2 instead.
set -eu

# If possible, the program takes the place of the shell, so that it gets the signals itself.
COMMAND='exec celery -A blog worker -n '"'"'w$PROCESS_NUMBER'"'"''

exec /srv/hello/instances/0123456789ab-e73f07/run env PROCESS_NUMBER="$1" sh -c "$COMMAND"
EOF
)
change_19() (
set -eu
file_put /srv/hello/instances/0123456789ab-e73f07/processes/worker/settings 0640 root hello <<'EOF'
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
step_changes='0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19'
step_counted=0
step_start
