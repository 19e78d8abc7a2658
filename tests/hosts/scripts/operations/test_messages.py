"""What the messages leave on a server, and what their removal deletes: several apps share the program."""

from __future__ import annotations

import pytest

from selvedge.resources.messages import CERTBOT_DROP_INS, MessagesRemoved
from tests.hosts.scripts.server import Server

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
