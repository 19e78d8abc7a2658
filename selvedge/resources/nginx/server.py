"""nginx itself: its main file, limits, logs, restrictions and service."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar

from selvedge.resources.base import Change, Resource
from selvedge.resources.files import Absent, File
from selvedge.resources.services import Service
from selvedge.shell.quoting import quote, words

CONNECTIONS = 8192
"""Connections of each nginx process. One client with 2,000 slow connections uses up Debian's 768."""


class NginxLogs(Resource):
    """nginx's log files, unreadable for other users. nginx itself makes them readable, whatever the umask of its unit."""

    files: tuple[str, ...]

    def paths(self) -> tuple[str, ...]:
        return self.files

    def probe(self) -> str:
        return "\n".join(f"probe_path {quote(file)}" for file in self.files)

    def plan(self, fact: str) -> Change | None:
        wrong = [
            file
            for file, line in zip(self.files, fact.splitlines(), strict=True)
            if line == "absent" or (line.startswith("file ") and line != "file 640 www-data adm")
        ]
        if not wrong:
            return None
        return Change(f"make {', '.join(wrong)} unreadable for other users", f"nginx_close_logs {words(*wrong)}")


class NginxConf(Resource):
    """Debian's nginx.conf, with two values changed in place, since no included file can set them.

    connections: the least worker_connections. The default of ssl_protocols loses TLS before 1.2 (RFC 8996).
    """

    connections: int = CONNECTIONS
    path: str = "/etc/nginx/nginx.conf"

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"probe_path {quote(self.path)}\ncat -- {quote(self.path)}"

    def plan(self, fact: str) -> Change | None:
        about, _, text = fact.partition("\n")
        wanted = re.sub(r"(?m)^(\s*worker_connections\s+)([0-9]+)(?=\s*;)", self._raised, text)
        wanted = re.sub(r"(?m)^(\s*ssl_protocols\s[^;#\n]*);", self._modern, wanted)
        if wanted == text or not about.startswith("file "):
            return None
        _, mode, owner, group = about.split()
        return File(self.path, wanted, mode, owner, group).plan(f"{about}\n-\n{text}")

    def _raised(self, found: re.Match[str]) -> str:
        return f"{found[1]}{max(int(found[2]), self.connections)}"

    def _modern(self, found: re.Match[str]) -> str:
        line = re.sub(r"\s(SSLv2|SSLv3|TLSv1|TLSv1\.1)(?=\s|$)", "", found[1])
        return f"{line if 'TLS' in line else f'{line} TLSv1.2 TLSv1.3'};"


class OpenFilesLimit(File):
    """The number of files that each nginx process may have open; absent if another file sets it, since nginx rejects a second one.

    Debian includes no other folder than modules-enabled outside of `http`.
    """

    path: str = "/etc/nginx/modules-enabled/90-selvedge.conf"
    text: str = (
        "# How many files each nginx process may have open. Written by `fab nginx`; changes here are overwritten.\n"
        f"worker_rlimit_nofile {2 * CONNECTIONS};\n"
    )

    def probe(self) -> str:
        files = "/etc/nginx/nginx.conf /etc/nginx/modules-enabled/*.conf"
        return f"grep -lsE '^[^#]*worker_rlimit_nofile[[:space:]]' {files}\necho --\n{super().probe()}"

    def plan(self, fact: str) -> Change | None:
        found, _, own = f"\n{fact}".partition("\n--\n")
        others = set(found.split()) - {self.path}
        return Absent(self.path).plan(own) if others else super().plan(own)


class NginxRestrictions(File):
    """The restrictions that nginx runs under, as a drop-in of its unit."""

    def plan(self, fact: str) -> Change | None:
        change = super().plan(fact)
        if change is None:
            return None
        remedy = "Remove the restriction that nginx fails with from templates/nginx/box.conf.j2, then run `fab nginx` again."
        return replace(change, shell=f"{change.shell}\nnginx_restrict {quote(self.path)}", remedy=remedy)


class Nginx(Service):
    """nginx, enabled and running with these files. A reload has succeeded once new workers have taken over."""

    name: str = "nginx"
    check: str = "nginx -t"
    reload_command: str = "nginx_reload"
    loaded_by: ClassVar[tuple[str, ...]] = ("nginx",)
