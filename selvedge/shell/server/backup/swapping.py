"""Put a restored backup in the place of the live data, or leave the live data as they are."""

import contextlib
import errno
import json
import os
import re
import shutil
import subprocess
import time

from .excluding import excluder
from .half import is_half, read_half
from .network import close, reopen
from .paths import SUFFIXES, remove, safe_path, topmost
from .postgres import Postgres, beside
from .restoring import read_record
from .settings import (
    BEFORE,
    CHOSEN,
    HALF,
    HERE,
    REPLACED,
    RESTORED,
    STATE,
    STOPPED,
    UNSTARTED,
    Failed,
    forget,
    say,
    wait,
    write,
)
from .taking import take

NEVER = {".tmp", "lost+found"}


def swap(settings, repository):
    """Take a backup of the present data, then put the restored data in its place. The app is stopped.

    Raises Failed. Then the present data is in place, unless the program was killed, or could not put all of it back: the file
    HALF says so.
    """
    if not os.path.isdir(f"{RESTORED}/shared"):
        raise Failed("The restored backup is missing: another command has removed it.", "Run the same command again.")
    # The app owns the restored files: until here its user could pass through to them.
    os.chown(RESTORED, 0, 0)
    os.chmod(RESTORED, 0o700)
    about = read_record(f"{RESTORED}/copies")
    earlier = is_half()
    was = read_half()
    postgres = Postgres(settings)
    for database in was.get("broken", ()):
        # No backup has it, and the next step would delete it.
        postgres.bring_back(database)
    # It must have all that is replaced.
    settings.files = [*settings.files, *about["files"]] if settings.files and about["files"] else []
    identity, problem, present = take(settings, repository, "restore")
    if problem:
        say(problem)
    first = was.get("backup") or identity
    report_present(first, identity, earlier)
    patterns = [*settings.exclude, *about["exclude"]]
    bring_back(settings, patterns)
    shutil.rmtree(REPLACED, ignore_errors=True)
    os.mkdir(REPLACED, 0o700)
    for each in about["postgres"]:
        # Of an earlier restore. From here on, it is what this one has replaced.
        postgres.drop(each["database"], "replaced")
    broken = [each["database"] for each in about["postgres"] if each["database"] in unsaved(present)]
    write(BEFORE, f"{first[:8]}\n")
    half = json.dumps({"at": int(time.time()), "backup": first, "broken": broken, "chosen": chosen_backup()})
    replace_all(settings, postgres, about, patterns, half, earlier)
    finish(postgres, about, broken)


def replace_all(settings, postgres, about, patterns, half, earlier):
    """Put the restored data in place. If that fails, put back what was replaced.

    half: the text of HALF, which is there as long as PostgreSQL rejects other servers. earlier: a run before this one was cut.
    """
    moved, swapped = [], []
    try:
        write(HALF, half)
        close(postgres)
        replace_files(settings, about, patterns, moved)
        for each in about["postgres"]:
            wait(f"replacing the database {each['database']}")
            postgres.require(beside(each["database"], "restored"))
            # A signal may end the program between these lines.
            swapped.append(each["database"])
            postgres.swap(each["database"])
    except BaseException as error:
        if undo(postgres, moved, swapped) and not earlier:
            with told():
                reopen(postgres)
                forget(HALF)
        if not isinstance(error, OSError):
            raise
        problem = f"The files could not be replaced: {error.strerror}: {error.filename or HERE}."
        raise Failed(problem, "Correct the cause on the server, then restore again.") from None


def unsaved(present):
    """Return the databases that a backup does not have, because they could not be dumped."""
    return [each["database"] for each in present["broken"] if "database" in each]


def chosen_backup():
    """Return the short id of the backup that is put in place, "file" for one of `fab backup --download`."""
    try:
        with open(f"{RESTORED}/{CHOSEN}", encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def report_present(first, identity, earlier):
    """Tell the user which backup has the present data. first: the backup that the first one of several cut restores has taken."""
    if first[:8] != identity[:8]:
        say(f"the data from before the restore that was cut is in the backup {first[:8]}")
    half = ", of which a restore that was cut has replaced a part," if earlier else ""
    say(f"the present data{half} is in the backup {identity[:8]}")


def finish(postgres, about, broken):
    """Configure the databases in place, let other servers in again, and remove what was replaced.

    broken: present databases that no backup has. Raises Failed if PostgreSQL still rejects other servers; HALF then stays, and
    says that the data is whole. Any other failure is only said: the restored data is in place.
    """
    for was in about["postgres"]:
        with told():
            postgres.configure(was, f"{RESTORED}/copies")
    # All data is in place. What follows may take long, and the app must not seem to have a part of its data if it is cut.
    if os.path.exists(f"{STATE}/{STOPPED}"):
        os.replace(f"{STATE}/{STOPPED}", f"{STATE}/{UNSTARTED}")
    reopen(postgres)
    forget(HALF)
    for was in about["postgres"]:
        if was["database"] in broken:
            say(f"the present database {was['database']} is there as {beside(was['database'], 'replaced')} until the next restore")
        else:
            with told():
                postgres.drop(was["database"], "replaced")
    for folder in (REPLACED, RESTORED):
        with told():
            shutil.rmtree(folder)


@contextlib.contextmanager
def told(failures=None):
    """Tell the user a failure, and go on. failures: gets it."""
    try:
        yield
    except (Failed, OSError) as error:
        text = str(error) if isinstance(error, Failed) else f"{error.strerror}: {error.filename or HERE}"
        say(f"{text} {getattr(error, 'remedy', '')}".strip())
        if failures is not None:
            failures.append(error)


def undo(postgres, moved, swapped):
    """Put back what was moved, as far as possible; return whether that was all. The last step may have failed."""
    failures = []
    for source, target in reversed(moved):
        with told(failures):
            if not os.path.lexists(source):
                move(target, source)
            elif os.path.lexists(target):
                raise Failed(f"{source} was not replaced by {target}, which has the data from before.")
    for database in reversed(swapped):
        with told(failures):
            postgres.swap_back(database)
    return not failures


def bring_back(settings, patterns):
    """Put back the excluded files that a killed run has moved, and that no backup has."""
    for path in excluded_paths(REPLACED, patterns):
        merge(settings, f"{REPLACED}/{path}", safe_path(settings.shared, path))


def merge(settings, source, target):
    """Move a path to another one, of a folder that is already there only what it lacks."""
    if not os.path.lexists(target):
        make_parents(settings, target)
        move(source, target)
    elif os.path.isdir(source) and not os.path.islink(source) and os.path.isdir(target) and not os.path.islink(target):
        for name in os.listdir(source):
            merge(settings, f"{source}/{name}", f"{target}/{name}")


def replace_files(settings, about, patterns, moved):
    """Replace the files in `shared` by the restored ones. moved: gets each path that was moved, with its new path."""
    # No backup has the present ones, so they stay.
    for path in excluded_paths(f"{RESTORED}/shared", settings.exclude):
        if os.path.lexists(f"{settings.shared}/{path}"):
            remove(f"{RESTORED}/shared/{path}")
    excluded = excluder(settings.shared, patterns)
    for name in replaced_names(settings, about):
        if not excluded(f"{settings.shared}/{name}"):
            replace(settings, name, moved)
    for path in excluded_paths(REPLACED, patterns):
        old = safe_path(settings.shared, path)
        if not os.path.lexists(old):
            make_parents(settings, old)
            step(moved, f"{REPLACED}/{path}", old)


def replaced_names(settings, about):
    """Return the names in `shared` to replace."""
    if not about["files"]:
        # A server that has only the database has no `shared`.
        present = os.listdir(settings.shared) if os.path.isdir(settings.shared) else ()
        return sorted({*present, *os.listdir(f"{RESTORED}/shared")} - NEVER)
    names = []
    for name in about["files"]:
        folder = any(os.path.isdir(f"{place}/{name}") for place in (settings.shared, f"{RESTORED}/shared"))
        # Without the old database's log, which SQLite would add to the new one.
        names += [name] if folder else [f"{name}{suffix}" for suffix in SUFFIXES]
    return topmost(names)


def replace(settings, name, moved):
    """Move a path of `shared` to REPLACED, and the restored one in its place, if they exist."""
    new, old, away = safe_path(f"{RESTORED}/shared", name), safe_path(settings.shared, name), f"{REPLACED}/{name}"
    if has_mount(old):
        # A volume stays where it is mounted.
        is_folder = os.path.isdir(new) and not os.path.islink(new)
        if os.path.lexists(new) and not is_folder:
            raise Failed(f"A volume is mounted on {old}, or below it, and the backup has no folder there.", "Unmount it first.")
        for each in sorted({*os.listdir(old), *(os.listdir(new) if is_folder else ())} - NEVER):
            replace(settings, f"{name}/{each}", moved)
        return
    if os.path.lexists(old):
        os.makedirs(os.path.dirname(away), exist_ok=True)
        step(moved, old, away)
    if os.path.lexists(new):
        make_parents(settings, old)
        step(moved, new, old)


def has_mount(folder):
    """Return whether a file system is mounted on a folder, or below it."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        mounted = [re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), line.split(" ")[4]) for line in file]
    return os.path.isdir(folder) and any(f"{each}/".startswith(f"{folder}/") for each in mounted)


def make_parents(settings, path):
    """Make the missing folders above a path of `shared`, for the app."""
    parent = os.path.dirname(path)
    if not os.path.isdir(parent):
        make_parents(settings, parent)
        os.mkdir(parent, 0o750)
        os.chown(parent, settings.uid, settings.gid, follow_symlinks=False)


def excluded_paths(top, patterns):
    """Return the paths below a folder that a pattern excludes, the topmost ones."""
    if not patterns:
        return []
    excluded = excluder(top, patterns)
    found = []
    for folder, folders, files in os.walk(top):
        found += [os.path.join(folder, name) for name in (*folders, *files) if excluded(os.path.join(folder, name))]
        folders[:] = [name for name in folders if not excluded(os.path.join(folder, name))]
    return [os.path.relpath(path, top) for path in found]


def step(moved, source, target):
    # A signal may end the program between these lines.
    moved.append((source, target))
    move(source, target)


def move(source, target):
    """Move a path, also to another file system, with its owners and times. Raises OSError."""
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        try:
            done = subprocess.run(["cp", "-a", "--", source, target], capture_output=True, check=False)
        except BaseException:
            remove(target)
            raise
        if done.returncode != 0:
            remove(target)
            raise OSError(errno.EIO, done.stderr.decode("utf-8", "replace").strip().rpartition(": ")[2], target) from None
        remove(source)
