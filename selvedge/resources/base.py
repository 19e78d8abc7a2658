"""What every resource is: a frozen value that says what a server should be, how to see it and how to make it so."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path

from selvedge.value import dataclass

Payload = bytes | Path


@dataclass(frozen=True)
class Guard:
    """What keeps changes from shutting their own user out of a server.

    Such changes are made only after a fresh login as the host's user, sudo included, has succeeded, and are kept only
    after another one has succeeded over the new rules. Each field is shell.
    arm: runs before the changes and leaves an undo on the server that fires by itself unless it is disarmed.
    revert: takes everything back at once. disarm: keeps it; fails where the undo has fired already.
    uses: the shell libraries that they call.
    """

    arm: str
    revert: str
    disarm: str
    uses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """One difference between a server and what it should be.

    summary: a sentence without the host's name, e.g. "write /etc/nginx/sites-available/hello".
    shell: POSIX sh that makes it so; runs as root in a subshell of its own under `set -eu`.
    diff: unified diff lines, "" where there is none to show (always "" for secrets).
    payload: bytes, or a file on this machine, that the shell reads from file descriptor 3; secrets travel here, so
        that the script can be printed.
    uses: names of the shell libraries in `selvedge/shell/` that the shell calls.
    remedy: what to do when it fails, one sentence.
    waits: the change only says that an earlier step must come first; behind changes of such a step it is not shown.
    local, local_environment: commands for the operator's own machine, run before the step's shell, and their variables.
    guard: where the change could shut its user out; successive changes with the same guard are made under it together.
    """

    summary: str
    shell: str
    diff: str = ""
    payload: Payload = b""
    uses: tuple[str, ...] = ()
    remedy: str = ""
    waits: bool = False
    local: tuple[str, ...] = ()
    local_environment: tuple[tuple[str, str], ...] = ()
    guard: Guard | None = None


class Resource(ABC):
    """A thing on a server, declared: `probe` is shell that only reads, `plan` compares what it printed."""

    uses: tuple[str, ...] = ()

    def paths(self) -> tuple[str, ...]:
        """The paths that the probe asks `path_fact` for: those of a whole reading are looked up by one process."""
        return ()

    def hashed(self) -> tuple[str, ...]:
        """Those of them whose text counts."""
        return ()

    def packages(self) -> tuple[str, ...]:
        """The packages that the probe asks `packages_fact` for, likewise by one process."""
        return ()

    def units(self) -> tuple[str, ...]:
        """The units of systemd (`nginx.service`) that the probe asks `unit_fact` for, likewise by one process."""
        return ()

    @abstractmethod
    def probe(self) -> str:
        """Shell that prints the fact and writes nothing. Of what another probe has set it can rely on nothing: two processes
        share the probes of a reading."""

    @abstractmethod
    def plan(self, fact: str) -> Change | None:
        """The change that is needed where `fact` is what the probe printed; None where nothing differs."""

    def identity(self) -> str:
        """A hash of the desired state, in hex: what a service that loads this resource is stamped with."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


class Loader(Resource):
    """A resource that loads others (a service its configuration) and must load them again when they change."""

    loads: tuple[Resource, ...]

    @abstractmethod
    def reload(self) -> Change:
        """The change that loads everything again, and stamps it."""

    @abstractmethod
    def before_loads(self) -> str:
        """Shell that runs before the first change to what is loaded: refuses where the service's configuration is
        already broken, and takes the stamp away, so that a run which dies before the reload reloads next time."""
