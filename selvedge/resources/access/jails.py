"""The fail2ban jails of a site."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

from selvedge.resources.base import Change, Resource, section, sections
from selvedge.resources.files import Absent, File
from selvedge.resources.stamp import Stamp


class Jails(Resource):
    """fail2ban has loaded the jails of this file; with an empty text it has no such file.

    Nothing is planned if fail2ban does not run.
    """

    path: str
    text: str

    @property
    def _stamp(self) -> Stamp:
        return Stamp(PurePosixPath(self.path).stem)

    @property
    def _hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def _file(self) -> File | Absent:
        return File(self.path, self.text) if self.text else Absent(self.path)

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def hashed(self) -> tuple[str, ...]:
        return (self.path,) if self.text else ()

    def units(self) -> tuple[str, ...]:
        return ("fail2ban.service",)

    def probe(self) -> str:
        parts = {"unit": "probe_unit fail2ban.service", "loaded": self._stamp.read(), "file": self._file.probe()}
        return "\n".join(section(name, shell) for name, shell in parts.items())

    def plan(self, fact: str) -> Change | None:
        parts = sections(fact)
        if "ActiveState=active" not in parts.get("unit", "").splitlines():
            return None
        written = self._file.plan(parts.get("file", "absent"))
        loaded = not self.text or parts.get("loaded", "").strip() == self._hash
        if written is None and loaded:
            return None
        shell = [
            self._stamp.remove(),
            written.shell if written else ":",
            "bans_reload",
            self._stamp.write(self._hash) if self.text else ":",
        ]
        summary = f"load {self.path} into fail2ban" if self.text else f"remove {self.path} and reload fail2ban"
        return Change(
            summary, "\n".join(shell), diff=written.diff if written else "",
            remedy="On the server, run `sudo fail2ban-client --test` and `sudo journalctl -u fail2ban -n 50`.",
        )  # fmt: skip
