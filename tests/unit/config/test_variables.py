"""Environment variables and options of the command line that are refused."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.unit.config.conftest import Problems
from tests.unit.config.examples import APP


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SELVEDGE_APP__BRNACH", "hunter2", "SELVEDGE_APP__BRNACH: is not a setting. Did you mean `SELVEDGE_APP__BRANCH`?"),
        ("SELVEDGE_APPP__BRANCH", "hunter2", "SELVEDGE_APPP__BRANCH: is not a setting. Did you mean `SELVEDGE_APP__…`?"),
        ("SELVEDGE_HOST_FILE", "hunter2", "SELVEDGE_HOST_FILE: is not a setting. Did you mean `SELVEDGE_HOSTS_FILE`?"),
        (
            "SELVEDGE_QQQQ",
            "hunter2",
            "SELVEDGE_QQQQ: is not a setting. Write SELVEDGE_TABLE__KEY, for example `SELVEDGE_APP__BRANCH`.",
        ),
        (
            "SELVEDGE_HOSTS__S__APP__BRNACH",
            "hunter2",
            "SELVEDGE_HOSTS__S__APP__BRNACH: is not a setting. Did you mean `SELVEDGE_HOSTS__S__APP__BRANCH`?",
        ),
        ("SELVEDGE_APP__WORKERS", "many", "SELVEDGE_APP__WORKERS: must be an integer from 1 to 512, not 'many'. "),
        (
            "SELVEDGE_APP__DOMAINS",
            "a.example",
            "SELVEDGE_APP__DOMAINS: must be a list of strings, not 'a.example'. "
            'Write, for example, `SELVEDGE_APP__DOMAINS=\'["hello.example.com", "www.hello.example.com"]\'`.',
        ),
        (
            "SELVEDGE_APP__DOMAINS",
            '["a b"]',
            "SELVEDGE_APP__DOMAINS: must be a host name such as app.example.com, not 'a b'.",
        ),
        (
            "SELVEDGE_SERVER__OPEN_PORTS",
            "80,81",
            "SELVEDGE_SERVER__OPEN_PORTS: must be a list of integers, not '80,81'.",
        ),
        ("SELVEDGE_APP", "x", "SELVEDGE_APP: must be a table, not 'x'."),
        ("SELVEDGE_HOSTS__S__PORT", "x", "SELVEDGE_HOSTS__S__PORT: must be an integer from 1 to 65535, not 'x'."),
    ],
)
def test_an_unknown_variable_is_named_without_its_value(
    tmp_path: Path, problems: Problems, name: str, value: str, words: str
) -> None:
    text = APP + "[hosts.s]\n"
    (line,) = problems(text, {name: value})
    assert line.startswith(f"environment: {words}")
    assert "hunter2" not in line
    (tmp_path / ".env").write_text(f"{name}='{value}'\n")
    (line,) = problems(text)
    assert line.startswith(f".env: {words}")
    assert "hunter2" not in line


@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_variable_is_refused(tmp_path: Path, problems: Problems, value: str) -> None:
    """It would turn off what the file sets: contact a host by its name, drop the app's environment."""
    for name in ("APP__ENV_FILE", "APP__MIGRATE", "HOSTS__S__ADDRESS", "HOSTS__S__HOST_KEY", "TLS__ACME_SERVER"):
        lines = problems(APP + "[hosts.s]\n", {f"SELVEDGE_{name}": value})
        assert [line for line in lines if line.startswith(f"environment: SELVEDGE_{name}: is empty. Give it a value, or unset it.")]
    (line,) = problems(APP, {"SELVEDGE_HOSTS_FILE": value})
    assert line.startswith("environment: SELVEDGE_HOSTS_FILE: is empty. Give it a value, or run `unset SELVEDGE_HOSTS_FILE`.")
    (tmp_path / ".env").write_text(f"SELVEDGE_APP__ENV_FILE='{value}'\n")
    assert problems(APP)[0].startswith(".env: SELVEDGE_APP__ENV_FILE: is empty.")


def test_the_message_names_the_command_line(problems: Problems) -> None:
    (line,) = problems(APP, overrides={"app": {"branch": "-x"}})
    assert line.startswith("command line: app.branch: must be a branch name")


def test_variables_of_other_programs_are_ignored(tmp_path: Path, problems: Problems) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=x\nDEBUG\nSELVEDGE_SUDO_PASSWORD=x\n=\n'\n")
    around = {"SELVEDGE_DEBUG": "1", "SELVEDGE_SUDO_PASSWORD": "x", "SELVEDGES": "x"}
    assert problems(APP, around) == []


@pytest.mark.parametrize(
    "name", ["NGINX__HEADERS", "NGINX__STATIC", "NGINX__MEDIA", "NGINX__REDIRECTS", "APP__EXTRAS", "APP__DOMAINS"]
)
def test_the_example_in_a_message_works(problems: Problems, name: str) -> None:
    (line,) = problems(APP, {f"SELVEDGE_{name}": "x"})
    (word,) = shlex.split(line.split("`")[1])
    assert problems(APP, dict([word.split("=", 1)])) == []
