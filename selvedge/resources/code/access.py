"""Access to a git server: the deploy key and the server's host key."""

from __future__ import annotations

import functools
from pathlib import Path

from selvedge.resources.base import Change, Resource
from selvedge.shell.quoting import quote, words
from selvedge.ssh import known_hosts


class DeployKey(Resource):
    """A key pair of this server for a private repository. Its public half is shown if the repository rejects the server."""

    path: str
    comment: str

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def owned(self) -> tuple[str, ...]:
        return (self.path, f"{self.path}.pub")

    def probe(self) -> str:
        return f"probe_path {quote(self.path)} ''"

    def plan(self, fact: str) -> Change | None:
        if fact.startswith("file 600 root root"):
            return None
        path = quote(self.path)
        if fact.startswith("file"):
            return Change("restrict the deploy key to root", f"chown root:root -- {path}\nchmod 0600 -- {path}")
        shell = (
            f"mkdir -p -- {quote(str(Path(self.path).parent))}\n"
            f"ssh-keygen -q -t ed25519 -N '' -C {quote(self.comment)} -f {path}"
        )
        return Change("create this server's deploy key", shell, remedy="Run `fab install` first; it installs ssh-keygen.")


class GitHostKey(Resource):
    """The host key of a git server, in the server's known_hosts file `path`.

    known: lines of a known_hosts file with the key; "" takes the key that the git server shows at the first contact.
    """

    path: str
    host: str
    port: int
    known: str = ""

    @classmethod
    def of(cls, path: str, host: str, port: int) -> GitHostKey:
        """Return the key as this machine knows it."""
        return cls(path, host, port, _known_here(tuple(known_hosts.machine_files()), known_hosts.entry_name(host, port)))

    @property
    def _entry(self) -> str:
        return known_hosts.entry_name(self.host, self.port)

    def owned(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"ssh-keygen -F {quote(self._entry)} -f {quote(self.path)} >/dev/null 2>&1 && echo known || true"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == "known":
            return None
        if self.known:
            shell = f"printf '%s' {quote(self.known)} >>{quote(self.path)}"
            return Change(f"copy the host key of {self._entry} from your machine's known_hosts", shell)
        shell = f"git_take_host_key {words(self.host, str(self.port), self.path)}"
        remedy = (
            "Check that the server can reach the git server. Or set app.repository to a folder on your machine, "
            "so that commits are pushed from there."
        )
        return Change(f"store the host key of {self._entry}", shell, remedy=remedy)


@functools.cache
def _known_here(files: tuple[Path, ...], entry: str) -> str:
    """Return the lines of these files for an entry. Cached: a step is declared several times a run, and the files may be long."""
    return known_hosts.lines_for(files, entry)
