"""The files that settings are read from: where they are, their names in messages, their TOML."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selvedge.config import private_keys
from selvedge.config.local_files import LocalFileError, expanded, home_folder, read_bytes, read_text
from selvedge.errors import ConfigError
from selvedge.shell.quoting import quote


def hosts_file(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """Return `path`, else $SELVEDGE_HOSTS_FILE, else the hosts.toml in this folder or the nearest one above.

    Raises:
        ConfigError: there is no such file.
    """
    named = path or named_hosts_file(environ)
    if named:
        remedy = "Correct the variable SELVEDGE_HOSTS_FILE, or run `unset SELVEDGE_HOSTS_FILE`."
        if named.is_dir() and (named / "hosts.toml").is_file():
            remedy = f"Run `export SELVEDGE_HOSTS_FILE={quote(str(named / 'hosts.toml'))}`."
        try:
            read_bytes(named)
        except LocalFileError as error:
            raise ConfigError(str(named), "", f"the file {error}", remedy) from None
        return named
    here = Path.cwd()
    for folder in (here, *here.parents):
        if os.path.lexists(folder / "hosts.toml"):
            return folder / "hosts.toml"
    remedy = "Change to your project's folder, or name the file: `SELVEDGE_HOSTS_FILE=path/to/hosts.toml fab …`."
    raise ConfigError("hosts.toml", "", f"the file is missing in {here} and in the folders above it", remedy)


def named_hosts_file(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the file that $SELVEDGE_HOSTS_FILE names; None if it is not set.

    Raises ConfigError if it is empty or names an unknown `~user`.
    """
    named = environ.get("SELVEDGE_HOSTS_FILE")
    if named is not None and not named.strip():
        remedy = "Give it a value, or run `unset SELVEDGE_HOSTS_FILE`. In a CI job, the variable that it comes from is not set."
        raise ConfigError("environment", "SELVEDGE_HOSTS_FILE", "is empty", remedy)
    return _env_var_path("SELVEDGE_HOSTS_FILE", named) if named else None


def _env_var_path(name: str, path: str) -> Path:
    try:
        return expanded(path)
    except ValueError as error:
        raise ConfigError("environment", name, str(error), f"Correct it, or run `unset {name}`.") from None


def hosts_file_name() -> str:
    """Return the name of the hosts file in messages. Raises ConfigError if there is none."""
    return display_name(hosts_file())


def sandbox_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the sandbox's file of hosts, in $SELVEDGE_SANDBOX_DIR or in selvedge/sandbox of the XDG state folder."""
    if named := environ.get("SELVEDGE_SANDBOX_DIR"):
        return _env_var_path("SELVEDGE_SANDBOX_DIR", named) / "hosts.toml"
    named = environ.get("XDG_STATE_HOME")
    state = _env_var_path("XDG_STATE_HOME", named) if named else home_folder() / ".local/state"
    return state / "selvedge" / "sandbox" / "hosts.toml"


def read_toml(file: Path) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Raises:
        ConfigError: the file is not readable or not TOML. The message then has the line, the column and the line's text.
    """
    try:
        text = read_text(file)
        if private_keys.is_file(text.encode()):
            raise LocalFileError("is a private key", "Name a hosts.toml, and let no one else read the key.")
        return tomllib.loads(text)
    except LocalFileError as error:
        remedy = error.remedy or f"Check it: `ls -lL {display_name(file)}`."
        raise ConfigError(display_name(file), "", f"the file {error}", remedy) from None
    except RecursionError:
        problem, remedy = "it has too many tables or lists inside each other", "Correct it: see docs/reference/hosts-toml.md."
        raise ConfigError(display_name(file), "", problem, remedy) from None
    except tomllib.TOMLDecodeError as error:
        message, _, place = str(error).partition(" (at ")
        found = re.match(r"line ([0-9]+), column ([0-9]+)", place)
        lines = text.splitlines()
        number, column = (int(found[1]), int(found[2])) if found else (len(lines), len(lines[-1]) + 1 if lines else 1)
        line = _shown(file, lines[number - 1].strip()) if 0 < number <= len(lines) else ""
        remedy = 'Put text in quotes: `key = "value"`. Begin a table with its name in brackets, on its own line: `[app]`.'
        if re.search(r"=\s*(True|False)\b", line):
            remedy = "Write `true` or `false`, in small letters."
        if message.startswith("Illegal character '\\n'"):
            message = "A closing quote is missing"
        problem = f"{message.rstrip('.')}: `{line}`" if line else message.rstrip(".")
        raise ConfigError(display_name(file), f"line {number}, column {column}", problem, remedy) from None
    except ValueError:
        # Python reads no integer of more than 4300 digits (sys.set_int_max_str_digits).
        raise ConfigError(display_name(file), "", "a number has too many digits", "Write a smaller one.") from None


def _shown(file: Path, line: str) -> str:
    """Return a line of a TOML file for a message, without what may be a secret: $SELVEDGE_HOSTS_FILE may name another file."""
    if file.suffix != ".toml":
        return ""
    key, equals, _ = line.partition("=")
    secret = re.search(r"pass|secret|token|credential|api_?key|://[^/\s]*@", key if equals else line, re.IGNORECASE)
    if secret or re.search(r"://[^/\s]*@", line):
        return f"{key.rstrip()} = •••" if equals else "•••"
    return line


def display_name(file: Path) -> str:
    """Return the name of a file in messages: a relative path if it is in the working directory or below it."""
    try:
        return str(file.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(file)
