"""nginx from another package than Debian's, as from nginx.org: no sites-enabled, another user; and passwords of a site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bcrypt
import pytest
from pydantic import SecretStr

from selvedge.config.target import Target
from selvedge.resources.nginx.basic_auth import CHECKER, BasicAuth
from selvedge.resources.nginx.server import NginxGroup, NginxLogs, SitesEnabled

CONF = "/etc/nginx/nginx.conf"
NGINX_ORG = "user  nginx;\nhttp {\n    include       /etc/nginx/mime.types;\n    include /etc/nginx/conf.d/*.conf;\n}\n"
DEBIAN = "user www-data;\nhttp {\n\tinclude /etc/nginx/conf.d/*.conf;\n\tinclude /etc/nginx/sites-enabled/*;\n}\n"


def configure(server: Any, text: str) -> None:
    server.path(CONF).parent.mkdir(parents=True, exist_ok=True)
    server.path(CONF).write_text(text)


@pytest.mark.parametrize(("text", "written"), [
    (DEBIAN, False),
    (NGINX_ORG, True),
    (NGINX_ORG + "# include /etc/nginx/sites-enabled/*;\n", True),
    (DEBIAN.replace("/etc/nginx/sites-enabled/*", '"sites-enabled/*.conf"'), False),
])  # fmt: skip
def test_nginx_reads_the_sites(server: Any, text: str, written: bool) -> None:
    configure(server, text)
    assert bool(server.make(SitesEnabled())) is written
    path = server.path("/etc/nginx/conf.d/selvedge-sites.conf")
    assert path.exists() is written
    if written:
        assert "\ninclude /etc/nginx/sites-enabled/*;\n" in path.read_text()
        configure(server, DEBIAN)
        server.make(SitesEnabled())
        assert not path.exists(), "a second include would load each site twice"


def test_another_file_may_include_the_sites(server: Any) -> None:
    configure(server, NGINX_ORG)
    server.path("/etc/nginx/conf.d").mkdir()
    server.path("/etc/nginx/conf.d/own.conf").write_text("include /etc/nginx/sites-enabled/*;\n")
    assert not server.plan(SitesEnabled())


@pytest.mark.parametrize(("text", "groups", "outside"), [
    (DEBIAN, "www-data", False), (NGINX_ORG, "nginx", True), (NGINX_ORG, "nginx www-data", False), ("http {}\n", "x", False),
    ("user nginx nginx;\n", "nginx www-data-2", True), ("user root;\n", "root", False),
])  # fmt: skip
def test_nginxs_user_joins_the_group_of_the_sockets(server: Any, text: str, groups: str, outside: bool) -> None:
    configure(server, text)
    server.path("/opt/groups").write_text(f"{groups}\n")
    server.program("id", 'case $1 in -nG) cat /opt/groups ;; *) echo "uid=9($1)" ;; esac')
    server.program("usermod", 'echo "$*" >>/opt/calls; echo "$(cat /opt/groups) www-data" >/opt/groups')
    assert bool(server.make(NginxGroup())) is outside
    if outside:
        assert server.path("/opt/calls").read_text() == "-a -G www-data -- nginx\n"


def test_the_logs_may_belong_to_nginxs_user() -> None:
    logs = NginxLogs(("/var/log/hello/a.log",))
    assert logs.plan("file 640 nginx adm\n") is None
    assert logs.plan("file 644 nginx adm\n") and logs.plan("file 640 nginx nginx\n") and logs.plan("absent\n")


def users(**passwords: str) -> BasicAuth:
    pairs = tuple((user, SecretStr(password)) for user, password in passwords.items())
    return BasicAuth("/etc/nginx/selvedge/hello.htpasswd", "/etc/selvedge/hello/site-login", pairs)


def test_passwords_are_kept_as_hashes(server: Any) -> None:
    server.path("/etc/nginx/selvedge").mkdir(parents=True)
    planned = server.make(users(me="c4nary s3cret", you="$x;{}\"'\\é"))
    ((_, change),) = planned.changes
    assert change.summary == "set the passwords of me, you for the site" and not change.diff and "c4nary" not in change.shell
    path, login = server.path("/etc/nginx/selvedge/hello.htpasswd"), server.path("/etc/selvedge/hello/site-login")
    hashes = dict(line.split(":") for line in path.read_text().splitlines())
    assert set(hashes) == {"me", "you", CHECKER} and bcrypt.checkpw(b"c4nary s3cret", hashes["me"].encode())
    assert (path.stat().st_mode & 0o777, login.stat().st_mode & 0o777) == (0o640, 0o600)
    user, _, password = login.read_text().partition('"')[2].partition('"')[0].partition(":")
    assert user == CHECKER and bcrypt.checkpw(password.encode(), hashes[CHECKER].encode())
    before = path.read_text()
    server.make(users(me="another", you="$x;{}\"'\\é"))
    assert path.read_text() != before
    server.make(users(me="another"))
    assert "you:" not in path.read_text()
    login.unlink()
    server.make(users(me="another"))
    path.write_text("damaged\nme:x\n")
    server.make(users(me="another"))


def test_passwords_come_from_the_environment(target: Callable[..., Target]) -> None:
    app = target(nginx={"basic_auth": ["me.too"]})
    app = app.model_copy(update={"passwords": {"SELVEDGE_BASIC_AUTH_ME_TOO": SecretStr("c4nary")}})
    resource = BasicAuth.of(app)
    assert "c4nary" not in repr(resource) + repr(app)
    assert resource.users[0][1].get_secret_value() == "c4nary"
