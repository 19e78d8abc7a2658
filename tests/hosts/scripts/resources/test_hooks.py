"""Hooks: the commands around a release run as the app's user, with their variables and the app's environment."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from selvedge.engine.script import call_script
from selvedge.resources.code.hook import BuildHook, SwitchHook
from selvedge.shell.library import call

RELEASE = "/srv/hello/releases/a"
LIVE = "/srv/hello/live.sock"
TOKEN = "c4nary token"


@pytest.fixture
def folder(server: Any) -> Path:
    """The folder of a release that the user daemon may write to."""
    found: Path = server.path(f"{RELEASE}/backend")
    found.mkdir(parents=True)
    # The script that gives a release its environment.
    variables = "HOME=/srv/hello/shared command=a count=2 pair=c number=9"
    server.path("/srv/hello/run").write_text(f'#!/bin/sh\nexport {variables}\nexec "$@"\n')
    server.path("/srv/hello/run").chmod(0o755)
    # For the program that hides the values of the environment.
    server.path(f"{RELEASE}/.venv/bin").mkdir(parents=True)
    server.path(f"{RELEASE}/.venv/bin/python").symlink_to("/usr/bin/python3")
    server.path("/srv/hello/instances/a-1").mkdir(parents=True)
    server.path("/srv/hello/instances/a-1/env").write_text(f'TOKEN="{TOKEN}"\n')
    return found


def build(*commands: str, run: str = "/srv/hello/run") -> BuildHook:
    return BuildHook(
        "after_build", commands, f"{RELEASE}/mark", "daemon", "a-1", f"{RELEASE}/backend", RELEASE, LIVE,
        (("RELEASE", "a b"),), run,
    )  # fmt: skip


def switch(*commands: str, instance: str = "a-1") -> SwitchHook:
    return SwitchHook(
        "after_switch", commands, "/srv/hello/mark", "daemon", instance, f"{RELEASE}/backend", RELEASE, LIVE,
        (("RELEASE", "a b"),), "/srv/hello/run",
    )  # fmt: skip


def goes_live(server: Any, instance: str) -> None:
    server.path(LIVE).unlink(missing_ok=True)
    server.path(LIVE).symlink_to(f"/run/hello/{instance}.sock")


SHOW = "echo $(id -un) $PWD $HOME; echo \"$RELEASE|$PREVIOUS|$command|$count|$pair|$number\""


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("make", "home"), [(build, f"{RELEASE}/backend"), (switch, "/srv/hello/shared")])
def test_a_hook_gets_its_variables_and_the_apps_environment(server: Any, make: Any, home: str) -> None:
    """No variable of the app is overwritten, whatever its name. A container lacks the release, so that HOME is only for a build."""
    goes_live(server, "b-1")
    hook = make(SHOW, "echo 'it'\"'\"'s' second")
    done = server.apply(server.plan(hook))
    assert done.status == 0, done.output
    assert f"daemon {RELEASE}/backend {home}\na b|b-1|a|2|c|9\n" in done.output and "\nit's second\n" in done.output
    assert done.said == [f"{hook.name}: {SHOW}", f"{hook.name}: echo 'it'\"'\"'s' second"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("make", [build, switch])
def test_the_output_of_a_hook_does_not_show_the_environment(server: Any, make: Any) -> None:
    goes_live(server, "a-1")
    done = server.apply(server.plan(make(". /srv/hello/instances/a-1/env; echo \"out $TOKEN\"; echo \"err $TOKEN\" >&2; exit 3")))
    assert "out •••\n" in done.output and "err •••\n" in done.output and TOKEN not in done.output, done
    assert done.error.startswith(f"The hook {make('x').name} failed (exit status 3): ")


@pytest.mark.usefixtures("folder")
def test_a_hook_may_leave_a_process_in_the_background(server: Any) -> None:
    """The process keeps the hook's output open, and may write to it later."""
    goes_live(server, "a-1")
    began = time.monotonic()
    done = server.apply(server.plan(switch("(sleep 7; echo c4nary; touch /srv/hello/later) & echo started")), after="\nwait")
    assert done.status == 0 and "started" in done.output and time.monotonic() - began < 15, done


def test_a_failing_hook_stops_the_step_and_leaves_no_mark(server: Any, folder: Path) -> None:
    done = server.apply(server.plan(build("touch built; exit 3", "echo later", run="")))
    assert done.status == 1 and "later" not in done.output.replace("after_build: echo later", "")
    assert done.error == "The hook after_build failed (exit status 3): touch built; exit 3"
    assert not server.path(f"{RELEASE}/mark").exists()
    assert (folder.stat().st_uid, (folder / "built").stat().st_uid) == (0, 0)


def test_a_hook_that_builds_may_write_to_the_release_while_it_runs(server: Any, folder: Path) -> None:
    (folder / "assets").mkdir()
    server.make(build("touch assets/app.js", run=""))
    modes = [oct(path.stat().st_mode & 0o7777) for path in (folder, folder / "assets", folder / "assets/app.js")]
    assert modes == ["0o751", "0o751", "0o640"]
    assert {path.stat().st_uid for path in (folder, folder / "assets", folder / "assets/app.js")} == {0}


@pytest.mark.usefixtures("folder")
def test_a_changed_command_runs_again_until_the_release_has_been_live(server: Any) -> None:
    server.make(build("true"))
    assert server.plan(build("true", "true")), "one was added"
    server.make(build("true", "true"))
    live = server.path(f"{RELEASE}/.selvedge-live")
    live.write_text("other-1\n")
    assert server.plan(build("false")), "another release of the same commit has been live, without this environment"
    assert server.read(build("false", run=""))[0].strip() == "built", "no hook runs in the folder of a live release"
    live.write_text("other-1\na-1\n")
    assert server.read(build("false"))[0].strip() == "built"
    assert server.read(replace(build("false"), mark=f"{RELEASE}/new"))[0].strip() == "built", "it was added later"
    live.unlink()
    assert server.plan(build("false")), "the folder was made from scratch"


@pytest.mark.usefixtures("folder")
def test_a_hook_of_the_switch_runs_at_every_switch(server: Any) -> None:
    goes_live(server, "a-1")
    server.make(switch("true"))
    for live, wanted in (("b-1", "b-1"), ("a-1", "a-1"), ("a-1r1", "a-1r1"), ("a-1r2", "a-1r2"), ("b-1", "b-1")):
        before = server.read(switch("true", instance=wanted))[0]
        assert before.startswith("previous "), f"{wanted} is not live yet"
        goes_live(server, live)
        server.make(switch("true", instance=wanted))
    goes_live(server, "a-1r3")
    server.make(switch("true", instance="a-1r3"))
    assert server.read(switch("true", instance="a-1"))[0] == "done\n", "a deploy wants the release of which it is a copy"


@pytest.mark.usefixtures("folder")
def test_a_changed_command_of_the_switch_runs_for_the_live_release(server: Any) -> None:
    goes_live(server, "a-1")
    assert server.read(switch("true"))[0] == "previous a-1\n", "it was added to hosts.toml"
    server.make(switch("true"))
    assert server.read(switch("true; true"))[0] == "previous a-1\n"
    server.make(switch("true; true"))


@pytest.mark.usefixtures("folder")
def test_a_hook_of_the_switch_that_failed_runs_again_with_the_release_before(server: Any) -> None:
    goes_live(server, "b-1")
    server.make(switch("true", instance="b-1"))
    goes_live(server, "a-1")
    assert server.apply(server.plan(switch("false"))).status == 1
    assert server.read(switch("false"))[0] == "previous b-1\n"


@pytest.mark.usefixtures("folder")
def test_the_hook_on_failure_gets_its_variables(server: Any) -> None:
    pairs = ("ERROR=it's $HOME\n'broken'", "PREVIOUS=b-1")
    shell = call("hook_on_failure", 'echo "$ERROR|$PREVIOUS"; pwd; id -un; echo "$HOME"', *pairs, user="daemon", folder=RELEASE)
    done = server.run(call_script(shell))
    assert done.stdout.decode() == f"it's $HOME\n'broken'|b-1\n{RELEASE}\ndaemon\n{RELEASE}\n"
    assert done.returncode == 0
    failing = call("hook_on_failure", "exit 4", user="daemon", folder=RELEASE)
    assert server.run(call_script(failing)).returncode == 4
