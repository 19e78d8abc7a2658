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
import glob
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
            forget_live_gauges(pid)
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


def forget_live_gauges(pid):
    """Delete the live gauges of a worker that has ended, as prometheus_client's mark_process_dead does ([metrics])."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
    for path in glob.glob(f"{glob.escape(folder)}/gauge_live*_{pid}.db") if folder else ():
        with contextlib.suppress(OSError):
            os.unlink(path)


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
