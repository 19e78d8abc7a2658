"""A server that consists of folders, with the program of the backups, restic and a repository in a folder."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from selvedge.resources.backups import backup_program
from selvedge.shell.quoting import words
from tests.hosts.scripts.server import Server

UID = 4321
"""The number of the app's user, which this machine does not have."""
SETTINGS: dict[str, Any] = {
    "app": "hello", "host_name": "web", "repository": "/var/backups/apps/hello/web", "kind": "local", "user": "", "host": "",
    "port": 0, "region": "", "files": [], "exclude": [], "keep": {"daily": 7}, "before_migrate": False,
    "repair": "Run the same `fab -H web restore --live` again.",
}  # fmt: skip


class Machine:
    """The server. data: the app's folder `shared`."""

    def __init__(self, server: Server, **settings: Any) -> None:
        self.server = server
        server.seconds = 60
        self.add_user(UID)
        self.folder = server.path("/srv/hello/backup")
        for name, text in backup_program().items():
            path = self.folder / "program" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.configure(**settings)
        (self.folder / "password").write_text("a long enough password\n")
        self.data = server.path("/srv/hello/shared")
        self.data.mkdir()
        self.own(self.data)

    def add_user(self, number: int) -> None:
        """Give the app's user this number."""
        for name, line in (("passwd", f"hello:x:{number}:{number}::/:/bin/sh"), ("group", f"hello:x:{number}:")):
            path = self.server.path(f"/etc/{name}")
            kept = [row for row in path.read_text().splitlines() if not row.startswith("hello:")]
            path.write_text("\n".join([*kept, line, ""]))

    def configure(self, **settings: Any) -> None:
        (self.folder / "settings.json").write_text(json.dumps({**SETTINGS, **settings}))

    def own(self, path: Path) -> None:
        subprocess.run(["chown", "-Rh", f"{UID}:{UID}", str(path)], check=True)

    def write(self, name: str, text: str = "x") -> Path:
        """Write a file of the app."""
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.own(self.data)
        return path

    def database(self, name: str, rows: int = 3, table: str = "notes") -> Path:
        """Make an SQLite database of the app in the folder `shared`, with a log that is not in the file yet."""
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as database:
            database.execute("pragma journal_mode = wal")
            database.execute(f"create table {quoted(table)} (x integer)")
            database.executemany(f"insert into {quoted(table)} values (?)", [(number,) for number in range(rows)])
            database.commit()
        self.own(self.data)
        return path

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a command of the program; return its status and output."""
        done = self.server.run(self.script(*arguments))
        return done.returncode, done.stdout.decode(errors="replace")

    @staticmethod
    def script(*arguments: str) -> str:
        command = f"exec python3 -BIS /srv/hello/backup/program {words(*arguments)}"
        return f"umask 022\nSELVEDGE_MARK=@ {command} </dev/null 2>&1\n"

    def must(self, *arguments: str) -> str:
        """Run a command of the program, which must succeed, and return its output."""
        status, output = self.run(*arguments)
        assert status == 0, output
        return output

    def restic(self, *arguments: str) -> str:
        """Return restic's output."""
        login = "export RESTIC_PASSWORD_FILE=/srv/hello/backup/password RESTIC_REPOSITORY=/var/backups/apps/hello/web HOME=/root"
        done = self.server.run(f"{login}\nrestic --no-cache {words(*arguments)} 2>&1\n")
        assert done.returncode == 0, done
        return done.stdout.decode()

    @property
    def restored(self) -> Path:
        return self.folder / "restored/shared"

    def left(self) -> Sequence[str]:
        """Return what a command should not leave: locks of restic, copies of databases, a restored backup."""
        locks = self.restic("list", "locks").split()
        return [*locks, *(name for name in ("scratch", "restored", "replaced") if (self.folder / name).exists())]


def rows(path: Path, table: str = "notes") -> int:
    """Return the number of rows of a table in an SQLite database."""
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute(f"select count(*) from {quoted(table)}").fetchone()[0])


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
