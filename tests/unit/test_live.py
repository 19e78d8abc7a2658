"""The release switch without a server: what is refused, what a rollback chooses, and what the process managers are told."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from xmlrpc.client import loads

import pytest
from selvedge.plan import HEAD
from selvedge.resources.live import Live, Record, Standing
from selvedge.rollback import choose
from selvedge.settings import Target

from conftest import Server
from selvedge import database
from selvedge.errors import SelvedgeError
from selvedge.shell import assign, library

OLD, NEW, NEWER = "aaaaaaaaaaaa-111111", "bbbbbbbbbbbb-222222", "bbbbbbbbbbbb-333333"
CONF = "/etc/supervisor/conf.d/{app}.conf"


def record(instance: str, state: str, day: int = 0, **more: str) -> Record:
    return Record(instance, state, at=f"2026-01-{day:02}T00:00:00Z" if day else "", **more)


def standing(live: str, *records: Record) -> Standing:
    return Standing(live, True, True, f"releases/{live[:12]}", tuple(sorted(records, key=lambda each: each.at)))


# --- what is refused, and what a rollback goes to ---


@pytest.mark.parametrize(("there", "refused"), [
    (standing(OLD, record(OLD, "good", 1), record(NEW, "left", 2)), True),
    # With a good one of the same commit that is older: the commit was rolled back from all the same.
    (standing(OLD, record(OLD, "good", 1), record(NEWER, "good", 2), record(NEW, "left", 3)), True),
    # Released once more by force.
    (standing(OLD, record(OLD, "good", 1), record(NEW, "left", 2), record(NEWER, "good", 3)), False),
    (standing(NEWER, record(NEW, "left", 2), record(NEWER, "good", 1)), False),
    # Refused, or brought back from since another server has refused it: try again.
    (standing(OLD, record(OLD, "good", 1), record(NEW, "bad", 2)), False),
])  # fmt: skip
def test_a_commit_that_was_rolled_back_from_is_refused_whatever_its_settings(
    target: Callable[..., Target], there: Standing, refused: bool
) -> None:
    other = "bbbbbbbbbbbb-444444"
    fact = f"live {there.live}\ncurrent {there.current}\nlistening yes\nboots yes\n" + "".join(
        f"instance {each.id}/\n{each.id}/state:{each.state}\n{each.id}/record:at {each.at}\n" for each in there.records
    )
    if refused:
        with pytest.raises(SelvedgeError, match=r"^server: .* was rolled back from on "):
            Live(target("b" * 40), other).plan(fact)
    else:
        assert Live(target("b" * 40), other).plan(fact)
    assert Live(target("b" * 40), other, forced=True).plan(fact)


def test_an_instance_that_was_good_is_gone_back_to_by_a_deploy() -> None:
    there = standing(OLD, record(OLD, "good", 1), record(NEW, "good", 2), record(NEWER, "left", 3))
    assert there.left(NEW) is None
    assert there.left(NEWER) == record(NEWER, "left", 3)


def test_a_rollback_from_a_release_without_a_time_goes_to_the_last_good_one() -> None:
    """A run that was killed behind the switch has not written when."""
    there = standing(NEW, record(OLD, "good", 1), record(NEW, "building"))
    assert choose("one", there).id == OLD


def test_a_rollback_never_goes_to_a_release_that_another_server_has_refused() -> None:
    there = standing(OLD, record(OLD, "good", 1), record(NEW, "bad", 2))
    with pytest.raises(SelvedgeError, match="no good release to go back to"):
        choose("one", there)


@pytest.mark.parametrize(("answers", "keep", "says"), [
    ({"current": (0, "0001 (head)\n")}, False, ""),
    ({"current": (0, "")}, False, "is at no revision, aaaaaaaaaaaa-111111 needs 0001: it was taken back"),
    ({"current": (255, "FAILED: Can't locate revision identified by '0002'"), "history": (0, "0001 -> 0002, notes")}, False,
     "is ahead of aaaaaaaaaaaa-111111: it is at 0002, that release knows it at 0001. The revisions between:\n    0001 -> 0002"),
    ({"current": (255, "no such file"), "history": (0, "0001 -> 0002, notes")}, False, "it is at 0002"),
    ({}, True, ""),
])  # fmt: skip
def test_a_rollback_asks_where_the_database_is(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, tuple[int, str]], keep: bool, says: str
) -> None:
    asked = []

    def alembic(_: object, instance: str, command: str, *_rest: str) -> tuple[int, str]:
        asked.append((instance, command))
        return answers[command]

    class Session:
        name = "one"

    monkeypatch.setattr(database, "_alembic", alembic)
    to = record(OLD, "good", 1, heads="0001 ", database="0001 ")
    there = standing(NEW, to, record(NEW, "good", 2, heads="0002 ", database="0002 "))
    session: Any = Session()
    if says:
        with pytest.raises(SelvedgeError) as caught:
            database.check_rollback(session, there, to, keep=keep, downgrade=False)
        assert says in caught.value.message
    else:
        database.check_rollback(session, there, to, keep=keep, downgrade=False)
    assert asked == [(OLD if command == "current" else NEW, command) for command in answers]


# --- the process managers ---


class Managed:
    """A server with an app that runs under a process manager. `told`: what was asked of the manager, one a line."""

    def __init__(self, server: Server, app: str = "hello") -> None:
        self.server, self.app = server, app
        self.conf = server.path(CONF.format(app=app))
        for folder in ("/etc/supervisor/conf.d", "/etc/tmpfiles.d", "/run/undo", f"/var/log/{app}"):
            server.path(folder).mkdir(parents=True, exist_ok=True)
        for name in (OLD, NEW):
            self.instance(name)
        server.path(f"/srv/{app}/live.sock").symlink_to(f"/run/{app}/{OLD}.sock")
        self.conf.write_text(self.section(OLD))
        # Without owners, whom this machine does not know.
        server.program(
            "install",
            'kind=$1\nwhile [ $# -gt 2 ]; do shift; done\n[ "$kind" = -d ] && exec mkdir -p "$2"\nexec cp "$1" "$2"',
        )
        server.program("ss", "cat /run/sockets 2>/dev/null; exit 0")
        self.answers("")

    def section(self, name: str) -> str:
        return f"[program:{self.app}.{name}]\ncommand=/srv/start\nautostart=true\n"

    def instance(self, name: str) -> None:
        folder = self.server.path(f"/srv/{self.app}/instances/{name}")
        folder.mkdir(parents=True)
        (folder / "program.conf").write_text(self.section(name))
        (folder / "state").write_text("good\n" if name == OLD else "building\n")

    def listens(self, *names: str) -> None:
        lines = "".join(f"u_str LISTEN 0 2048 /run/{self.app}/{name}.sock 1 * 0\n" for name in names)
        self.server.path("/run/sockets").write_text(lines)

    def answers(self, text: str) -> None:
        """What supervisorctl says to `update`; it keeps the file as it was at that moment."""
        self.server.program(
            "supervisorctl",
            'echo "$*" >>/var/log/told\n'
            f'case $1 in update) cp {CONF.format(app=self.app)} /var/log/then 2>/dev/null; echo "{text}" ;; '
            'start) [ -e "/run/known.$2" ] ;; esac',
        )

    def run(self, shell: str) -> str:
        """Run it as a change is run; what was said."""
        names = assign(
            mark="@test", app=self.app, base=f"/srv/{self.app}", run_dir=f"/run/{self.app}", log_dir=f"/var/log/{self.app}",
            supervisor_conf=CONF.format(app=self.app), undo="/run/undo", why="deploy",
        )  # fmt: skip
        names_of_libraries = ("probe", "apply", "standing", "workers", "live", "manager", "supervisor", "systemd")
        libraries = "".join(library(each) for each in names_of_libraries)
        done = self.server.run(f"{HEAD}{names}\n{libraries}\nset -eu\n{shell}\n")
        return done.stdout.decode()

    @property
    def told(self) -> list[str]:
        log = self.server.path("/var/log/told")
        return log.read_text().splitlines() if log.exists() else []

    def boots(self, path: str = "") -> dict[str, bool]:
        """The programs of supervisor's file, and whether a boot starts them."""
        text = (self.server.path(path) if path else self.conf).read_text()
        parts = [part.partition("]") for part in text.split("[program:")[1:]]
        return {name.removeprefix(f"{self.app}."): "autostart=true" in rest for name, _, rest in parts}


@pytest.fixture
def managed(server: Server) -> Managed:
    return Managed(server)


def test_the_standing_of_a_server_is_read_from_its_own_files(
    server: Server, managed: Managed, target: Callable[..., Target]
) -> None:
    text = "commit bbbb\nsubject a/record:state bad: 'x' 100 %\nauthor Zoë\nat 2026-01-02T00:00:00Z\nunknown word\n"
    server.path(f"/srv/hello/instances/{OLD}/record").write_text(text)
    server.path("/srv/hello/current").symlink_to(f"releases/{OLD[:12]}")
    managed.listens(OLD, NEW)
    found = Standing.parse(server.read(Live(target("a" * 40), OLD))[0])
    assert (found.live, found.listening, found.boots, found.running) == (OLD, True, True, (OLD, NEW))
    assert found.current == f"releases/{OLD[:12]}"
    assert found.record(NEW) == Record(NEW, "building")
    subject = "a/record:state bad: 'x' 100 %"
    assert found.record(OLD) == Record(OLD, "good", "bbbb", subject, "Zoë", "2026-01-02T00:00:00Z")


def test_a_server_without_releases_has_none(server: Server, target: Callable[..., Target]) -> None:
    server.program("ss", "exit 0")
    assert Standing.parse(server.read(Live(target("a" * 40), OLD))[0]) == Standing(boots=False)
    server.path("/srv/hello/instances").mkdir(parents=True)
    assert Standing.parse(server.read(Live(target("a" * 40), OLD))[0]) == Standing(boots=False)


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
    said = managed.run(f'back() {{ echo "back, $1"; exit 1; }}\nrefuse=back\nmanager_start {NEW}\necho on')
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


@pytest.mark.parametrize(("deployed", "listening", "state", "old"), [
    (NEW, (OLD, NEW), "building", OLD),
    # Another commit, by now: what has proved itself is better than what has not.
    (NEWER, (OLD, NEW), "building", OLD),
    # After a boot the one before does not run: the new one serves, and goes on.
    (NEW, (NEW,), "building", NEW),
    (NEW, (OLD, NEW), "good", NEW),
])  # fmt: skip
def test_a_release_whose_run_was_killed_while_it_settled(
    managed: Managed, deployed: str, listening: tuple[str, ...], state: str, old: str
) -> None:
    base = managed.server.path("/srv/hello")
    (base / "live.sock").unlink()
    (base / "live.sock").symlink_to(f"/run/hello/{NEW}.sock")
    (base / "previous.sock").symlink_to(f"/run/hello/{OLD}.sock")
    (base / f"instances/{NEW}/state").write_text(f"{state}\n")
    managed.conf.write_text(managed.section(OLD) + managed.section(NEW))
    managed.listens(*listening)
    managed.server.program("sleep", ":")
    managed.run(f"new={deployed}\nold=$(live_now)\nlive_unproved\necho $old")
    assert str((base / "live.sock").readlink()) == f"/run/hello/{old}.sock"
    if old == OLD:
        assert managed.boots() == {OLD: True, NEW: False}
        assert str((base / "current").readlink()) == f"releases/{OLD[:12]}"


# --- one worker, then the others ---

# A process that begins with one child, and makes one more for each TTIN, as gunicorn does; or hears no signal at all.
GUNICORN = """
sh -c 'trap "{heard}" TTIN; sleep 15 & while :; do wait; done' &
parent=$!
trap 'kill -9 $parent $(pgrep -P $parent)' EXIT
until child=$(pgrep -P $parent); do sleep 0.01; done
echo "new.sock users:((pid=$parent,fd=5),(pid=$child,fd=5))" | sed 's#new#x x /run/hello/{new}#; s#sock#sock x#' >/run/sockets
"""


@pytest.mark.parametrize(("line", "heard", "count"), [
    ("WORKERS=4", "sleep 15 &", 4),
    ("WORKERS=$(($(echo 2) + 1))", "sleep 15 &", 3),
    ("WORKERS=1", "sleep 15 &", 1),
    ("WORKERS=2", ":", 1),
    ("# of a template of one's own", "sleep 15 &", 1),
])  # fmt: skip
def test_behind_the_gate_gunicorn_is_told_to_start_the_other_workers(
    managed: Managed, line: str, heard: str, count: int
) -> None:
    folder = managed.server.path(f"/srv/hello/instances/{NEW}")
    (folder / "gunicorn_start").write_text(f"#!/bin/sh\n{line}\n")
    (folder / "one").touch()
    start = GUNICORN.format(heard=heard, new=NEW)
    said = managed.run(f"{start}\nnew={NEW} took=0\nlive_grow\nlive_grown\necho $(pgrep -c -P $parent) $(live_gunicorn) $parent")
    workers, gunicorn, parent = said.split()
    assert (int(workers), gunicorn) == (count, parent)
    assert not (folder / "one").exists()


@pytest.mark.parametrize(("took", "waits"), [(1999, []), (3900, ["3"])])
def test_the_others_of_an_app_that_starts_slowly_are_waited_for(managed: Managed, took: int, waits: list[str]) -> None:
    folder = managed.server.path(f"/srv/hello/instances/{NEW}")
    (folder / "gunicorn_start").write_text("WORKERS=3\n")
    managed.server.program("sleep", "echo $1 >>/var/log/told")
    fake = "live_gunicorn() { echo 1; }\nlive_workers() { echo 1; }\nlive_one_more() { return 1; }"
    managed.run(f"{fake}\nnew={NEW} took={took}\nlive_grow")
    assert managed.told == waits


# --- the third layer of the gate ---


@pytest.mark.parametrize(("site", "tls", "asked"), [
    ("    server_name _;", "", "http://localhost/health"),
    ("    server_name old.test www.old.test;", "", "http://old.test/health"),
    ("    server_name old.test;", "    server_name tls.test www.tls.test;", "https://tls.test/health"),
])  # fmt: skip
@pytest.mark.parametrize(("answer", "wrong"), [
    ("HTTP/1.1 200 OK\\r\\nX-Release: new\\r\\n", ""),
    ("HTTP/2 200\\r\\nx-release: new\\r\\n", ""),
    ("HTTP/1.1 200 OK\\r\\nX-Release: other\\r\\n", "200 from release other"),
    ("HTTP/1.1 503 Unavailable\\r\\nX-Release: new\\r\\n", "503 from release new"),
    ("HTTP/1.1 200 OK\\r\\n", "200"),
    ("", ""),
])  # fmt: skip
def test_the_site_is_asked_by_a_name_that_it_has(
    managed: Managed, site: str, tls: str, asked: str, answer: str, wrong: str
) -> None:
    """The first of `domains` may have changed, and nginx learns that behind the switch."""
    sites = managed.server.path("/etc/nginx/sites-enabled")
    sites.mkdir(parents=True)
    (sites / "hello").write_text(f"server {{\n{site}\n}}\n")
    if tls:
        (sites / "hello-tls").write_text(f"server {{\n{tls}\n}}\n")
    managed.server.program("systemctl", "exit 0")
    managed.server.program("curl", f'echo "$*" >/var/log/asked; printf "{answer}"')
    said = managed.run(
        f"{library('gate')}\nnew=new header=1 health=/health health_host=localhost health_timeout=1 health_ranges=200-399\n"
        "site_enabled=/etc/nginx/sites-enabled/hello\n"
        'if live_site; then echo yes; else echo "no $code$site_release"; fi'
    )
    assert said == (f"no {wrong}\n" if wrong or not answer else "yes\n")
    command = managed.server.path("/var/log/asked").read_text()
    assert command.endswith(f"-- {asked}\n") and "--noproxy *" in command


@pytest.mark.parametrize(("journal", "starved"), [
    ("hello.x.service: A process of this unit has been killed by the OOM killer.", True),
    ("hello.x.service: Main process exited, code=killed, status=9/KILL", False),
    ("", False),
])  # fmt: skip
def test_a_release_that_memory_max_has_ended_is_told_so(managed: Managed, journal: str, starved: bool) -> None:
    managed.server.program("journalctl", f"echo '{journal}'")
    assert managed.run("if systemd_starved x; then echo yes; else echo no; fi") == ("yes\n" if starved else "no\n")


# --- room for a new release ---


@pytest.mark.parametrize(("free", "gone"), [("400000", False), ("40000", True)])
def test_where_room_is_short_releases_that_are_kept_no_more_go_before_a_build(
    managed: Managed, free: str, gone: bool
) -> None:
    """app.keep_releases was lowered, since the disk is nearly full: the deploy must not ask for room that it can make."""
    base = managed.server.path("/srv/hello")
    names = [f"{digit * 12}-000000" for digit in "3456"]
    for number, name in enumerate(names):
        managed.instance(name)
        (base / f"instances/{name}/state").write_text("good\n")
        (base / f"releases/{name[:12]}").mkdir(parents=True)
        os.utime(base / f"instances/{name}", (1_700_000_000 + number, 1_700_000_000 + number))
    (base / "repo.git").mkdir()
    oldest = base / f"instances/{names[0]}"
    managed.server.program(
        "df",
        f'[ -e /srv/hello/instances/{names[0]} ] && free={free} || free=400000\n'
        'echo "Avail IFree"; echo "$free 99999"',
    )
    managed.server.program("git", 'echo "git $1"; exit 1')
    new = "dddddddddddd"
    said = managed.run(
        f"keep=2 new={new} commit={new} release=/srv/hello/releases/{new} repo=/srv/hello/repo.git\n"
        f"{library('git')}\n{library('prune')}\ngit_checkout"
    )
    assert said == "git --git-dir=/srv/hello/repo.git\n"
    assert oldest.exists() is not gone
    assert (base / f"releases/{names[0][:12]}").exists() is not gone
    assert (base / f"instances/{names[3]}").exists() and (base / f"releases/{names[3][:12]}").exists()
