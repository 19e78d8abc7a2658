"""gixy, which looks for faults in nginx's files, finds none in the sites."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fabfile
from selvedge.config.target import Target
from selvedge.resources.files import File
from selvedge.resources.nginx.https import ListenTls
from selvedge.resources.nginx.maintenance import maintenance_files
from selvedge.resources.nginx.server import NginxConf
from selvedge.resources.nginx.sites import DefaultServer

pytestmark = pytest.mark.programs

# The values of Debian's nginx.conf that sites inherit.
DEBIAN = """user www-data;
worker_rlimit_nofile 16384;
events {
    worker_connections 768;
}
http {
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; # Dropping SSLv3, ref: POODLE
    ssl_prefer_server_ciphers on;
    gzip on;
    include /etc/nginx/conf.d/*.conf;
    include /etc/nginx/sites-enabled/*;
}
"""


def nginx_conf() -> str:
    """Return Debian's nginx.conf after Selvedge has changed it."""
    change = NginxConf().plan(f"file 644 root root\n{DEBIAN}")
    assert change
    return change.shell.partition("<<'EOF'\n")[2].removesuffix("EOF")


def write(folder: Path, app: Target, version: tuple[int, ...], *more: File) -> Path:
    """Write the files of a site, those of its metrics, Debian's nginx.conf and more files to a folder; return nginx.conf's path."""
    texts = {"/etc/nginx/nginx.conf": nginx_conf()}
    for step in ("nginx", "certbot", "metrics"):
        for each in (*fabfile.namespace[step].resources(app), *more):
            if isinstance(each, DefaultServer | ListenTls):
                texts[each.path] = each.text.at(version)
            elif isinstance(each, File) and each.path.startswith("/etc/nginx/") and "selvedge-sites" not in each.path:
                texts[each.path.replace("sites-available", "sites-enabled")] = each.text
    for path, text in texts.items():
        here = folder / path.lstrip("/")
        here.parent.mkdir(parents=True, exist_ok=True)
        here.write_text(text.replace("/etc/nginx/", f"{folder}/etc/nginx/"))
    return folder / "etc/nginx/nginx.conf"


@pytest.mark.parametrize("version", [(1, 18, 0), (1, 22, 1), (1, 26, 3)])
@pytest.mark.parametrize("settings", [
    {"domains": ["a.test"]},
    {"domains": ["a.test"], "tls": {"hsts": 31536000}, "nginx": {
        "static": {"/static": "static"}, "media": {"/media": "up"}, "redirects": {"www.a.test": "a.test", "/a": "/b"},
        "trusted_proxies": ["cloudflare"], "large_headers": True,
    }},
])  # fmt: skip
def test_gixy_finds_nothing(
    target: Callable[..., Target], tmp_path: Path, settings: dict[str, Any], version: tuple[int, ...]
) -> None:
    assert faults(write(tmp_path, target(**settings), version)) == []


@pytest.mark.parametrize("settings", [{}, {"tls": {"hsts": 60}, "nginx": {"static": {"/static": "static"}}}])
def test_gixy_finds_nothing_in_a_maintenance_and_in_the_metrics(
    target: Callable[..., Target], tmp_path: Path, settings: dict[str, Any]
) -> None:
    app = target(domains=["a.test"], metrics={"enabled": True}, **settings)
    path = write(tmp_path, app, (1, 22, 1), *maintenance_files(app, ["203.0.113.9"], 60))
    assert "stub_status;" in (tmp_path / "etc/nginx/conf.d/selvedge-metrics.conf").read_text()
    assert "Retry-After 60" in (tmp_path / "etc/nginx/selvedge/hello.maintenance/site.conf").read_text()
    assert faults(path) == []


def faults(path: Path) -> list[tuple[str, str]]:
    """Return gixy's findings: the rule and the reason of each."""
    # HSTS is a setting (tls.hsts): browsers remember it, so it is off at first.
    command = [str(Path(sys.executable).with_name("gixy")), "--skips", "hsts_header", "--format", "json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout, done.stderr
    return [(each["plugin"], each["reason"]) for each in json.loads(done.stdout)]
