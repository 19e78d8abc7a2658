"""How the functions of lib/ are written: prefixes, local variables, and the variables that they read of their callers."""

from __future__ import annotations

import re

import pytest

from selvedge.shell import library
from selvedge.shell.library import call
from tests.support.paths import ROOT
from tests.support.shell_source import free, functions, needed, shared

FILES = sorted(library.names())
CALLABLE = {name: set(values) for file in FILES for name, values in library.functions(file).items() if values}


def test_all_functions_are_found() -> None:
    """The pattern that finds them for the rules below and the one that scripts are made with find the same."""
    assert set(functions()) == {name for file in FILES for name in library.functions(file)}
    assert len(functions()) > 200


@pytest.mark.parametrize("file", FILES)
def test_functions_begin_with_the_name_of_their_file(file: str) -> None:
    found = re.findall(r"^([a-z]\w*)\(\) [{(]", library.library(file), re.MULTILINE)
    assert not [name for name in found if not name.startswith(f"{file}_")]


@pytest.mark.parametrize("file", FILES)
def test_variables_are_local_unless_the_file_shares_them(file: str) -> None:
    loose = {
        function.name: sorted(function.assigned - function.locals - shared(file) - set(CALLABLE.get(function.name, ())))
        for function in functions().values()
        if function.file == file
    }
    assert not {name: found for name, found in loose.items() if found}


@pytest.mark.parametrize("name", sorted(CALLABLE))
def test_a_function_lists_the_variables_that_it_reads_of_its_caller(name: str) -> None:
    """A missing or unknown variable is an error of `call`; this is the list that it checks by."""
    assert CALLABLE[name] == free(name)


def test_functions_that_python_calls_exist_and_list_what_they_read() -> None:
    text = "\n".join(path.read_text() for path in (ROOT / "selvedge").rglob("*.py"))
    called = set(re.findall(r'\bcall\(\s*"(\w+)"', text))
    assert len(called) > 20
    assert called <= functions().keys()
    assert not {name: free(name) for name in called if name not in CALLABLE and free(name)}


@pytest.mark.parametrize("file", FILES)
def test_traps_and_lists_name_functions_and_files_that_exist(file: str) -> None:
    """They are text, which no other rule looks into."""
    text = library.library(file)
    trapped = re.findall(r"\btrap '([a-z]+_\w+)\b", text)
    assert set(trapped) <= functions().keys()
    for listed in re.findall(rf"^{file}_all='(.*)'$", text, re.MULTILINE):
        assert sorted(listed.split()) == sorted(needed(file))


def test_files_that_are_called_by_a_computed_name_have_the_same_functions() -> None:
    for file, suffixes in (("manager", 21), ("unit", 12), ("appserver", 11)):
        found = {suffix for each in functions().values() if each.file == file for suffix in each.dispatched}
        assert len(found) == suffixes
        assert not [f"{each}_{suffix}" for each in needed(file) for suffix in found if f"{each}_{suffix}" not in functions()]


def test_a_missing_or_unknown_variable_is_an_error() -> None:
    assert call("releases_history", "5", given={"base": "/srv/a b", "other": 1}) == "base='/srv/a b'\nreleases_history 5"
    for values in ({}, {"base": "/srv/x", "nosuch": "1"}):
        with pytest.raises(TypeError, match="releases_history"):
            call("releases_history", "5", **values)
