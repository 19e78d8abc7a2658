"""`fab logs`, and `fab run` with commands in the live release."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from background import left_behind, running
from lab import Project, until
from sandbox import Server
from traffic import get


def test_last_lines(server: Server, project: Project) -> None:
    get(f"{server.url}/?seen-by-nginx")
    assert "Application startup complete" in project.must("-H", server.name, "logs").stdout
    shown = project.must("-H", server.name, "logs", "--nginx", "--lines", "1").stdout
    assert shown.startswith("access")
    assert "seen-by-nginx" in shown
    assert len(shown.splitlines()) <= 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_follow_until_interrupted_or_killed(
    server: Server, project: Project, tmp_path: Path, number: signal.Signals
) -> None:
    words = ("-H", server.name, "logs", "--nginx", "--follow", "--lines", "0")
    with running(project, tmp_path / "output", *words) as (process, output):
        until(lambda: left_behind(server, "tail -q"), 30)
        for step in ("first", "second"):
            get(f"{server.url}/?{step}-{number}")
            until(lambda step=step: output.has(f"{step}-{number}"), 10)
        process.send_signal(number)
        assert process.wait(20) == (0 if number == signal.SIGINT else -signal.SIGKILL)
        assert not output.has("Traceback")
    until(lambda: not left_behind(server, "tail -q"), 10)


def test_a_command_runs_like_the_app(server: Server, project: Project) -> None:
    # Quotes and variables must reach the shell unchanged.
    command = (
        """id -un; pwd; alembic current; printf '%s\\n' "$RELEASE" "it's \\"\\$HOME\\""; echo ${API_TOKEN:+set}"""
    )
    lines = project.must("-H", server.name, "run", "--command", command).stdout.splitlines()
    live = get(f"{server.url}/").headers["X-Release"]
    assert lines[0] == "hello"
    assert lines[1].startswith(f"/srv/hello/releases/{project.head[:12]}")
    assert "0001 (head)" in lines
    assert lines[-3:] == [live, 'it\'s "$HOME"', "set"]


def test_a_failing_command_exits_with_status_1(server: Server, project: Project) -> None:
    result = project.fab("-H", server.name, "run", "--command", "echo out; exit 5")
    assert (result.status, result.stdout) == (1, "out\n")
    assert "exit status 5" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_command_ends_when_fab_ends(
    server: Server, project: Project, tmp_path: Path, number: signal.Signals
) -> None:
    with running(project, tmp_path / "output", "-H", server.name, "run", "--command", "echo begun; sleep 4321") as (
        process,
        output,
    ):
        until(lambda: output.has("begun"), 30)
        until(lambda: left_behind(server, "sleep 4321"), 10)
        process.send_signal(number)
        process.wait(20)
    until(lambda: not left_behind(server, "sleep 4321"), 10)
