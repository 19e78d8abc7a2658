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
