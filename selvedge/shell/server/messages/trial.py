"""Send a message for a test, and print what became of it (`fab notify`)."""

import subprocess

from . import settings
from .notify import done, put
from .text import TITLE, beginning, one_line


def test(name, by):
    """Send a message to the addresses of an app. Returns 1 if one of them has not got it. by: who asked for it."""
    (sender,) = settings.senders(name)
    title = beginning(f"{sender.app}: a test from {sender.host}", TITLE)
    body = f"Messages from this server arrive.\nfab -H {sender.host} notify by {one_line(by)}"
    message = {"app": name, "cause": "", "kind": "success", "title": title, "body": body, "urls": sender.urls}
    instance = put(message, wait=True)
    unit = f"selvedge-notify@{instance}.service"
    subprocess.run(["journalctl", "--sync"], stderr=subprocess.DEVNULL, check=False)
    # Without a line of the program, systemd's own words say why it could not start.
    lines = journal("-u", unit, "-t", "selvedge-notify") or journal("-u", unit)
    for line in lines:
        print(one_line(line), flush=True)
    done(instance)
    return 0 if lines and all(line.startswith("sent to ") for line in lines) else 1


def journal(*words):
    """Return the lines of the journal that these options choose."""
    command = ["journalctl", "-q", "--no-pager", "-o", "cat", *words]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False).stdout.splitlines()
