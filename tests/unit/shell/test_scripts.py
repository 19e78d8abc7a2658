"""Whole scripts: valid shell, with every function that they call."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest

from selvedge.config.target import Target
from tests.support.shellcheck import FAST, shellcheck
from tests.support.steps import HOSTS, LIBRARIES, legible, parts, scripts

pytestmark = pytest.mark.programs


def test_scripts_are_valid_shell(host: Callable[..., Target]) -> None:
    """shellcheck reads all scripts at once, without the libraries, which `make lint` checks, and which saves seconds.

    Without these, variables seem to have no reader. `call` refuses those that a function does not read.
    """
    found = {f"{name}.{what}": script for name in HOSTS for what, script in scripts(host(name)).items()}
    for what, script in found.items():
        done = subprocess.run(["dash", "-n"], input=script, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), what
    assert shellcheck("\n".join(map(legible, found.values())), FAST, "--exclude=SC2034") == ""


FUNCTION = re.compile(r"^(\w+)\(\) [{(](.*?)\n?[})]$", re.MULTILINE | re.DOTALL)
BODIES = {name: body for text in LIBRARIES.values() for name, body in FUNCTION.findall(text)}


def called(text: str) -> set[str]:
    """Return the libraries' functions that a text calls, directly or not."""
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
    """A change names its libraries. A forgotten one would only fail on the server."""
    assert {"file_put_failed", "file_keep", "step_fail"} <= called("x | file_put /etc/x")
    for what, sections in parts(host(name)).items():
        for script in sections:
            missing = {each for each in called(legible(script)) if f"\n{each}() " not in f"\n{script}"}
            assert not missing, f"{what} calls {missing}"
