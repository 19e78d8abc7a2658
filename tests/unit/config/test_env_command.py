"""`app.env_command`: the app's environment from a program of this machine."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.config import env_command
from selvedge.config.dotenv import app_environment
from selvedge.config.env_command import not_dotenv, program, shown
from selvedge.config.load import load
from selvedge.config.target import Target
from selvedge.errors import ConfigError
from selvedge.operations.remove import owned_paths
from selvedge.release.instance import Instance
from tests.support.hostile import ENVIRONMENT

App = Callable[..., Target]
CANARY = "c4nary-$(id)"


def values(app: Target) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in app_environment(app).items()}


def refusal(app: App, folder: Path, script: str, name: str = "vault") -> ConfigError:
    """Return the error for a program that does this. It never has the secret in it."""
    (folder / name).write_text(script)
    with pytest.raises(ConfigError) as error:
        app_environment(app("nothing set", env_command=f". ./{name}"))
    assert "c4nary" not in str(error.value)
    assert (error.value.status, error.value.file) in {(2, "app.env_command"), (2, f"output of `. ./{name}`")}
    return error.value


def test_the_output_is_the_environment_of_the_release(app: App, tmp_path: Path) -> None:
    escaped = {name: re.sub(r'(["\\])', r"\\\1", value) for name, value in ENVIRONMENT.items()}
    (tmp_path / "x.env").write_text("# a comment\n" + "".join(f'{name}="{value}"\n' for name, value in escaped.items()))
    by_file, by_command = app("nothing set", env_file="x.env"), app("nothing set", env_command="cat x.env")
    assert values(by_command) == values(by_file) == ENVIRONMENT
    assert Instance.of(by_command).id == Instance.of(by_file).id, "the same variables are the same release"


def test_it_runs_in_the_folder_of_hosts_toml_and_once_for_all_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    (folder / "hosts.toml").write_text(
        '[app]\nname = "hello"\nrepository = "https://git.example.com/x.git"\n'
        'env_command = "echo run >>ran; echo A=$(cat ran | wc -l)"\n'
        '[hosts.a]\n[hosts.b]\n[hosts.c.app]\nenv_command = "echo A=3"\n'
    )
    monkeypatch.chdir("/")
    settings = load(folder / "hosts.toml")
    targets = [settings.target(name) for name in "abca"]
    assert not (folder / "ran").exists(), "reading the settings does not run it"
    threads = [threading.Thread(target=app_environment, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [values(target) for target in targets] == [{"A": "1"}, {"A": "1"}, {"A": "3"}, {"A": "1"}]
    assert (folder / "ran").read_text() == "run\n"


def test_remove_does_not_run_it(app: App, tmp_path: Path) -> None:
    import fabfile

    owned_paths(fabfile.namespace["deploy"], app("nothing set", env_command="touch ran"))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("script", "problem", "remedy"),
    [
        ("no-such-program -d x", "a program is not installed, or not in PATH (exit status 127)", "Install the program"),
        ("/etc/passwd", "a program is not executable (exit status 126)", "correct app.env_command in hosts.toml"),
        (f"echo 'A={CANARY}'; echo 'wrong key {CANARY}' >&2; exit 3", "failed with exit status 3: wrong key •••", "Run it alone"),
        ("printf 'A=\"one\\nc4nary-two\"\\n'; echo 'bad c4nary-two' >&2; exit 3", "exit status 3: bad •••.", "Run it alone"),
        ("head -c 9000 /dev/zero | tr '\\0' e >&2; exit 3", f"exit status 3: {'e' * 300}.", "Run it alone"),
        ("echo no https://me:c4nary@vault.test/ >&2; exit 1", "exit status 1: no https://•••@vault.test/", "Run it alone"),
        ("kill -9 $$", "was ended by signal 9", "Run it alone"),
        ("true", "prints nothing", "A pipe to another program hides its failure"),
        ("echo; echo", "prints nothing", 'one NAME="value" on each line'),
        ("echo '# only a comment'", 'prints no line NAME="value"', 'one NAME="value" on each line'),
        ("echo c4nary", 'prints no line NAME="value"', 'one NAME="value" on each line'),
        ("echo '{\"A\": \"c4nary\"}'", "prints JSON", "Change app.env_command in hosts.toml"),
        ("printf 'A: c4nary\\nB: c4nary\\n'", 'prints no line NAME="value"', "Change app.env_command"),
        ("printf 'A=1\\000'", "NUL characters", "in UTF-8"),
        ("printf 'A=\\377\\n'", "is not UTF-8 text", "in UTF-8"),
        ("echo '-----BEGIN CERTIFICATE-----'; echo A=c4nary", "prints a key or certificate", "Correct app.env_command"),
        ("yes A=c4nary", "prints more than 8 MiB", "Correct app.env_command"),
        ("echo A=1; echo c4nary", "line 2: has no `=`", 'NAME="value"'),
        ("echo PYTHONHOME=c4nary", "line 1: PYTHONHOME decides where Python finds its own modules", "Delete the line"),
    ],
)
def test_output_that_is_no_environment(app: App, tmp_path: Path, script: str, problem: str, remedy: str) -> None:
    error = refusal(app, tmp_path, script)
    assert problem in str(error)
    assert remedy in str(error)


@pytest.mark.parametrize("name", ["VAULT_TOKEN", "MYSQL_PWD", "SELVEDGE_BASIC_AUTH_ME", "SELVEDGE_DNS_CREDENTIALS"])
def test_a_secret_of_your_environment_is_hidden(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "hvs.c4nary")
    error = refusal(app, tmp_path, f'echo "denied: token ${name}" >&2; exit 2')
    assert "denied: token •••" in error.problem


def test_an_agent_that_it_leaves_in_the_background_is_not_waited_for(app: App, tmp_path: Path) -> None:
    began = time.monotonic()
    assert values(app("nothing set", env_command="sleep 60 & echo $! >pid; echo A=1; sleep 0.3; echo B=2")) == {"A": "1", "B": "2"}
    assert time.monotonic() - began < 10
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_sops_is_told_how_to_print_dotenv_lines() -> None:
    assert "`sops -d --output-type dotenv FILE`" in not_dotenv("sops -d production.yaml", "a: c4nary").remedy


def test_a_command_that_does_not_end_is_stopped(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env_command, "SECONDS", 0.3)
    assert "did not end within 0.3 s" in refusal(app, tmp_path, "sh -c 'echo $$ >pid; exec sleep 60' | cat").problem
    pid = int((tmp_path / "pid").read_text())
    for _ in range(50):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            return
        time.sleep(0.05)
    raise AssertionError("the child still runs")


def test_ctrl_c_ends_the_command(app: App, tmp_path: Path) -> None:
    def interrupt() -> None:
        while not (tmp_path / "pid").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        app_environment(app("nothing set", env_command="echo $$ >pid; sleep 60; true"))
    thread.join()
    assert time.monotonic() - began < 10


def test_without_a_terminal_it_gets_no_input_and_what_it_says_is_not_shown(app: App, capfd: pytest.CaptureFixture[str]) -> None:
    assert values(app("nothing set", env_command="echo warning >&2; echo A=$(cat)")) == {"A": ""}
    assert capfd.readouterr() == ("", "")


def test_on_a_terminal_it_can_ask(tmp_path: Path) -> None:
    """The question comes through; the output does not."""
    (tmp_path / "ask").write_text('printf "Passphrase: " >&2; read -r x; echo "A=$x"')
    code = (
        "from pathlib import Path; from selvedge.config.env_command import EnvCommands; "
        f"print(EnvCommands().output('. ./ask', Path({str(tmp_path)!r})))"
    )
    terminal, child = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", code], stdin=child, stdout=subprocess.PIPE, stderr=child)
    os.close(child)
    assert os.read(terminal, 100) == b"Passphrase: "
    os.write(terminal, b"c4nary\n")
    assert process.communicate(timeout=30) == (b"**********\n", None)
    os.close(terminal)


def test_both_at_once_are_refused_and_a_host_can_choose_the_other(app: App) -> None:
    with pytest.raises(Exception, match="env_file and env_command are both set"):
        app("nothing set", env_file="production.env", env_command="true")
    assert app("nothing set", env_command="true", env_file="").env_command == "true"


@pytest.mark.parametrize(
    ("command", "name", "text"),
    [
        ("sops -d production.env", "sops", "sops -d production.env"),
        ("LANG=C VAULT_TOKEN=s3cret /usr/bin/vault read x", "vault", "LANG=C VAULT_TOKEN=••• /usr/bin/vault read x"),
        ("bw get notes x --session 'a b'", "bw", "bw get notes x --session •••"),
        ("curl https://me:pw@vault.test/x", "curl", "curl https://•••@vault.test/x"),
        ("./x -d TOKEN=c4nary --api-key 'a b' -d x", "x", "./x -d TOKEN=••• --api-key ••• -d x"),
        ("curl -H 'Authorization: Bearer c4 nary' x", "curl", "curl -H 'Authorization: •••' x"),
        ("pass show app/token", "pass", "pass show app/token"),
        ("", "", ""),
        ("it's", "it's", "it's"),
        ("x" * 200, "x" * 200, "x" * 79 + "…"),
    ],
)
def test_a_command_in_a_message(command: str, name: str, text: str) -> None:
    assert program(command) == name
    assert shown(command) == text
