"""Sentences for pydantic's errors: the file, the key, the problem, and a correct example."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from typing import Any, get_args

from pydantic_core import ErrorDetails

from selvedge.config.env_vars import settings_field
from selvedge.config.giturl import without_credentials
from selvedge.config.hosts import OVERRIDES, Host
from selvedge.config.masks import mask_login
from selvedge.config.schema import describe_type, entry_model, plain_types, section_model, to_toml, value_from_text
from selvedge.config.secret_names import PREFIX, is_secret
from selvedge.config.settings import Settings
from selvedge.config.sources import KeyPath, Source, source_of
from selvedge.errors import Problem


def to_problem(error: ErrorDetails, sources: Sequence[Source], within: KeyPath = ()) -> Problem:
    """Return one of pydantic's errors as a problem.

    sources: hosts.toml first, the strongest last. within: the keys before those of the error.
    """
    path = (*within, *(key for key in error["loc"] if key != "[key]"))
    source = source_of(sources, path)
    problem, remedy = _problem_and_remedy(error, path, bool(source.env_vars))
    return Problem(source.label, source.key_name(path), problem, remedy)


def _problem_and_remedy(error: ErrorDetails, path: KeyPath, in_env_var: bool) -> tuple[str, str]:
    if error["type"] == "extra_forbidden":
        variable = _env_var(*(path[2:] if path[0] == "hosts" else path))
        if is_secret(variable):
            remedy = f"Delete it, and set `{variable}` in the environment, or in .env beside hosts.toml, which git must not have."
            return "is a secret, which hosts.toml cannot have", remedy
        return "is not a setting", _similar_keys(path, in_env_var)
    example = _example(path, in_env_var, error["input"])
    if error["type"] == "missing":
        return "is missing", example or "Add a table [app] with the keys name and repository."
    problem = str(error["ctx"]["error"]) if error["type"] == "value_error" else _wrong_type(error, path)
    # The reason, if the problem gives one, comes after the value: "must be a date, not 'x': there is no such month".
    wanted, colon, reason = problem.partition(": ")
    value = _wrong_value(error["input"], path, problem)
    return f"{wanted}{value}{colon}{reason}", example or _table_example(problem, path, in_env_var)


def _table_example(problem: str, path: KeyPath, in_env_var: bool) -> str:
    """Return how to write a table or a group, which have no examples of their own; "" for other settings."""
    if in_env_var:
        return ""
    if problem == "must be a table":
        section = Settings.model_fields.get(str(path[0]))
        entry = entry_model(section.annotation) if section else None
        if len(path) == 2 and entry and path[-1] in entry.model_fields:  # `[processes]` above it instead of `[processes.worker]`
            return f"Name the table above it: `[{path[0]}.NAME]`, with a name of your own for NAME."
        return f"Write a line `[{'.'.join(map(str, path))}]`, and the settings of the table below it."
    return 'Write, for example, `production = ["server"]` below a line `[groups]`.' if path[0] == "groups" else ""


def _wrong_type(error: ErrorDetails, path: KeyPath) -> str:
    if error["type"] == "too_short":
        return "must not be empty"
    field = settings_field(path)
    if field is None:
        return error["msg"]
    if settings_field(path[:-1]) is field:
        return f"must be {describe_type(get_args(field.annotation)[-1])}"
    return f"must be {describe_type(field.annotation, field.metadata)}"


def _wrong_value(value: Any, path: KeyPath, problem: str) -> str:
    """Return the wrong value, short; "" if the sentence has it already or it may contain a secret."""
    if isinstance(value, dict | list) or not problem.startswith("must be"):
        return ""
    if path[-1] == "repository":
        value = without_credentials(str(value))
    if isinstance(value, str):
        value = _masked(value, path)
    text = repr(value) if isinstance(value, str) else to_toml(value) if isinstance(value, bool) else str(value)
    return f", not {text if len(text) <= 60 else text[:57] + '...'}"


def _masked(value: str, path: KeyPath) -> str:
    """Return the value without the login of an address, and without what may be the password of a user."""
    if "basic_auth" in path:
        return re.sub(":.*", ":•••", value, flags=re.DOTALL)
    return mask_login(value)


def _example(path: KeyPath, in_env_var: bool, value: Any) -> str:
    """Return how to write a setting, "" if it has no example. value: the wrong one, which may say what was meant."""
    field = settings_field(path)
    if not field or not field.examples or (path[0] == "hosts" and path[2:] in {(name,) for name in OVERRIDES}):
        return ""
    while settings_field(path[:-1]) is field:
        path = path[:-1]
    example = field.examples[0]
    if bool in plain_types(field.annotation) and isinstance(value, str):
        meant = value_from_text(bool, value.strip())
        example = meant if isinstance(meant, bool) else example
    if in_env_var:
        text = json.dumps(example) if isinstance(example, list | dict | bool) else str(example)
        return f"Write, for example, `{_env_var(*path)}='{text}'`."
    return f"Write, for example, `{path[-1]} = {to_toml(example)}`."


def _env_var(*path: str | int) -> str:
    return PREFIX + re.sub(r"[-.]", "_", "__".join(map(str, path))).upper()


def _similar_keys(path: KeyPath, in_env_var: bool) -> str:
    """Return a hint which key may be meant instead of the last one of `path`."""
    key = str(path[-1])
    sections = {name: model for name, each in Settings.model_fields.items() if (model := section_model(each.annotation))}
    inside = [str(each) for each in path[:-1]]
    if inside[:1] == ["hosts"]:
        keys = list(Host.model_fields)[1:] if len(inside) == 2 else _keys_of(inside[2])
    else:
        keys = _keys_of(inside[0]) if inside else list(Settings.model_fields)
    close = difflib.get_close_matches(key, keys, n=1)
    if close:
        return f"Did you mean `{_env_var(*path[:-1], close[0]) if in_env_var else close[0]}`?"
    elsewhere = [
        name for name, model in sections.items() if key in model.model_fields and (not inside or name in OVERRIDES)
    ]
    if elsewhere:
        return f"Use `{_env_var(elsewhere[0], key)}`." if in_env_var else f"Move it to the table [{elsewhere[0]}]."
    return f"Known {'tables' if not inside else 'settings'}: {', '.join(keys)}."


def _keys_of(section: str) -> list[str]:
    """Return the settings of a table, or of one with a name that users choose, such as [processes.NAME]."""
    annotation = Settings.model_fields[section].annotation
    model = entry_model(annotation) or section_model(annotation)
    return list(model.model_fields) if model else []
