"""Where Python comes from."""

from __future__ import annotations

import pytest

from selvedge.resources.code.python import Python, interpreter, needs_uv


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
def test_the_path_of_the_interpreter_follows_from_the_settings_alone(target, settings, path):
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
def test_uv_is_installed_where_something_needs_it(target, settings, wanted):
    assert needs_uv(target(**settings)) is wanted


@pytest.mark.parametrize(
    ("source", "fact", "needed"),
    [
        ("auto", "", True),
        ("auto", "/usr\n", False),
        ("auto", "/opt/selvedge/pythons/uv/cpython-3.12.4-linux-x86_64-gnu\n", False),
        ("system", "/opt/selvedge/pythons/uv/cpython-3.12.4-linux-x86_64-gnu\n", True),
        ("uv", "/usr\n", True),
        ("uv", "/opt/selvedge/pythons/uv/cpython-3.12.4-linux-x86_64-gnu\n", False),
        ("pyenv", "/opt/selvedge/pythons/pyenv/3.12.4\n", False),
    ],
)
def test_python_is_installed_where_it_is_missing_or_from_another_source(source, fact, needed):
    assert (Python("3.12", source).plan(fact) is not None) is needed
