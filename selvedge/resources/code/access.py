"""Access to a git server: the deploy key and the server's host key."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from selvedge.config import giturl
from selvedge.config.local_files import user_name
from selvedge.errors import UsageError
from selvedge.resources.base import Change, Resource
from selvedge.shell.quoting import quote, words
from selvedge.ssh import known_hosts, openssh
from selvedge.ssh.config import of_options

if TYPE_CHECKING:
    from selvedge.config.target import Target

KEY_TYPES = {"ed25519": "ssh-ed25519", "ecdsa": "ecdsa-sha2-nistp256", "rsa": "ssh-rsa"}
"""The types of deploy keys, and the first word of their public halves (RFC 4253, RFC 5656, RFC 8709)."""
_BITS = {"ed25519": "", "ecdsa": " -b 256", "rsa": " -b 4096"}


class DeployKey(Resource):
    """A key pair of this server for a private repository. Its public half is shown if the repository rejects the server.

    type: a key of KEY_TYPES.
    """

    path: str
    comment: str
    type: str = "ed25519"

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def owned(self) -> tuple[str, ...]:
        return (self.path, f"{self.path}.pub")

    def probe(self) -> str:
        return f"probe_path {quote(self.path)} ''\nprobe_line {quote(f'{self.path}.pub')}"

    def plan(self, fact: str) -> Change | None:
        state, _, rest = fact.partition("\n")
        public = rest.strip().splitlines()[-1].split(" ")[0] if rest.strip() else ""
        path, public_path = quote(self.path), quote(f"{self.path}.pub")
        make = f"ssh-keygen -q -t {self.type}{_BITS[self.type]} -N '' -C {quote(self.comment)} -f {path}"
        if not state.startswith("file"):
            shell = f"mkdir -p -- {quote(str(Path(self.path).parent))}\nrm -f -- {public_path}\n{make}"
            return Change("create this server's deploy key", shell, remedy="Run `fab install` first; it installs ssh-keygen.")
        if public in KEY_TYPES.values() and public != KEY_TYPES[self.type]:
            return Change(
                f"replace the deploy key by one of the type {self.type} (app.deploy_key_type)",
                f"rm -f -- {path} {public_path}\n{make}\n"
                f'step_say "add the new deploy key to the repository, and remove the previous key there: $(cat {public_path})"',
            )
        if public != KEY_TYPES[self.type]:
            return Change("write the public half of the deploy key again", f"ssh-keygen -y -f {path} >{public_path}")
        if not state.startswith("file 600 root root"):
            return Change("restrict the deploy key to root", f"chown root:root -- {path}\nchmod 0600 -- {path}")
        return None


class GitHostKey(Resource):
    """The host key of a git server, in the server's known_hosts file `path`.

    known: lines of a known_hosts file with the key; "" takes the key that the git server shows at the first contact. hint: what
    ssh's configuration on this machine says of the git server, in a sentence; "" if the server would find it by the same name.
    """

    path: str
    host: str
    port: int
    known: str = ""
    hint: str = ""

    @classmethod
    def of(cls, path: str, host: str, port: int, ssh_config: str = "", hint: str = "") -> GitHostKey:
        """Return the key as this machine knows it. ssh_config: another configuration than ssh's usual one."""
        files = dict.fromkeys([*_files(host, ssh_config), *known_hosts.machine_files()])
        return cls(path, host, port, _known_here(tuple(files), known_hosts.entry_name(host, port)), hint)

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
        remedy = self.hint or remedy
        return Change(f"store the host key of {self._entry}", shell, remedy=remedy)


def _files(host: str, ssh_config: str) -> tuple[Path, ...]:
    """Return the known_hosts files that ssh on this machine would read for the git server."""
    try:
        options = openssh.ask(openssh.Request(host, file=ssh_config))
    except UsageError:
        return ()
    return tuple(path for path in of_options(options, host).known_hosts if path.is_file())


def alias_hint(app: Target) -> str:
    """Return what to do if ssh's configuration on this machine gives the git server another name or port, "" if it does not."""
    if not app.ssh_server:
        return ""
    host, port = app.ssh_server
    try:
        found = of_options(openssh.ask(openssh.Request(host, file=app.ssh_config)), host)
    except UsageError:
        return ""
    if found.address.lower() == host.lower():
        return ""
    user = "" if found.user == user_name() else found.user
    address = giturl.with_server(app.repository, user, found.address, found.port if port == 22 else port)
    return (
        f"{host} is a name from ssh's configuration on your machine, which the server does not have. Set app.repository to "
        f"{address} in hosts.toml."
    )


@functools.cache
def _known_here(files: tuple[Path, ...], entry: str) -> str:
    """Return the lines of these files for an entry. Cached: a step is declared several times a run, and the files may be long."""
    return known_hosts.lines_for(files, entry)
