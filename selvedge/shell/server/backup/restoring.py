"""Restore a backup: into a folder and databases of its own first, then in place of the live data."""

import json
import os
import shutil
import stat
import subprocess

from .postgres import Postgres
from .settings import HERE, MANIFEST, REPLACED, RESTORED, Failed, counted, say, wait
from .taking import run_sqlite, take

NEVER = ".tmp"


def choose(repository, wanted):
    """Return the id of the backup whose id begins with `wanted`; of the newest one if that is "". Raises Failed."""
    known = repository.snapshots() if repository.exists() else []
    # The state that a restore has replaced is kept, but it is not what anyone means by the newest backup.
    usual = [each for each in known if "why:restore" not in (each.get("tags") or [])]
    found = [each for each in known if each["id"].startswith(wanted)] if wanted else usual[-1:]
    if not found:
        raise Failed(
            f"There is no backup {wanted}." if wanted else f"{repository.to} has no backup yet.",
            "`fab backups` lists all." if known else "Run `fab backup` first.",
        )
    return found[0]["id"]


def prepare(settings, repository, wanted, archive=None):
    """Restore a backup into RESTORED and databases of its own, and compare it with its record. Raises Failed.

    wanted: as for `choose`. archive: an open tar file of `fab backup --download` instead. Returns the record.
    """
    discard(settings)
    os.mkdir(RESTORED, 0o700)
    raw = f"{RESTORED}/raw"
    if archive is None:
        identity = choose(repository, wanted)
        wait(f"restoring the backup {identity[:8]}")
        repository.run("restore", identity, "--target", raw, "--no-lock")
    else:
        unpack(archive, raw)
    about = read_manifest(settings, raw)
    move_files(settings, raw)
    own(f"{RESTORED}/shared", about, settings)
    copied = place_databases(settings, about)
    shutil.rmtree(f"{RESTORED}/raw")
    # The app's user checks its databases, and can list nothing.
    os.chown(RESTORED, 0, settings.gid)
    os.chmod(RESTORED, 0o710)
    compare(settings, about, copied)
    return about


def unpack(archive, raw):
    """Unpack a tar file into a new folder. Raises Failed."""
    os.mkdir(raw, 0o700)
    wait("unpacking the file")
    done = subprocess.run(["tar", "-C", raw, "-xpf", "-", "--numeric-owner"], stdin=archive, capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        problem = f"The file could not be unpacked: {said[-1] if said else done.returncode}."
        raise Failed(problem, "It must be a file of `fab backup --download FILE`.")


def read_manifest(settings, raw):
    """Return the record of the backup, and move its copies of databases to RESTORED/copies. Raises Failed."""
    place = f"{raw}{HERE}/scratch"
    if not os.path.isfile(f"{place}/{MANIFEST}"):
        problem = f"This is no backup of {settings.app} by Selvedge: {MANIFEST} is missing in it."
        raise Failed(problem, "`fab backups` lists the backups.")
    os.rename(place, f"{RESTORED}/copies")
    with open(f"{RESTORED}/copies/{MANIFEST}", encoding="utf-8") as file:
        return json.load(file)


def move_files(settings, raw):
    """Move the files to RESTORED/shared."""
    if os.path.isdir(f"{raw}{settings.shared}"):
        os.rename(f"{raw}{settings.shared}", f"{RESTORED}/shared")
    else:
        os.mkdir(f"{RESTORED}/shared", 0o750)
        os.chown(f"{RESTORED}/shared", settings.uid, settings.gid)


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


def place_databases(settings, about):
    """Put the copies of the SQLite databases where the databases were; return their paths."""
    placed = []
    for each in about["sqlite"]:
        target = f"{RESTORED}/shared/{os.path.relpath(each['path'], settings.shared)}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(f"{RESTORED}/copies/sqlite/{each['number']}", target)
        os.chown(target, settings.uid, settings.gid)
        os.chmod(target, each["mode"])
        placed.append(target)
    return placed


def compare(settings, about, copied):
    """Compare the restored databases with the record of the backup, and say so. Raises Failed if they differ."""
    found = run_sqlite(settings, "examine", *copied) if copied else []
    pairs = [(os.path.relpath(was["path"], settings.shared), was, now) for was, now in zip(about["sqlite"], found)]  # noqa: B905
    postgres = Postgres(settings)
    for was in about["postgres"]:
        dump = f"{RESTORED}/copies/{was['database']}.dump"
        pairs.append((was["database"], was, postgres.restore(was["database"], dump, was["extensions"])))
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
    files = sum(len(each) for _, _, each in os.walk(f"{RESTORED}/shared"))
    say(f"{counted(files, 'file')} restored")


def differences(was, now):
    """Return what a restored database has other than its record."""
    found = [now["problem"]] if now.get("problem") else []
    for table in sorted({*was["tables"], *now["tables"]}):
        before, after = was["tables"].get(table, "no"), now["tables"].get(table, "no")
        if before != after:
            found.append(f"the table {table} has {after} rows instead of {before}")
    if was["revisions"] != now["revisions"]:
        before, after = (" ".join(each["revisions"]) or "none" for each in (was, now))
        found.append(f"alembic's revision is {after} instead of {before}")
    return found


def discard(settings):
    """Remove what was restored and is not in place."""
    if os.path.isdir(f"{RESTORED}/copies"):
        postgres = Postgres(settings)
        for each in os.listdir(f"{RESTORED}/copies"):
            if each.endswith(".dump"):
                postgres.drop(each[: -len(".dump")])
    shutil.rmtree(RESTORED, ignore_errors=True)


def swap(settings, repository):
    """Take a backup of the present data, then put the restored data in its place. The app is stopped. Raises Failed."""
    with open(f"{RESTORED}/copies/{MANIFEST}", encoding="utf-8") as file:
        about = json.load(file)
    identity = take(settings, repository, "restore")
    say(f"the present data is in the backup {identity[:8]}")
    postgres = Postgres(settings)
    for each in about["postgres"]:
        wait(f"replacing the database {each['database']}")
        postgres.swap(each["database"])
    wait("replacing the files")
    shutil.rmtree(REPLACED, ignore_errors=True)
    os.mkdir(REPLACED, 0o700)
    names = about["files"] or sorted({*os.listdir(settings.shared), *os.listdir(f"{RESTORED}/shared")} - {NEVER})
    try:
        for name in names:
            exchange(settings, name)
    except OSError as error:
        problem = f"The files could not be replaced: {error.strerror}: {error.filename}."
        raise Failed(problem, f"Those before are in {REPLACED}, and in the backup {identity[:8]}.") from None
    shutil.rmtree(REPLACED)
    shutil.rmtree(RESTORED)


def exchange(settings, name):
    """Move a path of shared/ to REPLACED, and the restored one in its place, if they exist."""
    new, old, away = f"{RESTORED}/shared/{name}", inside(settings.shared, name), f"{REPLACED}/{name}"
    if os.path.lexists(old):
        os.makedirs(os.path.dirname(away), exist_ok=True)
        shutil.move(old, away)
    if os.path.lexists(new):
        parent = os.path.dirname(old)
        if not os.path.isdir(parent):
            os.makedirs(parent)
            os.chown(parent, settings.uid, settings.gid)
        shutil.move(new, old)


def inside(shared, name):
    """Return a path of shared/. Raises Failed if a part of it is a link: the app could have made it."""
    path = shared
    for part in name.split("/")[:-1]:
        path = f"{path}/{part}"
        if os.path.islink(path):
            problem = f"{path} is a symbolic link, so the files below it were not replaced."
            raise Failed(problem, "Name the folder itself in backup.files.")
    return f"{shared}/{name}"
