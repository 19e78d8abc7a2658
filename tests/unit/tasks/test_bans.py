"""fail2ban's jails that the step `nginx` declares."""

from __future__ import annotations

from typing import Any

from selvedge.project.render import template
from tasks.parts.bans import site_bans


def test_no_jails_behind_a_load_balancer_or_without_fail2ban(target: Any) -> None:
    for settings, wanted in (({}, True), ({"tls": {"upstream": True}}, False), ({"server": {"fail2ban": False}}, False)):
        app = target(**settings)
        (jails,) = site_bans(app)
        assert bool(jails.text) == wanted
        code = f"{app.paths.current}/{app.root}".rstrip("/")
        assert ("nginx-missed.log" in template("nginx/locations.conf.j2", app=app, code=code)) == wanted


def test_no_jail_keeps_fail2ban_from_starting(target: Any) -> None:
    """It does not start if a jail has no log file."""
    (jails,) = site_bans(target())
    assert jails.text.count("[") == jails.text.count("/dev/null\n") == 2


def test_trusted_proxies_are_never_banned(target: Any) -> None:
    (jails,) = site_bans(target(nginx={"trusted_proxies": ["10.0.0.0/8"]}, server={"ignore_ips": ["198.51.100.7"]}))
    assert jails.text.count("ignoreip = 127.0.0.1/8 ::1 198.51.100.7 10.0.0.0/8\n") == 2
    assert "ignoreip" not in next(site_bans(target())).text
