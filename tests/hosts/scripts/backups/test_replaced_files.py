"""What a restore in place replaces, and what it must not lose: by other settings than those of the backup, or killed half-way."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.hosts.scripts.backups.cluster import Cluster
from tests.hosts.scripts.backups.machine import UID, Machine, rows

pytestmark = pytest.mark.thorough
DATABASES = '        for each in about["postgres"]:\n            wait'
LEFT_OUT = "    for path in excluded_paths(REPLACED, patterns):\n        old"
DIE = "    os.kill(os.getpid(), 9)\n    for path in []:\n        old"


def spoil(machine: Machine, before: str, after: str, file: str = "swapping") -> None:
    """Change a line of the program."""
    path = machine.folder / f"program/backup/{file}.py"
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, after))


def killed(machine: Machine) -> None:
    """Put the data in place, and die before the excluded files are back."""
    spoil(machine, LEFT_OUT, DIE)
    assert machine.run("swap")[0] != 0
    spoil(machine, DIE, LEFT_OUT)


def text(machine: Machine, name: str) -> str:
    return (machine.data / name).read_text()


def test_fewer_files_than_at_the_backup(machine: Machine) -> None:
    """The backup before the restore has all that is replaced."""
    machine.write("uploads/x", "old")
    machine.write("other/x", "old")
    machine.must("take", "manual")
    machine.write("other/x", "present")
    machine.configure(files=["uploads"])
    machine.must("restore")
    machine.must("swap")
    assert text(machine, "other/x") == "old"
    assert "/srv/hello/shared/other/x" in machine.restic("ls", "latest")


def test_other_files_than_at_the_backup(machine: Machine) -> None:
    machine.configure(files=["a"])
    for name in ("a", "b"):
        machine.write(name, "old")
    machine.must("take", "manual")
    machine.configure(files=["b"])
    machine.must("restore")
    machine.must("swap")
    listed = machine.restic("ls", "latest")
    assert "/srv/hello/shared/a" in listed and "/srv/hello/shared/b" in listed


def test_more_is_excluded_than_at_the_backup(machine: Machine) -> None:
    """The backup before the restore does not have it."""
    machine.write("uploads/videos/x", "old")
    machine.must("take", "manual")
    machine.write("uploads/videos/x", "present")
    machine.configure(exclude=["uploads/videos"])
    machine.must("restore")
    machine.must("swap")
    assert text(machine, "uploads/videos/x") == "present" and machine.left() == []


@pytest.mark.parametrize("name", ["", "uploads/x"])
def test_a_server_without_the_folder(machine: Machine, name: str) -> None:
    """It has only the database. The backup may be one from when the app was there, too."""
    if name:
        machine.write(name, "old")
    else:
        machine.data.rmdir()
    machine.must("take", "manual")
    shutil.rmtree(machine.data, ignore_errors=True)
    for again in (False, True):
        machine.must("restore", "", "", "live")
        if again:
            spoil(machine, "        replace_files(settings, about, patterns, moved)\n", "        raise OSError(5, 'No', 'x')\n")
        status, output = machine.run("swap")
        assert status == (1 if again else 0), output
        assert machine.data.exists() is bool(name) and machine.left() == (["restored", "replaced"] if again else [])
    if name:
        assert text(machine, name) == "old" and machine.data.stat().st_uid == UID


def test_files_that_are_named_twice(machine: Machine) -> None:
    machine.configure(files=["data", "data/blog.sqlite3", "x", "x"])
    machine.database("data/blog.sqlite3")
    machine.write("data/file", "old")
    machine.write("x", "old")
    assert "2 files, 1 database" in machine.must("take", "manual")
    machine.write("x", "present")
    machine.must("restore")
    machine.must("swap")
    assert text(machine, "x") == "old" and text(machine, "data/file") == "old" and rows(machine.data / "data/blog.sqlite3") == 3


def test_files_beside_a_folder(machine: Machine) -> None:
    """They only look like those of a database."""
    machine.configure(files=["notes"])
    machine.write("notes/x", "old")
    names = ("notes-journal", "notes-wal", "notes-shm")
    for name in names:
        machine.write(name, "present")
    machine.must("take", "manual")
    machine.must("restore")
    machine.must("swap")
    assert {text(machine, name) for name in names} == {"present"}


def test_excluded_files_after_a_killed_swap(machine: Machine) -> None:
    machine.configure(exclude=["uploads/videos"])
    machine.write("uploads/photo", "old")
    machine.write("uploads/videos/x", "present")
    machine.must("take", "manual")
    machine.must("restore")
    killed(machine)
    assert not (machine.data / "uploads/videos").exists()
    machine.write("uploads/videos/later", "later")
    machine.must("restore")
    machine.must("swap")
    assert text(machine, "uploads/videos/x") == "present" and text(machine, "uploads/videos/later") == "later"
    machine.must("take", "scheduled")
    assert machine.left() == []


def test_no_backup_of_half_of_the_data_becomes_the_newest(machine: Machine) -> None:
    machine.write("x", "old")
    machine.must("take", "manual")
    chosen = json.loads(machine.must("list"))[-1]["id"][:8]
    machine.write("x", "present")
    machine.must("restore")
    killed(machine)
    for why in ("scheduled", "manual", "migration"):
        status, output = machine.run("take", why)
        assert status == 1 and "@ error A restore has replaced only a part of the live data, so no backup was taken.\n" in output
        assert f"restore --live --snapshot {chosen}` again.\n" in output and machine.restored.exists()
    machine.must("restore")
    machine.must("swap")
    assert text(machine, "x") == "old"
    machine.must("take", "manual")
    assert machine.left() == []


def test_the_data_from_before_a_cut_restore_is_named(machine: Machine) -> None:
    """The backup of the second run has a part of the restored data."""
    machine.write("x", "old")
    machine.must("take", "manual")
    machine.write("x", "present")
    machine.must("restore")
    killed(machine)
    first = json.loads(machine.must("list"))[-1]["id"]
    for _ in range(2):
        machine.must("restore")
        spoil(machine, LEFT_OUT, DIE)
        status, output = machine.run("swap")
        spoil(machine, DIE, LEFT_OUT)
        assert status != 0 and f"@ say the data from before the restore that was cut is in the backup {first[:8]}\n" in output
        assert "@ say the present data, of which a restore that was cut has replaced a part, is in the backup " in output
        assert (machine.folder / "state/before-restore").read_text() == f"{first[:8]}\n"
    machine.must("restore", first)
    machine.must("swap")
    assert text(machine, "x") == "present"
    output = machine.must("restore") + machine.must("swap")
    assert "that was cut" not in output and text(machine, "x") == "old"


def test_a_cut_while_the_replaced_data_is_deleted(machine: Machine) -> None:
    """All restored data is in place: the app may start, and the same restore would take back what it has written since."""
    machine.write("x", "old")
    machine.must("take", "manual")
    machine.must("restore")
    (machine.folder / "state/stopped").touch()
    spoil(machine, "    for folder in (REPLACED, RESTORED):\n", "    os.kill(os.getpid(), 9)\n    for folder in ():\n")
    assert machine.run("swap")[0] != 0
    assert text(machine, "x") == "old" and (machine.folder / "replaced/x").exists()
    assert not {"half-restored", "stopped"} & {path.name for path in (machine.folder / "state").iterdir()}
    assert (machine.folder / "state/not-started").exists()
    machine.must("take", "manual")


@pytest.mark.parametrize("before", ["    move(source, target)\n\n", "\n\ndef move("], ids=["not moved yet", "moved"])
def test_a_signal_between_two_lines_is_undone(machine: Machine, before: str) -> None:
    """The program ends itself at the first restored file: before it is in place, or just afterwards."""
    for name in ("a", "b"):
        machine.write(name, "old")
    machine.must("take", "manual")
    for name in ("a", "b"):
        machine.write(name, "present")
    machine.must("restore")
    end = "    if source.startswith(RESTORED):\n        os.kill(os.getpid(), 15)\n        time.sleep(5)\n"
    spoil(machine, before, f"{end}{before}")
    assert machine.run("swap")[0] == 1
    assert text(machine, "a") == text(machine, "b") == "present"
    assert not (machine.folder / "state/half-restored").exists()


@pytest.mark.parametrize("error", ["KeyError('x')", "SystemExit(1)"])
def test_any_failure_is_undone(machine: Machine, error: str) -> None:
    machine.write("x", "old")
    machine.must("take", "manual")
    machine.write("x", "present")
    machine.must("restore")
    spoil(machine, DATABASES, f"        raise {error}\n{DATABASES}")
    assert machine.run("swap")[0] == 1
    assert text(machine, "x") == "present" and not (machine.folder / "state/half-restored").exists()


def test_a_file_that_cannot_be_put_back(machine: Machine) -> None:
    """The others are, and the mark of a half restore stays."""
    for name in ("a", "b", "c"):
        machine.write(name, "old")
    machine.must("take", "manual")
    for name in ("a", "b", "c"):
        machine.write(name, "present")
    machine.must("restore")
    spoil(machine, DATABASES, f"        os.unlink(f'{{REPLACED}}/b')\n        raise Failed('x')\n{DATABASES}")
    status, output = machine.run("swap")
    assert status == 1 and "@ say No such file or directory: " in output
    assert text(machine, "a") == "present" and text(machine, "c") == "present"
    assert (machine.folder / "state/half-restored").exists()


@pytest.mark.parametrize("error", ["OSError(28, 'No space left on device', 'x')", "SystemExit(1)", "Failed('x')"])
def test_failures_are_recorded(machine: Machine, error: str) -> None:
    """The disk is full, or systemd stops the service after its limit."""
    machine.must("take", "manual")
    spoil(machine, "    began = time.time()\n", f"    raise {error}\n", "taking")
    assert machine.run("take", "scheduled")[0] == 1
    spoil(machine, "    discard(settings, place)\n    os.mkdir", f"    raise {error}\n    os.mkdir", "restoring")
    assert machine.run("rehearse")[0] == 1
    assert {name for name in ("failed", "unrehearsed") if (machine.folder / "state" / name).exists()} == {"failed", "unrehearsed"}


def test_a_backup_of_an_earlier_version(machine: Machine) -> None:
    """Its record has fewer fields."""
    machine.write("x", "old")
    line = '        about = {**about, "exclude": settings.exclude, **found}\n'
    spoil(machine, line, line + "        del about['exclude'], about['broken']\n", "taking")
    spoil(machine, 'wrong(short, found["broken"], unread)', "''", "taking")
    machine.must("take", "manual")
    machine.write("x", "present")
    machine.must("restore")
    program = machine.folder / "program/backup/taking.py"
    program.write_text(program.read_text().replace("        del about['exclude'], about['broken']\n", ""))
    machine.must("swap")
    assert text(machine, "x") == "old"


def test_a_broken_database_whose_name_is_no_utf8(machine: Machine) -> None:
    machine.write("x", "SQLite format 3\0" + "rubbish" * 1000).rename(machine.data / "\udcff")
    status, output = machine.run("take", "scheduled")
    assert status == 1 and "@ say backup " in output and "SQLite cannot read /srv/hello/shared/\\udcff" in output
    assert "\\udcff" in (machine.folder / "state/failed").read_text() and machine.left() == []


class TestDatabases:
    def test_a_failure_after_the_switch_is_only_told(self, machine: Machine, cluster: Cluster) -> None:
        cluster.sql("create table t (x int)", role="hello")
        machine.must("take", "manual")
        cluster.sql("drop table t", role="hello")
        machine.must("restore")
        spoil(machine, "            postgres.configure(was, f\"{RESTORED}/copies\")", "            raise Failed('It failed.')")
        assert "@ say It failed.\n" in machine.must("swap")
        assert cluster.sql("select count(*) from t") == "0" and cluster.databases() == ["hello"] and machine.left() == []

    @pytest.mark.parametrize("swapped", [False, True])
    def test_a_signal_beside_the_switch_is_undone(self, machine: Machine, cluster: Cluster, swapped: bool) -> None:
        cluster.sql("create table t (x int)", role="hello")
        machine.must("take", "manual")
        cluster.sql("insert into t values (1)", role="hello")
        machine.must("restore")
        line = '            postgres.swap(each["database"])\n'
        end = "            os.kill(os.getpid(), 15)\n            time.sleep(5)\n"
        spoil(machine, line, line + end if swapped else end + line)
        assert machine.run("swap")[0] == 1
        assert cluster.sql("select count(*) from t") == "1"
        assert not (machine.folder / "state/half-restored").exists()

    def test_a_database_that_cannot_be_put_back(self, machine: Machine, cluster: Cluster) -> None:
        cluster.database("second")
        machine.write("file", "old")
        machine.must("take", "manual")
        machine.write("file", "present")
        machine.must("restore")
        cluster.sql("drop database second_restored")
        spoil(machine, '        if self._exists(fresh):\n', "        raise Failed('Not back.')\n        if fresh:\n", "postgres")
        status, output = machine.run("swap")
        assert status == 1 and "@ say Not back." in output and text(machine, "file") == "present"
        assert (machine.folder / "state/half-restored").exists()

    def test_a_broken_database_after_a_cut(self, machine: Machine, cluster: Cluster) -> None:
        """No backup has it, so the second run must not delete it."""
        cluster.sql("create table t (x int)", role="hello")
        machine.must("take", "manual")
        cluster.sql("create table theirs (x int); insert into theirs values (42)")
        line = '            postgres.swap(each["database"])\n'
        for _ in range(2):
            machine.must("restore")
            spoil(machine, line, line + "            os.kill(os.getpid(), 9)\n")
            assert machine.run("swap")[0] != 0
            spoil(machine, line + "            os.kill(os.getpid(), 9)\n", line)
            assert cluster.sql("select x from theirs", "hello_replaced") == "42"
        machine.must("restore")
        assert "@ say the present database hello is there as hello_replaced until the next restore" in machine.must("swap")
        assert cluster.sql("select x from theirs", "hello_replaced") == "42" and cluster.sql("select count(*) from t") == "0"

    def test_a_cut_before_a_broken_database_is_replaced(self, machine: Machine, cluster: Cluster) -> None:
        """A database of an earlier restore has the name that it would get."""
        cluster.sql("create table t (x int)", role="hello")
        machine.must("take", "manual")
        cluster.sql("create table theirs (x int); insert into theirs values (42)")
        cluster.database("hello_replaced")
        machine.must("restore")
        line = '            postgres.swap(each["database"])\n'
        spoil(machine, line, "            os.kill(os.getpid(), 9)\n" + line)
        assert machine.run("swap")[0] != 0
        spoil(machine, "            os.kill(os.getpid(), 9)\n" + line, line)
        machine.must("restore")
        machine.must("swap")
        assert cluster.sql("select x from theirs", "hello_replaced") == "42"
