"""supervisor and systemd: starting, stopping, boots."""

from __future__ import annotations

from xmlrpc.client import loads

import pytest

from tests.hosts.scripts.release.managed import CONF, Managed
from tests.hosts.scripts.server import Server
from tests.support.releases import NEW, OLD


def test_a_release_that_is_not_live_yet_does_not_start_at_a_boot(managed: Managed) -> None:
    managed.answers(f"hello.{NEW}: added process group")
    assert managed.run(f"manager_start {NEW}") == ""
    assert managed.told == [f"update hello.{NEW}"], "no other program is touched"
    # While supervisor reads it, the live one's line is as ever: a power cut then must not leave the server without it.
    assert managed.boots("/var/log/then") == {OLD: True, NEW: True}
    assert managed.boots() == {OLD: True, NEW: False}
    managed.run(f"manager_boot {NEW}")
    assert managed.boots() == {OLD: False, NEW: True}
    assert managed.told == [f"update hello.{NEW}"], "a section that has changed is not what supervisor is told about"


@pytest.mark.parametrize("edited", [False, True])
def test_what_somebody_has_edited_in_supervisors_file_stays_as_a_copy(managed: Managed, edited: bool) -> None:
    text = managed.section(OLD) + ("startretries=9\n" if edited else "")
    managed.conf.write_text(text)
    managed.answers(f"hello.{NEW}: added process group")
    managed.run(f"manager_start {NEW}")
    copies = list(managed.server.path(f"/var/backups/selvedge{CONF.format(app='hello')}").parent.glob("hello.conf.*"))
    assert [copy.read_text() for copy in copies] == ([text] if edited else [])


def test_what_supervisor_adds_by_its_own_protocol_needs_no_supervisorctl(managed: Managed) -> None:
    asked = """echo "$*" | grep -o '<methodCall.*</methodCall>' >>/var/log/told"""
    managed.server.program("curl", f"{asked}; echo '<methodResponse><params/></methodResponse>'")
    assert managed.run(f"manager_start {NEW}") == ""
    (((calls,), method),) = [loads(each) for each in managed.told]
    assert method == "system.multicall"
    assert calls == [
        {"methodName": "supervisor.reloadConfig", "params": []},
        {"methodName": "supervisor.addProcessGroup", "params": [f"hello.{NEW}"]},
    ]
    assert managed.boots() == {OLD: True, NEW: False}


def test_where_its_protocol_fails_supervisorctl_is_asked(managed: Managed) -> None:
    managed.server.program("curl", "echo '<methodResponse><name>faultCode</name></methodResponse>'")
    managed.answers(f"hello.{NEW}: added process group")
    managed.run(f"manager_start {NEW}")
    assert managed.told == [f"update hello.{NEW}"]


def test_one_that_was_there_already_begins_anew(managed: Managed) -> None:
    managed.conf.write_text(managed.section(NEW) + managed.section(OLD))
    managed.run(f"manager_start {NEW}")
    assert managed.told == [f"update hello.{NEW}", f"restart hello.{NEW}"]


@pytest.mark.parametrize("answer", ["added process group", "updated process group"])
def test_a_name_that_looks_like_an_error_is_a_name(server: Server, answer: str) -> None:
    managed = Managed(server, "error-refused")
    managed.answers(f"error-refused.{NEW}: {answer}")
    assert managed.run(f"manager_start {NEW}") == ""
    assert managed.boots() == {OLD: True, NEW: False}


@pytest.mark.parametrize(("answer", "says"), [
    ("error: <class 'xmlrpc.client.Fault'>, <Fault 92: 'CANT_REREAD: broken.conf'>", "supervisor cannot read its configuration"),
    ("http://localhost:9001 refused connection", "supervisor does not answer"),
    ("unix:///var/run/supervisor.sock no such file", "supervisor does not answer"),
    ("ERROR: supervisor shutting down", "supervisor does not answer"),
])  # fmt: skip
def test_what_supervisor_cannot_do_is_told_and_the_live_one_starts_at_a_boot(
    managed: Managed, answer: str, says: str
) -> None:
    managed.answers(answer)
    assert f"@test error {says}: {answer}. " in managed.run(f"manager_start {NEW}")
    assert managed.boots() == {OLD: True, NEW: False}


def test_where_there_is_an_old_release_to_bring_back_the_switch_has_the_word(managed: Managed) -> None:
    """app.strategy = "restart" has stopped the old one by then."""
    managed.answers("error: CANT_REREAD: broken.conf")
    said = managed.run(f'back() {{ echo "back, $1"; exit 1; }}\nmanager_start {NEW} back\necho on')
    assert said.startswith("back, supervisor cannot read its configuration") and "on\n" not in said


def test_what_supervisor_has_already_starts_though_it_cannot_read_its_files(managed: Managed) -> None:
    """Such as the old release, stopped for the new one by app.strategy = "restart"."""
    managed.answers("error: CANT_REREAD: broken.conf")
    managed.server.path(f"/run/known.hello.{OLD}").touch()
    assert managed.run(f"manager_start {OLD}") == ""
    assert managed.told == [f"update hello.{OLD}", f"start hello.{OLD}"]


@pytest.mark.parametrize("file", [None, "", f"[program:hello.{OLD}]\nautostart=true\n"])
def test_a_program_that_its_file_does_not_name_is_stopped_all_the_same(managed: Managed, file: str | None) -> None:
    """Supervisor still has it, and would start it again whenever somebody kills it."""
    managed.conf.unlink() if file is None else managed.conf.write_text(file)
    managed.run(f"manager_stop {NEW}")
    assert managed.told == [f"update hello.{NEW}"]
    assert (managed.conf.read_text() if managed.conf.exists() else None) == file


def test_a_section_whose_instance_has_none_any_more_stays(managed: Managed) -> None:
    managed.conf.write_text(managed.section(OLD) + managed.section(NEW))
    for name in (OLD, NEW):
        managed.server.path(f"/srv/hello/instances/{name}/program.conf").unlink()
    managed.run(f"manager_boot {NEW}")
    assert managed.boots() == {OLD: False, NEW: True}
    assert managed.conf.read_text().count("command=/srv/start") == 2


def test_under_systemd_the_live_one_is_enabled_before_the_other_ones_are_not(managed: Managed) -> None:
    units = managed.server.path("/etc/systemd/system")
    for kind, wants in (("service", "multi-user.target.wants"), ("socket", "sockets.target.wants")):
        (units / wants).mkdir(parents=True)
        for name in (OLD, NEW):
            (units / f"hello.{name}.{kind}").touch()
            managed.server.path(f"/srv/hello/instances/{name}/unit.{kind}").touch()
        (units / wants / f"hello.{OLD}.{kind}").symlink_to(units / f"hello.{OLD}.{kind}")
    managed.server.program("systemctl", 'echo "$*" >>/var/log/told')
    managed.run(f"manager_boot {NEW}")
    first, *rest = managed.told
    assert first.endswith(f"enable hello.{NEW}.socket hello.{NEW}.service")
    assert [line.split()[-1] for line in rest] == [f"hello.{OLD}.service", f"hello.{OLD}.socket"]


@pytest.mark.parametrize(("journal", "starved"), [
    ("hello.x.service: A process of this unit has been killed by the OOM killer.", True),
    ("hello.x.service: Main process exited, code=killed, status=9/KILL", False),
    ("", False),
])  # fmt: skip
def test_a_release_that_memory_max_has_ended_is_told_so(managed: Managed, journal: str, starved: bool) -> None:
    managed.server.program("journalctl", f"echo '{journal}'")
    assert managed.run("if systemd_starved x; then echo yes; else echo no; fi") == ("yes\n" if starved else "no\n")


def test_systemd_starts_an_instance_as_a_boot_does_and_stops_it_for_good(managed: Managed) -> None:
    units, folder = managed.server.path("/etc/systemd/system"), managed.server.path(f"/srv/hello/instances/{NEW}")
    (folder / "program.conf").unlink()
    for kind, wants in (("service", "multi-user.target.wants"), ("socket", "sockets.target.wants")):
        (units / wants).mkdir(parents=True)
        (folder / f"unit.{kind}").write_text(kind)
    # `enable` makes the links that systemd makes.
    managed.server.program(
        "systemctl",
        'echo "$*" >>/var/log/told\ncd /etc/systemd/system\n'
        "case $* in *enable*) ;; *) exit 0 ;; esac\n"
        f"ln -sf ../hello.{NEW}.service multi-user.target.wants\nln -sf ../hello.{NEW}.socket sockets.target.wants",
    )
    ask = f'for what in known alive boots; do if "manager_$what" {NEW}; then echo "$what"; fi; done'
    assert managed.run(f"{ask}\nmanager_of {NEW}\nmanager_of {OLD}") == "alive\nsystemd\nsupervisor\n"
    assert managed.run(f"manager_start {NEW}\n{ask}") == "known\nalive\n"
    assert {path.name: path.read_text() for path in units.glob("hello.*")} == {
        f"hello.{NEW}.service": "service", f"hello.{NEW}.socket": "socket",
    }  # fmt: skip
    assert f"--no-block restart hello.{NEW}.service" in managed.told and "daemon-reload" not in managed.told
    assert managed.run(f"manager_boot {NEW}\n{ask}") == "known\nalive\nboots\n"
    assert managed.boots() == {OLD: False}
    managed.run(f"manager_stop {NEW}")
    assert not list(units.glob("hello.*"))


def test_systemd_that_cannot_start_an_instance_says_why(managed: Managed) -> None:
    for kind in ("service", "socket"):
        managed.server.path(f"/srv/hello/instances/{NEW}/unit.{kind}").write_text(kind)
    managed.server.path("/etc/systemd/system").mkdir(parents=True)
    managed.server.program("systemctl", "exit 1")
    managed.server.program("journalctl", "echo bad unit file")
    assert managed.run(f"manager_start {NEW}") == f"@test error systemd cannot start hello.{NEW}: bad unit file \n"
