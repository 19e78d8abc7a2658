"""Wrong files of Fabric's settings, readers that have ended, and flags of Fabric: a sentence, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.unit.engine.test_command_line import HOSTS, fab

pytestmark = pytest.mark.programs

FAB = Path(sys.executable).with_name("fab")
GOOD = (ROOT / "fabric.yaml").read_text()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a clone with a hosts.toml of its own and links to the code."""
    for name in ("fabfile.py", "tasks", "templates", "selvedge", "sandbox"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "hosts.toml").write_text(HOSTS)
    (tmp_path / "fabric.yaml").write_text(GOOD)
    return tmp_path


def run(project: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell, in which $FAB is fab."""
    environment = {**os.environ, "HOME": str(project), "FAB": str(FAB), "SELVEDGE_SANDBOX_DIR": str(project)}
    shell, null = ["sh", "-c", command], subprocess.DEVNULL
    done = subprocess.run(shell, cwd=project, env=environment, stdin=null, capture_output=True, text=True, timeout=90, check=False)
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr, done
    return done


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n", "fabric.yaml: the file is a private key"),
        ("tasks: [hunter2\n", "fabric.yaml: the file is not YAML: line 2, column 1: "),
        ("tasks:\n\tx: hunter2\n", "is not YAML: line 2, column 1: found character '\\t'"),
        ("- hunter2\n", "fabric.yaml: the file has no settings that Fabric understands"),
        ("tasks: 3\n", "fabric.yaml: the file has no settings that Fabric understands"),
        ("", "Fabric's settings name no executor instead of selvedge.executor.Executor"),
        ("tasks:\n  executor_class: nosuch.X\n", "Fabric's settings name the executor nosuch.X instead of"),
        (None, "Fabric's settings name no executor"),
    ],
)
def test_a_wrong_fabric_yaml_is_named_without_its_text(project: Path, text: str | None, problem: str) -> None:
    (project / "fabric.yaml").unlink() if text is None else (project / "fabric.yaml").write_text(text)
    done = run(project, "$FAB -H server status")
    assert done.returncode == 2 and problem in done.stderr and "git checkout -- fabric.yaml" in done.stderr, done
    assert "hunter2" not in done.stdout + done.stderr


def test_a_fabric_yaml_that_is_no_file(project: Path) -> None:
    (project / "fabric.yaml").unlink()
    os.mkfifo(project / "fabric.yaml")
    assert "fabric.yaml: the file is a pipe" in run(project, "$FAB -H server status").stderr


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("$FAB -f /nosuch.yaml -H server status", 2, "/nosuch.yaml: the file is missing"),
        ("$FAB --prompt-for-sudo-password -H server status 2>&1 >/dev/null", 2, ""),
        ("$FAB -H server status -- uptime", 2, "fab does not run the command after `--` together with tasks"),
        ("$FAB --list >/dev/full", 1, "A part of the output could not be written: No space left on device."),
        ("$FAB -H server status >&-", 4, "refused the connection"),
        ("$FAB -H server status <&- >&- 2>&-", 4, ""),
        ("$FAB -H server status 2>/dev/full", 4, ""),
    ],
)
def test_the_command_line_ends_with_a_sentence_and_a_status(project: Path, command: str, status: int, said: str) -> None:
    done = run(project, command)
    assert done.returncode == status and said in done.stderr, done


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-H two status", "-H is given twice.\nSeparate several servers by commas"),
        ("deploy --commit a --commit b", "--commit is given twice.\nGive it once."),
        ("deploy --branch", "--branch needs a value.\n`fab --list` shows all tasks."),
        ("timers --run", "--run needs a value.\n`fab timers` shows the timers."),
        ("timers --run --json", "--run needs a value.\n`fab timers` shows the timers."),
        ("logs --timer", "--timer needs a value.\n`fab timers` shows the timers."),
        ("logs --process", "--process needs a value.\n`fab status` shows the processes."),
        ("restart --process", "--process needs a value.\n`fab status` shows the processes."),
        ("rollback --to", "--to needs a value.\n`fab releases` shows the releases."),
        ("restore --snapshot", "--snapshot needs a value.\n`fab backups` shows the backups."),
        ("deploy --wait -5", "--wait must be at least 0 and at most 1000000000, not -5."),
        ("logs --since soon", "--since soon is not a time.\nWrite a time span"),
        ("logs --lines 99999999999999999999", "--lines must be at least 0 and at most"),
    ],
)
def test_wrong_usage_is_a_sentence(tmp_path: Path, words: str, said: str) -> None:
    done = fab(tmp_path, "-H", "server", *words.split())
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr, done


@pytest.mark.parametrize("words", ["--list", "--help deploy", "-H server doctor"])
def test_a_reader_that_has_ended_is_no_error(project: Path, words: str) -> None:
    assert run(project, f"$FAB {words} | true").stderr.count("Error") == 0
