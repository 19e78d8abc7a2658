"""Dotenv files: `.env` and the app's environment.

They are read by python-dotenv's rules (quotes, `export `, comments, escapes in quotes), but `${NAME}` is not expanded: the
app gets the text in the file, whatever the environment on this machine. The environment is written in a format that both
systemd's `EnvironmentFile=` (systemd.exec(5)) and `sh` (`set -a; . file`) read back byte for byte.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv.parser import Binding, parse_stream
from pydantic import SecretStr

from selvedge.errors import ConfigError, Problem

if TYPE_CHECKING:
    from selvedge.config.target import Target

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SPECIAL, _ESCAPED = re.compile(r'(["\\`$])'), r"\\\1"
_REMEDY = 'Write one NAME="value" on each line.'


def read_statements(path: Path, setting: str = "app.env_file") -> list[Binding]:
    """Return the statements of a dotenv file, also those that are not assignments. setting: names the file in hosts.toml.

    Raises:
        ConfigError: the file is missing, not readable, or not UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(str(path), "", "the file is not UTF-8 text", "Save it as UTF-8.") from None
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        problem = "the file is missing" if missing else f"the file is not readable: {error.strerror}"
        remedy = f"Create it, or correct {setting} in hosts.toml." if missing else f"Check its permissions: `ls -l {path}`."
        raise ConfigError(str(path), "", problem, remedy) from None
    return [each for each in parse_stream(io.StringIO(text)) if each.key or each.error]


def app_environment(app: Target) -> dict[str, SecretStr]:
    """Return the app's environment, empty without `app.env_file`. Raises ConfigError as `read_environment` does."""
    return read_environment(app.local_file(app.env_file)) if app.env_file else {}


def build_environment(app: Target) -> dict[str, SecretStr]:
    """Return the variables of the build, empty without `app.build_env_file`. Raises ConfigError as `read_environment` does."""
    return read_environment(app.local_file(app.build_env_file), "app.build_env_file") if app.build_env_file else {}


def read_environment(path: Path, setting: str = "app.env_file") -> dict[str, SecretStr]:
    """Return the variables of a dotenv file. The last value of a name counts, as in a shell. setting: names it in hosts.toml.

    Raises:
        ConfigError: the file is missing or not readable, a line is not an assignment, a name has other characters than
            `[A-Za-z_][A-Za-z0-9_]*`, a name has no value, or a value has a NUL. It lists all problems, never a value.
    """
    values: dict[str, SecretStr] = {}
    problems = []
    for statement in read_statements(path, setting):
        line = f"line {statement.original.line + _leading_lines(statement.original.string)}"
        problem = _problem(statement)
        if problem:
            problems.append(Problem(str(path), line, problem, _REMEDY))
        elif statement.key and statement.value is not None:
            values[statement.key] = SecretStr(statement.value)
    if problems:
        raise ConfigError.of(problems)
    return values


def _leading_lines(statement: str) -> int:
    """Return the number of empty lines at the start of a statement, which python-dotenv includes."""
    return statement[: len(statement) - len(statement.lstrip())].count("\n")


def _problem(statement: Binding) -> str:
    if statement.error or not statement.key:
        return "is not an assignment, or a closing quote is missing"
    if not _NAME.fullmatch(statement.key):
        return "the variable's name must have only letters, digits and '_', and must not begin with a digit"
    if statement.value is None:
        return f"{statement.key} has no value"
    if "\0" in statement.value:
        return f"{statement.key} has a NUL character, which an environment variable cannot contain"
    return ""


def render_environment(environment: Mapping[str, SecretStr]) -> str:
    """Return the environment file: NAME="value", with a backslash before `"`, `\\`, `` ` `` and `$`, nothing else escaped.

    environment: as `read_environment` returns it.

    Raises:
        ValueError: a name or value that the format cannot hold.
    """
    lines = []
    for name, secret in environment.items():
        value = secret.get_secret_value()
        if not _NAME.fullmatch(name) or "\0" in value:
            raise ValueError(f"{name!r} cannot be written to an environment file")
        lines.append(f'{name}="{_SPECIAL.sub(_ESCAPED, value)}"\n')
    return "".join(lines)
