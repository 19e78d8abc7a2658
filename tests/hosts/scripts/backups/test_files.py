"""Files and SQLite databases in a backup, and restored in place: what users have in `shared`."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing

import pytest

from tests.hosts.scripts.backups.machine import Machine, rows

BYTES = "\udcff\udcfe.sqlite3"
"""A name that is no UTF-8."""
SMALL = "mkdir /root/small && mount -t tmpfs -o size=5m x /root/small && cp -a /srv/. /root/small && mount --bind /root/small /srv"


def test_a_wrong_id_leaves_the_copy_of_an_earlier_restore(machine: Machine) -> None:
    machine.write("file", "old")
    machine.must("take", "manual")
    machine.must("restore", "", "kept")
    status, output = machine.run("restore", "0000beef")
    assert status == 1 and "0000beef" in output
    assert (machine.restored / "file").exists()


class TestExclude:
    PATTERNS = ("cache", "uploads/videos", "*.tmp", "a?b", "big/*/x")
    LEFT_OUT = ("cache/x", "uploads/videos/big", "uploads/f.tmp", "f.tmp", "uploads/a b", "big/1/x", "cache/db.sqlite3", "a/cache")
    SAVED = ("uploads/photo", "videos", "caches", "big/x", "big/1/2/x", "uploads/cached.sqlite3")

    def fill(self, machine: Machine) -> None:
        machine.configure(exclude=self.PATTERNS)
        for name in (*self.LEFT_OUT, *self.SAVED):
            if name.endswith("sqlite3"):
                machine.database(name)
            else:
                machine.write(name, name)

    def test_what_a_backup_has(self, machine: Machine) -> None:
        self.fill(machine)
        assert f"{len(self.SAVED) - 1} files, 1 database" in machine.must("take", "manual")
        machine.must("restore")
        found = {str(path.relative_to(machine.restored)) for path in machine.restored.rglob("*") if path.is_file()}
        assert found == set(self.SAVED)

    def test_a_restore_in_place_leaves_the_others_as_they_are(self, machine: Machine) -> None:
        self.fill(machine)
        machine.must("take", "manual")
        machine.write("uploads/photo", "other")
        machine.write("uploads/videos/later")
        machine.must("restore")
        machine.must("swap")
        names = (*self.LEFT_OUT, *self.SAVED, "uploads/videos/later")
        assert {name for name in names if not (machine.data / name).exists()} == set()
        assert (machine.data / "uploads/photo").read_text() == "uploads/photo"
        assert (machine.data / "uploads/videos").stat().st_uid == machine.data.stat().st_uid
        assert machine.left() == []


@pytest.mark.thorough
class TestInPlace:
    def test_the_log_of_the_old_database_does_not_stay(self, machine: Machine) -> None:
        """SQLite would add it to the new one. Someone may have the database open, so that SQLite does not remove its log."""
        machine.configure(files=["blog.sqlite3"])
        path = machine.database("blog.sqlite3", 3)
        machine.must("take", "manual")
        with closing(sqlite3.connect(path)) as live:
            live.execute("insert into notes values (1), (2)")
            live.commit()
            machine.own(machine.data)
            machine.must("restore")
            machine.must("swap")
            assert sorted(each.name for each in machine.data.iterdir()) == ["blog.sqlite3"]
        assert rows(path) == 3

    def test_a_broken_database_is_replaced(self, machine: Machine) -> None:
        path = machine.database("blog.sqlite3", 3)
        machine.must("take", "manual")
        path.write_text("SQLite format 3\0" + "rubbish" * 1000)
        machine.must("restore")
        assert "was taken, but SQLite cannot read /srv/hello/shared/blog.sqlite3" in machine.must("swap")
        assert rows(path) == 3 and machine.left() == []

    @pytest.mark.parametrize("mounted", ["", "uploads", "uploads/deep"])
    def test_a_volume_stays_mounted(self, machine: Machine, mounted: str) -> None:
        """`shared`, or a folder in it, is a file system of its own."""
        folder = f"/srv/hello/shared/{mounted}".rstrip("/")
        make = (
            f"mkdir -p {folder} && mount -t tmpfs x {folder} && mkdir -p /srv/hello/shared/uploads/deep\n"
            "cd /srv/hello/shared && echo one >uploads/deep/one && chown -R 4321:4321 ."
        )
        assert machine.server.run(make).returncode == 0
        machine.must("take", "manual")
        machine.server.run("cd /srv/hello/shared/uploads/deep && rm one && echo two >two")
        machine.must("restore")
        machine.must("swap")
        done = machine.server.run(f"mountpoint -q {folder} && cd /srv/hello/shared/uploads/deep && stat -c '%n %u' *")
        assert done.stdout.decode() == "one 4321\n"
        assert machine.left() == []

    @pytest.mark.parametrize("link", ["/opt/foreign", "../../../opt/foreign"])
    def test_a_link_in_the_backup_is_not_followed(self, machine: Machine, link: str) -> None:
        """The app has left a link to a folder of root's where a volume is mounted now."""
        machine.server.path("/opt/foreign").mkdir()
        machine.server.path("/opt/foreign/secret").write_text("root's")
        (machine.data / "uploads").symlink_to(link)
        machine.must("take", "manual")
        (machine.data / "uploads").unlink()
        (machine.data / "uploads").mkdir()
        machine.server.run("mount -t tmpfs x /srv/hello/shared/uploads && echo present >/srv/hello/shared/uploads/x")
        machine.must("restore")
        status, output = machine.run("swap")
        assert status == 1 and "@ error A volume is mounted on /srv/hello/shared/uploads, or below it, and the" in output
        assert machine.server.path("/opt/foreign/secret").read_text() == "root's"
        assert machine.server.run("cat /srv/hello/shared/uploads/x").stdout == b"present\n"
        assert not (machine.folder / "state/half-restored").exists()

    def test_a_link_above_a_restored_file_is_not_followed(self, machine: Machine) -> None:
        """The app could move foreign files to its own folder, and read them there."""
        machine.configure(files=["a/b"])
        machine.write("a/b", "old")
        machine.must("take", "manual")
        machine.must("restore")
        machine.server.path("/opt/b").write_text("root's")
        (machine.restored / "a/b").unlink()
        (machine.restored / "a").rmdir()
        (machine.restored / "a").symlink_to("/opt")
        status, output = machine.run("swap")
        assert status == 1 and "/srv/hello/backup/restored/shared/a is a symbolic link" in output
        assert machine.server.path("/opt/b").read_text() == "root's" and (machine.data / "a/b").read_text() == "old"

    def test_the_app_cannot_reach_the_restored_files_during_the_switch(self, machine: Machine) -> None:
        machine.write("x")
        machine.must("take", "manual")
        machine.must("restore")
        note = "stat -c %a:%G /srv/hello/backup/restored >/root/mode"
        machine.server.program("restic", f'[ "$1" != backup ] || {note}\nexec /usr/bin/restic "$@"')
        machine.must("swap")
        assert machine.server.path("/root/mode").read_text() == "700:root\n"

    def test_a_failure_leaves_the_present_data(self, machine: Machine) -> None:
        for name in ("a/x", "b/x", "c/x"):
            machine.write(name, "old")
        machine.must("take", "manual")
        for name in ("a/x", "b/x", "c/x"):
            machine.write(name, "present")
        machine.must("restore")
        # A path that no one can move.
        machine.server.run("mount --bind /srv/hello/shared/c/x /srv/hello/shared/c/x")
        status, output = machine.run("swap")
        assert status == 1 and "@ error The files could not be replaced: Device or resource busy: /srv/hello/shared/c" in output
        assert {(machine.data / name).read_text() for name in ("a/x", "b/x", "c/x")} == {"present"}


@pytest.mark.thorough
class TestTroubles:
    def test_a_database_that_stays_locked(self, machine: Machine) -> None:
        path = machine.database("blog.sqlite3")
        program = machine.folder / "program/backup/sqlite.py"
        program.write_text(program.read_text().replace("LONGEST = 120", "LONGEST = 1"))
        with closing(sqlite3.connect(path)) as live:
            live.execute("pragma locking_mode = exclusive")
            live.execute("insert into notes values (1)")
            live.commit()
            machine.own(machine.data)
            status, output = machine.run("take", "manual")
        assert status == 1
        assert "SQLite could not copy /srv/hello/shared/blog.sqlite3: another program has locked it for 1 s." in output
        assert machine.left() == []

    def test_files_that_cannot_be_read(self, machine: Machine) -> None:
        machine.write("here")

        def unread(*names: str) -> None:
            errors = [{"message_type": "error", "error": {}, "item": f"/srv/hello/shared/{name}"} for name in names]
            said = "\n".join(map(json.dumps, errors))
            complain = f"[ \"$1\" != backup ] || {{ echo '{said}' >&2; exit 3; }}"
            machine.server.program("restic", f"/usr/bin/restic \"$@\" || exit\n{complain}")

        unread("here", "gone")
        status, output = machine.run("take", "manual")
        assert status == 1 and "it lacks 1 file that could not be read, such as /srv/hello/shared/here." in output
        unread("gone")
        machine.must("take", "manual")

    def test_a_file_that_does_not_exist_and_a_link_are_told(self, machine: Machine) -> None:
        machine.configure(files=["uploads", "upload"])
        machine.write("uploads/photo")
        (machine.data / "uploads/far").symlink_to("/mnt/volume")
        (machine.data / "uploads/near").symlink_to("photo")
        output = machine.must("take", "manual")
        assert "@ say upload (backup.files) is missing in /srv/hello/shared\n" in output
        assert "@ say /srv/hello/shared/uploads/far is a link to /mnt/volume: the backup has the link" in output
        assert "near is a link" not in output

    def test_odd_files(self, machine: Machine) -> None:
        for name in ("$HOME.sqlite3", "end ", "end\t", "#x.sqlite3", "$$"):
            machine.database(name, 1)
        machine.database("bytes", 1).rename(machine.data / BYTES)
        os.mkfifo(machine.data / "fifo")
        machine.write("unreadable").chmod(0)
        machine.must("take", "manual")
        listed = machine.restic("ls", "latest", "/srv/hello/shared")
        assert "sqlite3" not in listed and "end" not in listed and "unreadable" in listed
        machine.must("restore")
        assert rows(machine.restored / "end ") == 1 and rows(machine.restored / "$HOME.sqlite3") == 1
        assert (machine.restored / BYTES).exists()

    def test_a_database_that_only_root_can_write(self, machine: Machine) -> None:
        path = machine.database("blog.sqlite3")
        with closing(sqlite3.connect(path)) as database:
            database.execute("pragma journal_mode = delete")
        for each in (path, machine.data):
            os.chown(each, 0, 0)
        machine.data.chmod(0o755)
        path.chmod(0o644)
        machine.must("take", "manual")
        machine.must("restore")
        assert rows(machine.restored / "blog.sqlite3") == 3

    def test_a_full_disk(self, machine: Machine) -> None:
        machine.database("blog.sqlite3")
        machine.write("big", "x" * 3_000_000)
        machine.must("take", "manual")
        assert machine.server.run(SMALL).returncode == 0
        for command in ("restore", "rehearse"):
            status, output = machine.run(command)
            assert status == 1 and "needs 3.0 MB in /srv/hello/backup, and only" in output
        machine.server.run("head -c 9000000 /dev/zero >/srv/full 2>/dev/null")
        status, output = machine.run("take", "manual")
        assert status == 1 and "@ error " in output and "Traceback" not in output, output
        machine.server.run("rm /srv/full")
        machine.must("take", "manual")
        assert machine.left() == []


@pytest.mark.thorough
class TestVolumes:
    """A restore in place copies files between them and the folder of the backups. The app still runs when it is refused."""

    @pytest.mark.parametrize("mounted", ["", "uploads"])
    @pytest.mark.parametrize(("volume", "present", "problem"), [
        ("20m", 3, ""),
        ("20m", 8, "The present data, which is kept until the end, needs 8.0 MB in /srv/hello/backup, and only "),
        ("3m", 1, "The restored data needs 3.0 MB in "),
        ("3m", 2, "The restored data needs 2.0 MB in "),
    ])  # fmt: skip
    def test_room(self, machine: Machine, mounted: str, volume: str, present: int, problem: str) -> None:
        machine.write("uploads/old", "x" * 4_000_000)
        machine.must("take", "manual")
        (machine.data / "uploads/old").unlink()
        folder = f"/srv/hello/shared/{mounted}".rstrip("/")
        make = (
            f"{SMALL.replace('5m', '12m')} && mount -t tmpfs -o size={volume} x {folder} && mkdir -p /srv/hello/shared/uploads\n"
            f"cd /srv/hello/shared/uploads && head -c {present}000000 /dev/zero >new && chown -R 4321:4321 .."
        )
        assert machine.server.run(make).returncode == 0
        machine.must("restore")
        status, output = machine.run("restore", "", "", "live")
        assert (problem in output if problem else status == 0), output
        if not problem:
            machine.must("swap")
            assert machine.server.run(f"mountpoint -q {folder} && ls /srv/hello/shared/uploads").stdout == b"old\n"
        else:
            assert status == 1 and machine.server.run("test -e /srv/hello/backup/restored").returncode == 1


@pytest.mark.thorough
class TestTogether:
    def test_a_backup_by_schedule_leaves_a_restore_alone(self, machine: Machine) -> None:
        """`fab restore --live` stops the app between the two commands, and a waiting backup gets its turn."""
        machine.write("file", "old")
        machine.must("take", "manual")
        machine.must("restore")
        held = f"exec 6>/run/selvedge/hello.restoring; flock 6\n{machine.script('take', 'scheduled').replace('exec ', '')}"
        assert machine.server.run(held).returncode == 0
        assert (machine.restored / "file").exists()
        machine.must("swap")
        machine.must("restore")
        machine.must("take", "scheduled")
        assert machine.left() == []

    def test_a_rehearsal_leaves_restored_files_alone(self, machine: Machine) -> None:
        machine.write("file", "old")
        machine.must("take", "manual")
        machine.must("restore", "", "kept")
        machine.must("rehearse")
        machine.must("take", "scheduled")
        assert (machine.restored / "file").exists() and not (machine.folder / "rehearsed").exists()

    def test_the_end_of_one_backup_leaves_another_alone(self, machine: Machine) -> None:
        """systemd runs `clean` after each backup by schedule; meanwhile another one may have begun."""
        scratch = machine.folder / "scratch"
        scratch.mkdir()
        machine.server.run(f"mkdir -p /run/selvedge\nexec 7>/run/selvedge/hello.backup; flock 7\n{machine.script('clean')}")
        assert scratch.exists()
        machine.must("clean")
        assert not scratch.exists()

    def test_snapshots_of_other_programs(self, machine: Machine) -> None:
        machine.write("file")
        machine.configure(keep={"last": 1})
        machine.must("take", "manual")
        for _ in range(2):
            machine.restic("backup", "/srv/hello/shared")
        program = machine.folder / "program/backup/taking.py"
        program.write_text(program.read_text().replace('"--keep-within", "1d", ', ""))
        assert len(json.loads(machine.must("list"))) == 1
        machine.must("restore")
        machine.must("take", "manual")
        assert len(json.loads(machine.restic("snapshots", "--json"))) == 3

    def test_the_start_of_two_ids(self, machine: Machine) -> None:
        machine.must("take", "manual")
        for _ in range(17):
            machine.restic("backup", "--tag", "why:manual", "/srv/hello/backup/settings.json")
        ids = [each["id"] for each in json.loads(machine.must("list"))]
        first = next(each[0] for each in ids if sum(other[0] == each[0] for other in ids) > 1)
        status, output = machine.run("restore", first)
        assert status == 1 and f"backups begin with {first}." in output
