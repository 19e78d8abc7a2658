"""The app's environment: a dotenv file on this machine, read by one parser and written in one format.

Read: python-dotenv's rules (quotes, `export `, comments, escapes in quotes), but `${NAME}` is *not* expanded: what
stands in the file is what the app gets, whatever the deployer's own environment. Written: a format that systemd's
`EnvironmentFile=` (systemd.exec(5)) and `sh` (`set -a; . file`) both read back byte for byte.
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
_REMEDY = 'Write NAME="value", one a line.'


def bindings(path: Path) -> list[Binding]:
    """The statements of a dotenv file: key, value, line, and whether it could not be read as one.

    Raises:
        ConfigError: the file is not there, cannot be read, or is no UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(str(path), "", "is not UTF-8 text", "Save it as UTF-8.") from None
    except OSError as error:
        raise ConfigError(
            str(path), "", f"cannot be read: {error.strerror}", "Correct the path or the rights."
        ) from None
    return [each for each in parse_stream(io.StringIO(text)) if each.key or each.error]


def variables(app: Target) -> dict[str, SecretStr]:
    """Those of `app.env_file`, none where it is not set. Raises ConfigError as `read_environment` does."""
    return read_environment(app.local_file(app.env_file)) if app.env_file else {}


def read_environment(path: Path) -> dict[str, SecretStr]:
    """The variables of a dotenv file; of a name that stands there twice, the last value, as a shell would have it.

    Raises:
        ConfigError: no such file, a line that is no assignment, a name that is none (`[A-Za-z_][A-Za-z0-9_]*`), a name
            without a value, or a value that no environment can hold (NUL). All at once, and without any value.
    """
    values: dict[str, SecretStr] = {}
    problems = []
    for each in bindings(path):
        line = f"line {each.original.line + _leading_lines(each.original.string)}"
        problem = _problem(each)
        if problem:
            problems.append(Problem(str(path), line, problem, _REMEDY))
        elif each.key and each.value is not None:
            values[each.key] = SecretStr(each.value)
    if problems:
        raise ConfigError.of(problems)
    return values


def _leading_lines(statement: str) -> int:
    """A statement begins with the empty lines before it."""
    return statement[: len(statement) - len(statement.lstrip())].count("\n")


def _problem(each: Binding) -> str:
    if each.error or not each.key:
        return "is no assignment; a quote may be open"
    if not _NAME.fullmatch(each.key):
        return "the name of a variable has other characters than letters, digits and '_', or begins with a digit"
    if each.value is None:
        return f"{each.key} has no value"
    if "\0" in each.value:
        return f"{each.key} has a NUL character, which no environment can hold"
    return ""


def render_environment(values: Mapping[str, SecretStr]) -> str:
    """The file for `systemd` and `sh`: NAME="value" with a backslash before `"`, `\\`, `` ` `` and `$` only.

    Line breaks and all else stand as they are. The names must be as `read_environment` gives them.

    Raises:
        ValueError: a name or value that the format cannot hold.
    """
    lines = []
    for name, secret in values.items():
        value = secret.get_secret_value()
        if not _NAME.fullmatch(name) or "\0" in value:
            raise ValueError(f"{name!r} cannot be written to an environment file")
        lines.append(f'{name}="{_SPECIAL.sub(_ESCAPED, value)}"\n')
    return "".join(lines)
