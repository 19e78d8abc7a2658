"""The environment variables that an app requires: those of its settings classes (pydantic-settings) without a default."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from selvedge.cli.repository import Repository
from selvedge.cli.sources import called, last_name, own_files, parsed, text_of

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
"""The name of an environment variable that every shell and process manager takes."""


def settings_variables(repository: Repository, root: str) -> list[str]:
    """Return the variables without a default of the settings classes below `root`, in their order."""
    found: dict[str, None] = {}
    for file in own_files(repository):
        inside = not root or Path(file).is_relative_to(root)
        if not inside or "BaseSettings" not in (repository.text(file) or ""):
            continue
        tree = parsed(repository, file) or ast.Module([], [])
        classes = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        bases = {name for node in classes.values() for name in _bases(node)}
        # Of classes that derive from each other, the last one has all fields.
        last = [node for name, node in classes.items() if name not in bases and _is_settings(node, classes)]
        for node in last:
            found |= dict.fromkeys(name for name in _required(_line(node, classes)) if _NAME.fullmatch(name))
    return list(found)


def _bases(node: ast.ClassDef) -> list[str]:
    return [last_name(base) for base in node.bases]


def _line(node: ast.ClassDef, classes: dict[str, ast.ClassDef], seen: tuple[str, ...] = ()) -> list[ast.ClassDef]:
    """Return a class after those of the same file that it derives from."""
    above = [each for name in _bases(node) if name in classes and name not in (*seen, node.name)
             for each in _line(classes[name], classes, (*seen, node.name))]  # fmt: skip
    return [*above, node]


def _is_settings(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> bool:
    return any("BaseSettings" in _bases(each) for each in _line(node, classes))


def _required(line: list[ast.ClassDef]) -> Iterator[str]:
    """Yield the variables that a class needs. line: the class after those that it derives from."""
    prefix, fields = "", {}
    for node in line:
        prefix = next(_prefixes(node), prefix)
        for field in node.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and not field.target.id.startswith("_"):
                fields[field.target.id] = field
            elif isinstance(field, ast.Assign):
                for target in field.targets:
                    fields.pop(target.id if isinstance(target, ast.Name) else "", None)
    for name, field in fields.items():
        if _needs_value(field):
            yield _alias(field) or f"{prefix}{name}".upper()


def _prefixes(settings: ast.ClassDef) -> Iterator[str]:
    """Yield the prefixes of the names: of SettingsConfigDict(env_prefix=…), {"env_prefix": …} or `class Config`."""
    for node in settings.body:
        for each in ast.walk(node):
            if isinstance(each, ast.keyword) and each.arg == "env_prefix":
                yield text_of(each.value)
            elif isinstance(each, ast.Dict):
                yield from (text_of(value) for key, value in zip(each.keys, each.values, strict=True)
                            if key and text_of(key) == "env_prefix")  # fmt: skip
            elif isinstance(each, ast.Assign) and [ast.unparse(target) for target in each.targets] == ["env_prefix"]:
                yield text_of(each.value)


def _alias(field: ast.AnnAssign) -> str:
    """Return the name of the variable that Field(alias="…") gives, "" without one."""
    names = field.value.keywords if isinstance(field.value, ast.Call) else []
    given = {each.arg: text_of(each.value) for each in names}
    return given.get("validation_alias") or given.get("alias") or ""


def _needs_value(field: ast.AnnAssign) -> bool:
    """Return whether a field of a settings class has no default: none at all, `...`, or a Field() without one."""
    if "ClassVar" in ast.unparse(field.annotation):
        return False
    value = field.value
    if value is None or (isinstance(value, ast.Constant) and value.value is ...):
        return True
    if called(value) != "Field" or not isinstance(value, ast.Call):
        return False
    given = [each for each in value.args if not (isinstance(each, ast.Constant) and each.value is ...)]
    named = {each.arg: each.value for each in value.keywords}
    default = named.get("default")
    has_default = default is not None and not (isinstance(default, ast.Constant) and default.value is ...)
    # AliasChoices and the like name several variables.
    computed = [name for name in ("alias", "validation_alias") if name in named and not text_of(named[name])]
    return not given and not has_default and "default_factory" not in named and not computed
