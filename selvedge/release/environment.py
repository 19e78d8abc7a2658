"""Which variables of the environment a release changes. Names only: values are compared by hashes and shown nowhere."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from pydantic import SecretStr

from selvedge.config.dotenv import render_environment
from selvedge.paths import Paths
from selvedge.resources.base import Change
from selvedge.resources.files import File
from selvedge.shell.library import call

Hashes = tuple[tuple[str, str], ...]
"""Names of variables, each with the HMAC-SHA256 of its line in the environment file."""


def environment_hashes(environment: Mapping[str, SecretStr], key: str = "") -> Hashes:
    """Return the variables of an environment with their hashes. key: for HMAC (RFC 2104), so that no one can guess the values."""
    lines = {name: render_environment({name: value}).rstrip("\n") for name, value in environment.items()}
    encoded = {name: line.encode("utf-8", "surrogateescape") for name, line in lines.items()}
    return tuple((name, hmac.digest(key.encode(), line, "sha256").hex()) for name, line in encoded.items())


def parse_hashes(fact: str, prefix: str) -> Hashes | None:
    """Return the variables that the server has printed after this prefix (environment.sh), None if it has printed nothing."""
    lines = [line for line in fact.splitlines() if line == prefix or line.startswith(f"{prefix} ")]
    pairs = (line.removeprefix(prefix).split() for line in lines)
    return tuple((pair[0], pair[1]) for pair in pairs if len(pair) == 2) if lines else None


def changed_variables(old: Hashes, new: Hashes) -> str:
    """Return the names that differ, "" without any: "DATABASE_URL changed, DEBUG added, OLD removed"."""
    before, after = dict(old), dict(new)
    words = [f"{name} {'changed' if name in before else 'added'}" for name in after if before.get(name) != after[name]]
    return ", ".join([*words, *(f"{name} removed" for name in before if name not in after)])


class EnvironmentFile(File):
    """The file with a release's environment. The plan names the variables that the live release has not, or has differently."""

    hashes: Hashes = ()
    app: str = ""

    def probe(self) -> str:
        return f"{super().probe()}\n{call('environment_of_live', self.path, given=Paths(self.app).shell_values)}"

    def plan(self, fact: str) -> Change | None:
        first, _, rest = fact.partition("\n")
        change = super().plan("\n".join([first, rest.partition("\n")[0], ""]) if first.startswith("file ") else first)
        live = parse_hashes(fact, "live")
        if change is None or live is None or not (names := changed_variables(live, self.hashes)):
            return change
        return Change(f"{change.summary} (environment: {names})", change.shell, payload=change.payload)
