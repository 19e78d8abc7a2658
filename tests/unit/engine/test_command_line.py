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
from invoke.exceptions import Exit
from invoke.parser import Parser

import fabfile
from tests.support.paths import ROOT

pytestmark = pytest.mark.programs

# No server is there: what gets so far as to contact one ends with status 4.
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
    """How fab ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def fab(folder: Path, *words: str) -> Ended:
    """Run fab of this checkout with a hosts.toml of its own: as a copy of this process, which has loaded it already."""
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
    sys.argv = ["fab", *words]
    program.run(sys.argv)


def flags_of(monkeypatch: pytest.MonkeyPatch, *words: str, dry: bool = False) -> list[tuple[str, dict[str, object]]]:
    """What each task of a command line is called with, with the connections left out."""
    from selvedge import run as runs
    from selvedge.executor import Executor
    from selvedge.task import Operation, Step

    called: list[tuple[str, dict[str, object]]] = []

    class Run:
        fleet = SimpleNamespace(connect=lambda: None)
        report = SimpleNamespace(check_written=lambda: None)

        @classmethod
        def load(cls, *_: object) -> Run:
            return cls()

        def check(self, tasks: object, options: object) -> None:
            pass

        def check_named_files(self) -> None:
            pass

        def name_outdated_copies(self) -> None: ...

        def name_hosts_file(self) -> None:
            pass

        def chain(self, tasks: list[Step], options: dict[str, object]) -> None:
            called.append((" ".join(str(task.name) for task in tasks), options))

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


def test_what_changes_nothing_holds_for_every_task_of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (["setup", "deploy", "--dry-run"], ["setup", "--dry-run", "deploy"]):
        assert flags_of(monkeypatch, *words) == [("setup deploy", {"dry_run": True})]


def test_script_holds_for_every_task_of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert flags_of(monkeypatch, "setup", "deploy", "--script") == [("setup deploy", {"script": True})]


def test_diff_holds_for_every_step_of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert flags_of(monkeypatch, "setup", "deploy", "--diff") == [("setup deploy", {"diff": True})]


@pytest.mark.parametrize("task", ["setup", "deploy", "rollback", "restart", "stop", "start", "nginx"])
def test_dry_of_fabric_means_dry_run(monkeypatch: pytest.MonkeyPatch, task: str) -> None:
    assert [flags["dry_run"] for _, flags in flags_of(monkeypatch, task, dry=True)] == [True]


def test_steps_that_follow_each_other_are_one_chain_with_the_flags_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert flags_of(monkeypatch, "setup", "deploy", "--wait", "5") == [("setup deploy", {"wait": 5})]
    called = flags_of(monkeypatch, "setup", "releases", "clone", "--branch", "x", "deploy", "--force")
    assert [name for name, _ in called] == ["setup", "releases", "clone deploy"]
    assert called[2][1] == {"branch": "x", "force": True}


def test_two_values_of_one_flag_are_refused(tmp_path: Path) -> None:
    ended = fab(tmp_path, "-H", "server", "clone", "--branch", "x", "deploy", "--branch", "y")
    assert ended.returncode == 2 and "--branch has two values: x and y." in ended.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["trust", "setup", "--dry-run"],
            "--dry-run applies to all tasks of a command, and trust does not have it.",
        ),
        (
            ["releases", "deploy", "--script"],
            "--script applies to all tasks of a command, and releases does not have it.",
        ),
        (["setup", "--dry-run", "deploy", "--script"], "--dry-run and --script cannot be given together."),
    ],
)
def test_a_task_that_cannot_hold_back_refuses_before_anything_is_contacted(
    tmp_path: Path, words: list[str], sentence: str
) -> None:
    done = fab(tmp_path, "-H", "server", *words)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, sentence)


def test_what_nobody_foresaw_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from selvedge import run as runs

    class Broken(runs.Run):
        def name_outdated_copies(self) -> None: ...

        def name_hosts_file(self) -> None:
            raise ZeroDivisionError("by nobody")

    monkeypatch.setattr(runs, "Run", Broken)
    monkeypatch.setattr(Broken, "load", classmethod(lambda cls, *_: cls.__new__(cls)))
    from fabric import Config

    from selvedge.executor import Executor

    core = Parser(initial=program.initial_context, ignore_unknown=True).parse_argv([])
    parsed = Parser(contexts=fabfile.namespace.to_contexts()).parse_argv(["setup"])
    with pytest.raises(SystemExit) as ended:
        Executor(fabfile.namespace, Config(), core).execute(*parsed)
    shown = capsys.readouterr().err
    assert ended.value.code == 1
    assert "Unexpected error: ZeroDivisionError: by nobody (" in shown and "Traceback" not in shown


def test_a_fault_after_ctrl_c_is_the_interruption() -> None:
    from selvedge.executor import _by_ctrl_c

    try:
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("release unlocked lock")
    except RuntimeError as error:
        assert _by_ctrl_c(error)
    assert not _by_ctrl_c(RuntimeError("release unlocked lock"))


def test_a_report_is_written_for_a_server_that_cannot_be_reached_and_not_for_wrong_usage(tmp_path: Path) -> None:
    page = tmp_path / "run.html"
    refused = fab(tmp_path, "-H", "server", "deploy", "--report", str(tmp_path / "none/run.html"))
    assert refused.returncode == 2 and "is missing" in refused.stderr
    assert fab(tmp_path, "-H", "server", "deploy", "--report", str(page), "--commit", "-x").returncode == 2
    assert not page.exists()
    failed = fab(tmp_path, "-H", "server", "install", "deploy", "--report", str(page))
    text = page.read_text()
    assert failed.returncode == 4 and "hello: install deploy" in text and "✗ failed" in text
    assert failed.stderr.splitlines()[-2] in text, "the message"
    assert "there is no connection to it" in text


def test_the_short_flag_of_tail_is_explained(tmp_path: Path) -> None:
    ended = fab(tmp_path, "logs", "-f")
    assert ended.returncode == 2 and "`fab logs --follow`" in ended.stderr


@pytest.mark.parametrize("line", ["garbage", 'Host "x'])
def test_an_ssh_config_that_cannot_be_read_is_named(tmp_path: Path, line: str) -> None:
    config = tmp_path / ".ssh/config"
    config.parent.mkdir()
    config.write_text(f"{line}\n")
    done = fab(tmp_path, "-S", str(config), "-H", "server", "status")
    assert done.returncode == 2 and f"ssh cannot use its configuration: {config} line 1: " in done.stderr, done
    assert "Traceback" not in done.stderr


TAKING = [
    (context.name, max(argument.names, key=len))
    for context in fabfile.namespace.to_contexts()
    for argument in context.args.values()
    if argument.takes_value and not argument.positional
]
"""Every task with a flag that takes a value."""


@pytest.mark.parametrize("text", ["", " "])
def test_every_flag_refuses_an_empty_value(text: str) -> None:
    assert {("deploy", "commit"), ("rollback", "to"), ("sandbox.up", "count")} <= set(TAKING)
    tasks = {context.name: context for context in fabfile.namespace.to_contexts()}
    for task, flag in TAKING:
        with pytest.raises(Exit) as caught:
            Parser(contexts=[tasks[task]]).parse_argv([task, f"--{flag}", text])
        assert caught.value.code == 2
        assert caught.value.message.startswith(f"--{flag} is empty.\nGive it a value, or leave it out."), task
        assert "CI" in caught.value.message


@pytest.mark.parametrize("words", [
    ["-H", "", "status"], ["--hosts=", "status"], ["-H", " ", "deploy"], ["-H", ",", "deploy"], ["-H", "server,", "deploy"],
    ["status", "-H", ""],
])  # fmt: skip
def test_an_empty_name_of_a_host_is_wrong_usage(tmp_path: Path, words: list[str]) -> None:
    """The host of hosts.toml would be taken, or only a part of the hosts."""
    done = fab(tmp_path, *words)
    assert done.returncode == 2, done
    assert "--hosts is empty." in done.stderr, done


def test_the_list_of_tasks_asks_no_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs/ssh").write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\necho hostname 127.0.0.1\n")
    (tmp_path / "programs/ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/programs:/usr/bin:/bin")
    assert fab(tmp_path, "--list").returncode == 0 and not (tmp_path / "asked").exists()
    fab(tmp_path, "-H", "server", "status")
    assert (tmp_path / "asked").exists()


def test_a_number_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    done = fab(tmp_path, "-H", "server", "deploy", "--wait", "abc")
    assert done.returncode == 2 and "--wait takes a number, not 'abc'." in done.stderr, done
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["lgos"], "There is no task or flag 'lgos'. Did you mean `logs`?"),
        (["deploi", "--commit", "a"], "There is no task or flag 'deploi'. Did you mean `deploy`?"),
        (["logs", "--folow"], "There is no task or flag '--folow'. Did you mean `--follow`?"),
        (["deploy", "--dry_run"], "There is no task or flag '--dry_run'. Did you mean `--dry-run`?"),
        (["run", "ls -l"], "`fab run` takes its command with a flag: `fab run --command 'ls -l'`."),
        (["psql", "select 1"], "`fab psql` takes its command with a flag: `fab psql --command 'select 1'`."),
        (["run", "uptime"], "`fab run --command 'uptime'`."),
        (["export.dockr"], "There is no task or flag 'export.dockr'. Did you mean `export.docker`?"),
        (["exports.docker"], "There is no task or flag 'exports.docker'. Did you mean `export.docker`?"),
        (["export.heroku"], "There is no task or flag 'export.heroku'.\n`fab --list export` shows the tasks of `export`."),
        (["export"], "`export` is a group of tasks, not a task.\n`fab --list export` shows the tasks of `export`."),
        (["xyzzy"], "There is no task or flag 'xyzzy'.\n`fab --list` shows all tasks."),
    ],
)
def test_a_misspelled_task_or_flag_gets_a_hint(tmp_path: Path, words: list[str], hint: str) -> None:
    done = fab(tmp_path, "-H", "server", *words)
    assert done.returncode == 2 and hint in done.stderr, done


def test_the_first_line_names_the_hosts_file_that_a_variable_chose(tmp_path: Path) -> None:
    for words, first in ((["history", "--lines", "0"], True), (["status", "--json"], False), (["setup", "--script"], False)):
        done = fab(tmp_path, "-H", "server", *words)
        line = f"SELVEDGE_HOSTS_FILE is set: this run uses {tmp_path}/hosts.toml, the app hello.\n"
        assert done.stdout.startswith(line) == first, done


def test_an_environment_file_in_a_repository_is_warned_about(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SELVEDGE_APP__ENV_FILE=x.env\nSELVEDGE_APP__REPOSITORY=./nowhere\n")
    (tmp_path / "x.env").write_text("KEY=hunter2\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    warning = f"app.env_file: git tracks {tmp_path}/x.env, so each copy of the repository has its secrets. Run `git -C "
    for tracked in (False, True):
        done = fab(tmp_path, "-H", "server", "gunicorn")
        assert (warning in done.stdout) == tracked and "hunter2" not in done.stdout, done
        subprocess.run(["git", "-C", str(tmp_path), "add", "-f", "x.env"], check=True)


DOMAIN = "SELVEDGE_APP__DOMAINS=[\"hello.example.com\"]\nSELVEDGE_APP__REPOSITORY=https://git.example.com/x.git\n"
OWN = f"{DOMAIN}SELVEDGE_TLS__CERTIFICATE_KEY=.ssh/id_ed25519\n"


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("SELVEDGE_APP__REPOSITORY=./nowhere", "app.repository: the folder "),
        ("SELVEDGE_APP__REPOSITORY=.", "is not a git repository"),
        ("SELVEDGE_APP__REPOSITORY=./code\nSELVEDGE_APP__BRANCH=gone", "has no commit yet, so it has no branch gone"),
        ("SELVEDGE_APP__ENV_FILE=none.env", "none.env: the file is missing"),
        ("SELVEDGE_APP__ENV_FILE=/dev/zero", "/dev/zero: the file is a device"),
        ("SELVEDGE_APP__ENV_FILE=.ssh/id_ed25519", "id_ed25519: the file is a key or certificate, not a dotenv file"),
        ("SELVEDGE_APP__ENV_FILE=~nosuch/x", "SELVEDGE_APP__ENV_FILE: begins with ~nosuch, and this machine has no user"),
        ("SELVEDGE_SERVER__AUTHORIZED_KEYS=[\"none.pub\"]", "none.pub is missing"),
        ("SELVEDGE_SERVER__AUTHORIZED_KEYS=[\"/dev/zero\"]", "/dev/zero is a device"),
        ("SELVEDGE_SERVER__AUTHORIZED_KEYS=[\".ssh/id_ed25519\"]", "id_ed25519 is a private key"),
        ("SELVEDGE_HOSTS__SERVER__KEY=~nosuch/x", "SELVEDGE_HOSTS__SERVER__KEY: begins with ~nosuch"),
        ("SELVEDGE_HOSTS__SERVER__KEY=/dev/zero", "hosts.server.key: /dev/zero is a device"),
        ("SELVEDGE_HOSTS__SERVER__KEY=.ssh/id_ed25519.pub", "id_ed25519.pub is a public key"),
        ("SELVEDGE_HOSTS__SERVER__KNOWN_HOSTS=/dev/zero", "hosts.server.known_hosts: /dev/zero is a device"),
        (f"{OWN}SELVEDGE_TLS__CERTIFICATE=/dev/zero", "tls.certificate: /dev/zero is a device"),
        (f"{OWN}SELVEDGE_TLS__CERTIFICATE=.ssh/id_ed25519", "id_ed25519 has a private key in it"),
        ("SELVEDGE_HOSTS__SERVER__KNOWN_HOSTS=.ssh/id_ed25519", "id_ed25519 is a private key, and Selvedge would add host keys"),
        ("SELVEDGE_HOSTS__SERVER__KEY=key.p12", "key.p12 is a private key in a format that OpenSSH does not read"),
        ("SELVEDGE_APP__ENV_FILE=key.p12", "key.p12: the file is a private key or a keystore in a binary format"),
        ("SELVEDGE_APP__ENV_FILE=key.b64", "key.b64: the file is a key or certificate, not a dotenv file"),
        ("SELVEDGE_APP__BUILD_ENV_FILE=key.b64", "key.b64: the file is a key or certificate, not a dotenv file"),
        ("SELVEDGE_NGINX__INCLUDE=.ssh/id_ed25519", "id_ed25519 has a private key in it, and every user of the server can read"),
        ("SELVEDGE_NGINX__INCLUDE=key.p12", "key.p12 is a private key or a keystore in a binary format"),
        ("SELVEDGE_NGINX__INCLUDE=key.b64", "key.b64 has a private key in it"),
        (f"{DOMAIN}SELVEDGE_TLS__ACME_CA=ca.der", "ca.der is a certificate in binary (DER) instead of PEM text.\nConvert"),
        (f"{DOMAIN}SELVEDGE_TLS__ACME_CA=/dev/zero", "tls.acme_ca: /dev/zero is a device"),
        (f"{DOMAIN}SELVEDGE_TLS__ACME_CA=~nosuch/x", "SELVEDGE_TLS__ACME_CA: begins with ~nosuch"),
    ],
)
def test_what_this_machine_lacks_is_told_before_anything_is_contacted(tmp_path: Path, setting: str, sentence: str) -> None:
    """For the whole command line: `setup` does not run where `deploy` cannot."""
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/id_ed25519").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2=\n")
    (tmp_path / ".ssh/id_ed25519.pub").write_text(f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'A' * 43} me\n")
    (tmp_path / "key.p12").write_bytes(bytes.fromhex("308209ff020103308209c506092a864886f70d010701"))
    (tmp_path / "key.b64").write_text("MC4CAQAwBQYDK2VwBCIEIHhunter2hunter2hunter2hunter2hunter2hunter2\n")
    (tmp_path / "ca.der").write_bytes(bytes.fromhex("308203553082023da003020102"))
    (tmp_path / ".env").write_text(setting + "\n")
    subprocess.run(["git", "init", "-q", str(tmp_path / "code")], check=True)
    done = fab(tmp_path, "-H", "server", "install", "setup", "deploy")
    assert done.returncode == 2 and sentence in done.stderr and "hunter2" not in done.stderr, done
