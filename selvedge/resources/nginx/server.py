"""nginx itself: its main file, limits, logs, restrictions and service."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from selvedge.resources.base import Change, Resource
from selvedge.resources.files import Absent, File
from selvedge.resources.services import Service
from selvedge.shell.quoting import quote, words

_CODE = r"(?m)^([^#\n]*?"
"""The part of a line before a directive, unless that is in a comment; the group is still open."""
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
            # nginx gives its logs to the user of its workers, which is not www-data everywhere.
            if line == "absent" or (line.startswith("file ") and not re.fullmatch(r"file 640 \S+ adm", line))
        ]
        if not wrong:
            return None
        return Change(f"make {', '.join(wrong)} unreadable for other users", f"nginx_close_logs {words(*wrong)}")


class NginxConf(Resource):
    """nginx.conf, with some values changed in place, since no included file can set them.

    connections: the least worker_connections. nginx may have twice as many open files: on Debian a file of its own says so
    (OpenFilesLimit), but nginx.org's nginx.conf includes no such file. The default of ssl_protocols loses TLS before 1.2 (RFC
    8996). Clients choose among the ciphers, because phones without AES instructions are faster with others.
    """

    connections: int = CONNECTIONS
    path: str = "/etc/nginx/nginx.conf"

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"probe_path {quote(self.path)}\ncat -- {quote(self.path)}"

    def plan(self, fact: str) -> Change | None:
        about, _, text = fact.partition("\n")
        wanted = self._with_connections(text)
        wanted = re.sub(r"(?m)^(\s*ssl_protocols\s[^;#\n]*);", self._modern, wanted)
        wanted = re.sub(r"(?m)^(\s*ssl_prefer_server_ciphers\s+)on\s*;", r"\1off;", wanted)
        if wanted == text or not about.startswith("file "):
            return None
        _, mode, owner, group = about.split()
        return File(self.path, wanted, mode, owner, group).plan(f"{about}\n-\n{text}")

    def _with_connections(self, text: str) -> str:
        wanted, found = re.subn(rf"{_CODE}\bworker_connections\s+)([0-9]+)(?=\s*;)", self._raised(self.connections), text)
        if not found:
            # nginx's own default is 512.
            wanted = re.sub(rf"{_CODE}\bevents\s*\{{)", rf"\1\n    worker_connections {self.connections};", text, count=1)
        files = 2 * self.connections
        wanted, found = re.subn(rf"{_CODE}\bworker_rlimit_nofile\s+)([0-9]+)(?=\s*;)", self._raised(files), wanted)
        if not found and not re.search(rf"{_CODE}\binclude\s+[^;\n]*modules-enabled/)", wanted):
            wanted = re.sub(rf"{_CODE}\bevents\s*\{{)", rf"worker_rlimit_nofile {files};\n\1", wanted, count=1)
        return wanted

    @staticmethod
    def _raised(least: int) -> Callable[[re.Match[str]], str]:
        return lambda found: f"{found[1]}{max(int(found[2]), least)}"

    def _modern(self, found: re.Match[str]) -> str:
        line = re.sub(r"\s(SSLv2|SSLv3|TLSv1|TLSv1\.1)(?=\s|$)", "", found[1])
        return f"{line if 'TLS' in line else f'{line} TLSv1.2 TLSv1.3'};"


class OpenFilesLimit(File):
    """The number of files that each nginx process may have open; absent if another file sets it, since nginx rejects a second one.

    Debian includes no other folder than modules-enabled outside of `http`. Where nginx.conf does not, NginxConf sets the number.
    """

    path: str = "/etc/nginx/modules-enabled/90-selvedge.conf"
    text: str = (
        "# How many files each nginx process may have open. Written by `fab nginx`; changes here are overwritten.\n"
        f"worker_rlimit_nofile {2 * CONNECTIONS};\n"
    )

    def probe(self) -> str:
        return f"nginx_limits\necho --\n{super().probe()}"

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


class SitesEnabled(File):
    """nginx reads the folder sites-enabled, by a file of ours if no other file includes it: nginx.org's package does not."""

    path: str = "/etc/nginx/conf.d/selvedge-sites.conf"
    text: str = (
        "# Makes nginx read the sites, because nginx.conf does not. Written by `fab nginx`; changes here are overwritten.\n"
        "include /etc/nginx/sites-enabled/*;\n"
    )

    def probe(self) -> str:
        return f"nginx_without_sites {quote(self.path)}\necho --\n{super().probe()}"

    def plan(self, fact: str) -> Change | None:
        found, _, own = f"\n{fact}".partition("\n--\n")
        return super().plan(own) if found.strip() == "none" else Absent(self.path).plan(own)


class NginxGroup(Resource):
    """The user of nginx's workers is in the group www-data, which the sockets, logs and folders of apps have."""

    def probe(self) -> str:
        return "nginx_outsider"

    def plan(self, fact: str) -> Change | None:
        user = fact.strip()
        if not user:
            return None
        return Change(f"add nginx's user {user} to the group www-data", f"usermod -a -G www-data -- {quote(user)}")


class Nginx(Service):
    """nginx, enabled and running with these files. A reload has succeeded once new workers have taken over.

    own_file: the path on the server and the name of a user's own file among them, or nothing. check_site: shell that fails if
    the app's address does not show the app.
    """

    name: str = "nginx"
    check: str = "nginx_test"
    reload_command: str = "nginx_reload"
    own_file: tuple[str, ...] = ()
    check_site: str = ""
    loaded_by: ClassVar[tuple[str, ...]] = ("nginx",)

    def _run_check(self, problem: str, remedy: str, *about_to_be_written: str) -> str:
        local = [re.sub(r"([\\&#])", r"\\\1", name) for name in self.own_file]
        checked = replace(self, check=f"nginx_test {words(*local)}".strip(), own_file=()) if local else self
        return Service._run_check(checked, problem, remedy, *about_to_be_written)

    def _reload_line(self) -> str:
        return "\n".join(filter(None, [super()._reload_line(), self.check_site]))
