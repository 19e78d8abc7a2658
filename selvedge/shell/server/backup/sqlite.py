"""SQLite databases: copied by SQLite itself, counted. It runs as the app's user, by `python3 -c`.

Standard input is a JSON object. paths: the files to look at. folder: for the copies of those that are databases; without it, the
paths are databases, which are only examined. Each line of output is a database, as JSON. "problem": it is broken. "failed": it may
be good, and could not be copied.
"""

import json
import os
import sqlite3
import stat
import sys
import time
from urllib.parse import quote

HEADER = b"SQLite format 3\0"
LONGEST = 120
"""Seconds to wait for a program that has locked a database."""


def is_database(path):
    """Return whether a regular file begins as SQLite's do, or has a log of SQLite beside it."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    with os.fdopen(handle, "rb") as file:
        try:
            return stat.S_ISREG(os.fstat(handle).st_mode) and (file.read(16) == HEADER or os.path.exists(f"{path}-wal"))
        except OSError:
            return False


def uri(path, mode):
    return f"file:{quote(os.fsencode(path))}?{mode}"


def examine(path):
    """Return a database's tables with their numbers of rows, and alembic's revisions in it. No one writes to it."""
    database = sqlite3.connect(uri(path, "immutable=1"), uri=True)
    names = [row[0] for row in database.execute("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")]
    tables = {}
    for name in names:
        try:
            tables[name] = database.execute(f"select count(*) from {quoted(name)}").fetchone()[0]
        except sqlite3.OperationalError:  # It needs a module or a collation that this Python does not have.
            tables[name] = None
    revisions = []
    if "alembic_version" in names:
        revisions = sorted(str(row[0]) for row in database.execute("select version_num from alembic_version"))
    problem = checked(database, names)
    database.close()
    return {"tables": tables, "revisions": revisions, "problem": "" if problem == "ok" else problem.splitlines()[-1]}


def checked(database, names):
    """Return "ok", or what is wrong with a database. names: its tables.

    Only the app knows the order of a collation that it registers itself, so SQLite cannot check a table with an index on it.
    """
    for argument in ("1", *(quoted(name) for name in names)):
        try:
            problem = database.execute(f"pragma quick_check({argument})").fetchone()[0]
        except sqlite3.OperationalError as error:
            if not str(error).startswith("no such collation sequence"):
                raise
            continue
        # The first check is that of all tables.
        if argument == "1" or problem != "ok":
            return problem
    return "ok"


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def copy(path, target):
    """Copy a database that others write to. All pages in one step: they are of one moment."""
    needed = sum(os.path.getsize(each) for each in (path, f"{path}-wal") if os.path.exists(each))
    found = os.statvfs(os.path.dirname(target))
    # The program has no other module here. These are the rules of settings.crowded.
    free, reserve = found.f_bavail * found.f_frsize, min(found.f_blocks * found.f_frsize // 20, 500_000_000)
    if needed > free or (free - needed < reserve and needed > free // 10):
        raise sqlite3.OperationalError("the disk of the server has no room for a copy")
    until = time.monotonic() + LONGEST

    def progress(_status, _left, _all):
        if time.monotonic() > until:
            raise sqlite3.OperationalError(f"another program has locked it for {LONGEST} s")

    source = sqlite3.connect(uri(path, "mode=rw"), uri=True, timeout=5)
    other = sqlite3.connect(target)
    other.execute("pragma synchronous = off")
    source.backup(other, pages=-1, progress=progress, sleep=0.05)
    other.close()
    source.close()


def main(paths, folder=""):
    os.umask(0o077)
    for number, path in enumerate(path for path in paths if not folder or is_database(path)):
        about = {"path": path, "problem": "", "failed": ""}
        try:
            about["mode"] = stat.S_IMODE(os.stat(path).st_mode)
            target = path
            if folder:
                target = f"{folder}/{number}"
                copy(path, target)
            about.update(examine(target), size=os.stat(target).st_size)
        except FileNotFoundError:  # The app has deleted it meanwhile.
            continue
        except sqlite3.OperationalError as error:
            if not os.path.exists(path):
                continue
            about["failed"] = str(error)
        except sqlite3.Error as error:
            about["problem"] = str(error)
        print(json.dumps({**about, "number": number}), flush=True)


if __name__ == "__main__":
    main(**json.load(sys.stdin))
