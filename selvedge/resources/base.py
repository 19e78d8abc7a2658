"""The base classes of resources: a value that says what a server should have, how to read it, and how to change it."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from selvedge.config import private_keys
from selvedge.errors import SelvedgeError
from selvedge.shell.quoting import quote
from selvedge.ssh.payload import Payload
from selvedge.value import Value


class Guard(Value):
    """Shell around changes that could lock their own user out of a server.

    Such changes are made only after a fresh login as the host's user, sudo included, has succeeded, and are kept only
    after another login has succeeded over the new rules.
    arm: runs before the changes and leaves an undo on the server, which fires unless it is disarmed. revert: takes
    everything back at once. disarm: keeps it; fails if the undo has already fired.
    """

    arm: str
    revert: str
    disarm: str


class Change(Value):
    """One difference between a server and what it should be.

    summary: an imperative without the host's name, e.g. "write /etc/nginx/sites-available/hello".
    shell: POSIX sh that makes the change; runs as root in a subshell of its own under `set -eu`.
    diff: unified diff lines, "" if there is nothing to show (always "" for secrets).
    payload: bytes, or a file on this machine, that the shell reads from file descriptor 3; secrets travel here, so
        that the script can be printed.
    remedy: what to do when the change fails, one sentence.
    waits: the change only says that an earlier step must come first; it is not shown after changes of such a step.
    local_commands: commands for the operator's own machine, run before the step's shell. local_env_vars: their env vars.
    local_work: work on the operator's own machine, done before the step's shell; it passes on lines of output, and notes.
    guard: set if the change could lock its user out; successive changes with the same guard are made under it together.
    noted: the shell adds a line of its own to the app's history.
    host_keys: the shell changes sshd's host keys, or which of them it uses.
    """

    summary: str
    shell: str
    diff: str = ""
    payload: Payload = b""
    remedy: str = ""
    waits: bool = False
    local_commands: tuple[str, ...] = ()
    local_env_vars: tuple[tuple[str, str], ...] = ()
    local_work: Callable[[Callable[[str], None], Callable[[str], None]], object] | None = None
    guard: Guard | None = None
    noted: bool = False
    host_keys: bool = False

    def __post_init__(self) -> None:
        """Raise SelvedgeError if the shell, which can be printed, has a private key. A diff does not show one on the server."""
        if private_keys.in_text(self.shell):
            raise SelvedgeError(
                f"Cannot {self.summary}: the text has a private key in it, and Selvedge shows the text of such files.",
                "Delete the key from the template or the file that the text comes from. A step of your own declares a file with a "
                'secret as `sv.File(path, text, "0600", secret=True)`.',
            )
        if self.diff and private_keys.in_text(re.sub("^[-+ ]", "", self.diff, flags=re.MULTILINE)):
            object.__setattr__(self, "diff", "(The file on the server has a private key in it, so its text is not shown.)")

    @property
    def begins_here(self) -> bool:
        """Whether something has to be done on the operator's own machine first."""
        return bool(self.local_commands) or self.local_work is not None

    @classmethod
    def refused(cls, summary: str, problem: str, *, remedy: str = "", waits: bool = False) -> Change:
        """Return a change that only fails, with the sentence `problem`: a person has to act first."""
        return cls(summary, f"step_fail {quote(problem)}", remedy=remedy, waits=waits)


class Query(Value, ABC):
    """A question to a server: shell that prints the answer and writes nothing. Session.read asks many at once."""

    def paths(self) -> tuple[str, ...]:
        """Return the paths that the probe asks `probe_path` for: one process looks up those of a whole reading."""
        return ()

    def hashed(self) -> tuple[str, ...]:
        """Return the paths whose hash `probe_path` prints: some of `paths`."""
        return ()

    def packages(self) -> tuple[str, ...]:
        """Return the packages that the probe asks `probe_packages` for: one process looks up those of a whole reading."""
        return ()

    def units(self) -> tuple[str, ...]:
        """Return the systemd units (`nginx.service`) that the probe asks `probe_unit` for, looked up in the same way."""
        return ()

    @abstractmethod
    def probe(self) -> str:
        """Return shell that prints the answer. It relies on nothing that another probe has set: two processes share them."""


    def complete(self, fact: str) -> str:
        """Return the fact together with the facts of this machine that `plan` needs; most queries need none."""
        return fact


class Ask(Query):
    """A query that is plain shell."""

    shell: str

    def probe(self) -> str:
        return self.shell


class Resource(Query):
    """A thing that a server should have. Its query reads the thing; `plan` compares the answer with the declaration."""

    @abstractmethod
    def plan(self, fact: str) -> Change | None:
        """Return the change that is needed if `fact` is the result of `complete`; None if nothing differs.

        It is pure: it reads no file and runs no program.
        """

    def unchanged(self, fact: str) -> str:  # noqa: ARG002
        """Return what a user should know if nothing differs, e.g. that the app is running; "" for nothing."""
        return ""

    def owned(self) -> tuple[str, ...]:
        """Return the paths that the resource makes. `fab remove` deletes them, unless another app has the same (remove.py)."""
        return ()

    def identity(self) -> str:
        """Return a hash of the desired state, in hex: a service that loads this resource is stamped with it."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


class Loader(Resource):
    """A resource that loads others (a service its configuration) and must load them again when they change."""

    @abstractmethod
    def loaded(self) -> tuple[Resource, ...]:
        """Return the resources that it loads."""

    @abstractmethod
    def reload(self) -> Change:
        """Return the change that loads everything again, and stamps it."""

    @abstractmethod
    def before_loads(self) -> str:
        """Return shell that runs before the first change to a loaded resource.

        It refuses if the service's configuration is already broken, and removes the stamp, so that a run which dies before
        the reload reloads next time.
        """


def section(name: str, shell: str) -> str:
    """Return a part of a probe: shell whose output `sections` finds by this name."""
    return f"printf '\\n--- {name}\\n'\n{shell}"


def sections(fact: str) -> Mapping[str, str]:
    """Return the parts of a fact, each after a line "--- name", by their names."""
    return dict(part.partition("\n")[::2] for part in fact.split("\n--- ")[1:])
