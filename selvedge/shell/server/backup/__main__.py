"""`python3 -BIS /srv/<app>/backup/program COMMAND …`: the commands are the functions below.

One that changes something runs at a time for each app. Its lock is held by flock, so it ends with the process.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import time

from backup import restoring
from backup.choosing import choose, described, fields, require_certain, require_continued
from backup.half import is_half, named
from backup.postgres import beside
from backup.repository import Repository
from backup.settings import (
    CHOSEN,
    REHEARSED,
    RESTORED,
    SCRATCH,
    Failed,
    Settings,
    fail,
    failure,
    installation,
    recorded,
    say,
    wait,
    write,
)
from backup.swapping import swap
from backup.taking import take, thin_out
from backup.volumes import require_room

LONGEST = 4 * 3600
"""Seconds to wait for another command."""


@contextlib.contextmanager
def locked(app, longest=LONGEST):
    """Hold the lock of the app's backups. Raises Failed if another command holds it for too long."""
    os.makedirs("/run/selvedge", 0o700, exist_ok=True)
    with open(f"/run/selvedge/{app}.backup", "w", encoding="utf-8") as file:
        until = time.monotonic() + longest
        while not acquired(file):
            wait("waiting for another backup")
            if time.monotonic() > until:
                remedy = "`ps -ef | grep restic` on the server shows it."
                raise Failed("Another backup has been running for hours.", remedy)
            time.sleep(1)
        yield


def acquired(file):
    """Lock a file; return whether that was possible."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def tidy(settings):
    """Remove what a killed command has left. A backup that is to be put in place stays: its restore is still running.

    Half restored data is left as it is, and so is the lock, by which others know whether a restore is running.
    """
    restoring.discard(settings, REHEARSED)
    if is_half():
        return
    with open(f"/run/selvedge/{settings.app}.restoring", "w", encoding="utf-8") as file:
        if not os.path.exists(f"{RESTORED}/kept") and acquired(file):
            restoring.discard(settings)


def command_take(settings, repository, why):
    """Take a backup, and delete old ones."""
    with locked(settings.app):
        tidy(settings)
        with recorded("failed", "take"):
            if is_half():
                # It would be the newest one, which the next restore takes.
                raise Failed("A restore has replaced only a part of the live data, so no backup was taken.", named(settings.repair))
            if why in ("scheduled", "migration"):
                require_continued(repository, installation(settings.app))
            _, problem, _ = take(settings, repository, why)
            # The older ones may be better.
            if not problem:
                thin_out(settings, repository)
            else:
                remedy = "Repair the file, or restore an earlier backup. If it is not the app's, exclude it (backup.exclude)."
                raise Failed(problem, remedy)


def command_clean(settings, _repository):
    """Remove the copies of databases that a backup has left which the service manager has killed."""
    with contextlib.suppress(Failed), locked(settings.app, 0):
        shutil.rmtree(SCRATCH, ignore_errors=True)
        tidy(settings)


def command_list(_settings, repository):
    """Print the backups as JSON: id, time, why and their size, if it is known."""
    print(json.dumps([fields(each) for each in (repository.snapshots() if repository.exists() else [])]))


def command_choose(_settings, repository, wanted=""):
    """Print the backup that a restore would take, as JSON. wanted: the start of its id."""
    chosen, reason = choose(repository, wanted)
    print(json.dumps({**fields(chosen), "doubt": reason}))


def command_restore(settings, repository, wanted="", kept="", live=""):
    """Restore a backup beside the live data. wanted: the start of its id, "-" for a tar file on standard input.

    kept: it stays there. live: `swap` puts it in place.
    """
    with locked(settings.app):
        archive, chosen = sys.stdin.buffer if wanted == "-" else None, None
        if archive is None:
            # Before the copy of an earlier restore is removed.
            chosen, reason = choose(repository, wanted)
            if live:
                require_certain(chosen, reason)
        try:
            about = restoring.prepare(settings, repository, chosen, archive)
            if live:
                # Before the app stops.
                require_room(settings)
            with open(f"{RESTORED}/{CHOSEN}", "w", encoding="utf-8") as file:
                file.write(chosen["id"][:8] if chosen else "file")
        except BaseException:
            restoring.discard(settings)
            raise
        if chosen:
            say(f"this is the backup {described(chosen)}")
        if kept:
            # Without the file, the next backup removes what a killed run has left.
            with open(f"{RESTORED}/kept", "w", encoding="utf-8"):
                pass
            say(f"the files are in {RESTORED}/shared until the next restore")
            for each in about["postgres"]:
                say(f"the database {each['database']} is there as {beside(each['database'], 'restored')}")


def command_swap(settings, repository):
    """Back up the live data, then put the restored data in its place."""
    with locked(settings.app):
        swap(settings, repository)


def command_discard(settings, _repository):
    """Remove what was restored beside the live data."""
    with locked(settings.app):
        restoring.discard(settings)


def command_rehearse(settings, repository):
    """Restore the newest backup beside the live data, compare it with its record, and remove it."""
    with locked(settings.app):
        with recorded("unrehearsed", "rehearse"):
            try:
                about = restoring.prepare(settings, repository, choose(repository, "")[0], place=REHEARSED)
            finally:
                restoring.discard(settings, REHEARSED)
            write("rehearsed", f"{int(time.time())} {about['at']}\n")
        say("the newest backup can be restored")


def command_dump(_settings, repository):
    """Write the newest backup to standard output, as a tar file."""
    identity = choose(repository, "")[0]["id"]
    repository.run("dump", "--no-lock", "--archive", "tar", identity, "/", stdout=sys.stdout.buffer)


def stopped(_number, _frame):
    raise SystemExit(1)


def main(command, *words):
    os.umask(0o077)
    os.chdir("/")
    # The name of a file may be no UTF-8.
    sys.stdout.reconfigure(errors="backslashreplace")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stopped)
    settings = Settings()
    try:
        globals()[f"command_{command}"](settings, Repository(settings), *words)
    except (Failed, OSError) as error:
        fail(failure(command, error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
