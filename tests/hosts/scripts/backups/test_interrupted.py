"""Commands of the backups that end early: killed, stopped, or without their repository."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from selvedge.shell.quoting import quote
from tests.hosts.scripts.backups.machine import Machine, rows

pytestmark = pytest.mark.thorough


def start(machine: Machine, *arguments: str, restic: str) -> subprocess.Popen[bytes]:
    """Start a command whose restic is a script that ends with the real one, and wait until it says `reached`."""
    machine.server.program("restic", f'[ "$1" != {restic} ] || {{ : >/root/reached; sleep 20; }}\nexec /usr/bin/restic "$@"')
    reached = machine.server.path("/root/reached")
    reached.unlink(missing_ok=True)
    script = machine.script(*arguments)
    process = machine.server.start(script, stderr=subprocess.STDOUT)
    assert process.stdin
    process.stdin.write(script.encode())
    process.stdin.close()
    deadline = time.monotonic() + 30
    while not reached.exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    machine.server.path("/usr/local/sbin/restic").unlink()
    return process


SMALL_NUMBERS = "unshare --pid --fork --mount-proc"
"""Runs a program whose processes have numbers from 1, as after a boot."""


def lock(machine: Machine, enter: str = "") -> None:
    """Leave a lock of restic, as a killed `restic backup` does. enter: a command that runs it elsewhere."""
    locks = "$(ls /var/backups/apps/hello/web/locks | grep -v tmp)"
    script = (
        "export RESTIC_PASSWORD_FILE=/srv/hello/backup/password RESTIC_REPOSITORY=/var/backups/apps/hello/web HOME=/root\n"
        f"rm -f /root/pipe\nmkfifo /root/pipe\nbefore={locks}\n"
        "restic --no-cache backup --stdin </root/pipe >/dev/null 2>&1 &\nexec 5>/root/pipe\n"
        f"for turn in $(seq 600); do [ \"$before\" = \"{locks}\" ] || break; sleep 0.05; done\n"
        f"kill -9 $!\nwait\n[ \"$before\" = \"{locks}\" ] || echo locked\n"
    )
    assert machine.server.run(f"{enter} sh -c {quote(script)}").stdout.strip(), "no lock was left"


@pytest.mark.parametrize("restic", ["init", "backup", "forget"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["KILL", "TERM"])
def test_a_backup_that_is_killed(machine: Machine, restic: str, number: signal.Signals) -> None:
    machine.database("blog.sqlite3", 3)
    process = start(machine, "take", "scheduled", restic=restic)
    os.killpg(process.pid, number)
    process.wait(20)
    assert (machine.folder / "scratch").exists() is (number == signal.SIGKILL and restic == "backup")
    machine.must("take", "manual")
    assert machine.left() == []
    machine.must("rehearse")
    assert machine.left() == []


def test_a_lock_of_a_killed_restic_is_removed(machine: Machine) -> None:
    machine.database("blog.sqlite3", 3)
    machine.must("take", "manual")
    lock(machine)
    machine.must("restore")
    lock_free = machine.must("take", "manual")
    assert "@ error" not in lock_free and machine.restic("list", "locks").split() == []


def among_others(machine: Machine, *arguments: str) -> tuple[str, int]:
    """Run a command of the program where the first processes are 20 others; return its output and how many of them are left."""
    others = "for turn in $(seq 20); do sleep 600 & done"
    script = f"{others}\n({machine.script(*arguments)})\necho left $(pgrep -c -x sleep)\n"
    output, _, left = machine.server.run(f"{SMALL_NUMBERS} sh -c {quote(script)}").stdout.decode().rpartition("left ")
    return output, int(left)


def test_a_lock_whose_number_another_program_has_is_removed(machine: Machine) -> None:
    """`restic unlock` would send it SIGHUP, and keep the lock."""
    machine.must("take", "manual")
    lock(machine, SMALL_NUMBERS)
    output, left = among_others(machine, "take", "manual")
    assert "@ say backup " in output and "@ error" not in output, output
    assert left == 20 and machine.left() == []


def test_a_lock_of_another_machine_stays(machine: Machine) -> None:
    """Its restic may be running. No other program is sent a signal meanwhile."""
    machine.must("take", "manual")
    lock(machine, "unshare --uts sh -c 'hostname elsewhere; exec \"$@\"' -")
    lock(machine, SMALL_NUMBERS)
    output, left = among_others(machine, "take", "manual")
    assert "@ error restic forget: the repository is locked by another restic: repository is already locked by PID" in output
    assert "@ remedy Wait until it ends" in output and left == 20
    assert len(machine.restic("list", "locks", "--no-lock").split()) == 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["KILL", "TERM"])
def test_a_restore_that_is_killed(machine: Machine, number: signal.Signals) -> None:
    machine.database("blog.sqlite3", 3)
    machine.must("take", "manual")
    process = start(machine, "restore", restic="restore")
    os.killpg(process.pid, number)
    process.wait(20)
    assert (machine.folder / "restored").exists() is (number == signal.SIGKILL)
    machine.must("take", "scheduled")
    assert machine.left() == [], "the next backup removes what a killed restore has left"
    machine.must("restore")
    machine.must("swap")
    assert machine.left() == [] and rows(machine.data / "blog.sqlite3") == 3


def test_the_program_goes_on_without_its_reader(machine: Machine) -> None:
    """The connection is lost: no one reads what the program prints."""
    machine.database("blog.sqlite3")
    machine.server.run(f"({machine.script('take', 'manual')}) | exec true")
    assert (machine.folder / "state/good").exists() and machine.left() == []


def test_two_at_once_wait_for_each_other(machine: Machine) -> None:
    machine.database("blog.sqlite3")
    take = machine.script("take", "manual").replace("exec ", "")
    done = machine.server.run(f"({take}) & ({take}) & wait")
    output = done.stdout.decode()
    assert output.count("@ say backup ") == 2 and "@ wait waiting for another backup" in output, output
    assert machine.left() == []


def test_another_password(machine: Machine) -> None:
    machine.must("take", "manual")
    (machine.folder / "password").write_text("another long password\n")
    for arguments in (["take", "manual"], ["list"], ["restore"], ["rehearse"]):
        status, output = machine.run(*arguments)
        assert status == 1 and "has another password than SELVEDGE_BACKUP__PASSWORD" in output, output
        assert "@ remedy Put the repository's password into .env" in output
    assert (machine.folder / "state/failed").read_text().split(" ", 1)[1].startswith("restic cat: the repository")


@pytest.mark.parametrize("place", [{"repository": "/proc/none/hello/web"}, {"repository": "/etc/passwd/hello/web"}])
def test_a_place_that_cannot_be_written(machine: Machine, place: dict[str, str]) -> None:
    machine.configure(**place)
    status, output = machine.run("take", "manual")
    assert status == 1 and "@ error restic " in output and "Traceback" not in output, output


@pytest.mark.parametrize(("settings", "reason"), [
    ({"repository": "s3:http://127.0.0.1:9/b/hello/web", "kind": "s3", "host": "127.0.0.1", "port": 9},
     "the server cannot reach 127.0.0.1, port 9: Connection refused."),
    ({"repository": "sftp:b@127.0.0.1:/b/hello/web", "kind": "sftp", "user": "b", "host": "127.0.0.1", "port": 9},
     "the server cannot reach the backup host 127.0.0.1"),
    ({"repository": "sftp:b@no.invalid:/b/hello/web", "kind": "sftp", "user": "b", "host": "no.invalid", "port": 0},
     "the server cannot resolve the name no.invalid"),
])  # fmt: skip
def test_a_host_that_does_not_answer(machine: Machine, settings: dict[str, object], reason: str) -> None:
    machine.configure(**settings)
    (machine.folder / "credentials").write_text("key\nsecret\n")
    for path in ("key", "known_hosts"):
        Path(machine.folder / path).write_text("")
    began = time.monotonic()
    status, output = machine.run("take", "manual")
    assert status == 1 and reason in output, output
    assert time.monotonic() - began < 30
    assert not (machine.folder / "scratch").exists()
