"""fail2ban's jails of a site, loaded by a fake fail2ban."""

from __future__ import annotations

from typing import Any

from selvedge.resources.access.jails import Jails

PATH = "/etc/fail2ban/jail.d/60-selvedge-hello.local"
TEXT = "[hello-bots]\nenabled = true\n"


def test_loaded_jails_are_recognised(server: Any) -> None:
    server.program("systemctl", "echo Id=fail2ban.service; echo ActiveState=active; echo UnitFileState=enabled")
    server.program("fail2ban-client", 'case $1 in --test | reload) echo "$1" >>/run/asked ;; *) exit 1 ;; esac')
    for text in (TEXT, ""):
        server.make(Jails(PATH, text))
        assert not server.plan(Jails(PATH, text)).changes
    assert server.path("/run/asked").read_text().split() == ["--test", "reload"] * 2
    assert not server.path(PATH).exists()
