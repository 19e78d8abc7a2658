"""Messages from a server to a real webhook on this machine: of a timer, and what is left without them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from https_site import gateway
from lab import Lab, Project, Result, until
from sandbox import Server
from tests.support.webhook import webhook

CANARY = "c4nary-$HOME-%25d%27%22-$(id)"
# An escape sequence, text that shells, printf and JSON would change, a mention of a whole room, a long line, the app's secret.
OUTPUT = [
    r"""printf '\033[31mred\033[0m \007 100%% "quoted" $(id) `id` \\ @all <!channel>\n'""",
    r"head -c 5000 /dev/zero | tr '\0' x",
    'echo; echo "the token is $API_TOKEN"',
    "test -e $APP_SHARED/good",
]
TIMERS = f"""
[notify]
from_servers = true
[timers.flaky]
command = '''{'; '.join(OUTPUT)}'''
schedule = "0 3 * * *"
"""
PATHS = (
    "/usr/local/lib/selvedge /opt/selvedge/apprise /var/lib/selvedge/messages /run/selvedge/messages "
    "/etc/selvedge/hello/notify-urls "
    "/etc/systemd/system/selvedge-notify* /etc/systemd/system/*certbot*.service.d /etc/systemd/system/*.wants/selvedge-notify*"
)


@dataclass
class Room:
    """A project whose server sends messages here. got: those that have arrived. seen: processes with the address meanwhile."""

    server: Server
    project: Project
    got: list[dict[str, Any]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)

    def fab(self, *words: str) -> Result:
        done = self.project.fab("-H", self.server.name, *words, env=self.env)
        self.printed.append(f"{done.stdout}{done.stderr}")
        return done

    def must(self, *words: str) -> Result:
        done = self.fab(*words)
        assert done.status == 0, done
        return done

    def look(self) -> None:
        """Note each process with the address in its arguments or variables."""
        found = self.server.run("grep -l c4nar[y] /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null", check=False)
        self.seen += found.stdout.split()

    def journal(self) -> str:
        self.server.run("journalctl --sync")
        return self.server.run("journalctl -q --no-pager -o cat -t selvedge-notify").stdout


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    return shared_project


@pytest.fixture(scope="module")
def room(lab: Lab, project: Project) -> Iterator[Room]:
    """Return a server whose messages arrive, after its first deploy with them."""
    server = lab.server("deployed")
    found = Room(server, project)
    with webhook(address=gateway(server), meanwhile=found.look) as (address, got):
        # The room looks at the processes before it answers: apprise waits only 4 s, and the next run would tell it again.
        found.got, found.env = got, {"SELVEDGE_NOTIFY__URLS": f"json://{address}/{CANARY}?rto=60"}
        (project.folder / "production.env").write_text("API_TOKEN=s3cret-token\n")
        project.configure(TIMERS, env_file="production.env")
        found.must("deploy")
        got.clear()
        yield found


def test_a_timer_tells_when_it_begins_to_fail_and_when_it_works_again(room: Room) -> None:
    for _ in range(2):
        assert room.fab("timers", "--run", "flaky").status == 1
    until(lambda: room.got, 30)
    room.server.run("touch /srv/hello/shared/good")
    for _ in range(2):
        room.must("timers", "--run", "flaky")
    until(lambda: len(room.got) > 1, 30)
    failed, again = room.got
    name = room.server.name
    assert (failed["title"], failed["type"]) == ("hello: the timer flaky failed", "failure")
    lines = failed["message"].split("\n")
    assert lines[0].startswith("Exit status 1, in the release ") and lines[2].startswith("…xxx") and lines[3] == "the token is •••"
    assert lines[4] == f"fab -H {name} logs --timer flaky" and lines[5].startswith(f"{name}, 20") and len(lines) == 6
    assert (again["title"], again["type"]) == ("hello: the timer flaky works again", "success")
    assert again["message"].startswith("It had failed 2 times since 20")


def test_a_run_with_nothing_to_change(room: Room) -> None:
    assert room.must("deploy").stdout.rstrip().endswith(f"nothing to change on {room.server.name}.")


def test_fab_notify_tries_both_ways(room: Room) -> None:
    room.got.clear()
    done = room.must("notify")
    assert "This machine: sent to 1 of 1 address." in done.stdout and f"{room.server.name}: sent to 1 of 1 address: " in done.stdout
    assert [each["title"] for each in room.got] == ["hello: a test", f"hello: a test from {room.server.name}"]


def test_only_root_can_read_the_addresses(room: Room) -> None:
    run = room.server.run
    modes = run("stat -c '%a %U %G' /etc/selvedge/hello/notify-urls /usr/local/lib/selvedge/notify").stdout
    assert modes == "600 root root\n700 root root\n"
    assert room.seen == [], "processes of the server with the address"
    where = "/etc /run /usr/local /opt/selvedge /var/lib/selvedge /var/log /srv /tmp"
    assert run(f"find {where} -xdev -type f -perm /o+r -exec grep -l c4nar[y] {{}} + || :", check=False).stdout == ""
    assert "c4nary" not in run("journalctl -q --no-pager").stdout
    room.must("deploy", "--dry-run")
    assert not [text for text in room.printed if "c4nary" in text]


@pytest.mark.thorough
def test_a_message_that_does_not_arrive_fails_nothing(room: Room) -> None:
    room.server.run("printf 'json://127.0.0.1:9/c4nary-x\\n' >/etc/selvedge/hello/notify-urls")
    room.server.run("echo text | /usr/local/lib/selvedge/notify failure 'a title'")
    until(lambda: "not sent to the first of 1 address" in room.journal(), 90)
    assert "c4nary" not in room.journal() and "•••" in room.journal()
    until(lambda: room.server.run("ls /run/selvedge/messages").stdout == "", 10)
    done = room.fab("notify")
    assert done.status == 1 and "the test message did not arrive" in done.stderr


def test_without_the_variable_no_server_is_contacted(room: Room) -> None:
    done = room.project.fab("-H", room.server.name, "deploy")
    assert done.status == 2 and "SELVEDGE_NOTIFY__URLS: the addresses of the messages are missing" in done.stderr


@pytest.mark.thorough
def test_nothing_is_left_without_the_setting(room: Room) -> None:
    assert room.server.run(f"ls -d {PATHS}", check=False).stdout.count("\n") >= 9
    room.project.configure(TIMERS.replace("from_servers = true", ""), env_file="production.env")
    assert "remove the messages from this server" in room.must("deploy").stdout
    assert room.server.run(f"ls -d {PATHS}", check=False).stdout == ""
    assert room.must("deploy").stdout.rstrip().endswith(f"nothing to change on {room.server.name}.")
    room.fab("timers", "--run", "flaky")
    assert "messages" not in room.server.run("cat /var/log/hello/timer-flaky.log").stdout
