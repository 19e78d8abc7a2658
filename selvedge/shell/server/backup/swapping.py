"""Put a restored backup in the place of the live data, or leave the live data as they are."""

import errno
import json
import os
import re
import shutil
import subprocess

from .excluding import excluder
from .paths import remove, safe_path
from .postgres import Postgres, beside
from .settings import MANIFEST, REPLACED, RESTORED, Failed, say, wait
from .taking import ENDS, take

NEVER = {".tmp", "lost+found"}


def swap(settings, repository):
    """Take a backup of the present data, then put the restored data in its place. The app is stopped.

    Raises Failed. Then the present data is in place, unless the program was killed.
    """
    if not os.path.isdir(f"{RESTORED}/shared"):
        raise Failed("The restored backup is missing: another command has removed it.", "Run the same command again.")
    with open(f"{RESTORED}/copies/{MANIFEST}", encoding="utf-8") as file:
        about = json.load(file)
    identity, problem, present = take(settings, repository, "restore")
    if problem:
        say(problem)
    say(f"the present data is in the backup {identity[:8]}")
    shutil.rmtree(REPLACED, ignore_errors=True)
    os.mkdir(REPLACED, 0o700)
    moved, swapped = [], []
    postgres = Postgres(settings)
    try:
        replace_files(settings, about, moved)
        for was in about["postgres"]:
            wait(f"replacing the database {was['database']}")
            postgres.swap(was["database"])
            swapped.append(was["database"])
    except (Failed, OSError) as error:
        undo(postgres, moved, swapped)
        if isinstance(error, Failed):
            raise
        problem = f"The files could not be replaced: {error.strerror}: {error.filename}."
        raise Failed(problem, "The app has its present data. Correct the cause on the server, then restore again.") from None
    for was in about["postgres"]:
        postgres.configure(was, f"{RESTORED}/copies")
        if was["database"] in [each.get("database") for each in present["broken"]]:
            say(f"the present database {was['database']} is there as {beside(was['database'], 'replaced')} until the next restore")
        else:
            postgres.drop(was["database"], "replaced")
    shutil.rmtree(REPLACED)
    shutil.rmtree(RESTORED)


def undo(postgres, moved, swapped):
    """Put back what was moved."""
    for database in reversed(swapped):
        postgres.swap_back(database)
    for source, target in reversed(moved):
        move(target, source)


def replace_files(settings, about, moved):
    """Replace the files in `shared` by the restored ones. moved: gets each path that was moved, with its new path."""
    patterns = [*settings.exclude, *about["exclude"]]
    excluded = excluder(settings.shared, patterns)
    names = about["files"] or sorted({*os.listdir(settings.shared), *os.listdir(f"{RESTORED}/shared")} - NEVER)
    for name in names:
        if not excluded(f"{settings.shared}/{name}"):
            # Without the old database's log, which SQLite would add to the new one.
            for end in ENDS if about["files"] else ("",):
                replace(settings, f"{name}{end}", moved)
    for path in left_out(patterns):
        old = safe_path(settings.shared, path)
        if not os.path.lexists(old):
            make_parents(settings, old)
            step(moved, f"{REPLACED}/{path}", old)


def replace(settings, name, moved):
    """Move a path of `shared` to REPLACED, and the restored one in its place, if they exist."""
    new, old, away = f"{RESTORED}/shared/{name}", safe_path(settings.shared, name), f"{REPLACED}/{name}"
    if has_mount(old) and (os.path.isdir(new) or not os.path.lexists(new)):
        # A volume stays where it is mounted.
        for each in sorted({*os.listdir(old), *(os.listdir(new) if os.path.isdir(new) else ())} - NEVER):
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


def left_out(patterns):
    """Return the paths in REPLACED that no backup has (backup.exclude), the topmost ones."""
    if not patterns:
        return []
    excluded = excluder(REPLACED, patterns)
    found = []
    for folder, folders, files in os.walk(REPLACED):
        found += [os.path.join(folder, name) for name in (*folders, *files) if excluded(os.path.join(folder, name))]
        folders[:] = [name for name in folders if not excluded(os.path.join(folder, name))]
    return [os.path.relpath(path, REPLACED) for path in found]


def step(moved, source, target):
    move(source, target)
    moved.append((source, target))


def move(source, target):
    """Move a path, also to another file system, with its owners and times. Raises OSError."""
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        done = subprocess.run(["cp", "-a", "--", source, target], capture_output=True, check=False)
        if done.returncode != 0:
            remove(target)
            raise OSError(errno.EIO, done.stderr.decode("utf-8", "replace").strip().rpartition(": ")[2], target) from None
        remove(source)
