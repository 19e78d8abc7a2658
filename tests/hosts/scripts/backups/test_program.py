"""The program of the backups: what it saves, what it restores, what it refuses."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from contextlib import closing

import pytest

from tests.hosts.scripts.backups.machine import Machine, rows

ODD = ("with space", "a'b\"c", "$(touch x)", "star*[0-9]?", "line\nbreak", "-rf", "日本", "back\\slash", "%s{}", "#x", "!x")


class TestTake:
    def test_files_and_databases_come_back(self, machine: Machine) -> None:
        machine.write("uploads/photo", "photo")
        (machine.data / "link").symlink_to("uploads/photo")
        machine.write(".tmp/0123/x", "temporary")
        machine.database("blog.sqlite3", 5)
        output = machine.must("take", "manual")
        assert "2 files, 1 database" in output
        assert machine.left() == []
        machine.must("restore", "", "kept")
        found = sorted(str(path.relative_to(machine.restored)) for path in machine.restored.rglob("*"))
        assert found == ["blog.sqlite3", "link", "uploads", "uploads/photo"]
        assert (machine.restored / "uploads/photo").read_text() == "photo"
        assert str((machine.restored / "link").readlink()) == "uploads/photo"
        assert rows(machine.restored / "blog.sqlite3") == 5

    def test_the_files_are_read_once(self, machine: Machine) -> None:
        """A folder with millions of files is slow to read."""
        machine.write("uploads/photo", "photo")
        machine.write("blog.sqlite3-wal", "no database")
        (machine.data / "far").symlink_to("/mnt")
        machine.database("notes.sqlite3", 5)
        start = machine.folder / "program/__main__.py"
        count = "import os\nwalk = os.walk\nos.walk = lambda top: print('read', top) or walk(top)\n"
        start.write_text(start.read_text().replace("import contextlib\n", f"import contextlib\n{count}", 1))
        output = machine.must("take", "manual")
        assert output.count("read ") == 1 and "read /srv/hello/shared\n" in output
        assert ": 3 files, 1 database, 8.2 kB, " in output and "shared/far is a link to /mnt: " in output

    def test_a_database_in_use_is_copied_by_sqlite(self, machine: Machine) -> None:
        """The rows are only in the log of SQLite, which is not part of the backup."""
        with closing(sqlite3.connect(machine.database("blog.sqlite3", 0))) as live:
            live.execute("insert into notes values (1), (2)")
            live.commit()
            machine.own(machine.data)
            machine.must("take", "manual")
            listed = machine.restic("ls", "latest")
            assert "blog.sqlite3" not in listed and "scratch/sqlite/0" in listed
        machine.must("restore")
        assert rows(machine.restored / "blog.sqlite3") == 2

    @pytest.mark.parametrize("database", [False, True], ids=["files", "databases"])
    def test_any_name(self, machine: Machine, database: bool) -> None:
        for name in ODD:
            if database:
                machine.database(f"{name}/{name}", 1, table=name)
            else:
                machine.write(f"{name}/{name}", name)
        machine.must("take", "manual")
        machine.must("restore")
        for name in ODD:
            path = machine.restored / name / name
            assert rows(path, name) == 1 if database else path.read_text() == name
        if database:
            assert machine.restic("ls", "latest").count("star") == 1, "the folder, and not the database in it"

    def test_only_the_named_files(self, machine: Machine) -> None:
        machine.configure(files=["uploads", "blog.sqlite3", "missing"])
        machine.write("uploads/photo")
        machine.write("cache/big")
        machine.database("blog.sqlite3")
        machine.database("other.sqlite3")
        machine.must("take", "manual")
        machine.must("restore")
        assert sorted(path.name for path in machine.restored.iterdir()) == ["blog.sqlite3", "uploads"]

    def test_a_link_of_the_app_is_not_followed(self, machine: Machine) -> None:
        secret = machine.server.path("/root/secret.sqlite3")
        with closing(sqlite3.connect(secret)) as database:
            database.execute("create table t (x)")
        secret.chmod(0o600)
        (machine.data / "evil.sqlite3").symlink_to("/root/secret.sqlite3")
        (machine.data / "folder").symlink_to("/root")
        assert "2 files, 0 databases" in machine.must("take", "manual")

    def test_a_broken_database_is_saved_as_it_is(self, machine: Machine) -> None:
        """A visitor may have uploaded it: the other data must not be without a backup."""
        broken = "SQLite format 3\0" + "rubbish" * 1000
        machine.write("uploads/blog.sqlite3", broken)
        machine.database("good.sqlite3")
        status, output = machine.run("take", "scheduled")
        assert status == 1 and "@ say backup " in output
        assert "uploads/blog.sqlite3, which is in it as it is: file is not a database." in output
        assert "as it is" in (machine.folder / "state/failed").read_text() and (machine.folder / "state/good").exists()
        assert machine.left() == []
        assert "uploads/blog.sqlite3 was broken when it was backed up" in machine.must("restore")
        assert (machine.restored / "uploads/blog.sqlite3").read_text() == broken and rows(machine.restored / "good.sqlite3") == 3
        machine.configure(exclude=["*/blog.sqlite3"])
        machine.must("take", "scheduled")
        assert not (machine.folder / "state/failed").exists()

    def test_an_order_that_only_the_app_knows(self, machine: Machine) -> None:
        """SQLite checks no table with an index on a collation that the app registers itself."""
        path = machine.database("app.sqlite3")
        with closing(sqlite3.connect(path)) as database:
            database.create_collation("swedish", lambda one, two: (one > two) - (one < two))
            database.execute("create table names (name text, note text)")
            database.execute("create index by_name on names (name collate swedish)")
            database.execute("insert into names values ('a', 'b')")
            database.commit()
        output = machine.must("take", "scheduled") + machine.must("rehearse")
        assert "@ error" not in output and "app.sqlite3: 2 tables, 3 rows, as recorded" in output
        machine.must("restore")
        machine.must("swap")
        assert rows(path) == 3

    def test_other_users_can_read_nothing(self, machine: Machine) -> None:
        machine.database("blog.sqlite3")
        list_all = 'find /srv/hello/backup/scratch -printf "%M %u %p\\n" >/root/modes'
        machine.server.program("restic", f'[ "$1" != backup ] || {list_all}\nexec /usr/bin/restic "$@"')
        machine.must("take", "manual")
        modes = machine.server.path("/root/modes").read_text().splitlines()
        assert len(modes) == 4 and all(line[7:10] == "---" for line in modes), modes
        assert stat.S_IMODE(machine.server.path("/var/backups/apps/hello/web/config").stat().st_mode) & 0o077 == 0

    def test_old_backups_are_deleted(self, machine: Machine) -> None:
        machine.configure(keep={"last": 2})
        for number in range(4):
            machine.write("file", str(number))
            machine.must("take", "manual")
        assert len(json.loads(machine.must("list"))) == 4, "all of the last 24 hours are kept"
        # A day later, as restic sees it.
        program = machine.folder / "program/backup/taking.py"
        program.write_text(program.read_text().replace('"--keep-within", "1d", ', ""))
        machine.must("take", "manual")
        assert len(json.loads(machine.must("list"))) == 2


    def test_backups_before_restores_have_places_of_their_own(self, machine: Machine) -> None:
        program = machine.folder / "program/backup/taking.py"
        text = program.read_text().replace('"--keep-within", "1d", ', "")
        program.write_text(text.replace("BEFORE_RESTORES = 5", "BEFORE_RESTORES = 2"))
        machine.configure(keep={"last": 2})
        machine.write("file", "good")
        for _ in range(2):
            machine.must("take", "manual")
        for _ in range(3):
            machine.must("restore")
            machine.must("swap")
        machine.must("take", "manual")
        assert [each["why"] for each in json.loads(machine.must("list"))] == ["manual", "restore", "restore", "manual"]


class TestRestore:
    def test_in_place(self, machine: Machine) -> None:
        machine.write("uploads/old", "old")
        machine.database("blog.sqlite3", 3)
        machine.must("take", "manual")
        machine.write("uploads/new", "new")
        (machine.data / "uploads/old").unlink()
        machine.database("later.sqlite3")
        machine.must("restore")
        output = machine.must("swap")
        assert "the present data is in the backup" in output
        assert sorted(path.name for path in (machine.data / "uploads").iterdir()) == ["old"]
        assert not (machine.data / "later.sqlite3").exists() and rows(machine.data / "blog.sqlite3") == 3
        assert machine.left() == []
        listed = json.loads(machine.must("list"))
        assert [each["why"] for each in listed] == ["manual", "restore"]
        machine.must("restore")
        assert (machine.restored / "uploads/old").exists(), "the newest one is not that of the restore"
        machine.must("restore", listed[1]["id"][:8])
        assert (machine.restored / "uploads/new").exists()

    def test_on_a_server_with_other_numbers_of_users(self, machine: Machine) -> None:
        machine.database("blog.sqlite3")
        file, other = machine.write("file"), machine.write("shared by root")
        os.chown(other, 0, 0)
        os.chown(file, 4321, 33)
        file.chmod(0o2750)
        machine.must("take", "manual")
        machine.add_user(5555)
        machine.must("restore")
        about = {path.name: path.lstat() for path in machine.restored.iterdir()}
        assert {name: (each.st_uid, each.st_gid) for name, each in about.items()} == {
            "file": (5555, 33), "blog.sqlite3": (5555, 5555), "shared by root": (0, 0),
        }  # fmt: skip
        assert stat.S_IMODE(about["file"].st_mode) == 0o2750

    def test_a_backup_that_differs_from_its_record(self, machine: Machine) -> None:
        machine.database("blog.sqlite3", 3)
        machine.must("take", "manual")
        # A program that loses rows between the copy and the record.
        for name in ("restore", "rehearse"):
            text = (machine.folder / "program/backup/restoring.py").read_text()
            spoiled = text.replace("def differences(was, now):", 'def differences(was, now):\n    now["tables"]["notes"] = 2')
            (machine.folder / "program/backup/restoring.py").write_text(spoiled)
            status, output = machine.run(name)
            assert status == 1 and "blog.sqlite3: the table notes has 2 rows instead of 3." in output
            assert machine.left() == []
            (machine.folder / "program/backup/restoring.py").write_text(text)
        assert "has 2 rows" in (machine.folder / "state/unrehearsed").read_text()
        machine.must("rehearse")
        assert not (machine.folder / "state/unrehearsed").exists() and (machine.folder / "state/rehearsed").exists()

    def test_of_a_file(self, machine: Machine) -> None:
        machine.write("file", "text")
        machine.must("take", "manual")
        program = "python3 -BIS /srv/hello/backup/program"
        restore = f"export SELVEDGE_MARK=@\n{program} restore - kept </root/file.tar 2>&1"
        done = machine.server.run(f"{program} dump >/root/file.tar\n{restore}")
        assert done.returncode == 0, done
        assert (machine.restored / "file").read_text() == "text"
        for content, reason in (("text", "could not be unpacked"), (None, "manifest.json is missing in it")):
            if content is None:
                machine.server.run("tar -C /root -cf /root/file.tar .")
            else:
                machine.server.path("/root/file.tar").write_text(content)
            done = machine.server.run(f"export SELVEDGE_MARK=@\n{program} restore - </root/file.tar 2>&1")
            assert done.returncode == 1 and reason in done.stdout.decode(), done

    def test_a_failed_download_says_why(self, machine: Machine) -> None:
        """Its standard output is the file."""
        done = machine.server.run("python3 -BIS /srv/hello/backup/program dump 2>/root/said >/root/file.tar")
        assert done.returncode == 1 and machine.server.path("/root/file.tar").read_bytes() == b""
        said = machine.server.path("/root/said").read_text()
        assert said == "/var/backups/apps/hello/web has no backup yet. Run `fab backup` first.\n"

    def test_a_link_of_the_app_leads_nowhere(self, machine: Machine) -> None:
        """The app could make a folder of its own a link to one of root's, and have root write there."""
        machine.configure(files=["a/b"])
        machine.write("a/b", "old")
        machine.must("take", "manual")
        (machine.data / "a/b").unlink()
        (machine.data / "a").rmdir()
        (machine.data / "a").symlink_to("/root")
        machine.must("restore")
        status, output = machine.run("swap")
        assert status == 1 and "/srv/hello/shared/a is a symbolic link" in output
        assert not machine.server.path("/root/b").exists()

    @pytest.mark.parametrize(("arguments", "reason"), [
        (("restore", "abcdef"), "There is no backup abcdef."),
        (("restore",), "has no backup yet."),
        (("rehearse",), "has no backup yet."),
    ])  # fmt: skip
    def test_no_backup(self, machine: Machine, arguments: tuple[str, ...], reason: str) -> None:
        status, output = machine.run(*arguments)
        assert status == 1 and reason in output
        assert json.loads(machine.must("list")) == []
