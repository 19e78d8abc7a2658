"""The command of a process as its shell gets it."""

from __future__ import annotations

import os
import subprocess

import pytest

from selvedge.release.replaced_shell import replacing_shell

pytestmark = pytest.mark.programs

CHANGED = [
    ("celery -A blog worker", "exec celery -A blog worker"),
    ("  ./worker --name 'a b'", "  exec ./worker --name 'a b'"),
    ("cd jobs && celery -A a worker", "cd jobs && exec celery -A a worker"),
    ("sleep 1; celery beat", "sleep 1; exec celery beat"),
    ("QUEUES=a,b LEVEL=1 rq worker", "QUEUES=a,b LEVEL=1 exec rq worker"),
    ("A='b c' rq worker", "A='b c' exec rq worker"),
    ('rq worker "$QUEUE" -n w$PROCESS_NUMBER@%h', 'exec rq worker "$QUEUE" -n w$PROCESS_NUMBER@%h'),
    ("rq worker ${QUEUE:-high} >>log 2>/dev/null", "exec rq worker ${QUEUE:-high} >>log 2>/dev/null"),
    ("python -c 'import a; a.run() && b | c'", "exec python -c 'import a; a.run() && b | c'"),
    ("'/srv/my worker' run", "exec '/srv/my worker' run"),
    ("rq worker -n w#1", "exec rq worker -n w#1"),
    ("日本 x", "exec 日本 x"),
    ("rq worker;", "exec rq worker;"),
    ("cd a; rq worker ; ", "cd a; exec rq worker ; "),
    ("rq worker -n a\\;", "exec rq worker -n a\\;"),
    ("rq worker trap", "exec rq worker trap"),
]
KEPT = [
    "exec celery worker", "celery worker | tee log", "celery worker & wait", "(celery worker)", "a || b", "while true; do a; done",
    "if a; then b; fi", "cd jobs", ";", "", "X=1", "X=1;", "trap 'rm x' EXIT; rq worker", "cd a && trap x 0; rq worker",
    "a && ", "{ a; }", "$(cat command)", "`cat command`", "a # b", ">log a",
    "trap 'x' TERM; . ./run", "cat <<x", "f() { a; }; f", "a && export B=1", "'open",
]  # fmt: skip


@pytest.mark.parametrize(("command", "wanted"), CHANGED)
def test_the_last_program_takes_the_place_of_the_shell(command: str, wanted: str) -> None:
    assert replacing_shell(command) == wanted


@pytest.mark.parametrize("command", KEPT)
def test_a_command_that_needs_its_shell_is_unchanged(command: str) -> None:
    wanted = "exec 'open" if command == "'open" else command
    assert replacing_shell(command) == wanted


@pytest.mark.parametrize(
    "command",
    ["sh -c 'echo $PPID'", "cd / && sh -c 'echo $PPID'", "A=1 B='2 3' sh -c 'echo $PPID'", "echo a; sh -c 'echo $PPID' 2>&1"],
)
def test_the_program_is_the_child_of_whoever_started_the_shell(command: str) -> None:
    """Without `exec`, dash stays in between."""
    with subprocess.Popen(["sh", "-c", replacing_shell(command)], stdout=subprocess.PIPE, text=True) as process:
        output, _ = process.communicate(timeout=10)
    assert int(output.split()[-1]) == os.getpid()


def test_an_assignment_reaches_the_program() -> None:
    done = subprocess.run(["sh", "-c", replacing_shell("A='b  c' env")], capture_output=True, text=True, check=True)
    assert "A=b  c\n" in done.stdout
