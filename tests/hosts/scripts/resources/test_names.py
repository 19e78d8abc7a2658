"""An app whose host names change: the old ones work until the certificate for the new ones is there."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.resources.nginx.names import FormerNamesDropped, NewNames, Site

PATH = "/etc/nginx/sites-available/hello"


@pytest.fixture
def server(server: Any) -> Any:
    server.program("ip", 'printf "2: e inet 10.0.0.5/24 x\\n2: e inet6 2001:db8::5/64 x\\n"')
    server.path(PATH).parent.mkdir(parents=True)
    return server


def certify(server: Any, *names: str) -> None:
    folder = server.path("/etc/letsencrypt/live/hello")
    folder.mkdir(parents=True, exist_ok=True)
    listed = ",".join(f"DNS:{name}" for name in names)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "9", "-subj",
         "/CN=x", "-addext", f"subjectAltName={listed}", "-keyout", "privkey.pem", "-out", "fullchain.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip


def served(server: Any) -> list[list[str]]:
    lines = server.path(PATH).read_text().splitlines()
    return [line.strip(" ;").split()[1:] for line in lines if line.strip().startswith("server_name ")]


def by_hand(server: Any, names: str) -> None:
    server.path(PATH).write_text(f"server {{\n  listen 80;\n  server_name {names};\n}}\n")


@pytest.mark.parametrize(("names", "kept"), [
    ("old.test", ["old.test"]),
    ("old.test www.old.test", ["old.test", "www.old.test"]),
    # By address: it was announced as 203.0.113.10, and the server has these two.
    ("_", ["203.0.113.10", "10.0.0.5", "[2001:db8::5]"]),
    ("a.test", []),
    # Made by hand, with a name that is no host name.
    (r"~^(?<x>.+)\.old\.test$ *.old.test old.test", ["*.old.test", "old.test"]),
])  # fmt: skip
def test_old_names_stay_until_the_certificate_has_the_new_ones(
    server: Any, target: Callable[..., Target], names: str, kept: list[str]
) -> None:
    site = Site.of(target(domains=["a.test"]))
    by_hand(server, names)
    server.make(site)
    assert served(server) == [["a.test", *kept]]
    dropped = FormerNamesDropped(site)
    assert bool(server.plan(dropped)) is bool(kept)
    certify(server, "a.test")
    server.make(dropped)
    server.make(site)
    assert served(server) == [["a.test"]]


def test_the_first_site_has_its_names_at_once(server: Any, target: Callable[..., Target]) -> None:
    assert not server.plan(FormerNamesDropped(Site.of(target(domains=["a.test"]))))
    server.make(Site.of(target(domains=["a.test"])))
    assert served(server) == [["a.test"]]


@pytest.mark.parametrize("settings", [
    {},
    {"domains": ["a.test"], "tls": {"upstream": True}},
    {"domains": ["a.test"], "tls": {"certificate": "a", "certificate_key": "b"}},
])  # fmt: skip
def test_without_certbot_the_names_change_at_once(server: Any, target: Callable[..., Target], settings: dict[str, Any]) -> None:
    by_hand(server, "old.test")
    server.make(Site.of(target(**settings)))
    assert served(server) == [settings.get("domains", ["_"])]


def test_a_name_that_becomes_a_redirect_moves(server: Any, target: Callable[..., Target]) -> None:
    by_hand(server, "a.test www.a.test")
    server.make(Site.of(target(domains=["a.test"], nginx={"redirects": {"www.a.test": "a.test"}})))
    assert served(server) == [["a.test"], ["www.a.test"]]


def test_only_names_that_a_present_site_gets_are_checked(server: Any) -> None:
    names = NewNames(("a.test", "b.test"), "hello", PATH, "/srv/letsencrypt")
    assert not server.plan(names), "the first deploy has no old names to protect"
    by_hand(server, "a.test")
    ((_, change),) = server.plan(names).changes
    assert change.summary == "check that b.test leads to this server"
    certify(server, "a.test", "b.test")
    assert not server.plan(names)


def test_a_redirected_name_is_checked_once(server: Any, target: Callable[..., Target]) -> None:
    """Its certificate comes in a later step, but its redirect is there."""
    app = target(domains=["a.test"], nginx={"redirects": {"www.a.test": "a.test"}})
    names = NewNames(tuple(app.names), "hello", PATH, "/srv/letsencrypt")
    by_hand(server, "a.test")
    ((_, change),) = server.plan(names).changes
    assert change.summary == "check that www.a.test leads to this server"
    server.make(Site.of(app))
    assert not server.plan(names)
