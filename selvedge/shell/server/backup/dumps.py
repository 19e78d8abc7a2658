"""An archive of pg_dump: what is in it, and how the app's role restores it."""

import contextlib
import os
import re
import subprocess
import tempfile
from urllib.parse import quote, unquote

from .settings import HERE, Failed, crowded, say, size

# The app's role may not restore these, or they name roles that this server does not have. A database works without them.
_SECONDARY = (
    "ACL|DEFAULT ACL|COMMENT|SECURITY LABEL|POLICY|EVENT TRIGGER|PUBLICATION( TABLE| TABLES IN SCHEMA)?|SUBSCRIPTION"
)
_ENTRY = re.compile(r"\d+; \d+ \d+ ")
_OF_DATABASE = re.compile(r"\d+; \d+ \d+ (DATABASE PROPERTIES|ACL - DATABASE|COMMENT - DATABASE) ")
_NOT_OURS = re.compile(
    r"\d+; \d+ \d+ (DATABASE|DATABASE PROPERTIES|EXTENSION|SCHEMA - public|COMMENT - EXTENSION|(ACL|COMMENT) - DATABASE) "
)
_LATER = re.compile(rf"\d+; \d+ \d+ ({_SECONDARY}) ")
SHOWN = 5
"""Lines about what could not be restored."""


class Dump:
    """An archive. path: the file, which only root can read. was: the record of the database. variables: those of pg_restore."""

    def __init__(self, settings, path, was, variables):
        self.settings, self.path, self.was, self.variables = settings, path, was, variables
        # Without -C, it lists nothing of the database itself.
        done = subprocess.run(["pg_restore", "-C", "-l", path], capture_output=True, env=variables, check=False)
        if done.returncode != 0:
            problem = f"pg_restore cannot read the dump of the database {was['database']}: {_said(done)[-1]}."
            raise Failed(problem, f"It was dumped by PostgreSQL {was['version']}: this server needs that version, or a newer one.")
        self.entries = [line for line in done.stdout.decode("utf-8", "replace").splitlines() if _ENTRY.match(line)]

    def restore(self, database):
        """Restore it into an empty database. database: a connection string. Raises Failed.

        It runs as the app's user: a dump may contain any function, and PostgreSQL's superuser would run it.
        """
        created = tuple(f"SCHEMA - {schema} " for _, schema in self.was["extensions"] if schema)
        rest = [line for line in self.entries if not _NOT_OURS.match(line) and not _text(line).startswith(created)]
        done = self._run([line for line in rest if not _LATER.match(line)], "--exit-on-error", "-d", database)
        if done.returncode != 0:
            problem = f"pg_restore could not restore the database {self.was['database']}: {_said(done)[-1]}."
            app = self.settings.app
            raise Failed(problem, f"The role {app} restores it, so it must be allowed to create everything that is in it.")
        later = [line for line in rest if _LATER.match(line)]
        if later:
            said = "\n".join(_said(self._run(later, "-d", database)))
            found = list(dict.fromkeys(re.findall(r"ERROR:\s+(.+)", said)))
            for problem in found[:SHOWN]:
                say(f"{self.was['database']}: not restored: {problem}")
            if found[SHOWN:]:
                say(f"{self.was['database']}: not restored: {len(found) - SHOWN} more of this kind")

    def properties(self):
        """Return SQL that sets the properties of the database itself."""
        done = self._run([line for line in self.entries if _OF_DATABASE.match(line)], "-C", "-f", "-")
        # pg_restore creates the database, too, whatever the list says.
        parts = [part for part in done.stdout.split(b"\n--\n-- Name: ")[1:] if b"; Type: DATABASE; " not in part]
        lines = [line for part in parts for line in part.split(b"\n")[1:]]
        return b"\n".join(line for line in lines if not line.startswith((b"\\", b"--")))

    def _run(self, entries, *words):
        """Run pg_restore as the app's user for some of the entries. They go through a file that it can open again."""
        listing = f"{self.path}.list"
        with open(listing, "w", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in entries))
            os.fchown(file.fileno(), 0, self.settings.gid)
            os.fchmod(file.fileno(), 0o640)
        with open(self.path, "rb") as source, open(listing, "rb") as contents:
            command = self.settings.as_app("pg_restore", "-w", "--no-owner", f"--use-list=/dev/fd/{contents.fileno()}", *words)
            handles = {"stdin": source, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            return subprocess.run(command, env=self.variables, cwd="/", pass_fds=(contents.fileno(),), check=False, **handles)


def _text(line):
    """Return an entry without its numbers."""
    return line.split(" ", 3)[-1]


def _said(done):
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return [line for line in lines if "ERROR" in line or "error:" in line] or lines or [f"exit status {done.returncode}"]


def write_dump(database, command, variables, file):
    """Run pg_dump into an open file; return its exit status and its errors.

    Raises Failed before it fills the disk, which is often that of PostgreSQL itself.
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=file, stderr=errors, env=variables, cwd="/")
        try:
            while process.poll() is None:
                written = os.fstat(file.fileno()).st_size
                if crowded(os.path.dirname(file.name), written):
                    problem = f"The dump of the database {database} has {size(written)} so far, and the disk is almost full"
                    raise Failed(f"{problem}, so it was stopped.", f"Free some space on the server: `df -h {HERE}`.")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.1)
        finally:
            process.kill()
            process.wait()
        errors.seek(0)
        return process.returncode, errors.read()


def dumped(folder):
    """Return the databases that have a dump in a folder."""
    names = os.listdir(folder) if os.path.isdir(folder) else ()
    return [unquote(each[: -len(".dump")]) for each in names if each.endswith(".dump")]


def file_name(database):
    """Return the name of the file with the dump of a database."""
    return f"{quote(database, safe='')}.dump"
