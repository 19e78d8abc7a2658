"""Settings in env vars, from the environment or `.env`: `SELVEDGE_APP__BRANCH=fix` is `branch = "fix"` in `[app]`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from pydantic.fields import FieldInfo

from selvedge.config.hosts import OVERRIDES
from selvedge.config.schema import entry_model, field_at, value_from_text
from selvedge.config.secret_names import PREFIX, is_secret
from selvedge.config.settings import Settings
from selvedge.errors import Problem

NO_SETTINGS = frozenset(
    f"{PREFIX}{name}" for name in ("HOSTS_FILE", "SUDO_PASSWORD", "DEBUG", "SANDBOX_DIR", "SANDBOX_DRIVER")
)
"""Env vars with the prefix that are not settings."""


def settings_env_vars(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the env vars that are settings, known or unknown."""
    return {
        name: value
        for name, value in environ.items()
        if name.upper().startswith(PREFIX) and name.upper() not in NO_SETTINGS and not is_secret(name)
    }


def unknown_names(names: Iterable[str], file: str) -> list[Problem]:
    """Return a problem for each env var whose first part is not a table of the settings. It never has the value."""
    tables = list(Settings.model_fields)
    problems = []
    for name in names:
        first = name.upper().removeprefix(PREFIX).partition("__")[0].lower()
        if first not in tables:
            known = [f"{PREFIX}{table.upper()}__" for table in tables] + sorted(NO_SETTINGS)
            close = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.75)
            example = f"Write {PREFIX}TABLE__KEY, for example `{PREFIX}APP__BRANCH`."
            hint = f"Did you mean `{close[0]}{'…' if close[0].endswith('__') else ''}`?" if close else example
            problems.append(Problem(file, name, "is not a setting", hint))
    return problems


def empty_names(env_vars: Mapping[str, str], label: str) -> list[Problem]:
    """Return a problem for each env var without a value. It would turn off what the file sets, for example its env_file."""
    remedy = "Give it a value, or unset it. If it comes from a variable of a CI job, that variable is not set. To turn a setting "
    remedy += 'off, set it to "" in hosts.toml.'
    return [Problem(label, name, "is empty", remedy) for name, value in env_vars.items() if not value.strip()]


def tables_of(env_vars: Mapping[str, str], hosts: Collection[str]) -> dict[str, Any]:
    """Return the settings in env vars as tables.

    hosts: the names of known hosts. An env var has `_` for their `-` and `.`, and for the `-` in the name of a process or a timer.
    """
    if not env_vars:
        return {}
    # Imported here: pydantic-settings takes 12 ms to load, and most runs have no such variable.
    from selvedge.config.nested_env_vars import nested_tables

    data = nested_tables(env_vars)
    real_names = {re.sub(r"[-.]", "_", name).lower(): name for name in hosts}
    tables = data.get("hosts")
    if isinstance(tables, dict):
        data["hosts"] = {real_names.get(re.sub(r"[-.]", "_", key), key): _hyphens(table) for key, table in tables.items()}
    return _with_types(_hyphens(data), ())


def _hyphens(data: Any) -> Any:
    """Return tables with the names of processes and timers: they have `-` where an env var has `_`."""
    if not isinstance(data, dict):
        return data
    entries = [name for name, field in Settings.model_fields.items() if name != "hosts" and entry_model(field.annotation)]
    renamed = {
        section: {name.replace("_", "-"): table for name, table in data[section].items()}
        for section in entries
        if isinstance(data.get(section), dict)
    }
    return {**data, **renamed}


def settings_field(path: Sequence[str | int]) -> FieldInfo | None:
    """Return the field of the settings that the keys lead to. A host's own tables have the fields of the general ones."""
    if len(path) > 3 and path[0] == "hosts" and path[2] in OVERRIDES:
        path = path[2:]
    return field_at(Settings, path)


def _with_types(data: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    result = {}
    for key, value in data.items():
        field = settings_field((*path, key))
        value = value_from_text(field.annotation, value) if isinstance(value, str) and field else value
        result[key] = _with_types(value, (*path, key)) if isinstance(value, dict) else value
    return result
