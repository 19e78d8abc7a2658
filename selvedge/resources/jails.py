"""fail2ban's jails of a site."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

from selvedge.resources.base import Change, Resource, sections
from selvedge.resources.files import Absent, File
from selvedge.resources.system import STAMPS
from selvedge.shell.quoting import quote


class Jails(Resource):
    """The jails of this file are there, and in fail2ban, where that runs; with an empty text they are not.

    Where it does not run nothing is asked for: what reads these logs is then nobody's business.
    """

    path: str
    text: str

    @property
    def _stamp(self) -> str:
        return f"{STAMPS}/{PurePosixPath(self.path).stem}"

    @property
    def _sum(self) -> str:
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
        return (
            "printf '\\n--- unit\\n'\nprobe_unit fail2ban.service\n"
            f"printf '\\n--- loaded\\n'\nprobe_line {quote(self._stamp)}\n"
            f"printf '\\n--- file\\n'\n{self._file.probe()}"
        )

    def plan(self, fact: str) -> Change | None:
        parts = sections(fact)
        if "ActiveState=active" not in parts.get("unit", "").splitlines():
            return None
        written = self._file.plan(parts.get("file", "absent"))
        loaded = not self.text or parts.get("loaded", "").strip() == self._sum
        if written is None and loaded:
            return None
        # A reload, not a restart: who is shut out stays so.
        shell = [
            f"rm -f -- {quote(self._stamp)}",
            written.shell if written else ":",
            'fail2ban-client --test >"$undo/check" 2>&1 || step_fail "fail2ban refuses its configuration: '
            "$(grep -m 1 ERROR \"$undo/check\" | sed 's/.*ERROR *//'). Mend the file that it names, in /etc/fail2ban.\"",
            'fail2ban-client reload >"$undo/check" 2>&1 || { cat "$undo/check"; exit 1; }',
            f"(umask 077 && mkdir -p {STAMPS})\nprintf '%s\\n' {self._sum} >{quote(self._stamp)}" if self.text else ":",
        ]
        what = f"have fail2ban read {self.path}" if self.text else f"remove {self.path}, and tell fail2ban"
        return Change(
            what, "\n".join(shell), diff=written.diff if written else "",
            remedy="On the server: `fail2ban-client --test`, and `journalctl -u fail2ban -n 50`.",
        )  # fmt: skip
