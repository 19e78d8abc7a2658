"""Processes that a killed supervisord left: their release ends them by their own signal, in their own time."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from tests.hosts.scripts.release.managed import Managed
from tests.support.releases import NEW, OLD

UNIT = f"{OLD}.beat@1"
SECTION = f"[program:hello.{UNIT}]\nautostart=true\nstopsignal=USR1\nstopwaitsecs={{seconds}}\n"
INFO = (
    "<value><struct><member><name>group</name><value><string>{0}</string></value></member>"
    "<member><name>statename</name><value><string>{1}</string></value></member>"
    "<member><name>pid</name><value><int>{2}</int></value></member></struct></value>"
)
# The program notes each signal, and finishes its job after the first. Its child, in the same process group, is one of its pool.
PROGRAM = """
: >/run/job
note() { echo "$1" >>/run/got; }
trap 'note USR1; asked=yes' USR1
trap 'note TERM' TERM
(
  trap 'note "child TERM"' TERM
  trap 'note "child USR1"' USR1
  while [ -e /run/job ]; do command sleep 0.05; done
) &
: >/run/begun
while [ -z "$asked" ] || [ -e /run/deaf ]; do command sleep 0.05; done
command sleep 1
note done; rm /run/job; wait
"""
# user_run: the app's user does not exist on this machine.
BEGIN = """
user_run() { shift; "$@"; }
mkdir -p /srv/hello/shared/.tmp
mkdir -p /run/selvedge
setsid sh /run/program </dev/null >/dev/null 2>&1 & orphan=$!
echo $orphan >/run/orphan
until [ -e /run/begun ]; do command sleep 0.05; done
stat=$(sed 's/.*) //' /proc/$orphan/stat | cut -d ' ' -f 20)
echo "$orphan $stat $(cat /proc/sys/kernel/random/boot_id)" >/srv/hello/shared/.tmp/.UNIT.pid
""".replace("UNIT", UNIT)


@pytest.fixture
def orphaned(managed: Managed) -> Iterator[Managed]:
    """The release OLD has a process whose program runs, though supervisor has none. supervisor stops what it is told to stop."""
    server = managed.server
    server.program("stat", 'case $* in *%U*) echo hello ;; *) exec /usr/bin/stat "$@" ;; esac')
    server.path("/run/program").write_text(PROGRAM)
    server.path(f"/etc/supervisor/conf.d/hello.{UNIT}.conf").write_text(SECTION.format(seconds=20))
    supervisor(managed, "STOPPED")
    yield managed
    with contextlib.suppress(ProcessLookupError):
        os.killpg(int(server.path("/run/orphan").read_text()), signal.SIGKILL)


def supervisor(managed: Managed, state: str, pid: int = 0) -> None:
    """Pretend that supervisor has the unit in this state; "": supervisord does not run."""
    server = managed.server
    for name, each in (("states", state), ("stopped", "STOPPED")):
        server.path(f"/run/{name}").write_text(INFO.format(f"hello.{UNIT}", each, pid if each == state else 0))
    server.program(
        "curl",
        f"[ -n '{state}' ] || exit 7\n"
        "case $* in\n*getAllProcessInfo*) cat /run/states ;;\n"
        "*stopProcess*) cp /run/stopped /run/states; echo '<methodResponse>' ;; esac",
    )


def got(managed: Managed) -> list[str]:
    """Return the signals that the program got, and whether it has done its job."""
    return managed.server.path("/run/got").read_text().splitlines()


END = f"{BEGIN}\nunit_end {UNIT}\n! kill -0 $orphan 2>/dev/null && echo ended\n"


@pytest.mark.parametrize("state", ["RUNNING", "STOPPED", ""])
def test_a_unit_has_not_ended_before_its_orphan_has(orphaned: Managed, state: str) -> None:
    """RUNNING: the start script, which would wait for the orphan."""
    supervisor(orphaned, state, 4_000_000)
    assert orphaned.run(END) == "ended\n"
    assert got(orphaned) == ["USR1", "done"]
    assert not orphaned.server.path(f"/etc/supervisor/conf.d/hello.{UNIT}.conf").exists()


def test_an_orphan_that_was_asked_before_gets_no_second_signal(orphaned: Managed) -> None:
    """Its start script has asked it, or supervisor itself, before it was killed."""
    orphaned.server.path("/run/program").write_text(PROGRAM.replace('[ -z "$asked" ]', "[ ! -e /run/go ]"))
    shell = END.replace("unit_end", f"(command sleep 1; : >/run/go) &\norphan_note {UNIT}\nunit_facts {UNIT}\nunit_end", 1)
    said = orphaned.run(shell).split()
    assert said[:2] == [UNIT, "boot"] and said[3:] == ["stopping", "ended"]
    assert got(orphaned) == ["done"]


def test_a_draining_release_lets_its_orphan_finish_its_job(orphaned: Managed) -> None:
    """The program and its pool have no signal but the one of the process, and no one kills them before stop_timeout."""
    strays = 'pgrep -s "$(sed "s/.*) //" /proc/$orphan/stat 2>/dev/null | cut -d " " -f 4)" 2>/dev/null'
    shell = BEGIN + f"supervisorunit_strays() {{ {strays} || :; }}\nprocesses_stop {OLD}\n"
    assert orphaned.run(shell) == ""
    assert got(orphaned) == ["USR1", "done"]


def test_a_deaf_orphan_is_killed_after_its_stop_timeout(orphaned: Managed) -> None:
    orphaned.server.path(f"/etc/supervisor/conf.d/hello.{UNIT}.conf").write_text(SECTION.format(seconds=1))
    orphaned.server.path("/run/deaf").touch()
    assert orphaned.run(END) == "ended\n"
    assert got(orphaned) == ["USR1"]


def test_a_scheduler_of_the_new_release_starts_after_the_orphan(orphaned: Managed) -> None:
    for instance in (OLD, NEW):
        folder = orphaned.server.path(f"/srv/hello/instances/{instance}/processes/beat")
        folder.mkdir(parents=True)
        (folder / "count").write_text("1\n")
        (folder / "settings").write_text("overlap no\n")
    supervisor(orphaned, "RUNNING", 4_000_000)
    fake = "gate_wait() { :; }\nunit_boot() { :; }\nunit_start() { echo start >>/run/got; }\n"
    orphaned.run(f"{BEGIN}{fake}new={NEW}\nchangeover_to {NEW}\n")
    assert got(orphaned) == ["USR1", "done", "start"]


@pytest.mark.parametrize("record", [
    "$orphan 1 $boot", "$orphan $stat x", "$orphan", "", "1 $stat $boot", "x $stat $boot", "-1 $stat $boot",
])  # fmt: skip
def test_another_program_with_the_same_id_is_none(orphaned: Managed, record: str) -> None:
    shell = f'boot=$(cat /proc/sys/kernel/random/boot_id)\necho "{record}" >/srv/hello/shared/.tmp/.{UNIT}.pid\n'
    shell += f"orphan_note {UNIT}\norphan_pid {UNIT}\nunit_facts {UNIT}\nunit_end {UNIT}"
    assert orphaned.run(BEGIN + shell) == f"{UNIT} boot 0 down\n"
    assert not orphaned.server.path("/run/got").exists()


def test_a_program_of_another_user_is_none(orphaned: Managed) -> None:
    orphaned.server.program("stat", "echo root")
    assert orphaned.run(f"{BEGIN}\norphan_note {UNIT}\norphan_pid {UNIT}\nunit_end {UNIT}") == ""
    assert not orphaned.server.path("/run/got").exists()
