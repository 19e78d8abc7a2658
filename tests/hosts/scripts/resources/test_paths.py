"""Two apps under one name: the files in its folder, its HTTPS sites, and certificates that outlive their app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.resources.nginx.paths import FormerLocationsRemoved, LeftCertificates, PathsFree
from selvedge.resources.nginx.sites import site_check
from tests.hosts.scripts.resources.sites import sites
from tests.hosts.scripts.resources.test_addresses import check
from tests.support.libraries import functions

SITES = "/etc/nginx/selvedge/sites"
FOLDER = f"{SITES}/a.test"
INCLUDED = f"include {FOLDER}/*.conf;"
CERTIFICATE = "ssl_certificate /l/shop/c.pem;\n ssl_certificate_key /l/shop/k.pem;"
OWNER = f"server {{\n listen 443 ssl;\n server_name a.test;\n {CERTIFICATE}\n {INCLUDED}\n}}\n"
OTHER = OWNER.replace("server_name a.test", r"server_name ~^a\.test$").replace("shop", "blog")
PREFIX = 'proxy_set_header X-Forwarded-Prefix "/api";'
LOCATION = f"location ^~ /api/ {{\n    {PREFIX}\n    location ~ /x {{\n    }}\n}}\nlocation = /api {{\n}}\n"


def location(server: Any, app: str = "hello", name: str = "a.test", text: str = LOCATION) -> None:
    path = server.path(f"{SITES}/{name}/{app}.conf")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def said(server: Any, shell: str) -> str:
    script = f"{functions('request', 'https', 'site')}\nset -eu\napp=hello site_enabled=/etc/nginx/sites-enabled/hello\n{shell}"
    return str(server.run(script).stdout.decode())


@pytest.mark.parametrize(("enabled", "found"), [
    ({}, ""),
    ({"shop": OWNER.replace("443 ssl", "80")}, ""),
    ({"blog-tls": OTHER, "shop-tls": OWNER}, "other /l/shop/c.pem /l/shop/k.pem\n"),
    ({"blog-tls": OTHER}, "other /l/blog/c.pem /l/blog/k.pem\n"),
    ({"hello-tls": OTHER}, ""),
    ({"mine": OWNER.replace("443 ssl", "[::]:443 ssl")}, "other /l/shop/c.pem /l/shop/k.pem\n"),
    ({"shop-tls": OWNER.replace(FOLDER, f"{SITES}/www.a.test")}, ""),
])  # fmt: skip
def test_the_certificate_of_the_name(server: Any, enabled: dict[str, str], found: str) -> None:
    sites(server, **enabled)
    assert said(server, f"https_of_name {FOLDER} /etc/nginx/sites-enabled/hello-tls") == found
    chain = found.split()[1] if found else "/l/blog/c.pem" if "hello-tls" in enabled else "/own.pem"
    assert said(server, f"https_chain /own.pem {FOLDER}") == f"{chain}\n"
    assert said(server, "https_chain /own.pem") == "/own.pem\n"


def test_an_app_with_a_path_has_the_scheme_of_its_name(server: Any) -> None:
    sites(server, hello="", shop=OWNER.replace("443 ssl", "80"))
    location(server)
    assert said(server, "request_scheme; request_prefix") == "http\n/api\n"
    sites(server, **{"shop-tls": OWNER})
    assert said(server, "request_scheme") == "https\n"
    location(server, "other")
    server.path(f"{FOLDER}/hello.conf").unlink()
    assert said(server, "request_scheme; request_prefix") == "http\n"


def test_the_announced_path_must_show_the_live_release(server: Any, target: Callable[..., Target]) -> None:
    app = target(host={"name": "s", "address": "203.0.113.10"}, health="/health", nginx={"path": "/api"})
    location(server, name="_")
    assert check(server, app, "http://203.0.113.10/api/health 200 new\n") == "passed\n"
    assert "GET http://203.0.113.10/api/health, the address of the app, shows another site" in check(
        server, app, "http://203.0.113.10/api/health 404 shop\n"
    )
    assert "request_prefix" in functions("request") and "app=hello" in site_check(app)


def test_files_of_former_names_are_found(server: Any) -> None:
    location(server)
    location(server, name="old.test")
    location(server, "hello2")
    server.make(FormerLocationsRemoved("hello", f"{FOLDER}/hello.conf"))
    assert sorted(path.name for path in server.path(SITES).rglob("*.conf")) == ["hello.conf", "hello2.conf"]
    server.make(FormerLocationsRemoved("hello", ""))
    assert not server.path(f"{FOLDER}/hello.conf").exists()


def test_nested_locations_are_not_those_of_the_site(server: Any) -> None:
    location(server, "api")
    sites(server, shop=f"server {{ listen 80; server_name a.test; {INCLUDED} }}")
    names, own = (("a.test",), (FOLDER,)), ("/x",)
    assert not server.plan(PathsFree(*names, ("^~ /x/", "~ /x"), own, "/x"))
    assert "Another app on the server, api, already has the path /api" in server.apply(
        server.plan(PathsFree(*names, ("= /api",), own, "/api"))
    ).error


def test_a_certificate_that_a_site_still_uses_stays(server: Any) -> None:
    text = "webroot_path = /w,\nrenew_hook = nginx -t -q && systemctl reload nginx\n"
    renewal = server.path("/etc/letsencrypt/renewal")
    renewal.mkdir(parents=True)
    for name in ("shop", "used", "live", "hand"):
        (renewal / f"{name}.conf").write_text("authenticator = dns\n" if name == "hand" else text)
    sites(server, api=OWNER.replace("/l/shop/", "/etc/letsencrypt/live/used/"))
    server.path("/srv/live/repo.git").mkdir(parents=True)
    server.path("/srv/shop/shared").mkdir(parents=True)
    server.program("certbot", 'echo "$*" >>/opt/calls')
    server.apply(server.plan(LeftCertificates("certbot", "/w")))
    assert server.path("/opt/calls").read_text() == "delete --non-interactive --cert-name shop\n"
    remove = f"{functions('remove', 'certbot')}\nfor app in shop used none; do if remove_certificate; then echo $app; fi; done"
    assert server.run(remove).stdout == b"shop\n"
