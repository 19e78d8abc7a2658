"""The step `nginx`: its sites, read by nginx's rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from selvedge.config.target import Target
from selvedge.project.render import template
from selvedge.resources.files import File
from selvedge.resources.nginx.sites import DebianDefaultSiteDisabled
from selvedge.resources.nginx.version import nginx_template
from tests.support.declared import file, of
from tests.support.hostile import HOSTILE, declared
from tests.support.readers import nginx_file


def test_hostile_values_stay_values_for_nginx(hostile: Target) -> None:
    files = {each.path: nginx_file(each.text) for step in ("nginx", "certbot") for each in declared(step, hostile)
             if isinstance(each, File) and each.path.startswith("/etc/nginx/")}  # fmt: skip
    site = files["/etc/nginx/sites-available/a-1"]
    assert [each.words[0] for each in site.block or []] == ["upstream", "server", "server"]
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
