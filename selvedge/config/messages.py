"""From pydantic's errors to sentences for a person: which file, which key, what is wrong, what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, get_args

from pydantic_core import ErrorDetails

from selvedge.config.env_vars import PREFIX, setting
from selvedge.config.giturl import without_credentials
from selvedge.config.hosts import OVERRIDES, Host
from selvedge.config.schema import describe, section_of, toml
from selvedge.config.settings import Settings
from selvedge.errors import Problem
from selvedge.value import Value

Path = tuple[str | int, ...]


class Layer(Value):
    """One source of settings: its name for messages, its tables, and the environment variables that they came from."""

    label: str
    data: dict[str, Any]
    variables: tuple[str, ...] = ()

    def has(self, path: Path) -> bool:
        """Whether the value at `path` comes from here: the keys are there as far as they go through tables."""
        here: Any = self.data
        for key in path:
            if not isinstance(here, dict):
                return True
            if key not in here:
                return False
            here = here[key]
        return True

    def key(self, path: Path) -> str:
        """`path` as it is written in this source: `app.domains[1]`, or the environment variable."""
        dotted = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)[1:]
        wanted = PREFIX + "__".join(str(key) for key in path).upper()
        names = [name for name in self.variables if _same(wanted, name)]
        return max(names, key=len, default=dotted)


def _same(wanted: str, name: str) -> bool:
    """Whether the variable `name` is `wanted`, something in it, or a table around it."""
    plain, other = (each.upper().replace("-", "_").replace(".", "_") for each in (wanted, name))
    return plain == other or plain.startswith(f"{other}__") or other.startswith(f"{plain}__")


def explain(error: ErrorDetails, layers: Sequence[Layer], within: Path = ()) -> Problem:
    """The problem that one of pydantic's errors means.

    layers: all sources, hosts.toml first, the strongest last. within: the keys before those that the error has.
    """
    path = (*within, *(key for key in error["loc"] if key != "[key]"))
    layer = next((each for each in reversed(layers) if each.has(path)), layers[0])
    problem, remedy = _words(error, path, bool(layer.variables))
    return Problem(layer.label, layer.key(path), problem, remedy)


def _words(error: ErrorDetails, path: Path, in_variable: bool) -> tuple[str, str]:
    if error["type"] == "extra_forbidden":
        return "is not a setting", _near(path)
    example = _example(path, in_variable)
    if error["type"] == "missing":
        return "is missing", example or "Begin with [app] and its keys name and repository."
    problem = str(error["ctx"]["error"]) if error["type"] == "value_error" else _type(error, path)
    return problem + _shown(error["input"], path, problem), example


def _type(error: ErrorDetails, path: Path) -> str:
    field = setting(path)
    if field is None:
        return error["msg"]
    if setting(path[:-1]) is field:
        return f"must be {describe(get_args(field.annotation)[-1])}"
    return f"must be {describe(field.annotation, field.metadata)}"


def _shown(value: Any, path: Path, problem: str) -> str:
    """The wrong value, short; nothing where the sentence has it already or where it may hold a secret."""
    if isinstance(value, dict | list) or not problem.startswith("must be"):
        return ""
    if path[-1] == "repository":
        value = without_credentials(str(value))
    text = repr(value) if isinstance(value, str) else toml(value) if isinstance(value, bool) else str(value)
    return f", not {text if len(text) <= 60 else text[:57] + '...'}"


def _example(path: Path, in_variable: bool) -> str:
    field = setting(path)
    if not field or not field.examples:
        return ""
    key = next(key for key in reversed(path) if isinstance(key, str))
    text = toml(field.examples[0])
    if in_variable:
        text = text if isinstance(field.examples[0], list | dict) else str(field.examples[0])
        return f"Write e.g. {PREFIX}{'__'.join(str(each) for each in path if isinstance(each, str)).upper()}='{text}'."
    return f"Write e.g. {key} = {text}."


def _near(path: Path) -> str:
    """Which key may have been meant instead of the last one of `path`."""
    key = str(path[-1])
    tables = {name: section for name, each in Settings.model_fields.items() if (section := section_of(each.annotation))}
    inside = [str(each) for each in path[:-1]]
    if inside[:1] == ["hosts"]:
        keys = list(Host.model_fields)[1:] if len(inside) == 2 else list(tables[inside[2]].model_fields)
    else:
        keys = list(tables[inside[0]].model_fields) if inside else list(Settings.model_fields)
    close = difflib.get_close_matches(key, keys, n=1)
    if close:
        return f"Did you mean {close[0]}?"
    elsewhere = [
        name for name, section in tables.items() if key in section.model_fields and (not inside or name in OVERRIDES)
    ]
    if elsewhere:
        return f"It belongs to [{elsewhere[0]}]."
    return f"Known: {', '.join(keys)}."
