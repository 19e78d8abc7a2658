"""fail2ban's jails of a site: when they are written, loaded and taken away."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from selvedge.resources.jails import Jails
from selvedge.templates import template
from tasks.bans import site_bans

PATH = "/etc/fail2ban/jail.d/60-selvedge-hello.local"
TEXT = "[hello-bots]\nenabled = true\n"
SUM = hashlib.sha256(TEXT.encode()).hexdigest()
STANDING = f"file 644 root root\n{SUM}"


def fact(file: str = STANDING, loaded: str = SUM, state: str = "active") -> str:
    unit = f"Id=fail2ban.service\nActiveState={state}\nUnitFileState=enabled"
    return f"\n--- unit\n{unit}\n\n--- loaded\n{loaded}\n\n--- file\n{file}\n"


@pytest.mark.parametrize(
    ("seen", "needed"),
    [
        (fact(), False),
        (fact("absent", ""), True),
        (fact(loaded=""), True),
        (fact(loaded="another"), True),
        (fact("file 644 root root\nother\nedited\n"), True),
        (fact("absent", "", "inactive"), False),
        (fact("absent", "", "failed"), False),
    ],
)
def test_loaded_where_they_differ_and_fail2ban_runs(seen: str, needed: bool) -> None:
    change = Jails(PATH, TEXT).plan(seen)
    assert (change is not None) == needed
    if change:
        lines = change.shell
        order = [lines.index(word) for word in ("rm -f", "fail2ban-client --test", "fail2ban-client reload", f"{SUM} >")]
        assert order == sorted(order)


@pytest.mark.parametrize(("seen", "needed"), [(fact("absent", ""), False), (fact(), True), (fact(state="inactive"), False)])
def test_taken_away_where_they_are_not_wanted(seen: str, needed: bool) -> None:
    change = Jails(PATH, "").plan(seen)
    assert (change is not None) == needed
    assert not change or (f"rm -f -- {PATH}" in change.shell and "fail2ban-client reload" in change.shell)


def test_not_behind_a_balancer_and_not_without_fail2ban(target: Any) -> None:
    for settings, wanted in (({}, True), ({"tls": {"upstream": True}}, False), ({"server": {"fail2ban": False}}, False)):
        app = target(**settings)
        (jails,) = site_bans(app)
        assert bool(jails.text) == wanted
        code = f"{app.paths.current}/{app.root}".rstrip("/")
        assert ("nginx-missed.log" in template("nginx/locations.conf.j2", app=app, code=code)) == wanted


def test_no_jail_keeps_fail2ban_from_starting(target: Any) -> None:
    """It does not start where a jail has no log file at all."""
    (jails,) = site_bans(target())
    assert jails.text.count("[") == jails.text.count("/dev/null\n") == 2


def test_what_was_loaded_is_known_again(server: Any) -> None:
    server.program("systemctl", "echo Id=fail2ban.service; echo ActiveState=active; echo UnitFileState=enabled")
    server.program("fail2ban-client", 'case $1 in --test | reload) echo "$1" >>/run/asked ;; *) exit 1 ;; esac')
    for text in (TEXT, ""):
        server.make(Jails(PATH, text))
        assert not server.plan(Jails(PATH, text)).changes
    assert server.path("/run/asked").read_text().split() == ["--test", "reload"] * 2
    assert not server.path(PATH).exists()
