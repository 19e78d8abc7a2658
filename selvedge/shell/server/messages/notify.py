"""Queue a message: check who may get it, write it to a file, and let systemd send it, so that the caller never waits."""

import argparse
import json
import os
import re
import subprocess
import sys
import time

from . import settings, told
from .text import BODY, TAIL, TITLE, beginning, clean, moment, one_line, quoted

LONGEST = 65536
"""The most bytes that are read of a body."""
LATER = 75
"""The exit status of --repeat while the message has not arrived: EX_TEMPFAIL of sysexits.h(3head)."""


def parser():
    """Return the parser of the command line."""
    found = argparse.ArgumentParser(
        prog="/usr/local/lib/selvedge/notify", description="Send a message. Its text is read from standard input.",
        epilog="It returns at once, with status 0 also if the message is not sent: `journalctl -t selvedge-notify` shows why.",
    )  # fmt: skip
    found.add_argument("--app", default="", help="send it to the addresses of this app (default: those of all apps here)")
    found.add_argument("--about", default="", help="the cause: of one cause, only the first failure and the next success are sent")
    found.add_argument(
        "--repeat", action="store_true",
        help=f"with --about: the status is {LATER} until the message has arrived; repeat the command every minute until it is 0",
    )  # fmt: skip
    found.add_argument("--fab", default="", help="what to type: the arguments of fab after -H HOST")
    found.add_argument("kind", choices=["failure", "success"])
    found.add_argument("title")
    return found


def notify(*words):
    """Queue a message of another program."""
    given = parser().parse_args(words)
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}|", given.about):
        parser().error("--about: must be at most 100 letters, digits, '.', '_' and '-'")
    if not re.fullmatch(r"[a-z][a-z0-9.-]{0,60}|", given.app):
        parser().error("--app: must be the name of an app")
    if given.repeat and not given.about:
        parser().error("--repeat: needs --about")
    body = b"" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.read(LONGEST)
    text = clean(body).strip()
    arrived = tell(given.app, given.about, given.kind, given.title, text, fab=given.fab, repeated=given.repeat)
    return LATER if given.repeat and not arrived else 0


def tell(app, cause, kind, title, body, *, fab="", repeated=False):
    """Queue a message if its users do not know it yet. Return whether they do. app, cause: "" for none.

    Never raises: it must not disturb its caller.
    """
    try:
        senders = settings.senders(app)
        # Most runs succeed, and no one was told of a failure.
        new = kind == "success" and cause and not told.known(app, cause)
        if senders and not new:
            return _queue(app, senders, cause, kind, one_line(title), body, fab, repeated)
    except (OSError, ValueError, KeyError) as error:
        settings.note(f"{app or 'the server'}: a message was not queued: {type(error).__name__}: {error}")
        return False
    return True


def _queue(app, senders, cause, kind, title, body, fab, repeated):
    now = int(time.time())
    urls = {url: None for each in senders for url in each.urls if kind == "failure" or not each.only_failures}
    with told.remembered(app, cause or told.OTHER) as state:
        if cause:
            send, new = told.decide(state, kind, now, repeated=repeated)
        else:
            send, new = told.admit(state, now)
        extra = _extra(state, kind, now, repeated) if send else []
        if send and not urls:
            send, new = False, told.arrived(new, kind)
        if new.get("held", 0) > state.get("held", 0):
            settings.note(f"not sent, because there were too many in an hour: {title}")
        state.clear()
        state.update(new)
    if send:
        host = senders[0].host
        command = [f"fab -H {host} {beginning(quoted(one_line(fab)), TAIL)}"] if fab else []
        tail = "\n".join([*extra, *command, f"{host}, {moment(now)}"])
        text = "\n".join(filter(None, [beginning(quoted(body), BODY - len(tail.encode()) - 1), tail]))
        title = beginning(quoted(title), TITLE)
        put({"app": app, "cause": cause, "kind": kind, "title": title, "body": text, "urls": list(urls)})
    return not send and told.has_arrived(new, kind, now)


def _extra(state, kind, now, repeated):
    """Return lines about what was not told. state: the one before this message."""
    lines = []
    if kind == "success" and repeated and state.get("since"):
        lines.append(f"It began at {moment(state['since'])}.")
    elif kind == "success" and state.get("failures"):
        count = state["failures"]
        lines.append(f"It had failed {'once' if count == 1 else f'{count} times'} since {moment(state.get('since', now))}.")
    if state.get("held"):
        lines.append(f"Too many messages in an hour: {state['held']} before this one were not sent.")
    return lines


def put(message, *, wait=False):
    """Write a message to the queue, and start the unit that sends it. Return the unit's instance, "" if it could not be started."""
    os.makedirs(settings.QUEUE, 0o700, exist_ok=True)
    name = f"{message['app'] or 'server'}.{time.time_ns()}"
    path = f"{settings.QUEUE}/{name}"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        json.dump(message, file)
    command = ["systemctl", *([] if wait else ["--no-block"]), "start", f"selvedge-notify@{name}.service"]
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if run.returncode and not wait:
        done(name)
        settings.note(f"{message['app'] or 'the server'}: not sent: {one_line(run.stderr)}: {message['title']}")
        return ""
    return name


def done(name):
    """Note whether a message has arrived, and delete it. The unit runs this at its end ($SERVICE_RESULT: systemd.exec(5))."""
    path = f"{settings.QUEUE}/{os.path.basename(name)}"
    message = told.read(path)
    if message.get("cause"):
        with told.remembered(message["app"], message["cause"]) as state:
            success = os.environ.get("SERVICE_RESULT") == "success"
            new = told.arrived(state, message["kind"]) if success else told.lost(state)
            state.clear()
            state.update(new)
    if os.path.exists(path):
        os.unlink(path)
    return 0
