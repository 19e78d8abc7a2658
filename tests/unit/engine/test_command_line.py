"""The command line: flags of several tasks, wrong usage, and unexpected errors."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import pytest
from fabric.main import program

from tests.support.paths import ROOT

# There is no server: a run that contacts one ends with status 4.
HOSTS = """
[app]
name = "hello"
repository = "https://git.example.com/me/hello.git"
[hosts.server]
address = "127.0.0.1"
port = 9
"""


@dataclass
class Ended:
    """The exit status and output of fab."""

    returncode: int
    stdout: str
    stderr: str


def fab(folder: Path, *words: str) -> Ended:
    """Run fab with a hosts.toml of its own, in a fork of this process, which has imported it already."""
    (folder / "hosts.toml").write_text(HOSTS)
    process = get_context("fork").Process(target=_fab, args=(folder, words))
    process.start()
    process.join(60)
    assert process.exitcode is not None, "fab did not end"
    return Ended(process.exitcode, *((folder / name).read_text() for name in ("stdout", "stderr")))


def _fab(folder: Path, words: tuple[str, ...]) -> None:
    os.environ.update({"HOME": str(folder), "SELVEDGE_HOSTS_FILE": str(folder / "hosts.toml")})
    os.chdir(ROOT)
    sys.stdout, sys.stderr = ((folder / name).open("w", buffering=1) for name in ("stdout", "stderr"))
    program.run(["fab", *words])


def flags_of(monkeypatch: pytest.MonkeyPatch, *words: str, dry: bool = False) -> list[tuple[str, dict[str, object]]]:
    """Return the flags that each task of a command line gets, without any connection."""
    from invoke.parser import Parser

    import fabfile
    from selvedge import run as runs
    from selvedge.executor import Executor
    from selvedge.step import Operation

    called: list[tuple[str, dict[str, object]]] = []

    class Run:
        fleet = SimpleNamespace(connect=lambda: None)

        @classmethod
        def load(cls, *_: object) -> Run:
            return cls()

        def prepare(self, steps: object) -> None:
            pass

        def step(self, step: object, flags: dict[str, object], then: object) -> None:  # noqa: ARG002
            called.append((step.name, dict(flags)))  # type: ignore[attr-defined]

        def close(self) -> None:
            pass

    monkeypatch.setattr(runs, "Run", Run)
    for task in fabfile.namespace.tasks.values():
        if isinstance(task, Operation):
            monkeypatch.setattr(task, "operate", lambda _run, name=task.name, **flags: called.append((name, flags)))
    from fabric import Config

    core = Parser(initial=program.initial_context, ignore_unknown=True).parse_argv([])
    parsed = Parser(contexts=fabfile.namespace.to_contexts()).parse_argv(list(words))
    Executor(fabfile.namespace, Config(overrides={"run": {"dry": dry}}), core).execute(*parsed)
    return called


def test_dry_run_applies_to_every_task_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (["setup", "deploy", "--dry-run"], ["setup", "--dry-run", "deploy"]):
        called = flags_of(monkeypatch, *words)
        assert [(name, flags["dry_run"]) for name, flags in called] == [("setup", True), ("deploy", True)]


def test_script_applies_to_every_task_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    called = flags_of(monkeypatch, "setup", "deploy", "--script")
    assert [(name, flags["script"], flags["dry_run"]) for name, flags in called] == [
        ("setup", True, False),
        ("deploy", True, False),
    ]


@pytest.mark.parametrize("task", ["setup", "deploy", "rollback", "restart", "stop", "start", "nginx"])
def test_fabrics_dry_means_dry_run(monkeypatch: pytest.MonkeyPatch, task: str) -> None:
    assert [flags["dry_run"] for _, flags in flags_of(monkeypatch, task, dry=True)] == [True]


def test_other_flags_belong_to_their_task(monkeypatch: pytest.MonkeyPatch) -> None:
    called = dict(flags_of(monkeypatch, "setup", "deploy", "--wait", "5"))
    assert (called["setup"]["wait"], called["deploy"]["wait"]) == (0, 5)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["trust", "setup", "--dry-run"],
            "--dry-run holds for all tasks of a command line, and trust does not know it.",
        ),
        (
            ["releases", "deploy", "--script"],
            "--script holds for all tasks of a command line, and releases does not know it.",
        ),
        (["setup", "--dry-run", "deploy", "--script"], "--dry-run and --script cannot be given together."),
    ],
)
def test_a_task_without_dry_run_refuses_before_it_contacts_a_server(
    tmp_path: Path, words: list[str], sentence: str
) -> None:
    done = fab(tmp_path, "-H", "server", *words)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, sentence)


def test_an_unexpected_error_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from selvedge import run as runs

    class Broken(runs.Run):
        def prepare(self, steps: object) -> None:  # noqa: ARG002
            raise ZeroDivisionError("by nobody")

    monkeypatch.setattr(runs, "Run", Broken)
    monkeypatch.setattr(Broken, "load", classmethod(lambda cls, *_: cls.__new__(cls)))
    from fabric import Config
    from invoke.parser import Parser

    import fabfile
    from selvedge.executor import Executor

    core = Parser(initial=program.initial_context, ignore_unknown=True).parse_argv([])
    parsed = Parser(contexts=fabfile.namespace.to_contexts()).parse_argv(["setup"])
    with pytest.raises(SystemExit) as ended:
        Executor(fabfile.namespace, Config(), core).execute(*parsed)
    shown = capsys.readouterr().err
    assert ended.value.code == 1
    assert "This should not have happened: ZeroDivisionError: by nobody (" in shown and "Traceback" not in shown


@pytest.mark.parametrize("line", ["garbage", 'Host "x'])
def test_an_unreadable_ssh_config_is_named(tmp_path: Path, line: str) -> None:
    config = tmp_path / ".ssh/config"
    config.parent.mkdir()
    config.write_text(f"{line}\n")
    done = fab(tmp_path, "-S", str(config), "-H", "server", "status")
    assert done.returncode == 2 and f"{config} cannot be read: Unparsable" in done.stderr, done
    assert "Traceback" not in done.stderr


def test_text_for_a_number_is_wrong_usage(tmp_path: Path) -> None:
    done = fab(tmp_path, "-H", "server", "deploy", "--wait", "abc")
    assert done.returncode == 2 and "--wait takes a number, and 'abc' is none." in done.stderr, done
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("SELVEDGE_APP__REPOSITORY=./nowhere", "app.repository: there is no folder"),
        ("SELVEDGE_APP__REPOSITORY=.", "is not a git repository"),
        ("SELVEDGE_APP__REPOSITORY=./code\nSELVEDGE_APP__BRANCH=gone", "has no branch, tag or commit gone"),
        ("SELVEDGE_APP__ENV_FILE=none.env", "none.env: cannot be read"),
        ("SELVEDGE_SERVER__AUTHORIZED_KEYS=[\"none.pub\"]", "none.pub cannot be read"),
    ],
)
def test_a_missing_local_file_is_reported_before_a_server_is_contacted(tmp_path: Path, setting: str, sentence: str) -> None:
    """This holds for the whole command: `setup` does not run if `deploy` cannot."""
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/id_ed25519").touch()
    (tmp_path / ".ssh/id_ed25519.pub").write_text(f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'A' * 43} me\n")
    (tmp_path / ".env").write_text(setting + "\n")
    subprocess.run(["git", "init", "-q", str(tmp_path / "code")], check=True)
    done = fab(tmp_path, "-H", "server", "install", "setup", "deploy")
    assert done.returncode == 2 and sentence in done.stderr, done
