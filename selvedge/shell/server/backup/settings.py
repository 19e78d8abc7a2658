"""The settings of an app's backups, and the folders that they use."""

import contextlib
import hashlib
import json
import os
import pwd
import sys
import time

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRATCH = f"{HERE}/scratch"
"""Copies of databases for the backup that is being taken."""
RESTORED = f"{HERE}/restored"
"""A backup that was restored, not yet in place."""
REHEARSED = f"{HERE}/rehearsed"
"""The same, for a rehearsal: the backup that a user has restored stays."""
REPLACED = f"{HERE}/replaced"
"""The files that `fab restore --live` has just replaced."""
STATE = f"{HERE}/state"
HALF = "half-restored"
"""The file in STATE while live data is being replaced. A killed command leaves it."""
STOPPED, UNSTARTED = "stopped", "not-started"
"""Files in STATE while the app is stopped: the second one after its data was replaced."""
BEFORE = "before-restore"
"""The file in STATE with the id of the backup that has the data from before the last restore."""
CHOSEN = "chosen"
"""The file in RESTORED with the short id of the backup, or "file"."""
MANIFEST = "manifest.json"
MARK = os.environ.get("SELVEDGE_MARK", "")


def installation(app):
    """Return a name of this installation of the server, "" if it has none. The id itself is confidential (machine-id(5))."""
    try:
        with open("/etc/machine-id", encoding="ascii") as file:
            number = file.read().strip()
    except (OSError, ValueError):
        return ""
    return hashlib.sha256(f"selvedge {app} {number}".encode()).hexdigest()[:12] if number else ""


class Failed(Exception):
    """A sentence for the user, and one that says what to do."""

    def __init__(self, problem, remedy=""):
        super().__init__(problem)
        self.remedy = remedy


class Settings:
    """settings.json. app: the app's name, which is also its user. files: paths in `shared`, empty for all of it.

    exclude: patterns of paths in `shared` that no backup has.
    """

    def __init__(self, path=f"{HERE}/settings.json"):
        with open(path, encoding="utf-8") as file:
            self.__dict__.update(json.load(file))
        self.base = f"/srv/{self.app}"
        self.shared = f"{self.base}/shared"
        user = pwd.getpwnam(self.app)
        self.uid, self.gid = user.pw_uid, user.pw_gid

    def as_app(self, *command):
        """Return a command that runs as the app's user, unable to gain rights."""
        return [
            "setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--init-groups", "--no-new-privs", "--bounding-set=-all",
            "--", *command,
        ]  # fmt: skip


def _print(text):
    """Print a line. The connection may have ended, and the work goes on."""
    try:
        print(text, flush=True)
    except OSError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def say(text):
    """Tell the user something that stays on the screen."""
    _print(f"{MARK} say {text}" if MARK else text)


def wait(text):
    """Tell the user what the work is at. It is not in the journal."""
    if MARK:
        _print(f"{MARK} wait {text}")


def fail(error):
    """Print the failure as step.sh does, or as a line of the journal."""
    problem, remedy = str(error), getattr(error, "remedy", "")
    if MARK:
        _print(f"{MARK} error {problem}")
        if remedy:
            _print(f"{MARK} remedy {remedy}")
    else:
        # Standard output may be the backup itself (`dump`).
        print(f"{problem} {remedy}".strip(), file=sys.stderr)


def size(number):
    """Return a number of bytes as text."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def free_and_reserve(folder):
    """Return the free bytes of a file system, and how many of them the app keeps."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize, min(found.f_blocks * found.f_frsize // 20, 500_000_000)


def crowded(folder, written):
    """Return whether a file that grows in a folder must stop: the disk may be that of a database, which it would stop.

    written: its bytes. A small one may use a tenth of what is left, because a full disk is when a backup is needed.
    """
    free, reserve = free_and_reserve(folder)
    return free < reserve and written > free // 10


def room(folder, wanted, what):
    """Raise Failed if a file system has not so many bytes free, with a reserve for the app. what: what needs them."""
    free, reserve = free_and_reserve(folder)
    if wanted + reserve > free:
        problem = f"{what} needs {size(wanted)} in {folder}, and only {size(free)} are free there (the app keeps {size(reserve)})."
        raise Failed(problem, f"Free some space on the server: `df -h {folder}`.")


def counted(number, noun):
    """Return "1 table", "2,000 tables"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def write(name, text):
    """Write a file of the folder `state`, whole or not at all, also if the power is cut."""
    os.makedirs(STATE, 0o700, exist_ok=True)
    with open(f"{STATE}/.{name}", "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
        flush(file)
    os.replace(f"{STATE}/.{name}", f"{STATE}/{name}")
    flush_folder(STATE)


def flush(file):
    """Have what was written to an open file on the disk."""
    file.flush()
    os.fsync(file.fileno())


def flush_folder(folder):
    """Have the names in a folder on the disk, such as one that was just replaced."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def forget(name):
    """Remove a file of the folder `state`."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{STATE}/{name}")


def failure(command, error):
    """Return the error to show for one that ended a command."""
    if isinstance(error, OSError):
        return Failed(f"{command}: {error.strerror}: {error.filename or HERE}.", f"Check the disk of the server: `df -h {HERE}`.")
    return error if isinstance(error, Failed) else Failed(f"{command}: it was stopped before its end.")


@contextlib.contextmanager
def recorded(name, command):
    """Write the failure of a command to a file of the folder `state`, and remove the file after a success."""
    try:
        yield
    except (Failed, OSError, SystemExit) as error:
        # The disk may be full.
        with contextlib.suppress(OSError):
            write(name, f"{int(time.time())} {failure(command, error)}\n")
        raise
    forget(name)
