"""supervisor and systemd: starting, stopping, boots."""

from __future__ import annotations

from xmlrpc.client import loads

import pytest

from selvedge.release.managers import MANAGERS
from selvedge.release.managers.base import Manager
from tests.hosts.scripts.release.managed import CONF, Managed
from tests.hosts.scripts.server import Server
from tests.support.releases import NEW, OLD


def test_only_the_live_release_starts_at_a_boot(managed: Managed) -> None:
    managed.answers(f"hello.{NEW}: added process group")
    assert managed.run(f"manager_start {NEW}") == ""
    assert managed.told == [f"update hello.{NEW}"], "no other program is touched"
    # While supervisor reads the file, the live release still starts at a boot: the power may fail at this moment.
    assert managed.boots("/var/log/then") == {OLD: True, NEW: True}
    assert managed.boots() == {OLD: True, NEW: False}
    managed.run(f"manager_boot {NEW}")
    assert managed.boots() == {OLD: False, NEW: True}
    assert managed.told == [f"update hello.{NEW}"], "supervisor does not hear of a changed section"


@pytest.mark.parametrize("edited", [False, True])
def test_manual_edits_of_supervisors_file_are_backed_up(managed: Managed, edited: bool) -> None:
    text = managed.section(OLD) + ("startretries=9\n" if edited else "")
    managed.conf.write_text(text)
    managed.answers(f"hello.{NEW}: added process group")
    managed.run(f"manager_start {NEW}")
    copies = list(managed.server.path(f"/var/backups/selvedge{CONF.format(app='hello')}").parent.glob("hello.conf.*"))
    assert [copy.read_text() for copy in copies] == ([text] if edited else [])


def test_supervisors_protocol_needs_no_supervisorctl(managed: Managed) -> None:
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


def test_supervisorctl_is_used_if_the_protocol_fails(managed: Managed) -> None:
    managed.server.program("curl", "echo '<methodResponse><name>faultCode</name></methodResponse>'")
    managed.answers(f"hello.{NEW}: added process group")
    managed.run(f"manager_start {NEW}")
    assert managed.told == [f"update hello.{NEW}"]


def test_an_existing_program_is_restarted(managed: Managed) -> None:
    managed.conf.write_text(managed.section(NEW) + managed.section(OLD))
    managed.run(f"manager_start {NEW}")
    assert managed.told == [f"update hello.{NEW}", f"restart hello.{NEW}"]


LEADER = """
setsid sh -c 'sleep 61 & echo $! >/run/child; exec sleep 62' &
echo $! >/run/leader
until [ -s /run/child ]; do sleep 0.01; done
printf '<name>pid</name><value><int>%s</int></value>' "$(cat /run/leader)" >/run/answer
"""


@pytest.mark.parametrize(("ends", "action"), [(True, "manager_pause"), (True, "manager_stop"), (False, "manager_pause")])
def test_a_program_that_the_app_started_ends_with_its_release(managed: Managed, ends: bool, action: str) -> None:
    """supervisor ends only the process that it has started. If it could not, its group is left alone."""
    managed.server.program("curl", "cat /run/answer")
    managed.server.program("supervisorctl", f"{'kill $(cat /run/leader); sleep 0.1' if ends else ':'}; exit 0")
    listed = "grep -q -s '^State:[[:space:]]*[^ZX[:space:]]' /proc/$(cat /run/child)/status && echo runs"
    said = managed.run(f"{LEADER}{action} {OLD}\n{listed}\nkill -9 $(cat /run/leader /run/child) 2>/dev/null || :")
    assert said == ("" if ends else "runs\n")


@pytest.mark.parametrize("answer", ["added process group", "updated process group"])
def test_a_name_may_look_like_an_error(server: Server, answer: str) -> None:
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
def test_an_error_of_supervisor_is_reported_and_the_live_release_still_boots(
    managed: Managed, answer: str, says: str
) -> None:
    managed.answers(answer)
    assert f"@test error {says}: {answer}. " in managed.run(f"manager_start {NEW}")
    assert managed.boots() == {OLD: True, NEW: False}


def test_the_switch_brings_the_old_release_back(managed: Managed) -> None:
    """With app.strategy = "restart" the old release is stopped by then."""
    managed.answers("error: CANT_REREAD: broken.conf")
    said = managed.run(f'back() {{ echo "back, $1"; exit 1; }}\nmanager_start {NEW} back\necho on')
    assert said.startswith("back, supervisor cannot read its configuration") and "on\n" not in said


def test_a_known_program_starts_although_supervisor_cannot_read_its_files(managed: Managed) -> None:
    """The old release is such a program if app.strategy = "restart" has stopped it."""
    managed.answers("error: CANT_REREAD: broken.conf")
    managed.server.path(f"/run/known.hello.{OLD}").touch()
    assert managed.run(f"manager_start {OLD}") == ""
    assert managed.told == [f"update hello.{OLD}", f"start hello.{OLD}"]


@pytest.mark.parametrize("file", [None, "", f"[program:hello.{OLD}]\nautostart=true\n"])
def test_a_program_that_is_missing_in_the_file_is_stopped(managed: Managed, file: str | None) -> None:
    """Supervisor still runs it, and would restart it after a kill."""
    managed.conf.unlink() if file is None else managed.conf.write_text(file)
    managed.run(f"manager_stop {NEW}")
    assert managed.told == [f"update hello.{NEW}"]
    assert (managed.conf.read_text() if managed.conf.exists() else None) == file


def test_a_section_stays_if_its_instance_has_no_copy(managed: Managed) -> None:
    managed.conf.write_text(managed.section(OLD) + managed.section(NEW))
    for name in (OLD, NEW):
        managed.server.path(f"/srv/hello/instances/{name}/program.conf").unlink()
    managed.run(f"manager_boot {NEW}")
    assert managed.boots() == {OLD: False, NEW: True}
    assert managed.conf.read_text().count("command=/srv/start") == 2


def test_systemd_enables_the_live_release_before_it_disables_others(managed: Managed) -> None:
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
def test_a_release_killed_by_memory_max_is_noticed(managed: Managed, journal: str, starved: bool) -> None:
    managed.server.program("journalctl", f"echo '{journal}'")
    assert managed.run("if systemd_starved x; then echo yes; else echo no; fi") == ("yes\n" if starved else "no\n")


def test_memory_that_ran_out_at_an_earlier_start_is_no_reason_today(managed: Managed) -> None:
    managed.server.program("date", "echo 1700000000")
    earlier = "hello.x.service: A process of this unit has been killed by the OOM killer."
    managed.server.program("journalctl", f'case "$*" in *"--since @1700000000 "*) ;; *) echo "{earlier}" ;; esac')
    assert managed.run(f"new={NEW}\ngate_log_begin\nif systemd_starved {NEW}; then echo yes; else echo no; fi") == "no\n"


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
    # The app's own lines are in the journal, too.
    own = 'case "$*" in *"-t systemd"*) echo "bad unit file, TOKEN=hunter2" ;; *) echo hunter2 ;; esac'
    managed.server.program("journalctl", own)
    said = managed.run(f"manager_start {NEW}")
    assert said == f"@test error systemd could not start hello.{NEW}: bad unit file, TOKEN=••• \n"


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("inactive", ""),
        ("failed", "failed\n"),
        ("active", "active\n"),
        ("; exit 1", "\n"),
    ],
)
def test_the_state_of_a_release_under_systemd_is_empty_once_it_was_stopped(managed: Managed, answer: str, state: str) -> None:
    managed.server.path(f"/srv/hello/instances/{NEW}/unit.service").write_text("")
    managed.server.program("systemctl", f"echo {answer}")
    assert managed.run(f"manager_state {NEW}") == state


def test_only_systemd_ends_the_workers_of_a_killed_app_server(managed: Managed) -> None:
    managed.server.path(f"/srv/hello/instances/{NEW}/unit.service").write_text("")
    ask = "for each in {} {}; do if manager_leaves_orphans $each; then echo $each; fi; done"
    assert managed.run(ask.format(OLD, NEW)) == f"{OLD}\n"


@pytest.mark.parametrize("manager", MANAGERS.values(), ids=MANAGERS)
def test_status_asks_for_the_service_that_install_adds(managed: Managed, manager: Manager) -> None:
    assert managed.run(f"manager_service {manager.name}").strip() == manager.service


def test_only_processes_of_the_apps_user_are_the_apps(managed: Managed) -> None:
    """A process gives itself any name, and `ss` prints it. The user here is 65534, and this test's own process belongs to root."""
    managed.server.program("id", "echo 65534")
    users = "(('pid=$mine pid=1',pid=$theirs,fd=3),('systemd',pid=1,fd=4))"
    managed.server.program("ss", f'echo "u_str LISTEN 0 9 /run/hello/{NEW}.sock 1 * 0 users:{users}"')
    start = "setpriv --reuid=65534 --clear-groups sleep 60 & theirs=$!\nsleep 60 & mine=$!\nexport theirs mine\n"
    wait = "until grep -q '^Uid:.65534' /proc/$theirs/status; do sleep 0.01; done\n"
    end = f"manager_kill_orphans {NEW}\nwait $theirs || echo $?\nkill -0 $mine && echo alive\nkill $mine"
    said = managed.run(f"{start}{wait}[ \"$(manager_processes {NEW})\" = \"1 $theirs \" ] && echo found\n{end}")
    assert said.split() == ["found", "137", "alive"]


def test_workers_that_a_dying_master_starts_are_killed_too(managed: Managed) -> None:
    """Under supervisor, a master that was not its child starts a new worker for one that was killed."""
    line = f"u_str LISTEN 0 2048 /run/hello/{NEW}.sock 1 * 0 users:((x,pid=$1,fd=3))"
    managed.server.program("ss", f'set -- $(head -n 1 /run/pids); sed -i 1d /run/pids; [ -z "$1" ] || echo "{line}"')
    start = "sleep 60 & a=$!\nsleep 60 & b=$!\nprintf '%s\\n%s\\n' $a $b >/run/pids\n"
    said = managed.run(f"{start}manager_kill_orphans {NEW}\nwait $a || echo $?\nwait $b || echo $?")
    assert said.split() == ["137", "137"]
