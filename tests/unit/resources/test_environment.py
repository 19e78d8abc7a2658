"""The builders of virtual environments."""

from __future__ import annotations

from typing import get_args

import pytest

from selvedge.config.app import App
from selvedge.shell import library
from tests.support.shell_source import needed

BUILDERS = get_args(App.model_fields["installer"].annotation)


def test_each_builder_is_a_file_that_venv_needs() -> None:
    assert sorted(BUILDERS) == ["pip", "uv"]
    assert sorted(needed("venv")) == sorted(BUILDERS)


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_builder_has_the_functions_that_venv_calls(builder: str) -> None:
    names = ("check", "create", "install", "add", "replace", "wheel", "clean")
    assert {f"{builder}_{name}" for name in names} <= library.functions(builder).keys()
