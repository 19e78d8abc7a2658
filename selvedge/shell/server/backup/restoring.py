"""Restore a backup: into a folder and databases of its own, and compare it with its record."""

import contextlib
import json
import os
import shutil
import stat
import subprocess

from .dumps import dumped
from .paths import safe_path, topmost
from .postgres import USUAL_FORM, Postgres
from .settings import HERE, MANIFEST, REHEARSED, RESTORED, Failed, counted, room, say, wait
from .taking import run_sqlite

FOLDER_ENDS = {RESTORED: "restored", REHEARSED: "rehearsed"}
"""The ends of the names of databases, by the folder of the files."""


def prepare(settings, repository, chosen, archive=None, place=RESTORED):
    """Restore a backup into a folder and databases of its own, and compare it with its record. Raises Failed.

    chosen: what `choose` returned. archive: an open tar file of `fab backup --download` instead. place: RESTORED or REHEARSED.
    Returns the record.
    """
    discard(settings, place)
    os.mkdir(place, 0o700)
    raw = f"{place}/raw"
    if archive is None:
        total = next((tag.partition(":")[2] for tag in chosen["tags"] if tag.startswith("bytes:")), "")
        room(HERE, int(total) if total.isdecimal() else 0, f"The backup {chosen['id'][:8]}")
        wait(f"restoring the backup {chosen['id'][:8]}")
        repository.run("restore", chosen["id"], "--target", raw, "--no-lock")
    else:
        unpack(archive, raw)
    about = read_manifest(settings, raw, place)
    move_files(settings, raw, place)
    own(f"{place}/shared", about, settings)
    copied = place_databases(settings, about, place)
    shutil.rmtree(raw)
    # The app's user checks its databases, and can list nothing.
    os.chown(place, 0, settings.gid)
    os.chmod(place, 0o710)
    compare(settings, about, copied, place)
    return about


def unpack(archive, raw):
    """Unpack a tar file into a new folder. Raises Failed."""
    os.mkdir(raw, 0o700)
    wait("unpacking the file")
    done = subprocess.run(["tar", "-C", raw, "-xpf", "-", "--numeric-owner"], stdin=archive, capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        full = next((line for line in said if "No space left" in line), "")
        problem = f"The file could not be unpacked: {full or (said[-1] if said else done.returncode)}."
        raise Failed(problem, f"Free some space: `df -h {HERE}`." if full else "It must be a file of `fab backup --download FILE`.")


def read_manifest(settings, raw, place):
    """Return the record of the backup, and move its copies of databases to the folder `copies`. Raises Failed."""
    found = f"{raw}{HERE}/scratch"
    if not os.path.isfile(f"{found}/{MANIFEST}"):
        problem = f"This is no backup of {settings.app} by Selvedge: {MANIFEST} is missing in it."
        raise Failed(problem, "`fab backups` lists the backups.")
    os.rename(found, f"{place}/copies")
    return read_record(f"{place}/copies")


def read_record(folder):
    """Return the record of a backup. Earlier versions have recorded less."""
    with open(f"{folder}/{MANIFEST}", encoding="utf-8") as file:
        about = {"files": [], "exclude": [], "broken": [], **json.load(file)}
    about["files"] = topmost(about["files"])
    postgres = [{"extensions": [], "restored": each["size"], "form": USUAL_FORM, **each} for each in about["postgres"]]
    return {**about, "postgres": postgres}


def move_files(settings, raw, place):
    """Move the files to the folder `shared` of the place."""
    if os.path.isdir(f"{raw}{settings.shared}") and not os.path.islink(f"{raw}{settings.shared}"):
        os.rename(f"{raw}{settings.shared}", f"{place}/shared")
    else:
        os.mkdir(f"{place}/shared", 0o750)
        os.chown(f"{place}/shared", settings.uid, settings.gid)


def own(top, about, settings):
    """Give the files of the app's former user to its present one: another server may number its users differently."""
    users, groups = {about["uid"]: settings.uid}, {about["gid"]: settings.gid}
    if users == {settings.uid: settings.uid} and groups == {settings.gid: settings.gid}:
        return
    for folder, folders, files in os.walk(top):
        for path in (folder, *(f"{folder}/{each}" for each in (*files, *folders))):
            found = os.lstat(path)
            user, group = users.get(found.st_uid, found.st_uid), groups.get(found.st_gid, found.st_gid)
            if (user, group) != (found.st_uid, found.st_gid):
                os.lchown(path, user, group)
                if not stat.S_ISLNK(found.st_mode):
                    os.chmod(path, stat.S_IMODE(found.st_mode))


def place_databases(settings, about, place):
    """Put the copies of the SQLite databases where the databases were; return their paths."""
    placed = []
    for each in about["sqlite"]:
        copy = f"{place}/copies/sqlite/{int(each['number'])}"
        if not os.path.lexists(copy) or not stat.S_ISREG(os.lstat(copy).st_mode):
            raise Failed(f"The copy of {each['path']} in the backup is not a file.", "Use another one: `fab backups` lists all.")
        target = safe_path(f"{place}/shared", os.path.relpath(each["path"], settings.shared))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(copy, target)
        # Only root reaches it here.
        os.chown(target, settings.uid, settings.gid, follow_symlinks=False)
        os.chmod(target, each["mode"] & 0o777)
        placed.append(target)
    return placed


def compare(settings, about, copied, place):
    """Compare the restored databases with the record of the backup, and say so. Raises Failed if they differ."""
    found = {each["path"]: each for each in (run_sqlite(settings, copied) if copied else [])}
    pairs = []
    for was, path in zip(about["sqlite"], copied):  # noqa: B905
        name = os.path.relpath(was["path"], settings.shared)
        pairs.append((name, was, found.get(path, {"problem": "it is missing after the restore"})))
    postgres = Postgres(settings)
    for was in about["postgres"]:
        pairs.append((was["database"], was, postgres.restore(was, f"{place}/copies", FOLDER_ENDS[place])))
    wrong = []
    for name, was, now in pairs:
        differs = differences(was, now)
        if differs:
            wrong.append(f"{name}: {'; '.join(differs)}")
            continue
        rows = counted(sum(count or 0 for count in now["tables"].values()), "row")
        revision = f", revision {' '.join(now['revisions'])}" if now["revisions"] else ""
        say(f"{name}: {counted(len(now['tables']), 'table')}, {rows}{revision}, as recorded")
    if wrong:
        problem = f"The restored backup differs from its record: {'; '.join(wrong)}."
        raise Failed(problem, "Use an earlier one: `fab backups` lists all.")
    for each in about["broken"]:
        name = each.get("database") or os.path.relpath(each["path"], settings.shared)
        say(f"{name} was broken when it was backed up: {each['problem']}")
    files = sum(len(each) for _, _, each in os.walk(f"{place}/shared"))
    say(f"{counted(files, 'file')} restored")


def differences(was, now):
    """Return what a restored database has other than its record."""
    found = [each for each in (now.get("problem"), now.get("failed")) if each]
    if found:
        return found
    for table in sorted({*was["tables"], *now["tables"]}):
        before, after = was["tables"].get(table, "no"), now["tables"].get(table, "no")
        if before != after:
            found.append(f"the table {table} has {after} rows instead of {before}")
    if was["revisions"] != now["revisions"]:
        before, after = (" ".join(each["revisions"]) or "none" for each in (was, now))
        found.append(f"alembic's revision is {after} instead of {before}")
    return found


def discard(settings, place=RESTORED):
    """Remove what was restored and is not in place."""
    if os.path.isdir(f"{place}/copies"):
        postgres = Postgres(settings)
        for database in dumped(f"{place}/copies"):
            # PostgreSQL may be off. The next restore removes the database.
            with contextlib.suppress(Failed):
                postgres.drop(database, FOLDER_ENDS[place])
    shutil.rmtree(place, ignore_errors=True)
