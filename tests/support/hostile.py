"""Settings whose values are as hostile as their types allow."""

from __future__ import annotations

from typing import Any

import fabfile
from selvedge.config.target import Target
from selvedge.resources.base import Resource
from tests.support.steps import bare

TEXT = """it's "quoted" $HOME $(touch /root/pwned) `touch /root/pwned` ; & | < > * ? ~ # %s %(x)s {{ y }} \\n 部署"""
HEADER = """it's "quoted" `x` \\ \\" ; } add_header X-Evil 1; { # %s {{ y }} \\n"""
"""A value of a header."""
POLICY = """default-src it's `x` \\ } { # %s {{ y }} \\n; add-header X-Evil 1"""
ENVIRONMENT: dict[str, str] = {"ONE": TEXT, "TWO": "a\nb\n", "EMPTY": "", "LAST": "\\", "TAB": "\t", "DOLLAR": "$$"}
ENVIRONMENT |= {"PATH": "/evil", "HOME": "/evil"}
HOSTILE: dict[str, Any] = {
    "name": "a-1",
    "repository": f"./{TEXT}",
    "branch": "größe/部署-1,2@3=4#5",
    "root": "back.end_/x@+y-z",
    "module": "_pkg._mod_1:_site.app",
    "domains": ["xn--mnchen-3ya.example", "a-b.example"],
    "worker_class": "_a._b.C_1",
    "health": "/a%20b/~._-?full=1&x=%24(id)".replace("(", "%28").replace(")", "%29"),
    "health_host": "x-y.example",
    "migrate": TEXT,
    "env_file": "a file's $(x).env",
    "build_env_file": "a file's $(x).env",
    "extras": ["A.b_c-1"],
    "dependency_groups": ["A.b_c-1", "2"],
    "requirements": "req.d/x@+y-z.txt",
    "release_header": False,
    "tls": {"email": "o'hara|`x`$y{z}*&#%/?=^~@example.com", "acme_server": "https://acme.example.com:14000/~a%20b/[x]"},
    "nginx": {"static": {"/~a_-.b": "dir.@+x", "/s/": "deep/er"}, "media": {"/m-/n": "up.load_@"}, "max_body": "1g",
              "redirects": {"/~r": "/%24(id)?a=1&b=%22".replace("(", "%28").replace(")", "%29"), "x-y.example": "https://z.example/~%20"},
              "spa": "front.end/x@+y", "rate_limit": "60r/m", "csp": POLICY, "headers": {"X-Own": HEADER, "X-Powered-By": ""}},
    "server": {"authorized_keys": ["me.pub"], "ignore_ips": ["2001:db8::/32"], "packages": ["lib+x.y-1"]},
    "services": {"postgres": True, "redis": True, "database_scheme": "postgresql+a_1"},
    "hooks": {"after_build": [TEXT, "second"], "before_switch": [TEXT]},
    "processes": {"a-1": {"command": TEXT}},
    "timers": {"t-1": {"command": TEXT, "schedule": "Mon 00:00"}},
}


def declared(name: str, app: Target) -> list[Resource]:
    return list(fabfile.namespace[name].resources(app))


def changed(resources: list[Resource], kind: str) -> str:
    """Return the shell of the only change of this kind."""
    (resource,) = (each for each in resources if type(each).__name__ == kind)
    change = resource.plan(bare(resource))
    assert change
    return change.shell
