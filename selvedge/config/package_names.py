"""The types of names in a project's files and of Debian packages. The rules for validators are those of types.py."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from selvedge.config.types import Text


def _project_name(value: str) -> str:
    # The names of distributions, extras and groups (Python packaging's "Names and normalization").
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", value, re.ASCII):
        raise ValueError("must be a name of letters, digits and any of . _ - that begins and ends with a letter or digit")
    return value


def _debian_package(value: str) -> str:
    # Debian Policy, 5.6.1.
    if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", value, re.ASCII):
        raise ValueError(
            "must be the name of a Debian package, without a version: lower-case letters, digits and any of + . - such as libgl1"
        )
    return value


ProjectName = Annotated[Text, AfterValidator(_project_name)]
DebianPackage = Annotated[Text, AfterValidator(_debian_package)]
