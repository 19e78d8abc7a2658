"""A PostgreSQL of the tests' own, in a folder of this machine."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


class Cluster:
    """The server. Every user of this machine may connect as any role."""

    def __init__(self) -> None:
        # The path of a socket has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        shutil.chown(self.folder, "postgres", "postgres")
        self.folder.chmod(0o755)
        self.programs = FOLDERS[-1].parent
        self._run("initdb", "-N", "-A", "trust", "--locale=C.UTF-8", "-D", "data")
        options = f"-c listen_addresses= -c fsync=off -c shared_buffers=16MB -k {self.folder}"
        self._run("pg_ctl", "-w", "-D", "data", "-l", "log", "-o", options, "start")

    def _run(self, program: str, *arguments: str) -> None:
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", str(self.programs / program), *arguments]
        subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def sql(self, text: str, database: str = "hello", role: str = "postgres") -> str:
        """Run SQL; return its output."""
        options = "-c client_min_messages=error"
        environment = {"PATH": "/usr/bin:/bin", "PGDATABASE": database, "LC_ALL": "C.UTF-8", "PGOPTIONS": options}
        command = [self.programs / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U", role]
        done = subprocess.run(command, input=text, text=True, check=False, env=environment, capture_output=True)
        assert done.returncode == 0, done
        return done.stdout.strip()

    def database(self, name: str = "hello", owner: str = "hello", form: str = "") -> None:
        """Make a new database, and the app's role if a test has dropped it."""
        if owner == "hello" and not self.sql("select 1 from pg_roles where rolname = 'hello'", "postgres"):
            self.sql("create role hello login", "postgres")
        quoted = name.replace('"', '""')
        self.sql(f'create database "{quoted}" owner {owner} template template0 {form}', database="postgres")

    def databases(self) -> list[str]:
        """Return the names of all databases but PostgreSQL's own."""
        return self.sql("select datname from pg_database where oid >= 16384 order by 1", database="postgres").splitlines()

    def clear(self) -> None:
        """Drop all databases and roles."""
        for kind, query in (
            ("database", "select datname from pg_database where oid >= 16384"),
            ("role", "select rolname from pg_roles where oid >= 16384"),
        ):
            force = "with (force)" if kind == "database" else ""
            self.sql(f"select format('drop {kind} %I {force}', each) from ({query}) as found (each) \\gexec", database="postgres")

    def stop(self) -> None:
        self._run("pg_ctl", "-m", "immediate", "-D", "data", "stop")
        shutil.rmtree(self.folder)
