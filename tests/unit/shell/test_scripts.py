"""Whole scripts: valid shell, with every function that they call."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.config.target import Target
from selvedge.release.chain import SCRIPT_HEAD
from tests.support.steps import HOSTS, LIBRARIES, legible, parts, scripts


def shellcheck(text: str, *options: str) -> str:
    """What shellcheck says to a script behind the line that `--script` begins with, which tells what it may overlook."""
    program = Path(sys.executable).parent / "shellcheck"
    assert program.exists(), "shellcheck is missing: pip install -r requirements-test.txt"
    command = [program, "-f", "gcc", *options, "-"]
    done = subprocess.run(command, input=f"{SCRIPT_HEAD}\n{text}", capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_scripts_are_good_shell(host: Callable[..., Target]) -> None:
    """To dash, and to shellcheck: all of them behind the libraries, which would cost seconds in each."""
    found = {f"{name}.{what}": script for name in HOSTS for what, script in scripts(host(name)).items()}
    for what, script in found.items():
        done = subprocess.run(["dash", "-n"], input=script, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), what
    used = [text for text in LIBRARIES.values() if any(text in script for script in found.values())]
    assert shellcheck("\n".join([*used, *map(legible, found.values())]), "--extended-analysis=false") == ""


def test_a_script_as_it_is_printed_is_good_shell(host: Callable[..., Target]) -> None:
    for what in ("clone.apply", "gunicorn.apply"):
        assert shellcheck(scripts(host("full"))[what]) == ""


FUNCTION = re.compile(r"^(\w+)\(\) [{(](.*?)\n?[})]$", re.MULTILINE | re.DOTALL)
BODIES = {name: body for text in LIBRARIES.values() for name, body in FUNCTION.findall(text)}


def called(text: str) -> set[str]:
    """The libraries' functions that a text calls, and those that they call."""
    found: set[str] = set()
    todo = {""}
    while todo:
        texts = [BODIES[name] if name else text for name in todo]
        words = {word for each in texts for word in re.findall(r"(?<![\w/.=$-])\w+\b(?!=)", re.sub(r"(^|\s)#.*", "", each))}
        found |= todo
        todo = (words & set(BODIES)) - found
    return found - {""}


@pytest.mark.parametrize("name", HOSTS)
def test_a_script_has_every_function_that_it_calls(host: Callable[..., Target], name: str) -> None:
    """A change, or a resource, names the libraries that it uses; one that it forgets is missing on the server only."""
    assert {"file_put_failed", "file_keep", "step_fail"} <= called("x | file_put /etc/x")
    for what, sections in parts(host(name)).items():
        for script in sections:
            missing = {each for each in called(legible(script)) if f"\n{each}() " not in f"\n{script}"}
            assert not missing, f"{what} calls {missing}"
