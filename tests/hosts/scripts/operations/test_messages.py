"""What the messages leave on a server, and what their removal deletes: several apps share the program."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from selvedge.config.target import Target
from selvedge.resources.messages import CERTBOT_DROP_INS, MESSAGES, MessagesRemoved
from tests.hosts.scripts.server import Server
from tests.support.declared import file

UNITS = [f"/etc/systemd/system/selvedge-notify{end}" for end in ("@.service", "-check.service", "-check.timer")]
SHARED = [*UNITS, *CERTBOT_DROP_INS, "/opt/selvedge/apprise/bin/python", "/var/lib/selvedge/loaded/selvedge-notify-check.timer"]
OTHERS = ["/opt/selvedge/uv/bin/uv", "/etc/systemd/system/certbot.service.d/own.conf", "/var/lib/selvedge/timers/hello.x"]


def own(app: str) -> list[str]:
    return [f"/etc/selvedge/{app}/notify-urls", f"/etc/selvedge/{app}/notify.json", f"/var/lib/selvedge/messages/{app}/timer.x"]


@pytest.fixture
def two(server: Server) -> Server:
    """Return a server with the apps hello and shop, which send messages, and files of others."""
    server.program("systemctl", 'echo "$*" >>/var/log/asked')
    for path in (*own("hello"), *own("shop"), *SHARED, *OTHERS, "/etc/selvedge/hello/acme-ca.pem"):
        server.path(path).parent.mkdir(parents=True, exist_ok=True)
        server.path(path).write_text("x\n")
    return server


def left(server: Server, paths: list[str]) -> list[str]:
    return [path for path in paths if server.path(path).exists()]


def remove(server: Server, app: str) -> list[str]:
    """Remove the messages of an app; return the paths that the plan has shown. Afterwards, there is nothing to change."""
    ((_, change),) = server.make(MessagesRemoved(app)).changes
    return change.diff.replace("-/", "/").splitlines()


def test_the_last_app_takes_what_all_share(two: Server) -> None:
    assert remove(two, "hello") == [*own("hello")[:2], "/var/lib/selvedge/messages/hello"]
    assert (left(two, own("hello")), left(two, own("shop")), left(two, SHARED)) == ([], own("shop"), SHARED)
    assert not two.path("/var/log/asked").exists()
    shown = remove(two, "shop")
    assert {*UNITS, *CERTBOT_DROP_INS, "/opt/selvedge/apprise", "/var/lib/selvedge/messages"} <= {*shown}
    assert left(two, [*own("shop"), *SHARED, "/var/lib/selvedge/messages"]) == []
    assert left(two, OTHERS) == OTHERS and left(two, ["/etc/selvedge/hello/acme-ca.pem"])
    assert left(two, ["/etc/systemd/system/snap.certbot.renew.service.d"]) == []
    asked = two.path("/var/log/asked").read_text()
    assert "disable --now selvedge-notify-check.timer\n" in asked and asked.endswith("daemon-reload\n")


def test_a_server_without_messages_has_nothing_to_remove(server: Server) -> None:
    server.program("systemctl", "exit 1")
    assert not server.plan(MessagesRemoved("hello"))


def test_the_end_of_a_run_of_a_timer_tells_only_what_someone_must_hear(server: Server, target: Callable[..., Target]) -> None:
    app = target(timers={"x": {"command": "true", "schedule": "daily"}}, notify={"from_servers": True})
    record = file("supervisor", app, "/srv/hello/timers/record").text
    called = f"/usr/bin/python3 -BIS {MESSAGES}"
    assert called in record
    # It prints something and fails: neither reaches the log of the timer or the unit.
    server.program("messages", 'echo "$SERVICE_RESULT $*" | tee -a /var/log/asked; exit 1')
    script = server.path("/srv/hello/timers/record")
    for path in (script, server.path(f"{UNITS[0]}"), server.path("/var/log/hello/timer-x.log")):
        path.parent.mkdir(parents=True)
        path.write_text("output\n")
    server.path("/etc/systemd/system/selvedge-timer-hello.x.timer").write_text("")
    server.path("/var/lib/selvedge/timers").mkdir(parents=True)
    script.write_text(record.replace(called, "/usr/local/sbin/messages"))

    def end(result: str) -> str:
        done = server.run(f"export SERVICE_RESULT={result}; /bin/sh /srv/hello/timers/record end x")
        assert done.returncode == 0
        return done.stdout.decode()

    assert "exit-code" not in end("success")
    assert end("exit-code").count("\n") == 1
    server.path("/var/lib/selvedge/messages/hello").mkdir(parents=True)
    server.path("/var/lib/selvedge/messages/hello/timer.x").write_text("{}")
    end("success")
    assert server.path("/var/log/asked").read_text() == "exit-code ended timer hello x\nsuccess ended timer hello x\n"
