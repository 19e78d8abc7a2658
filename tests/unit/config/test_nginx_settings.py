"""The settings of `[nginx]`: their values, and passwords in the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from selvedge.config import nginx_types
from selvedge.config.nginx_types import PROXIES
from selvedge.errors import ConfigError
from selvedge.release import preconditions
from tests.unit.config.conftest import Load, Problems
from tests.unit.config.examples import APP

GOOD = [
    ("Directory", "uploads/", "uploads"),
    ("Directory", "./up/./loads", "up/loads"),
    ("OptionalDirectory", "", ""),
    ("OptionalDirectory", "frontend/dist/", "frontend/dist"),
    ("TrustedProxy", "cloudflare", "cloudflare"),
    ("TrustedProxy", "10.0.0.0/8", "10.0.0.0/8"),
    ("TrustedProxy", "2001:DB8::1", "2001:db8::1"),
    ("RedirectFrom", "WWW.Example.com", "www.example.com"),
    ("RedirectFrom", "/old/path.html", "/old/path.html"),
    ("RedirectTo", "example.com", "example.com"),
    ("RedirectTo", "https://example.org/x", "https://example.org/x"),
    ("RedirectTo", "/new?x=1&y=%20", "/new?x=1&y=%20"),
    ("OptionalSitePath", "", ""),
    ("OptionalSitePath", "/api/", "/api"),
    ("OptionalSitePath", "/a~b/v1.2/_x-y", "/a~b/v1.2/_x-y"),
    ("UserName", "me.too-2_x", "me.too-2_x"),
]
HOSTILE = ("a;b", "$x", "{x}", "a b", "a\nb", 'a"b', "a'b", "a\\b", "a}b")
BAD = [
    *[("Directory", bad) for bad in ("", ".", "./", "././.", "/", "//", "..", "a/../..", "./..", "a/./../b")],
    *[("Directory", bad) for bad in ("/abs", "./-a", "a//b")],
    *[("OptionalDirectory", bad) for bad in (".", "..", "/abs", *HOSTILE)],
    *[("TrustedProxy", bad) for bad in ("", "0.0.0.0/0", "::/0", "10.0.0.1/8", "fastly", "10.0.0.0/8; }", *HOSTILE)],
    *[("RedirectFrom", bad) for bad in ("", "*.example.com", "10.0.0.1", "https://a.example", "/a?b", *HOSTILE)],
    *[("RedirectFrom", f"/{bad}") for bad in HOSTILE],
    *[("RedirectTo", bad) for bad in ("", "http://a.example/", "https://a.example/?x=$y", "javascript:x", *HOSTILE)],
    *[("RedirectTo", f"/{bad}") for bad in (*HOSTILE, "%zz")],
    *[("OptionalSitePath", bad) for bad in ("/", "//", "api", "/api//", "//a", "/.", "/..", "/a/../b", "/.well-known")],
    *[("OptionalSitePath", bad) for bad in ("/a%2fb", "/ä", "/a?b", "/a#b", "/a*", "~/a")],
    *[("OptionalSitePath", f"/{bad}") for bad in HOSTILE],
    *[("UserName", bad) for bad in ("", "a:b", "selvedge", "-a", "ü", *HOSTILE)],
]


def adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(getattr(nginx_types, name))


@pytest.mark.parametrize(("name", "given", "kept"), GOOD)
def test_accepted_values(name: str, given: str, kept: str) -> None:
    assert adapter(name).validate_python(given) == kept


@pytest.mark.parametrize(("name", "bad"), BAD)
def test_refused_values(name: str, bad: str) -> None:
    with pytest.raises(ValidationError):
        adapter(name).validate_python(bad)


@pytest.mark.parametrize(("text", "said"), [
    ('redirects = { "a.example" = "a.example" }', "redirects: a.example leads to a.example, which is redirected, too"),
    ('redirects = { "/a" = "/b", "/b" = "/a" }', "redirects: /a leads to /b, which is redirected, too"),
    ('redirects = { "/a" = "/b?x=1", "/b" = "/c?x=2" }', "redirects: /a leads to /b?x=1, which is redirected, too"),
    ('redirects = { "/a" = "/a?x=1" }', "redirects: /a leads to /a?x=1, which is redirected, too"),
    ('redirects = { "www.a.example" = "/x" }', "redirects: the host name www.a.example leads to the path /x: name a host"),
    ('redirects = { "/x" = "//b.example/x" }', "a path such as /new, which begins with one '/'"),
    ('basic_auth = ["a.b", "a-b"]', "basic_auth: a.b and a-b have the same variable SELVEDGE_BASIC_AUTH_A_B"),
    ('basic_auth = { me = "c4nary" }', "nginx.basic_auth: must be a list of strings"),
    ('media = { "/m" = "." }', "nginx.media./m: must be a folder inside the other one"),
    ('static = { "/s" = "." }', "nginx.static./s: must be a folder inside the other one"),
    ('redirects = { "www.a.example" = "a.example" }\n[hosts.s]', "app.domains has no name at which the app itself answers"),
    ('path = "/"', "nginx.path: must be a path such as /api, not '/': an app without this setting answers at /"),
    ('path = "/a"\nspa = "dist"', "spa and path exclude each other"),
    ('path = "/a"\nredirects = { "www.a.example" = "a.example" }', "an app with path cannot redirect the name www.a.example"),
    ('path = "/a"\nstrip_path = false\nstatic = { "/s" = "s" }', "/s is not below the path /a, with which the app's routes begin"),
    ('path = "/a"\nstrip_path = false\nmedia = { "/ab" = "s" }', "/ab is not below the path /a"),
    ('path = "/a"\nstrip_path = false\n[hosts.s]', "app.health is /, which is not below nginx.path /a"),
    ('path = "/a"\n[hosts.s]\n[hosts.s.nginx]\npath = "a b"', "hosts.s.nginx.path: must be a path of letters"),
])  # fmt: skip
def test_settings_that_do_not_go_together(problems: Problems, text: str, said: str) -> None:
    found = problems(f"{APP}[nginx]\n{text}\n")
    assert said in " ".join(found) and "c4nary" not in " ".join(found)


@pytest.mark.parametrize("to", ["https://a.example/a", "https://a.example/b", "a.example"])
def test_a_redirect_in_a_circle_over_the_sites_own_name(problems: Problems, to: str) -> None:
    redirects = f'redirects = {{ "/a" = "{to}", "/b" = "/c" }}'
    (found,) = problems(f'{APP}domains = ["a.example"]\n[nginx]\n{redirects}\n[hosts.s]\n')
    assert "nginx.redirects: /a leads to https://a.example/" in found and "which is redirected, too: name the last" in found


def test_names_with_redirects(settings: Load) -> None:
    redirects = 'redirects = { "www.a.example" = "a.example", "old.example" = "https://b.example/x", "/x" = "/y" }'
    app = settings(f'{APP}domains = ["www.a.example", "a.example"]\n[nginx]\n{redirects}\n[hosts.s]\n').target("s")
    assert (app.url, app.served_names) == ("https://a.example/", ["a.example"])
    assert app.names == ["www.a.example", "a.example", "old.example"]
    assert app.health_host_header == "a.example"
    assert app.nginx.redirected_names == {"a.example": ["www.a.example"], "https://b.example/x": ["old.example"]}


def test_a_path_may_lead_to_another_host(settings: Load) -> None:
    """The path is kept, as for a host name."""
    found = settings(f'{APP}[nginx]\nredirects = {{ "/x" = "b.example", "/y" = "https://b.example/z" }}\n').nginx.redirected_paths
    assert found == {"/x": "https://b.example/x", "/y": "https://b.example/z"}


def test_an_app_with_a_path_is_announced_with_it(settings: Load) -> None:
    app = settings(f'{APP}domains = ["a.example", "b.example"]\n[nginx]\npath = "/api/"\n[hosts.s]\n').target("s")
    assert (app.url, app.health_url) == ("https://a.example/api/", "https://a.example/api/")
    assert app.server_names == [r"~^a\.example$", r"~^b\.example$"]
    text = '[nginx]\npath = "/api"\nstrip_path = false\n[hosts.s]\naddress = "::1"\n'
    own = settings(f'{APP}health = "/api?x=1"\n{text}').target("s")
    assert (own.url, own.health_url, own.server_names) == ("http://[::1]/api/", "http://[::1]/api?x=1", [f"_{own.name}"])


def test_proxies_have_their_networks(settings: Load) -> None:
    found = settings(f'{APP}[nginx]\ntrusted_proxies = ["10.0.0.0/8", "cloudflare", "10.0.0.0/8"]\n').nginx.proxy_networks
    assert found == ["10.0.0.0/8", *PROXIES["cloudflare"]] and len(found) == 23


def test_a_page_in_front_of_the_app_hides_its_health_check(settings: Load) -> None:
    page = '[nginx]\nspa = "dist"\n[hosts.s]\n'
    assert settings(f"{APP}{page}").target("s").shell_values["health_ranges"] == "200-499"
    assert settings(f"{APP}{page}").target("s").health_path == "/.selvedge-health"
    own = settings(f'{APP}health = "/up"\n{page}').target("s")
    assert (own.health_path, own.health_ranges) == ("/up", [(200, 399)])
    assert settings(f"{APP}health_status = [404]\n{page}").target("s").health_ranges == [(404, 404)]


PASSWORD = f'{APP}[nginx]\nbasic_auth = ["me"]\n[hosts.s]\n'


def test_a_password_is_in_the_environment(settings: Load) -> None:
    app = settings(PASSWORD, {"SELVEDGE_BASIC_AUTH_ME": "c4nary"}).target("s")
    assert app.password("me") == "c4nary" and "c4nary" not in repr(app)
    preconditions.site(app)


@pytest.mark.parametrize(("env_vars", "said"), [
    ({}, "the password of me is missing (nginx.basic_auth). Add it to .env beside hosts.toml"),
    ({"SELVEDGE_BASIC_AUTH_ME": ""}, "the password of me is missing"),
    ({"SELVEDGE_BASIC_AUTH_ME": "c4nary" * 13}, "must have at most 72 bytes"),
])  # fmt: skip
def test_a_missing_password_is_refused_before_a_server_is_contacted(settings: Load, env_vars: dict[str, str], said: str) -> None:
    app = settings(PASSWORD, env_vars).target("s")
    with pytest.raises(ConfigError) as caught:
        preconditions.site(app)
    assert said in str(caught.value) and "SELVEDGE_BASIC_AUTH_ME" in str(caught.value) and "c4nary" not in str(caught.value)
    assert caught.value.status == 2


@pytest.mark.parametrize(("name", "content", "said"), [
    ("none.conf", None, "none.conf is missing"),
    ("binary.conf", b"\xff\xfe\x00", "is UTF-16 text"),
    ("x.j2", b"a\n{% if %}", "is not a template: line 2: "),
    ("key.conf", b"-----BEGIN PRIVATE KEY-----\nc4nary", "key.conf has a private key"),
    ("y.j2", b"{{ nothing }}", "'nothing' is undefined"),
])  # fmt: skip
def test_own_lines_that_cannot_be_read_are_refused(
    settings: Load, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        preconditions.site(settings(f'{APP}[nginx]\ninclude = "{name}"\n[hosts.s]\n').target("s"))
    assert caught.value.key == "nginx.include" and said in str(caught.value), caught.value
