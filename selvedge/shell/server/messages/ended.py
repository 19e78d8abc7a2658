"""Say how a run of a unit has ended: a timer of an app, its backup, the rehearsal of a restore, the renewal of certificates."""

import os
import re
import subprocess

from . import settings
from .notify import tell
from .outcome import outcome
from .text import with_output, without_values

SERVER = "/srv"
LOGS = "/var/log"
RECORDS = "/var/lib/selvedge/timers"
MOST = 65536
"""The bytes at the end of a log in which the last lines of a run are looked for."""
BACKUPS = {
    "backup": ("the backup", "failed", "backup"),
    "rehearsal": ("the rehearsal of a restore", "unrehearsed", "backup --rehearse"),
}
"""Unit → what it is called, the file with its last failure, what to type."""


def ended(what, app="", name=""):
    """Queue a message about the unit that runs this at its end, by $SERVICE_RESULT and $EXIT_STATUS (systemd.exec(5))."""
    result, status = os.environ.get("SERVICE_RESULT", ""), os.environ.get("EXIT_STATUS", "")
    # Someone has stopped it, as `fab stop` and a shutdown do.
    if not result or (result == "signal" and status == "TERM"):
        return 0
    failed = result != "success"
    try:
        if what == "timer":
            _timer(app, name, failed, outcome(result, status))
        elif what == "certbot":
            _certbot(failed, outcome(result, status, memory=""))
        else:
            _backup(app, what, failed, outcome(result, status, memory=""))
    except (OSError, ValueError) as error:
        settings.note(f"{app or 'the server'}: a message was not queued: {type(error).__name__}: {error}")
    return 0


def _timer(app, name, failed, how):
    cause, title = f"timer.{name}", f"{app}: the timer {name}"
    record = _record(f"{RECORDS}/{app}.{name}")
    release = record.get("TIMER_RELEASE", "")
    lines = [how[:1].upper() + how[1:] + (f", in the release {release}" if release else "")]
    if failed:
        run = last_run(_tail(f"{LOGS}/{app}/timer-{name}.log"), name)
        body = with_output(lines, without_values(run, _read(f"{SERVER}/{app}/instances/{release}/env")))
        tell(app, cause, "failure", f"{title} failed", body, fab=f"logs --timer {name}")
    else:
        tell(app, cause, "success", f"{title} works again", "")


def last_run(log, name):
    """Return what the last run of a timer has written to its log (templates/systemd/timer_record.j2)."""
    own = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[(?:INFO|ERROR)\] " + re.escape(name)
    began = re.compile(f"{own} began in the release ".encode())
    lines = log.splitlines()
    start = max((number for number, line in enumerate(lines) if began.match(line)), default=-1)
    ours = re.compile(f"{own} (?:failed|ended) after ".encode())
    return b"\n".join(line for line in lines[start + 1 :] if not ours.match(line))


def _backup(app, what, failed, how):
    called, file, fab = BACKUPS[what]
    if not failed:
        tell(app, what, "success", f"{app}: {called} works again", "")
        return
    # "SECONDS REASON"; a killed program has not written it.
    reason = _read(f"{SERVER}/{app}/backup/state/{file}").partition(b" ")[2].strip()
    tell(app, what, "failure", f"{app}: {called} failed", with_output(["" if reason else how], reason), fab=fab)


def _certbot(failed, how):
    if not failed:
        tell("", "certbot", "success", "The renewal of certificates works again", "")
        return
    subprocess.run(["journalctl", "--sync"], stderr=subprocess.DEVNULL, check=False)
    run = f"_SYSTEMD_INVOCATION_ID={os.environ.get('INVOCATION_ID', '')}"
    command = ["journalctl", "-q", "--no-pager", "-n", "30", "-o", "cat", run]
    output = subprocess.run(command, capture_output=True, check=False).stdout
    title = "certbot could not renew a certificate"
    tell("", "certbot", "failure", title, with_output([how[:1].upper() + how[1:]], output), fab="certbot --renew-dry-run")


def _record(path):
    return dict(line.partition("=")[::2] for line in _read(path).decode("utf-8", "replace").splitlines())


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except (FileNotFoundError, NotADirectoryError):
        return b""


def _tail(path):
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - MOST))
            return file.read()
    except FileNotFoundError:
        return b""
