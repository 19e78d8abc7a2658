"""The shell functions in lib/: which file has a function, what it needs, and how a script calls it.

Every function begins with the name of its file, so a script needs no list of files: it gets the files of all functions
that it names. A file that calls functions by a computed name lists their files in a line `# Needs: NAME …`. A function
that reads variables of its caller lists them in the line above it: `# Values: NAME …`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from selvedge.shell.quoting import ShellValue, assign, words

FOLDER = Path(__file__).parent / "lib"
_FUNCTION = re.compile(r"(?:^# Values: (?P<values>.*)\n)?^(?P<name>[a-z]+_\w+)\(\) [{(]", re.MULTILINE)
_NEEDS = re.compile(r"^# Needs: (.*)$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*#.*\n", re.MULTILINE)
_NAME = re.compile(r"\b([a-z]+)_\w+")


@functools.cache
def names() -> frozenset[str]:
    """Return the names of all files in lib/, without their suffix."""
    return frozenset(path.stem for path in FOLDER.glob("*.sh"))


@functools.cache
def library(name: str) -> str:
    """Return the text of one file in lib/, e.g. "apt"."""
    return (FOLDER / f"{name}.sh").read_text(encoding="utf-8")


@functools.cache
def functions(name: str) -> Mapping[str, tuple[str, ...]]:
    """Return the functions of a file, each with the variables that it reads of its caller."""
    return {found["name"]: tuple((found["values"] or "").split()) for found in _FUNCTION.finditer(library(name))}


def called(text: str) -> set[str]:
    """Return the files that have the functions named in `text`, not those that these need in turn."""
    found = {match[0]: match[1] for match in _NAME.finditer(_COMMENT.sub("", text))}
    return {file for function, file in found.items() if file in names() and function in functions(file)}


@functools.cache
def needs(name: str) -> frozenset[str]:
    """Return the files that a file itself names, directly or by its line `# Needs:`."""
    listed = _NEEDS.search(library(name))
    return frozenset({*called(library(name)), *(listed[1].split() if listed else ())})


def libraries(texts: Iterable[str]) -> list[str]:
    """Return the text of every file that the texts need, directly or not, in the order of their names."""
    found: set[str] = set()
    todo = set().union(*(called(text) for text in texts))
    while todo:
        found |= todo
        todo = set().union(*(needs(name) for name in todo)) - found
    return [library(name) for name in sorted(found)]


def call(function: str, *arguments: str, given: Mapping[str, ShellValue] | None = None, **values: ShellValue) -> str:
    """Return shell that calls a function of lib/ with these arguments, after it has assigned the variables it reads.

    given: variables that several functions share; those that this function does not read are left out. values: variables
    for this call; each must be one that the function reads.
    Raises TypeError for a missing or unknown variable, KeyError for an unknown function.
    """
    wanted = functions(function.partition("_")[0])[function]
    known = {**(given or {}), **values}
    missing, unknown = [name for name in wanted if name not in known], sorted(set(values) - set(wanted))
    if missing or unknown:
        raise TypeError(f"{function}: missing variables: {missing}, unknown variables: {unknown}")
    variables = assign(**{name: known[name] for name in wanted})
    return "\n".join(filter(None, [variables, f"{function} {words(*arguments)}".rstrip()]))
