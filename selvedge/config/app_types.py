"""Types of single settings of `[app]`: its settings class, and the paths that its releases share."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Strict

from selvedge.config.types import Text, module_path, text

# `shared/.tmp` has the app's temporary files under supervisor, and `.selvedge.…` are Selvedge's marks in a release.
_OWN = (".venv", ".tmp", ".git", "__pycache__")


def _settings_class(value: Any) -> Any:
    if value is not False and not isinstance(value, str):
        raise ValueError("must be module:name, or false to turn the check off")
    return module_path(text(value)) if value else value


def _shared_path(value: str) -> str:
    parts = value.rstrip("/").split("/")
    if value.startswith(("/", "~")) or ".." in parts:
        raise ValueError("must be a path in the app's folder, without '/' or '~' at its beginning and without '..'")
    if not all(re.fullmatch(r"[A-Za-z0-9_.][A-Za-z0-9_.@+-]*", part, re.ASCII) for part in parts) or "." in parts:
        raise ValueError("must be a path of a file or folder, with only letters, digits and any of . _ - + @ /")
    if parts[0] in _OWN or parts[0].startswith(".selvedge"):
        raise ValueError(f"must not be in {parts[0]}, which Selvedge or git uses")
    return value


def _separate(values: list[str]) -> list[str]:
    plain = [value.rstrip("/") for value in values]
    for number, value in enumerate(plain):
        for other in plain[number + 1 :]:
            if value == other:
                raise ValueError(f"must name each path once, and has {value} twice")
            outer, inner = sorted((value, other), key=len)
            if inner.startswith(f"{outer}/"):
                raise ValueError(f"must not have {inner}, because {outer} contains it: remove one of them")
    return values


SettingsClass = Annotated[str | Annotated[bool, Strict()], BeforeValidator(_settings_class)]
SharedPath = Annotated[Text, AfterValidator(_shared_path)]
SharedPaths = Annotated[list[SharedPath], AfterValidator(_separate)]
