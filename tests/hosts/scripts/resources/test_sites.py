"""Several sites of nginx: names, and the default."""

from __future__ import annotations

from typing import Any

import pytest

from selvedge.resources.nginx.sites import (
    DebianDefaultSiteDisabled,
    DefaultServer,
    ServerNamesFree,
    default_path,
    parse,
)
from selvedge.resources.nginx.version import VersionedText, nginx_template
from tests.hosts.scripts.resources.sites import BY_ADDRESS, BY_NAME, TLS, A, B, debians, sites


def default(wanted: bool = True, port: int = 80, own: str = A) -> DefaultServer:
    text = f"server {{ listen {port} ssl http2 default_server; }}\n"
    return DefaultServer(port, VersionedText((text, text, text)), wanted, (own,), port == 443)


def read(server: Any, version: str = "nginx/1.22.1") -> list[Any]:
    server.program("nginx", f"echo 'nginx version: {version}' >&2")
    return parse(server.read(ServerNamesFree((), ()))[0])


def test_server_blocks_are_read_in_any_spelling(server: Any) -> None:
    sites(
        server,
        a="# server { listen 81 default_server; }\nserver{listen 8080;server_name x.test;}\n"
        "server\t{\n# listen 80;\n server_name y.test;\n}\n",
        b="server { listen 127.0.0.1:80 default_server; listen *:443 ssl default_server;"
        " server_name\n z.test # no.test\n www.z.test; }",
    )
    assert [(block.file, sorted(block.names), sorted(block.ports), sorted(block.defaults)) for block in read(server)] == [
        (A, ["x.test"], [8080], []),
        (A, ["y.test"], [80], []),
        (B, ["www.z.test", "z.test"], [443], [443]),
    ]


def test_no_nginx_means_no_sites(server: Any) -> None:
    assert parse(server.read(ServerNamesFree((), ()))[0]) == []
    assert parse("") == []


@pytest.mark.parametrize(
    ("domains", "others", "expected"),
    [
        ((), {}, ""),
        ((), {"b": BY_NAME}, ""),
        ((), {"a": BY_ADDRESS, "default": BY_ADDRESS}, "already answers requests by address: /etc/nginx/sites-enabled/default is"),
        ((), {"b": BY_ADDRESS}, f"already answers requests by address: {B} is the default_server of port 80"),
        (("a.test",), {"b": BY_ADDRESS}, ""),
        (("a.test",), {"b": BY_NAME}, ""),
        (("a.test", "b.test"), {"b": BY_NAME}, f"already answers for b.test: {B}"),
        (("b.test",), {"a": BY_NAME}, ""),
        (("b.test",), {"b": TLS}, ""),
    ],
)
def test_names_belong_to_one_site(server: Any, domains: tuple[str, ...], others: dict[str, str], expected: str) -> None:
    sites(server, **others)
    planned = server.plan(ServerNamesFree(domains, (A,)))
    assert bool(planned) is bool(expected)
    if expected:
        assert expected in server.apply(planned).error


def test_the_default_site_gives_way_to_one_of_another_app(server: Any) -> None:
    server.program("nginx", "echo 'nginx version: nginx/1.22.1' >&2")
    path = server.path(default_path(80))
    server.make(default())
    assert path.exists() and not server.plan(default())
    sites(server, b=BY_ADDRESS)
    server.make(default())
    assert not path.exists() and not server.plan(default()), "an app that answers by address is the default itself"
    # The run of the other app itself.
    assert not server.plan(default(wanted=False, own=B))
    sites(server, b=BY_NAME)
    server.make(default(own=B))
    assert path.exists() and not server.plan(default())
    server.make(default(wanted=False))
    assert not path.exists()


def test_the_site_of_debian_is_removed_unless_edited(server: Any) -> None:
    sites(server, default=BY_ADDRESS)
    assert not server.plan(DebianDefaultSiteDisabled()), "no package has brought it"
    assert server.plan(ServerNamesFree((), (A,)))
    debians(server)
    assert not server.plan(ServerNamesFree((), (A,))), "it goes, and claims nothing"
    server.make(DebianDefaultSiteDisabled())
    assert not server.path("/etc/nginx/sites-enabled/default").exists() and not server.plan(DebianDefaultSiteDisabled())


def test_the_default_site_of_tls_stays_while_a_site_has_tls(server: Any) -> None:
    server.program("nginx", "echo 'nginx version: nginx/1.22.1' >&2")
    sites(server, a=TLS, b=TLS)
    path = server.path(default_path(443, tls=True))
    server.make(default(port=443))
    assert path.exists()
    assert not server.plan(default(port=443, wanted=False)), "the other site has TLS still"
    sites(server, b=BY_NAME)
    server.make(default(port=443, wanted=False))
    assert not path.exists()
    assert not server.plan(default(port=443, wanted=False))


@pytest.mark.parametrize(
    ("version", "listens", "refuses"),
    [
        ("1.18.0", "443 ssl http2 default_server", "ssl_certificate $selvedge_nothing"),
        ("1.19.4", "443 ssl http2 default_server", "ssl_reject_handshake on"),
        ("1.25.0", "443 ssl http2 default_server", "ssl_reject_handshake on"),
        ("1.25.1", "443 ssl default_server", "ssl_reject_handshake on"),
    ],
)
def test_the_default_site_of_tls_depends_on_the_version(server: Any, version: str, listens: str, refuses: str) -> None:
    server.program("nginx", f"echo 'nginx version: nginx/{version} (Ubuntu)' >&2")
    real = DefaultServer(443, nginx_template("nginx/default-tls.conf.j2", port=443), True, (A,), True)
    server.make(real)
    text = server.path(default_path(443, tls=True)).read_text()
    assert text.count(f"    listen {listens};\n") == 1 and f"    listen [::]:{listens};\n" in text
    assert [way for way in ("ssl_certificate $selvedge_nothing", "ssl_reject_handshake on") if way in text] == [refuses]
