"""The app's user, who may be an intruder, must not have root write to files of others through a backup."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.hosts.scripts.backups.machine import Machine


def secret(machine: Machine) -> Path:
    """Make a file that only root can read."""
    path = machine.server.path("/root/secret")
    path.write_text("secret")
    path.chmod(0o600)
    return path


def untouched(path: Path) -> bool:
    about = path.stat()
    return path.read_text() == "secret" and about.st_uid == 0 and stat.S_IMODE(about.st_mode) == 0o600


def backup_of(machine: Machine, **database: object) -> None:
    """Put a backup with the record of one database into the repository. Its copy may be prepared in `scratch/sqlite`."""
    about = {"path": "/srv/hello/shared/blog.sqlite3", "number": 0, "mode": 0o644, "tables": {}, "revisions": [], "size": 1}
    record = {
        "app": "hello", "at": 1, "uid": 4321, "gid": 4321, "files": [], "exclude": [], "postgres": [], "broken": [],
        "sqlite": [{**about, "problem": "", "failed": "", **database}],
    }  # fmt: skip
    (machine.folder / "scratch/sqlite").mkdir(parents=True, exist_ok=True)
    (machine.folder / "scratch/manifest.json").write_text(json.dumps(record))
    machine.restic("backup", "--tag", "why:manual", "/srv/hello/shared", "/srv/hello/backup/scratch")


@pytest.fixture
def repository(machine: Machine) -> Machine:
    machine.server.run("mkdir -p /var/backups")
    machine.restic("init")
    return machine


def test_a_copy_that_the_app_replaces_by_a_link(machine: Machine) -> None:
    path = secret(machine)
    machine.database("blog.sqlite3")
    program = machine.folder / "program/backup/sqlite.py"
    replaced = "\n    os.unlink(f'{folder}/0')\n    os.symlink('/root/secret', f'{folder}/0')\n"
    program.write_text(program.read_text().replace('\n\nif __name__ ==', f'{replaced}\n\nif __name__ =='))
    status, output = machine.run("take", "manual")
    assert status == 1 and "@ error The copy of /srv/hello/shared/blog.sqlite3 was replaced" in output
    assert untouched(path) and machine.left() == []


def test_a_backup_whose_copy_is_a_link(repository: Machine) -> None:
    path = secret(repository)
    (repository.folder / "scratch/sqlite").mkdir(parents=True)
    (repository.folder / "scratch/sqlite/0").symlink_to("/root/secret")
    backup_of(repository)
    status, output = repository.run("restore")
    assert status == 1 and "@ error The copy of /srv/hello/shared/blog.sqlite3 in the backup is not a file." in output
    assert untouched(path)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["folder/blog.sqlite3", "../../../root/new"])
def test_a_backup_with_a_database_elsewhere(repository: Machine, name: str) -> None:
    (repository.data / "folder").symlink_to("/root")
    (repository.folder / "scratch/sqlite").mkdir(parents=True)
    with closing(sqlite3.connect(repository.folder / "scratch/sqlite/0")) as database:
        database.execute("create table t (x)")
    backup_of(repository, path=f"/srv/hello/shared/{name}", tables={"t": 0})
    status, output = repository.run("restore")
    assert status == 1 and ("is a symbolic link" in output or "is not a path below" in output), output
    assert not [each for each in repository.server.path("/root").iterdir() if each.name in ("blog.sqlite3", "new")]


@pytest.mark.thorough
@pytest.mark.parametrize("line", [
    {"number": "../../secret", "problem": "x"},
    {"number": "../../../../root/secret"},
    {"number": True},
    {"path": "/root/secret"},
    {"mode": "x"},
    {"tables": {"t": "many"}},
    {"problem": ["x"]},
    None,
], ids=str)  # fmt: skip
def test_a_forged_report(machine: Machine, line: dict[str, object] | None) -> None:
    """Another process of the app writes to the output of the check."""
    path = secret(machine)
    machine.database("blog.sqlite3")
    about = {
        "path": "/srv/hello/shared/blog.sqlite3", "number": 0, "mode": 0o644, "tables": {}, "revisions": [], "size": 1,
        "problem": "", "failed": "",
    }  # fmt: skip
    text = json.dumps({**about, **line} if line is not None else 1)
    program = machine.folder / "program/backup/sqlite.py"
    program.write_text(program.read_text().replace("main(**json.load(sys.stdin))", f"print({text!r})"))
    status, output = machine.run("take", "manual")
    assert status == 1 and "@ error The check of the SQLite databases printed other lines" in output, output
    assert "Traceback" not in output and untouched(path) and machine.left() == []
