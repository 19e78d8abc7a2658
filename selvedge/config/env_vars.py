"""Settings from environment variables and `.env`: `SELVEDGE_APP__BRANCH=fix` is `branch = "fix"` in `[app]`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from selvedge.config.hosts import OVERRIDES
from selvedge.config.schema import find, typed
from selvedge.config.settings import Settings
from selvedge.errors import Problem

PREFIX = "SELVEDGE_"
# Read elsewhere: where the files are, the password of sudo, and whether to show a traceback.
NOT_SETTINGS = frozenset(
    f"SELVEDGE_{name}" for name in ("HOSTS_FILE", "SUDO_PASSWORD", "DEBUG", "SANDBOX_DIR", "SANDBOX_DRIVER")
)


class _Names(EnvSettingsSource):
    """pydantic-settings' way from names to nested tables, over any mapping; values stay the strings that they are."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(Settings)
        self.env_vars = {name.lower(): value for name, value in variables.items()}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ARG002  (pydantic-settings' signature)
        return typed(field.annotation, value) if field else value


def own(variables: Mapping[str, str]) -> dict[str, str]:
    """Those of `variables` that are meant for the settings."""
    return {
        name: value
        for name, value in variables.items()
        if name.upper().startswith(PREFIX) and name.upper() not in NOT_SETTINGS
    }


def unknown(variables: Iterable[str], file: str) -> list[Problem]:
    """A problem for each name whose first part is no table of the settings; its value is never shown."""
    tables = list(Settings.model_fields)
    problems = []
    for name in variables:
        first = name.upper().removeprefix(PREFIX).partition("__")[0].lower()
        if first not in tables:
            known = [f"{PREFIX}{table.upper()}__" for table in tables] + sorted(NOT_SETTINGS)
            close = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.75)
            hint = f"Did you mean {close[0]}{'…' if close[0].endswith('__') else ''}?" if close else ""
            problems.append(Problem(file, name, "is not a setting", hint or f"Settings are {PREFIX}TABLE__KEY."))
    return problems


def nested(variables: Mapping[str, str], hosts: Collection[str]) -> dict[str, Any]:
    """The tables that `variables` (of `own`) stand for. `hosts`: known names, matched with `_` for `-` and `.`."""
    data: dict[str, Any] = _Names(variables)()
    by_variable = {re.sub(r"[-.]", "_", name).lower(): name for name in hosts}
    tables = data.get("hosts")
    if isinstance(tables, dict):
        data["hosts"] = {by_variable.get(re.sub(r"[-.]", "_", key), key): table for key, table in tables.items()}
    return _typed(data, ())


def setting(path: Sequence[str | int]) -> FieldInfo | None:
    """The field that the keys in `path` lead to; a host's own tables have the fields of the general ones."""
    if len(path) > 3 and path[0] == "hosts" and path[2] in OVERRIDES:
        path = path[2:]
    return find(Settings, path)


def _typed(data: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    result = {}
    for key, value in data.items():
        field = setting((*path, key))
        value = typed(field.annotation, value) if isinstance(value, str) and field else value
        result[key] = _typed(value, (*path, key)) if isinstance(value, dict) else value
    return result
