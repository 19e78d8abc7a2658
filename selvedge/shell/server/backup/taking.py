"""Take a backup: copies of the databases, then all files, in one snapshot of restic."""

import contextlib
import json
import os
import shutil
import subprocess
import time

from .postgres import Postgres
from .settings import MANIFEST, SCRATCH, Failed, counted, forget, say, size, wait, write

ENDS = ("", "-wal", "-shm", "-journal")
"""The ends of the names of a database's files."""


def roots(settings):
    """Return the files and folders to back up that exist."""
    paths = [f"{settings.shared}/{path}" for path in settings.files] or [settings.shared]
    return [path for path in paths if os.path.lexists(path)]


def run_sqlite(settings, *words):
    """Run sqlite.py as the app's user; return what it says of each database."""
    with open(os.path.join(os.path.dirname(__file__), "sqlite.py"), encoding="utf-8") as file:
        program = file.read()
    command = settings.as_app("python3", "-IS", "-c", program, *words)
    done = subprocess.run(command, capture_output=True, cwd="/", check=False)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        problem = f"Could not read the SQLite databases: {said[-1] if said else done.returncode}."
        raise Failed(problem, "Check the disk of the server: `df -h /srv`.")
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def databases(settings):
    """Copy all databases to the scratch folder; return what is in them. Raises Failed."""
    wait("copying the databases")
    copies = f"{SCRATCH}/sqlite"
    os.mkdir(copies, 0o700)
    os.chown(copies, settings.uid, settings.gid)
    copied = run_sqlite(settings, "copy", copies, *roots(settings))
    for each in copied:
        if each["problem"]:
            raise Failed(
                f"SQLite cannot copy {each['path']}: {each['problem']}.",
                "If the file is no database of the app, move it out of shared/, or list the files to back up in backup.files.",
            )
    postgres = Postgres(settings)
    dumped = []
    for database in postgres.databases():
        wait(f"dumping the database {database}")
        dumped.append(postgres.dump(database, f"{SCRATCH}/{database}.dump"))
    return {"sqlite": copied, "postgres": dumped}


def take(settings, repository, why):
    """Take a backup; return restic's id of it. why: manual, scheduled, migration or restore. Raises Failed."""
    began = time.time()
    shutil.rmtree(SCRATCH, ignore_errors=True)
    repository.open()
    # The app's user passes through to its own copies, and can list nothing.
    os.mkdir(SCRATCH)
    os.chown(SCRATCH, 0, settings.gid)
    os.chmod(SCRATCH, 0o710)
    try:
        found = databases(settings)
        about = {"app": settings.app, "at": int(began), "uid": settings.uid, "gid": settings.gid, "files": settings.files, **found}
        with open(f"{SCRATCH}/{MANIFEST}", "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            json.dump(about, file, indent=1)
        copied = [each["path"] for each in found["sqlite"]]
        files, total = measure(settings, copied)
        tables = [each for kind in ("sqlite", "postgres") for each in found[kind]]
        total += sum(each["size"] for each in tables)
        summary = save(settings, repository, [f"why:{why}", f"bytes:{total}"], copied)
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
    seconds = time.time() - began
    write("good", f"{int(time.time())} {summary['snapshot_id'][:8]} {why}\n")
    forget("failed")
    said = [counted(files, "file"), counted(len(tables), "database")]
    said += [size(total), f"{size(summary['data_added'])} new", f"{seconds:.1f} s"]
    say(f"backup {summary['snapshot_id'][:8]}: {', '.join(said)}")
    return summary["snapshot_id"]


def measure(settings, copied):
    """Return the number of files to back up, without those of databases, and their bytes. copied: the databases."""
    skipped = {f"{path}{end}" for path in copied for end in ENDS}
    files = total = 0
    for root in roots(settings):
        for folder, folders, names in os.walk(root) if os.path.isdir(root) else [("", [], [root])]:
            if folder == settings.shared and ".tmp" in folders:
                folders.remove(".tmp")
            links = [name for name in folders if os.path.islink(f"{folder}/{name}")]
            for path in (os.path.join(folder, name) for name in (*names, *links)):
                # The app may delete it meanwhile.
                with contextlib.suppress(FileNotFoundError):
                    if path not in skipped:
                        total += os.lstat(path).st_size
                        files += 1
    return files, total


def save(settings, repository, about, copied):
    """Save the files and the copies of databases; return restic's summary.

    about: tags. copied: the databases, whose files are left out. Raises Failed.
    """
    summary = {}

    def progress(line):
        try:
            found = json.loads(line)
        except ValueError:
            return
        if found.get("message_type") == "status":
            done, total = found.get("bytes_done", 0), found.get("total_bytes", 0)
            wait(f"saving: {size(done)} of {size(total)}")
        elif found.get("message_type") == "summary":
            summary.update(found)

    skipped = [f"{settings.shared}/.tmp"]
    skipped += [f"{pattern(path)}{end}" for path in copied for end in ENDS]
    words = [word for path in skipped for word in ("--exclude", path)]
    tags = [word for tag in about for word in ("--tag", tag)]
    wait("saving the files")
    # Status 3: a file could not be read, for example because the app has deleted it meanwhile.
    words = ["--host", settings.host_name, *tags, *words, "--", *roots(settings), SCRATCH]
    status, _, said = repository.run("backup", "--json", *words, on_line=progress, check=False)
    if status not in (0, 3) or not summary:
        raise repository.failure("backup", said, status)
    return summary


def pattern(path):
    """Return a path in which no character has a meaning for restic (filepath.Match of Go)."""
    return "".join(f"\\{char}" if char in "\\*?[" else char for char in path)


def thin_out(settings, repository):
    """Delete the backups that `backup.keep` does not keep, and the data that only they had. Raises Failed."""
    if not settings.keep:
        return
    wait("deleting old backups")
    words = [word for name, count in settings.keep.items() for word in (f"--keep-{name}", str(count))]
    repository.run("forget", "--prune", "--group-by", "", "--keep-within", "1d", *words)
