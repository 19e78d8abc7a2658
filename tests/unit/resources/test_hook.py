"""Hooks: the commands around a release."""

from __future__ import annotations

from dataclasses import replace

import pytest

from selvedge.resources.base import Resource
from selvedge.resources.code.hook import BuildHook, Hook, SwitchHook
from tests.support.tables import check, table

RELEASE = "/srv/hello/releases/a"
FIELDS = (
    "after_build", ("./check 'it'", "local: npm run build", "./tell"), "/srv/hello/mark", "hello", "a-1", f"{RELEASE}/backend",
    RELEASE, "/srv/hello/live.sock", (("RELEASE", "a-1"),), "/srv/hello/instances/a-1/run",
)  # fmt: skip
BUILD, SWITCH = BuildHook(*FIELDS), SwitchHook(*FIELDS, remedy="Correct it.")
RUN = """hook=after_build
user=hello
folder=/srv/hello/releases/a/backend
mark_path=/srv/hello/mark
{} 2 RELEASE=a-1 PREVIOUS={} './check '"'"'it'"'"'' ./tell"""


@table(
    (BUILD, "done\n", None),
    (BUILD, "built\n", None),
    (BUILD, "previous b-1\n", "run the hook after_build", RUN.format("hook_build", "b-1")),
    (BUILD, "previous \n", "run the hook after_build", RUN.format("hook_build", "")),
    (SWITCH, "done\n", None),
    (SWITCH, "previous b-1\n", "run the hook after_build", RUN.format("hook_switch", "b-1")),
)
def test_hook(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


@pytest.mark.parametrize("hook", [BUILD, SWITCH])
def test_local_commands_run_on_this_machine_with_the_same_variables(hook: Hook) -> None:
    change = hook.plan("previous b-1\n")
    assert change and change.local_commands == ("npm run build",)
    assert dict(change.local_env_vars) == {"RELEASE": "a-1", "PREVIOUS": "b-1"}
    assert "npm" not in change.shell


@pytest.mark.parametrize("commands", [("./check",), ("./check 'it'", "local: npm run build ", "./tell"), ("./check 'it'\0./tell",)])
def test_other_commands_have_another_mark(commands: tuple[str, ...]) -> None:
    other = replace(BUILD, commands=commands)
    assert other.hash != BUILD.hash and other.hash in other.probe() and len(other.hash) == 16


def test_before_there_is_an_instance_the_folder_is_that_of_the_commit() -> None:
    assert " a-1 " in BUILD.probe() and " '' " in replace(BUILD, run="").probe()
