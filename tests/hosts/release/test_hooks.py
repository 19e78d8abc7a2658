"""Hooks around releases: those of the build run once, those of the switch at every switch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from drills import assert_consistent, configure
from lab import Project
from sandbox import Server
from selvedge.engine.workstation import who
from tests.support.webhook import webhook

SWITCHED = 'echo "$ACTION $RELEASE $PREVIOUS" >>$APP_SHARED/switches'


def hooks(project: Project, *, build: str = "true", switch: str = SWITCHED) -> None:
    """Configure hooks of every kind; those of the switch write what they know on both machines."""
    here = 'local: echo "$ACTION $RELEASE $PREVIOUS $COMMIT" >>switches'
    lines = {
        "before_build": [f"{build}; echo $RELEASE >>built"], "after_build": ["echo $RELEASE >>assembled"],
        "before_switch": ["local: echo before >>switches", 'echo "before $ACTION" >>$APP_SHARED/switches'],
        "after_switch": [switch, here],
    }  # fmt: skip
    configure(project, "[hooks]\n" + "".join(f"{name} = {commands!r}\n" for name, commands in lines.items()))


@pytest.fixture
def messages() -> Iterator[tuple[dict[str, str], list[dict[str, Any]]]]:
    """Yield variables by which fab tells of releases, and what it has told."""
    with webhook() as (address, got):
        yield {"SELVEDGE_NOTIFY__URLS": f"json://{address}/hunter2-token"}, got


@pytest.mark.usefixtures("branch")
class TestHooks:
    def test_hooks_of_the_switch_run_at_deploy_restart_and_rollback(
        self, server: Server, project: Project, messages: tuple[dict[str, str], list[dict[str, Any]]]
    ) -> None:
        """Messages tell of the same releases, except of a restart, and call no one in the room."""
        env, got = messages
        project.must("-H", server.name, "deploy")
        first, old = assert_consistent(server), project.head
        hooks(project)
        result = project.must("-H", server.name, "deploy")
        assert "the hook before_build is new or has changed. It will run when the next commit is built" in result.stdout
        assert "the hook after_build is new or has changed" in result.stdout
        expected = [f"deploy {first} {first}"]
        assert self.switches(server) == expected, "it was added, and runs for the live release"
        assert server.run(f"ls /srv/hello/releases/{first[:12]}").stdout.count("built") == 0
        commit = project.commit("With <hooks>")
        project.must("-H", server.name, "deploy", env=env)
        second = assert_consistent(server)
        expected += ["before deploy", f"deploy {second} {first}"]
        project.must("-H", server.name, "restart", env=env)
        expected += ["before restart", f"restart {second}r1 {second}"]
        project.must("-H", server.name, "rollback", env=env)
        assert assert_consistent(server) == first
        expected += ["before rollback", f"rollback {first} {second}r1"]
        project.must("-H", server.name, "deploy", "--force", env=env)
        assert assert_consistent(server) == second
        expected += ["before deploy", f"deploy {second} {first}"]
        assert self.switches(server) == expected
        here = (project.folder / "switches").read_text().splitlines()
        assert [line for line in here if line == "before"] == ["before"] * 4
        commits = [line.split()[-1] for line in here if line != "before"]
        assert commits == [old, commit, commit, old, commit]
        built = f"cat /srv/hello/releases/{second[:12]}/built /srv/hello/releases/{second[:12]}/assembled"
        assert server.run(built).stdout.split() == [second, second]
        assert [each["title"] for each in got] == [
            f"hello: {second[:12]} is live", f"hello: rolled back to {first[:12]}", f"hello: {second[:12]} is live",
        ]  # fmt: skip
        assert got[0]["message"].splitlines()[:2] == ["Test: With <\u200bhooks> (Test)", f"{server.name}: fab deploy by {who()}"]
        hooks(project, switch="exit 3")
        project.commit("With a hook that fails")
        failed = project.fab("-H", server.name, "deploy", env=env)
        assert (failed.status, got[3]["title"], got[3]["type"]) == (1, "hello: deploy failed", "failure"), failed
        assert "hook after_switch failed" in got[3]["message"]
        assert all("hunter2" not in text for text in (failed.stdout, failed.stderr))

    def test_a_changed_command_runs_for_the_same_commit(self, server: Server, project: Project) -> None:
        hooks(project)
        project.commit("Built with hooks")
        project.must("-H", server.name, "deploy")
        assert "deploy: nothing to change on" in project.must("-H", server.name, "deploy").stdout
        before = self.switches(server)
        live = assert_consistent(server)
        hooks(project, build="exit 3", switch=f"{SWITCHED}; echo changed >>$APP_SHARED/switches")
        result = project.must("-H", server.name, "deploy")
        assert "the hook before_build is new or has changed" in result.stdout and "hook after_build" not in result.stdout
        assert self.switches(server) == [*before, f"deploy {live} {live}", "changed"]
        assert assert_consistent(server) == live

    def test_a_hook_that_fails_after_a_rollback_is_run_by_a_restart(self, server: Server, project: Project) -> None:
        hooks(project)
        project.commit("To roll back")
        project.must("-H", server.name, "deploy")
        newer = assert_consistent(server)
        hooks(project, switch="exit 4")
        result = project.fab("-H", server.name, "rollback")
        older = assert_consistent(server)
        assert older != newer
        assert result.status == 1 and "The hook after_switch failed (exit status 4): exit 4." in result.stderr, result
        assert f"The release {older} is live." in result.stderr and f"`fab -H {server.name} restart`" in result.stderr, result
        hooks(project)
        project.must("-H", server.name, "restart")
        assert self.switches(server)[-1] == f"restart {older}r1 {older}"

    @staticmethod
    def switches(server: Server) -> list[str]:
        return server.run("cat /srv/hello/shared/switches").stdout.splitlines()
