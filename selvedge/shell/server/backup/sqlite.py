"""SQLite databases: found by their header, copied by SQLite itself, counted. It runs as the app's user, by `python3 -c`.

Arguments: "copy", the folder for the copies and the paths to search; or "examine" and databases. Each line of output is a database,
as JSON.
"""

import json
import os
import sqlite3
import stat
import sys
from urllib.parse import quote

HEADER = b"SQLite format 3\0"


def is_database(path):
    """Return whether a regular file begins as SQLite's do, or has a log of SQLite beside it."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    with os.fdopen(handle, "rb") as file:
        return stat.S_ISREG(os.fstat(handle).st_mode) and (file.read(16) == HEADER or os.path.exists(f"{path}-wal"))


def found(roots):
    """Yield the databases in files and folders. Links are not followed."""
    for root in roots:
        if os.path.isdir(root) and not os.path.islink(root):
            for folder, folders, files in os.walk(root):
                if folder == root and ".tmp" in folders:
                    folders.remove(".tmp")
                yield from (path for path in (f"{folder}/{name}" for name in sorted(files)) if is_database(path))
        elif is_database(root):
            yield root


def uri(path, mode):
    return f"file:{quote(os.fsencode(path))}?{mode}"


def examine(path):
    """Return a database's tables with their numbers of rows, and alembic's revisions in it. No one writes to it."""
    database = sqlite3.connect(uri(path, "immutable=1"), uri=True)
    names = [row[0] for row in database.execute("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")]
    tables = {}
    for name in names:
        quoted = '"' + name.replace('"', '""') + '"'
        try:
            tables[name] = database.execute(f"select count(*) from {quoted}").fetchone()[0]
        except sqlite3.Error:  # a virtual table whose module this Python does not have
            tables[name] = None
    revisions = []
    if "alembic_version" in names:
        revisions = sorted(str(row[0]) for row in database.execute("select version_num from alembic_version"))
    problem = database.execute("pragma quick_check(1)").fetchone()[0]
    database.close()
    return {"tables": tables, "revisions": revisions, "problem": "" if problem == "ok" else problem}


def copy(path, target):
    """Copy a database that others write to. All pages in one step: they are of one moment."""
    source = sqlite3.connect(uri(path, "mode=rw"), uri=True, timeout=60)
    other = sqlite3.connect(target)
    other.execute("pragma synchronous = off")
    source.backup(other, pages=-1, sleep=0.05)
    other.close()
    source.close()


def main(command, *words):
    os.umask(0o077)
    folder, paths = (words[0], found(words[1:])) if command == "copy" else ("", words)
    for number, path in enumerate(paths):
        status = os.stat(path)
        about = {"path": path, "mode": stat.S_IMODE(status.st_mode)}
        try:
            target = path
            if folder:
                target = f"{folder}/{number}"
                copy(path, target)
            about.update(examine(target), size=os.stat(target).st_size)
        except sqlite3.Error as error:
            about["problem"] = str(error)
        print(json.dumps({**about, "number": number}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
