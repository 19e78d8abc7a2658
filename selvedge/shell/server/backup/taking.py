"""Take a backup: copies of the databases, then all files, in one snapshot of restic."""

import contextlib
import json
import os
import shutil
import stat
import subprocess
import tempfile
import time

from .excluding import anchored
from .finding import Found, roots
from .paths import SUFFIXES, remove
from .postgres import Postgres
from .repository import WHY
from .settings import HERE, MANIFEST, SCRATCH, Failed, counted, installation, say, size, wait, write

BEFORE_RESTORES = 5
"""Backups from before a restore that are kept, beside those of `backup.keep`."""


def run_sqlite(settings, paths, folder=""):
    """Run sqlite.py as the app's user; return what it says of each database. Raises Failed."""
    with open(os.path.join(os.path.dirname(__file__), "sqlite.py"), encoding="utf-8") as file:
        program = file.read()
    command = settings.as_app("python3", "-IS", "-c", program)
    given = json.dumps({"paths": paths, "folder": folder}).encode()
    done = subprocess.run(command, input=given, capture_output=True, cwd="/", check=False)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        problem = f"Could not read the SQLite databases: {said[-1] if said else done.returncode}."
        raise Failed(problem, "Check the disk of the server: `df -h /srv`.")
    try:
        return checked(done.stdout.decode(), paths)
    except (ValueError, KeyError, TypeError, AttributeError):
        problem = f"The check of the SQLite databases printed other lines: another process of the user {settings.app} interfered."
        raise Failed(problem, f"Look for it on the server: `ps -fu {settings.app}`.") from None


def checked(output, paths):
    """Return what sqlite.py says of each database. Raises ValueError or the like: any process of the app can write to it."""
    found = []
    for each in map(json.loads, output.splitlines()):
        about = {key: each[key] for key in ("path", "number", "problem", "failed")}
        about["mode"] = int(each["mode"]) & 0o777
        if not about["problem"] and not about["failed"]:
            tables = {str(table): rows if rows is None else int(rows) for table, rows in each["tables"].items()}
            about.update(tables=tables, revisions=[str(revision) for revision in each["revisions"]], size=int(each["size"]))
        texts = (about["path"], about["problem"], about["failed"])
        if type(about["number"]) is not int or not all(isinstance(text, str) for text in texts):
            raise ValueError
        found.append(about)
    for key in ("path", "number"):
        if len({each[key] for each in found}) < len(found):
            raise ValueError
    if not {each["path"] for each in found} <= {*paths}:
        raise ValueError
    return found


def take_over(copies, copied):
    """Take the folder of the copies from the app, so that it cannot change them any more. Raises Failed if it has replaced one."""
    os.chown(copies, 0, 0)
    whole = {str(each["number"]): each["path"] for each in copied if not each["problem"]}
    for name in os.listdir(copies):
        if name not in whole:
            remove(f"{copies}/{name}")
    for name, path in whole.items():
        about = os.lstat(f"{copies}/{name}") if os.path.lexists(f"{copies}/{name}") else None
        if not about or not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
            raise Failed(f"The copy of {path} was replaced while the backup was taken.", "Run `fab backup` again.")


def databases(settings, why, paths):
    """Copy all databases to the scratch folder; return what is in them, "broken" ones apart. Raises Failed.

    paths: files that look like SQLite databases. Before a restore, PostgreSQL's may be broken, too: that may be why someone
    restores.
    """
    wait("copying the databases")
    copies = f"{SCRATCH}/sqlite"
    os.mkdir(copies, 0o700)
    os.chown(copies, settings.uid, settings.gid)
    copied = run_sqlite(settings, paths, copies) if paths else []
    for each in copied:
        if each["failed"]:
            remedy = "Try it on the server: `df -h /srv`, and which program uses the file: `sudo fuser -v FILE`."
            raise Failed(f"SQLite could not copy {each['path']}: {each['failed']}.", remedy)
    take_over(copies, copied)
    broken = [{"path": each["path"], "problem": each["problem"]} for each in copied if each["problem"]]
    postgres = Postgres(settings)
    dumped = []
    for database in postgres.databases():
        wait(f"dumping the database {database}")
        try:
            dumped.append(postgres.dump(database, SCRATCH))
        except Failed as error:
            if why != "restore":
                raise
            broken.append({"database": database, "problem": str(error).rstrip(".")})
    return {"sqlite": [each for each in copied if not each["problem"]], "postgres": dumped, "broken": broken}


def take(settings, repository, why):
    """Take a backup; return restic's id of it, what is wrong with it, "" for nothing, and its record.

    why: manual, scheduled, migration or restore. Raises Failed if no backup was taken.
    """
    began = time.time()
    shutil.rmtree(SCRATCH, ignore_errors=True)
    repository.open()
    # The app's user passes through to its own copies, and can list nothing.
    os.mkdir(SCRATCH)
    os.chown(SCRATCH, 0, settings.gid)
    os.chmod(SCRATCH, 0o710)
    try:
        wait("reading the files")
        files = Found(settings)
        found = databases(settings, why, files.databases)
        about = {"app": settings.app, "at": int(began), "uid": settings.uid, "gid": settings.gid, "files": settings.files}
        about = {**about, "exclude": settings.exclude, **found}
        with open(f"{SCRATCH}/{MANIFEST}", "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            json.dump(about, file, indent=1)
        copied = [each["path"] for each in found["sqlite"]]
        number, total = files.without(copied)
        tables = [each for kind in ("sqlite", "postgres") for each in found[kind]]
        total += sum(each["size"] for each in tables)
        machine = installation(settings.app)
        tagged = [f"why:{why}", f"bytes:{total}", *([f"machine:{machine}"] if machine else [])]
        summary, unread = save(settings, repository, tagged, copied)
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
    seconds, short = time.time() - began, summary["snapshot_id"][:8]
    write("good", f"{int(time.time())} {short} {why} {settings.repository}\n")
    said = [counted(number, "file"), counted(len(tables), "database")]
    said += [size(total), f"{size(summary['data_added'])} new", f"{seconds:.1f} s"]
    say(f"backup {short}: {', '.join(said)}")
    if why != "restore":
        report_missing(settings)
    files.report_links()
    return summary["snapshot_id"], wrong(short, found["broken"], unread), about


def wrong(short, broken, unread):
    """Return what is wrong with a backup, "" for nothing."""
    found = [each["problem"] for each in broken if "database" in each]
    files = [each for each in broken if "path" in each]
    found += [f"SQLite cannot read {each['path']}, which is in it as it is: {each['problem']}" for each in files[:1]]
    found += [f"{len(files) - 1} more of its databases are broken"] if files[1:] else []
    found += [f"it lacks {counted(len(unread), 'file')} that could not be read, such as {unread[0]}"] if unread else []
    return f"The backup {short} was taken, but {'; '.join(found)}." if found else ""


def report_missing(settings):
    """Tell the user what backup.files names and no one has created."""
    for path in settings.files:
        if not os.path.lexists(f"{settings.shared}/{path}"):
            say(f"{path} (backup.files) is missing in {settings.shared}")


def save(settings, repository, about, copied):
    """Save the files and the copies of databases; return restic's summary, and the files that could not be read.

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

    skipped = [f"{settings.shared}/.tmp", *(f"{settings.shared}/{anchored(each)}" for each in settings.exclude)]
    skipped += [f"{pattern(path)}{end}" for path in copied for end in SUFFIXES]
    # A file has room for the names of any number of databases, but none for a newline.
    words = [word for path in skipped if "\n" in path for word in ("--exclude", path)]
    tags = [word for tag in about for word in ("--tag", tag)]
    wait("saving the files")
    with tempfile.TemporaryFile(dir=HERE) as listing:
        listing.write(b"".join(os.fsencode(in_file(path)) + b"\n" for path in skipped if "\n" not in path))
        listing.flush()
        listing.seek(0)
        words += ["--exclude-file", f"/dev/fd/{listing.fileno()}", "--host", settings.host_name, *tags]
        words += ["--", *roots(settings), SCRATCH]
        status, _, said = repository.run("backup", "--json", *words, on_line=progress, check=False, handle=listing.fileno())
    if status not in (0, 3) or not summary:
        raise repository.failure("backup", said, status)
    # Status 3: a file could not be read, for example because the app has deleted it meanwhile.
    return summary, unreadable(said) if status == 3 else []


def unreadable(said):
    """Return the files that restic could not read and that still exist. said: its errors."""
    found = []
    for line in said.splitlines():
        with contextlib.suppress(ValueError, AttributeError):
            item = json.loads(line).get("item", "")
            if item and item not in found and os.path.lexists(item):
                found.append(item)
    return found


def in_file(text):
    """Return a pattern as restic reads it from a file: it replaces variables, and cuts spaces at the end."""
    text = text.replace("$", "$$")
    return f"{text[:-1]}[{text[-1]}]" if text[-1:].isspace() else text


def pattern(path):
    """Return a path in which no character has a meaning for restic (filepath.Match of Go)."""
    return "".join(f"\\{char}" if char in "\\*?[" else char for char in path)


def thin_out(settings, repository):
    """Delete the backups that `backup.keep` does not keep, and the data that only they had. Raises Failed.

    Those before a restore are counted apart: several restores in a row must not take the places of the others.
    """
    if not settings.keep:
        return
    wait("deleting old backups")
    usual = [word for name, count in settings.keep.items() for word in (f"--keep-{name}", str(count))]
    for reasons, words in ((["restore"], ["--keep-last", str(BEFORE_RESTORES)]), ([why for why in WHY if why != "restore"], usual)):
        # Only those of this program: someone may have put others there.
        tags = [word for why in reasons for word in ("--tag", f"why:{why}")]
        repository.run("forget", "--prune", "--group-by", "", *tags, "--keep-within", "1d", *words)
