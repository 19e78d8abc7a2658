"""Variables of the app that its start, systemd, gunicorn or the kernel could not bear."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from selvedge.config.dotenv import read_environment
from selvedge.errors import ConfigError


def refused(folder: Path, text: str) -> ConfigError:
    (folder / "x.env").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_environment(folder / "x.env")
    assert caught.value.status == 2 and "hunter2" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *((name, "a variable of the shell") for name in ("OPTIND", "IFS", "PS4", "PPID", "SHELLOPTS")),
        *((name, "is set by systemd") for name in ("LISTEN_FDS", "LISTEN_PID", "NOTIFY_SOCKET", "WATCHDOG_USEC", "MAINPID")),
        *((name, "is set by gunicorn") for name in ("GUNICORN_FD", "GUNICORN_PID")),
        *((name, "where Python finds its own modules") for name in ("PYTHONHOME", "PYTHONPLATLIBDIR")),
        ("PYTHONINSPECT", "why the app fails"),
        ("WEB_CONCURRENCY", "would have no effect"),
    ],
)
def test_variables_that_the_start_uses_are_refused(tmp_path: Path, name: str, reason: str) -> None:
    found = refused(tmp_path, f"A=1\nexport {name}=hunter2\n")
    assert found.key == "line 2" and name in found.problem and reason in found.problem and found.remedy


@pytest.mark.parametrize(
    "name", ["ENV", "UID", "TZ", "LANG", "LD_PRELOAD", "BASH_ENV", "PORT", "HOST", "PATH", "HOME", "PYTHONUNBUFFERED", "optind"]
)
def test_other_names_are_accepted(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.env").write_text(f"{name}=1\n")
    assert list(read_environment(tmp_path / "x.env")) == [name]


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        ("--daemon", "daemon"),
        ("--max-requests=1000 -D", "daemon"),
        ("--pid /tmp/hunter2", "pid"),
        ("-p/tmp/hunter2", "pid"),
        ("--user=root", "user"),
        ("-b 0.0.0.0:8000", "bind"),
        ("--chd hunter2", "chdir"),
        ("'--reload' \"unclosed", "reload"),
    ],
)
def test_options_of_gunicorn_that_fight_the_process_manager_are_refused(tmp_path: Path, arguments: str, option: str) -> None:
    if '"unclosed' in arguments:
        arguments = arguments.replace("'", "").replace('"', '\\"')
    found = refused(tmp_path, f'GUNICORN_CMD_ARGS="{arguments}"\n')
    assert f"has gunicorn's option --{option}" in found.problem


@pytest.mark.parametrize("arguments", ["", "--max-requests 1000 --max-requests-jitter=50", "--keep-alive 5 -k x", "--preload", "-"])
def test_other_options_of_gunicorn_are_accepted(tmp_path: Path, arguments: str) -> None:
    (tmp_path / "x.env").write_text(f'GUNICORN_CMD_ARGS="{arguments}"\n')
    assert read_environment(tmp_path / "x.env")


def test_a_variable_that_linux_cannot_pass_is_refused_with_its_name_and_size(tmp_path: Path) -> None:
    found = refused(tmp_path, f"A=1\nBIG=hunter2{'x' * 200_000}\n")
    assert found.key == "line 2" and found.problem == (
        "BIG has 200012 bytes, and Linux starts no program with a variable of more than 131072"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of Linux")
@pytest.mark.parametrize("sign", ["x", "汉"])
def test_the_limit_is_that_of_linux(tmp_path: Path, sign: str) -> None:
    """The kernel counts the bytes of NAME=value with the NUL at its end."""
    most = 131072 - len("A=") - 1
    value = sign * (most // len(sign.encode()))
    value += "x" * (most - len(value.encode()))
    (tmp_path / "x.env").write_text(f"A={value}\n")
    assert read_environment(tmp_path / "x.env")["A"].get_secret_value() == value
    subprocess.run(["/bin/true"], env={"A": value}, check=True)
    refused(tmp_path, f"A={value}x\n")
    with pytest.raises(OSError, match="Argument list too long"):
        subprocess.run(["/bin/true"], env={"A": f"{value}x"}, check=True)


def test_all_variables_together_have_a_limit(tmp_path: Path) -> None:
    six = "".join(f"V{number}=hunter2{'x' * 100_000}\n" for number in range(60))
    found = refused(tmp_path, six)
    assert found.problem.startswith("the variables have 6001") and "the largest: V10 (100012), V11" in found.problem
    many = "".join(f"V{number}={'x' * 40}\n" for number in range(20_000))
    assert "bytes together" in refused(tmp_path, many).problem
