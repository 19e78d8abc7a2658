"""Hooks: the commands around a release run as the app's user, with their variables and the app's environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from selvedge.engine.script import call_script
from selvedge.resources.code.hook import Hook
from selvedge.shell.library import call

RELEASE = "/srv/hello/releases/a"


@pytest.fixture
def folder(server: Any) -> Path:
    """The folder of a release that the user daemon may write to."""
    found: Path = server.path(f"{RELEASE}/backend")
    found.mkdir(parents=True)
    # The script that gives a release its environment.
    server.path("/srv/hello/run").write_text('#!/bin/sh\nexport command=a count=2 pair=c number=9\nexec "$@"\n')
    server.path("/srv/hello/run").chmod(0o755)
    return found


def hook(*commands: str, builds: bool = False, run: str = "/srv/hello/run") -> Hook:
    return Hook(
        "after_build", commands, "/srv/hello/mark", "daemon", f"{RELEASE}/backend", RELEASE, "/srv/hello/live.sock",
        (("RELEASE", "a b"),), run=run, builds=builds,
    )  # fmt: skip


SHOW = "echo $(id -un) $PWD $HOME; echo \"$RELEASE|$PREVIOUS|$command|$count|$pair|$number\""
SHOWN = f"daemon {RELEASE}/backend {RELEASE}/backend\na b|b-1|a|2|c|9\n"


@pytest.mark.usefixtures("folder")
def test_a_hook_gets_its_variables_and_the_apps_environment(server: Any) -> None:
    """No variable of the app is overwritten, whatever its name is."""
    server.path("/srv/hello/live.sock").symlink_to("/run/hello/b-1.sock")
    done = server.apply(server.plan(hook(SHOW, "echo 'it'\"'\"'s' second")))
    assert done.status == 0, done.output
    assert SHOWN in done.output and "\nit's second\n" in done.output
    assert server.path("/srv/hello/mark").exists()
    assert done.said == [f"after_build: {SHOW}", "after_build: echo 'it'\"'\"'s' second"]


def test_a_failing_hook_stops_the_step_and_leaves_no_mark(server: Any, folder: Path) -> None:
    done = server.apply(server.plan(hook("touch built; exit 3", "echo later", builds=True, run="")))
    assert done.status == 1 and "later" not in done.output.replace("after_build: echo later", "")
    assert done.error == "The hook after_build failed (exit status 3): touch built; exit 3"
    assert not server.path("/srv/hello/mark").exists()
    assert (folder.stat().st_uid, (folder / "built").stat().st_uid) == (0, 0)


def test_a_hook_that_builds_may_write_to_the_release_while_it_runs(server: Any, folder: Path) -> None:
    (folder / "assets").mkdir()
    server.make(hook("touch assets/app.js", builds=True, run=""))
    modes = [oct(path.stat().st_mode & 0o7777) for path in (folder, folder / "assets", folder / "assets/app.js")]
    assert modes == ["0o751", "0o751", "0o640"]
    assert {path.stat().st_uid for path in (folder, folder / "assets", folder / "assets/app.js")} == {0}


@pytest.mark.usefixtures("folder")
def test_the_hook_on_failure_gets_its_variables(server: Any) -> None:
    pairs = ("ERROR=it's $HOME\n'broken'", "PREVIOUS=b-1")
    shell = call("hook_on_failure", 'echo "$ERROR|$PREVIOUS"; pwd; id -un', *pairs, user="daemon", folder=RELEASE)
    done = server.run(call_script(shell))
    assert done.stdout.decode() == f"it's $HOME\n'broken'|b-1\n{RELEASE}\ndaemon\n"
    assert done.returncode == 0
    failing = call("hook_on_failure", "exit 4", user="daemon", folder=RELEASE)
    assert server.run(call_script(failing)).returncode == 4
