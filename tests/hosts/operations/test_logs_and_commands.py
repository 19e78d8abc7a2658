"""`fab logs`, and `fab run` with commands in the live release."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
from pathlib import Path

import pytest

from background import left_behind, running
from lab import FAB, Project, until
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


PROGRAM = """\
import getpass, os
import main
print(getpass.getuser(), os.getcwd(), os.environ["RELEASE"], "SUDO_USER" in os.environ)
raise SystemExit(7)
"""


def test_a_console_runs_a_program_like_the_app(server: Server, project: Project) -> None:
    live = get(f"{server.url}/").headers["X-Release"]
    done = subprocess.run(
        [FAB, "-H", server.name, "console"], cwd=project.folder, env=project.environment(), input=PROGRAM, capture_output=True,
        text=True, check=False)  # fmt: skip
    assert (done.returncode, done.stdout) == (7, f"hello /srv/hello/releases/{project.head[:12]} {live} False\n"), done


def test_a_console_at_a_terminal_awaits_and_ends_with_it(server: Server, project: Project) -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(project.folder)
        os.execve(FAB, [str(FAB), "-H", server.name, "console"], project.environment())
    shown = ""

    def shows(text: str) -> bool:
        nonlocal shown
        if select.select([terminal], [], [], 0)[0]:
            shown += os.read(terminal, 4096).decode(errors="replace")
        return text in shown

    until(lambda: shows(">>> "), 30)
    os.write(terminal, b"await asyncio.sleep(0, 6 * 7)\r")
    until(lambda: shows("42\r\n"), 10)
    assert left_behind(server, "python -m asyncio")
    os.close(terminal)
    until(lambda: not left_behind(server, "python -m asyncio"), 10)
    assert os.waitpid(child, 0)[1] != 0


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
