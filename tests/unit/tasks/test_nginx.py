"""The step `nginx`: its sites, read by nginx's rules."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.project.render import template
from selvedge.resources.files import File
from selvedge.resources.nginx.sites import DebianDefaultSiteDisabled
from selvedge.resources.nginx.version import nginx_template
from tests.support.declared import file, of
from tests.support.hostile import HEADER, HOSTILE, POLICY, declared
from tests.support.readers import Directive, nginx_file


def test_hostile_values_stay_values_for_nginx(hostile: Target) -> None:
    files = {each.path: nginx_file(each.text) for step in ("nginx", "certbot") for each in declared(step, hostile)
             if isinstance(each, File) and each.path.startswith("/etc/nginx/")}  # fmt: skip
    site = files["/etc/nginx/sites-available/a-1"]
    kinds = [each.words[0] for each in site.block or []]
    assert kinds == ["upstream", "map", "limit_req_zone", "map", "include", "server", "server"]
    for path in ("/etc/nginx/sites-available/a-1", "/etc/nginx/sites-available/a-1-tls"):
        names = [each.words for block in files[path].find("server") for each in block.find("server_name")]
        assert names == [["server_name", *HOSTILE["domains"]], ["server_name", "x-y.example"]]
    shared = files["/etc/nginx/snippets/a-1.conf"]
    aliases = {each.words[-1]: [alias.words[1] for alias in each.find("alias")] for each in shared.find("location")}
    code = "/srv/a-1/current/back.end_/x@+y-z"
    assert aliases == {
        "/~a_-.b/": [f"{code}/dir.@+x/"],
        "/s/": [f"{code}/deep/er/"],
        "/m-/n/": ["/srv/a-1/shared/up.load_@/"],
        "/~r": [],
        "/": [],
        "@app": [],
        "@page": [],
    }
    (redirect,) = [each for each in shared.find("location") if each.words[-1] == "/~r"]
    assert [each.words for each in redirect.find("return")] == [["return", "301", "/%24%28id%29?a=1&b=%22"]]
    assert [each.words for each in shared.find("client_max_body_size")] == [["client_max_body_size", "1g"]]
    headers = {each.words[1]: each.words[2:] for each in shared.find("add_header")}
    assert headers["X-Own"] == [HEADER, "always"] and not {"X-Powered-By", "X-Evil"} & headers.keys()
    (policy,) = [each for each in site_maps(files) if each.words[2] == headers["Content-Security-Policy"][0]]
    assert [each.words for each in policy.block or []] == [["default", ""], ["", POLICY]]


def site_maps(files: dict[str, Directive]) -> list[Directive]:
    return files["/etc/nginx/sites-available/a-1"].find("map")


def test_own_headers_replace_those_that_nginx_adds(app: Callable[..., Target]) -> None:
    def added(log_format: str = "text", **nginx: Any) -> list[str]:
        text = file("nginx", app("nothing set", log_format=log_format, nginx=nginx), "/etc/nginx/snippets/hello.conf").text
        return [each.words[1] for each in nginx_file(text).find("add_header")]

    usual = ["X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Permissions-Policy", "Cross-Origin-Opener-Policy"]
    assert added() == usual
    assert added(headers={"x-frame-options": "DENY", "Referrer-Policy": ""}) == [usual[0], *usual[3:], "x-frame-options"]
    assert added(security_headers=False) == []
    static = {"static": {"/static": "static"}}
    assert added(**static) == [*usual, "Cache-Control"]
    assert added(**static, headers={"cache-control": "no-store"}) == [*usual, "cache-control"]
    assert added("json") == [*usual, "X-Request-ID"]
    assert added("json", headers={"x-request-id": ""}) == usual


@pytest.mark.parametrize(("name", "hashed"), [
    ("app.3f2a9c1b.js", True),
    ("css/main-8a1b2c3d4e5f.min.css", True),
    ("style.d41d8cd98f00b204e9800998ecf8427e.css.map", True),
    ("chunk-5RZQHKTV.js", True),
    ("assets/index-BxK3d9_f.js", True),
    ("assets/deep/index-D-kq3lzX.css", True),
    ("_astro/page.B7Xk2pQa.js", True),
    ("app.js", False),
    ("app-12345678.js", False),
    ("report-20240131.pdf", False),
    ("feedback.js", False),
    ("photo-1280x720.jpg", False),
    ("assets/photo-1280x720.jpg", False),
    ("Inter-SemiBold.woff2", False),
    ("assets/app-UserList.js", False),
    ("assets/app-settings.js", False),
    ("index-BxK3d9_f.js", False),
    ("page.3f2a9c1b.html", False),
    ("app.3f2a9c1b.js/other.js", False),
])  # fmt: skip
def test_files_whose_name_has_a_hash_never_change(app: Callable[..., Target], name: str, hashed: bool) -> None:
    text = file("nginx", app("nothing set"), "/etc/nginx/conf.d/selvedge.conf").text
    (names,) = [each for each in nginx_file(text).find("map") if each.words[2] == "$selvedge_hashed"]
    patterns = [each.words[0].removeprefix("~") for each in names.block or [] if each.words[0].startswith("~")]
    found = [any(re.search(each, f"{folder}/{name}") for each in patterns)
             for folder in ("/srv/hello/current/static", "/srv/hello/shared/uploads", "/usr/share/nginx/html")]  # fmt: skip
    assert found == [hashed, False, False]


def test_the_pause_after_the_limit(app: Callable[..., Target]) -> None:
    for limit, seconds in (("10r/s", 1), ("1r/s", 1), ("60r/m", 1), ("7r/m", 9)):
        text = file("nginx", app("nothing set", nginx={"rate_limit": limit}), "/etc/nginx/sites-available/hello").text
        assert f"    REJECTED {seconds};\n" in text, limit


def test_the_site_without_a_name_answers_by_address(app: Callable[..., Target]) -> None:
    text = file("nginx", app("nothing set"), "/etc/nginx/sites-available/hello").text
    assert "listen 80 default_server;" in text and "server_name _;" in text
    named = file("nginx", app("domains"), "/etc/nginx/sites-available/hello").text
    assert "listen 80;" in named and "server_name a.test www.a.test;" in named


def test_the_site_of_debian_is_removed(app: Callable[..., Target]) -> None:
    assert of("nginx", app("domains"), DebianDefaultSiteDisabled)


def test_every_server_block_has_the_limits(target: Any) -> None:
    limits = template("nginx/limits.conf.j2")
    directives = [line for line in limits.splitlines() if line.endswith(";")]
    assert len(directives) >= 6
    texts = [template("nginx/default.conf.j2", app=target()), *nginx_template("nginx/default-tls.conf.j2", port=443).texts,
             template("nginx/locations.conf.j2", app=target(), code="/srv/hello/current")]  # fmt: skip
    for text in texts:
        for directive in directives:
            assert text.count(directive) == 1, directive
