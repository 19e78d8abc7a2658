"""Pythons and tools: their paths, sources, installation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from selvedge.config.target import Target
from selvedge.resources.base import Resource
from selvedge.resources.code.python import Python, interpreter, needs_uv
from selvedge.resources.code.tools import Tool
from tests.support.tables import check, table


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({}, "/usr/bin/python3"),
        ({"python_from": "system"}, "/usr/bin/python3"),
        ({"python": "3.12"}, "/opt/selvedge/python/3.12/bin/python3.12"),
        ({"python": "3.12.4", "python_from": "uv"}, "/opt/selvedge/python/3.12.4/bin/python3.12"),
        ({"python": "3.9", "python_from": "pyenv"}, "/opt/selvedge/python/3.9/bin/python3.9"),
    ],
)
def test_the_path_of_the_interpreter_depends_only_on_the_settings(
    target: Callable[..., Target], settings: dict[str, str], path: str
) -> None:
    assert interpreter(target(**settings)) == path


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, True),
        ({"installer": "pip"}, False),
        ({"installer": "pip", "python": "3.12"}, False),
        ({"installer": "pip", "python": "3.12", "python_from": "uv"}, True),
    ],
)
def test_which_settings_need_uv(
    target: Callable[..., Target], settings: dict[str, str], wanted: bool
) -> None:
    assert needs_uv(target(**settings)) is wanted


UV_PREFIX = "/opt/selvedge/pythons/uv/cpython-3.12.4-linux-x86_64-gnu\n"
PYENV_PREFIX = "/opt/selvedge/pythons/pyenv/3.12.4\n"


@table(
    (Python("3.12"), "/usr\n", None),
    (Python("3.12"), UV_PREFIX, None),
    (Python("3.12"), "", "install Python 3.12", "python_install 3.12 auto 'uv>=0.11.12'"),
    (Python("3.12", "system"), "/usr\n", None),
    (Python("3.12", "system"), UV_PREFIX, "install Python 3.12 from system", "python_install 3.12 system 'uv>=0.11.12'"),
    (Python("3.12", "deadsnakes"), "/usr\n", None),
    (Python("3.12", "uv"), UV_PREFIX, None),
    (Python("3.12", "uv"), "/usr\n", "install Python 3.12 from uv", "python_install 3.12 uv 'uv>=0.11.12'"),
    (Python("3.12.4", "pyenv"), PYENV_PREFIX, None),
    (Python("3.12.4", "pyenv"), UV_PREFIX, "install Python 3.12.4 from pyenv", "python_install 3.12.4 pyenv 'uv>=0.11.12'"),
)
def test_python(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    """"auto" takes a Python from wherever it is."""
    check(resource, fact, summary, shell)


@table(
    (Tool("uv", "uv>=0.11.12"), "uv>=0.11.12\n", None),
    (Tool("uv", "uv>=0.11.12"), "uv>=0.8\n", "install uv in /opt/selvedge/uv", "python_tool_install uv 'uv>=0.11.12'"),
    (Tool("uv", "uv>=0.11.12"), "", "install uv in /opt/selvedge/uv", "python_tool_install uv 'uv>=0.11.12'"),
)
def test_tool(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)
