"""nginx accepts the sites of all example settings, with and without metrics, as Debian's nginx.conf includes them."""

from __future__ import annotations

import base64
import io
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import Lab
from sandbox import Server
from selvedge.config.target import Target
from selvedge.resources.files import File, Link
from selvedge.resources.nginx.server import SitesEnabled
from selvedge.resources.nginx.sites import DefaultServer
from selvedge.resources.nginx.version import VersionedText, parse
from tests.support.declared import SETTINGS, every
from tests.support.keys import KEY

MODULES = "libnginx-mod-http-brotli-filter libnginx-mod-http-brotli-static"
SECRETS = dict.fromkeys(("production.env", "build.env", "backup_key", "dns.ini"), "A=b\n") | {"me.pub": f"{KEY}\n"}
CLEAR = "rm -rf /etc/nginx/sites-enabled/* /etc/nginx/conf.d/* /etc/nginx/selvedge /etc/nginx/snippets/*hello*\n"
PAIR = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=a -keyout /root/a -out /root/a.pem"


@pytest.fixture(scope="module")
def nginx_server(lab: Lab) -> Server:
    made = lab.server("setup")
    made.run(f"apt-get -q -y install {MODULES} >/dev/null 2>&1 && {PAIR} 2>/dev/null && cat /root/a.pem >>/root/a")
    return made


def texts(app: Target, version: tuple[int, ...]) -> Iterator[tuple[str, str | None, str]]:
    """Yield the path, the text or None, and the target of each file and link of nginx."""
    for _, each in every(app):
        path = str(getattr(each, "path", ""))
        unwanted = isinstance(each, SitesEnabled) or (isinstance(each, DefaultServer) and not each.wanted)
        if unwanted or not path.startswith("/etc/nginx/"):
            continue
        if isinstance(each, Link):
            yield path, None, each.to
        elif isinstance(each, File) or isinstance(getattr(each, "text", None), VersionedText):
            text = getattr(each, "text", "")
            yield path, text.at(version) if isinstance(text, VersionedText) else text, ""


def written(app: Target, version: tuple[int, ...]) -> str:
    """Return shell that writes nginx's files, with a certificate and the folders that they name, and tests them."""
    data, found = io.BytesIO(), list(texts(app, version))
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for path, text, to in found:
            entry = tarfile.TarInfo(path.lstrip("/"))
            content = (text or "").encode()
            entry.size, entry.mode = len(content), 0o644
            if text is None:
                entry.type, entry.linkname = tarfile.SYMTYPE, to
            archive.addfile(entry, io.BytesIO(content))
    all_text = "\n".join(text or "" for _, text, _ in found)
    certificates = set(re.findall(r"ssl_(?:certificate|certificate_key|trusted_certificate) (/[^;]+);", all_text))
    logs = {str(Path(each).parent) for each in re.findall(r"(?:access|error)_log (/[^ ;]+)", all_text)}
    links = "".join(f"mkdir -p {Path(each).parent} && ln -sfn /root/a {each}\n" for each in sorted(certificates))
    packed = base64.b64encode(data.getvalue()).decode()
    folders = f"mkdir -p {' '.join(sorted(logs | {'/var/lib/nginx'}))}\n"
    return f"{CLEAR}{folders}{links}base64 -d <<'EOF' | tar -C / -xzf -\n{packed}\nEOF\nnginx -t 2>&1"


@pytest.mark.thorough
@pytest.mark.parametrize("metrics", [False, True])
def test_nginx_accepts_the_sites_of_all_settings(
    nginx_server: Server, target: Callable[..., Target], tmp_path: Path, metrics: bool
) -> None:
    for name, text in SECRETS.items():
        (tmp_path / name).write_text(text)
    version = parse(nginx_server.run("nginx -v 2>&1").stdout)
    refused = {}
    for name, tables in SETTINGS.items():
        more: dict[str, Any] = {"metrics": {"enabled": True, **tables.get("metrics", {})}} if metrics else {}
        done = nginx_server.run(written(target(**{**tables, **more}), version), check=False)
        if done.returncode or "[warn]" in done.stdout:
            refused[name] = done.stdout[-600:]
    assert not refused
