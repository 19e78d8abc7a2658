"""The type of app.carry: folders and files in the folder of the repository."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from selvedge.config.types import Text, relative_path


def _inside(value: str) -> str:
    value = relative_path(value)
    first = value.split("/")[0]
    if first in {".", ".git", ".venv"} or first.startswith(".selvedge"):
        raise ValueError("must be a folder or file in the repository's folder, not the whole, and not .git or .venv")
    return value


def _apart(values: list[str]) -> list[str]:
    for value in values:
        if inside := next((each for each in values if each.startswith(f"{value}/")), ""):
            raise ValueError(f"must not list a folder and something in it: {value} contains {inside}")
    return list(dict.fromkeys(values))


CarriedPaths = Annotated[list[Annotated[Text, AfterValidator(_inside)]], AfterValidator(_apart)]
