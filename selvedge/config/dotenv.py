"""Dotenv files: `.env` and the app's environment.

They are read by python-dotenv's rules (quotes, `export `, comments, escapes in quotes), but `${NAME}` is not expanded: the
app gets the text in the file, whatever the environment on this machine. The environment is written in a format that both
systemd's `EnvironmentFile=` (systemd.exec(5)) and `sh` (`set -a; . file`) read back byte for byte.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv.parser import Binding, parse_stream
from pydantic import SecretStr

from selvedge.config import private_keys
from selvedge.config.env_command import not_dotenv, shown
from selvedge.config.local_files import MIB, LocalFileError, read_text
from selvedge.config.variables import refusal, total_refusal
from selvedge.errors import ConfigError, Problem

if TYPE_CHECKING:
    from selvedge.config.target import Target

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SPECIAL, _ESCAPED = re.compile(r'(["\\`$])'), r"\\\1"
_LOGIN = re.compile(r"//[^/@\s]*@")
_LOGIN_NAME = re.compile(r"TOKEN|PASS|SECRET|USER|LOGIN|AUTH|CREDENTIAL|KEY", re.IGNORECASE)
_REMEDY = 'Write one NAME="value" on each line.'
_CORRECT = 'Create the file, with one NAME="value" on each line, or correct {} in hosts.toml.'


def read_statements(path: Path, remedy: str) -> list[Binding]:
    """Return the statements of a dotenv file, also those that are not assignments. Line breaks stay as they are.

    Raises:
        ConfigError: the file is missing, not a regular file, too large, or not UTF-8 text. `remedy` is its remedy.
    """
    try:
        text = read_text(path, largest=8 * MIB)
    except LocalFileError as error:
        raise ConfigError(str(path), "", f"the file {error}", error.remedy or remedy) from None
    if private_keys.is_file(text.encode()) or text.lstrip().startswith("-----BEGIN "):
        raise ConfigError(str(path), "", "the file is a key or certificate, not a dotenv file", remedy)
    return _statements(text)


def _statements(text: str) -> list[Binding]:
    return [each for each in parse_stream(io.StringIO(text, newline="")) if each.key or each.error]


def app_environment(app: Target) -> dict[str, SecretStr]:
    """Return the app's environment: that of `app.env_file` or `app.env_command`, and the addresses of services that it has not.

    The command runs once a run. Raises ConfigError as `read_environment` and `EnvCommands.output` do.
    """
    own = _own_environment(app)
    services = {name: SecretStr(value) for name, value in app.services.environment(app.name).items()}
    return {**services, **({} if "DATABASE_URL" in own else _remote_database(app)), **own}


def _remote_database(app: Target) -> dict[str, SecretStr]:
    """Return the variables with which an app reaches the database on another host. Raises ConfigError without its password.

    The address has no parameters, because those for TLS differ from driver to driver. libpq and asyncpg take them from the
    environment.
    """
    database = app.remote_database
    if not database:
        return {}
    url = database.url(app.services, app.name, app.database_password)
    tls = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": app.paths.database_certificate}
    return {"DATABASE_URL": url, **{name: SecretStr(value) for name, value in tls.items()}}


def _own_environment(app: Target) -> dict[str, SecretStr]:
    if app.env_command:
        return _printed_environment(app.env_command, app.env_commands.output(app.env_command, app.base_dir))
    return read_environment(app.local_file(app.env_file)) if app.env_file else {}


def _printed_environment(command: str, output: SecretStr) -> dict[str, SecretStr]:
    """Return the variables in the output of app.env_command. Raises ConfigError as `read_environment` does."""
    text = output.get_secret_value()
    statements = _statements(text)
    if not any(each.key and each.value is not None for each in statements):
        raise not_dotenv(command, text)
    return _variables(statements, f"output of `{shown(command)}`")


def build_environment(app: Target) -> dict[str, SecretStr]:
    """Return the variables of the build, empty without `app.build_env_file`. Raises ConfigError as `read_environment` does."""
    return read_environment(app.local_file(app.build_env_file), "app.build_env_file") if app.build_env_file else {}


def build_digest(app: Target) -> str:
    """Return six hex digits of a hash of the build's variables that decide what is installed, "" without any.

    Logins may change with every run, and decide nothing: neither those in variables nor those in addresses. Raises ConfigError
    as `read_environment` does.
    """
    values = {name: _LOGIN.sub("//", value.get_secret_value()) for name, value in build_environment(app).items()}
    text = "\n".join(f"{name}={value}" for name, value in sorted(values.items()) if not _LOGIN_NAME.search(name))
    # The digest is public.
    return hashlib.scrypt(text.encode(), salt=app.name.encode(), n=2**12, r=8, p=1, dklen=3).hex() if text else ""


def read_environment(path: Path, setting: str = "app.env_file") -> dict[str, SecretStr]:
    """Return the variables of a dotenv file. The last value of a name counts, as in a shell. setting: names it in hosts.toml.

    Raises:
        ConfigError: the file is not a readable dotenv file, a line is not an assignment, a name has other characters than
            `[A-Za-z_][A-Za-z0-9_]*` or no value, or the app cannot be started with a variable
            (`variables.refusal`) or with all of them. It lists all problems, never a value.
    """
    return _variables(read_statements(path, _CORRECT.format(setting)), str(path))


def _variables(statements: Iterable[Binding], label: str) -> dict[str, SecretStr]:
    """Return the variables of statements. label: names their source in messages. Raises ConfigError as `read_environment` does."""
    values: dict[str, str] = {}
    problems = []
    for statement in statements:
        found = _problem(statement)
        if found:
            line = statement.original.line + _leading_lines(statement.original.string)
            problems.append(Problem(label, f"line {line}", *found))
        elif statement.key and statement.value is not None:
            values[statement.key] = statement.value
    if total := None if problems else total_refusal(values):
        problems.append(Problem(label, "", *total))
    if problems:
        raise ConfigError.of(problems)
    return {name: SecretStr(value) for name, value in values.items()}


def _leading_lines(statement: str) -> int:
    """Return the number of empty lines at the start of a statement, which python-dotenv includes."""
    return len(re.findall(r"\r\n|\n|\r", statement[: len(statement) - len(statement.lstrip())]))


def _problem(statement: Binding) -> tuple[str, str] | None:
    """Return what is wrong with a statement, and the remedy. It never has text of the file that may be a value."""
    if statement.error or not statement.key:
        return "is not an assignment, or a closing quote is missing", _REMEDY
    if statement.value is None:
        return "has no `=`, so it gives no value to a variable", _REMEDY
    if not _NAME.fullmatch(statement.key):
        return "the variable's name must have only letters, digits and '_', and must not begin with a digit", _REMEDY
    return refusal(statement.key, statement.value)


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
