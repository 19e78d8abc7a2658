"""The sources of settings: hosts.toml, the sandbox's hosts, `.env`, the environment, the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from selvedge.config.secret_names import PREFIX
from selvedge.config.tables import sets
from selvedge.errors import Problem
from selvedge.value import Value

KeyPath = tuple[str | int, ...]
"""The keys that lead to a setting, with an index for each list: ("app", "domains", 1)."""


class Source(Value):
    """A source of settings: its name in messages, its tables, and the names of the env vars that they come from."""

    label: str
    data: dict[str, Any]
    env_vars: tuple[str, ...] = ()

    def sets(self, path: KeyPath) -> bool:
        """Return whether the value at `path`, or a value that is not a table on the way to it, comes from this source."""
        return sets(self.data, path)

    def key_name(self, path: KeyPath) -> str:
        """Return the name of a setting in this source: `app.domains[1]`, or its env var."""
        dotted = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)[1:]
        wanted = PREFIX + "__".join(str(key) for key in path).upper()
        names = [name for name in self.env_vars if _overlap(wanted, name)]
        return max(names, key=len, default=dotted)


def source_of(sources: Sequence[Source], path: KeyPath) -> Source:
    """Return the strongest source with the setting at `path`, the first one if none has it. sources: the strongest last."""
    return next((each for each in reversed(sources) if each.sets(path)), sources[0])


def problem_at(sources: Sequence[Source], path: KeyPath, problem: str, remedy: str = "") -> Problem:
    """Return a problem of the setting at `path`, with the name that it has in its source."""
    source = source_of(sources, path)
    return Problem(source.label, source.key_name(path), problem, remedy)


def _overlap(one: str, other: str) -> bool:
    """Return whether two env vars are the same setting, or one is a table with the other in it."""
    one, other = (each.upper().replace("-", "_").replace(".", "_") for each in (one, other))
    return one == other or one.startswith(f"{other}__") or other.startswith(f"{one}__")
