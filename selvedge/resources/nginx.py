"""nginx itself: its main file, its limits, its logs, and the box that it runs in."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar

from selvedge.resources.base import Change, Resource
from selvedge.resources.files import Absent, File
from selvedge.resources.system import Service
from selvedge.shell.quoting import quote, words

CONNECTIONS = 8192
"""Connections of each nginx process: Debian's 768 are used up by one client with 2,000 slow ones."""


class Logs(Resource):
    """nginx's log files, closed to others: those that it makes itself are not, whatever the umask of its unit."""

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
        own = 'chown -- www-data:adm "$log"\n  chmod -- 0640 "$log"'
        shell = f'for log in {words(*wrong)}; do\n  [ -e "$log" ] || : >"$log"\n  {own}\ndone'
        return Change(f"keep others out of {', '.join(wrong)}", shell)


class MainFile(Resource):
    """nginx.conf, which is Debian's: only what no file beside it can say is changed, each in its own line.

    connections: the least that each process may have open. TLS before 1.2 goes (RFC 8996), for sites that say nothing.
    """

    connections: int = CONNECTIONS
    path: str = "/etc/nginx/nginx.conf"

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"probe_path {quote(self.path)}\ncat -- {quote(self.path)}"

    def plan(self, fact: str) -> Change | None:
        own, _, text = fact.partition("\n")
        wanted = re.sub(r"(?m)^(\s*worker_connections\s+)([0-9]+)(?=\s*;)", self._raised, text)
        wanted = re.sub(r"(?m)^(\s*ssl_protocols\s[^;#\n]*);", self._modern, wanted)
        if wanted == text or not own.startswith("file "):
            return None
        _, mode, owner, group = own.split()
        return File(self.path, wanted, mode, owner, group).plan(f"{own}\n-\n{text}")

    def _raised(self, found: re.Match[str]) -> str:
        return f"{found[1]}{max(int(found[2]), self.connections)}"

    def _modern(self, found: re.Match[str]) -> str:
        line = re.sub(r"\s(SSLv2|SSLv3|TLSv1|TLSv1\.1)(?=\s|$)", "", found[1])
        return f"{line if 'TLS' in line else f'{line} TLSv1.2 TLSv1.3'};"


class OpenFiles(File):
    """How many files each process may have open: a file of its own beside nginx.conf, which has no other place for a
    directive outside of `http`. Where somebody has set it already, nginx would refuse a second one, and it is absent.
    """

    path: str = "/etc/nginx/modules-enabled/90-selvedge.conf"
    text: str = f"worker_rlimit_nofile {2 * CONNECTIONS};\n"

    def probe(self) -> str:
        places = "/etc/nginx/nginx.conf /etc/nginx/modules-enabled/*.conf"
        return f"grep -lsE '^[^#]*worker_rlimit_nofile[[:space:]]' {places}\necho --\n{super().probe()}"

    def plan(self, fact: str) -> Change | None:
        found, _, standing = f"\n{fact}".partition("\n--\n")
        somebodys = set(found.split()) - {self.path}
        return Absent(self.path).plan(standing) if somebodys else super().plan(standing)


class Box(File):
    """The restrictions that nginx itself runs under, as a drop-in of its unit."""


    def plan(self, fact: str) -> Change | None:
        change = super().plan(fact)
        if change is None:
            return None
        remedy = "Take what hinders it out of templates/nginx/box.conf.j2, then run this again."
        return replace(change, shell=f"{change.shell}\nsite_box {quote(self.path)}", remedy=remedy)


class Nginx(Service):
    """nginx, enabled, running, and running with these files: a reload counts when new workers have taken over."""

    name: str = "nginx"
    check: str = "nginx -t"
    reload_command: str = "nginx_reload"
    loaded_by: ClassVar[tuple[str, ...]] = ("nginx",)
