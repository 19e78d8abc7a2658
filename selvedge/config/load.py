"""hosts.toml, the sandbox's hosts, `.env` and the environment become `Settings`, or one error that names them all."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from selvedge.config import checks, env_vars
from selvedge.config.checks import table
from selvedge.config.dotenv import bindings
from selvedge.config.hosts import OVERRIDES, Host
from selvedge.config.messages import Layer, explain
from selvedge.config.settings import Settings, merged
from selvedge.errors import ConfigError, Problem

SUDO_PASSWORD = "SELVEDGE_SUDO_PASSWORD"


def load(
    path: Path | None = None, *, overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """The settings of `path`; by default $SELVEDGE_HOSTS_FILE, else the hosts.toml here or in a folder above.

    `overrides` are tables of the command line (`{"app": {"branch": "fix"}}`) and win over everything; then come the
    environment, the `.env` beside the file, the file itself, and hosts of the sandbox that the file does not have. A
    general table of a stronger source also wins over a host's own table of a weaker one.

    Raises:
        ConfigError: no such file, no TOML, or problems in it; all of them at once.
    """
    file = hosts_file(path, environ)
    beside = file.parent / ".env"
    dotenv = _dotenv(beside)
    toml = read_toml(file)
    sandbox = _sandbox(environ, table(toml, "hosts"))
    known = [*table(toml, "hosts"), *table(sandbox.data, "hosts")]
    layers = [
        Layer(_label(file), toml),
        sandbox,
        _variables(_label(beside), dotenv, known),
        _variables("environment", environ, known),
        Layer("command line", dict(overrides or {})),
    ]
    password = environ.get(SUDO_PASSWORD, dotenv.get(SUDO_PASSWORD))
    settings = _validated(
        layers,
        base_dir=file.parent.absolute(),
        sandbox=frozenset(table(sandbox.data, "hosts")),
        sudo_password=None if password is None else SecretStr(password),
    )
    settings.hosts.update(list(_absolute(settings, sandbox_file(environ).parent)))
    _raise(checks.targets(settings, layers))
    return settings


def hosts_file(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """Which file is read: `path`, else $SELVEDGE_HOSTS_FILE, else hosts.toml here or in the nearest folder above.

    Raises:
        ConfigError: there is none.
    """
    named = path or (Path(environ["SELVEDGE_HOSTS_FILE"]).expanduser() if environ.get("SELVEDGE_HOSTS_FILE") else None)
    if named:
        if named.is_file():
            return named
        raise ConfigError(str(named), "", "there is no such file", "Correct SELVEDGE_HOSTS_FILE, or unset it.")
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "hosts.toml").is_file():
            return folder / "hosts.toml"
    remedy = "Go to the folder of the project, or name a file: SELVEDGE_HOSTS_FILE=path/to/hosts.toml fab …"
    raise ConfigError("hosts.toml", "", f"there is none in {here} or a folder above it", remedy)


def file_name() -> str:
    """The file of the settings as messages name it. Raises ConfigError where there is none."""
    return _label(hosts_file())


def read_toml(file: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        ConfigError: it cannot be read, or is no TOML; then with the line, the column and the line's text.
    """
    try:
        text = file.read_bytes().decode("utf-8")
        return tomllib.loads(text)
    except UnicodeDecodeError:
        raise ConfigError(_label(file), "", "is not UTF-8 text", "Save it as UTF-8.") from None
    except OSError as error:
        raise ConfigError(_label(file), "", f"cannot be read: {error.strerror}", "Correct its rights.") from None
    except tomllib.TOMLDecodeError as error:
        message, _, place = str(error).partition(" (at ")
        found = re.match(r"line ([0-9]+), column ([0-9]+)", place)
        lines = text.splitlines()
        number, column = (int(found[1]), int(found[2])) if found else (len(lines), len(lines[-1]) + 1 if lines else 1)
        line = lines[number - 1].strip() if 0 < number <= len(lines) else ""
        remedy = 'Text stands in quotes: key = "value"; a table begins with [name] on a line of its own.'
        if message.startswith("Illegal character '\\n'"):
            message = "the line ends within the quotes"
        problem = f"{message.rstrip('.')}: {line}"
        raise ConfigError(_label(file), f"line {number}, column {column}", problem, remedy) from None


def sandbox_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the sandbox keeps its hosts: $SELVEDGE_SANDBOX_DIR, else selvedge/sandbox in the XDG state folder."""
    state = Path(environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser()
    return Path(environ.get("SELVEDGE_SANDBOX_DIR") or state / "selvedge" / "sandbox").expanduser() / "hosts.toml"


def _absolute(settings: Settings, sandbox_dir: Path) -> Iterator[tuple[str, Host]]:
    """The hosts with whole paths to their keys; a relative one begins at the folder of its file."""
    for name, host in settings.hosts.items():
        folder = sandbox_dir.absolute() if name in settings.sandbox else settings.base_dir
        paths = {key: getattr(host, key) for key in ("key", "known_hosts") if getattr(host, key)}
        yield name, host.model_copy(update={key: str(folder / Path(path).expanduser()) for key, path in paths.items()})


def _sandbox(environ: Mapping[str, str], own: dict[str, Any]) -> Layer:
    file = sandbox_file(environ)
    tables = table(read_toml(file), "hosts") if file.is_file() else {}
    return Layer(_label(file), {"hosts": {name: table for name, table in tables.items() if name not in own}})


def _dotenv(file: Path) -> dict[str, str]:
    """The variables of `.env`, if there is one. What it holds for other programs is none of our business."""
    found = bindings(file) if file.is_file() else []
    return {each.key: each.value for each in found if each.key and each.value is not None}


def _variables(label: str, environ: Mapping[str, str], hosts: list[str]) -> Layer:
    own = env_vars.own(environ)
    _raise(env_vars.unknown(own, label))
    return Layer(label, env_vars.nested(own, hosts), tuple(own))


def _label(file: Path) -> str:
    """The file as a message names it: short where it stands in or under the working directory."""
    try:
        return str(file.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(file)


def _raise(problems: Iterable[Problem]) -> None:
    found = list(problems)
    if found:
        raise ConfigError.of(found)


def _validated(layers: list[Layer], **more: Any) -> Settings:
    data = _combined(layers)
    found = checks.check(data, layers)
    try:
        settings = Settings.build(data, **more)
    except ValidationError as error:
        raise ConfigError.of([*(explain(each, layers) for each in error.errors()), *found]) from None
    _raise(found)
    return settings


def _combined(layers: list[Layer]) -> dict[str, Any]:
    file, sandbox, *stronger = layers
    data = merged(file.data, sandbox.data)
    for layer in stronger:
        data = merged(_give_way(data, layer.data), layer.data)
    return data


def _give_way(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`below` without the keys of hosts' own tables that a general table of the stronger source `above` sets."""
    hosts = {}
    for name, host in table(below, "hosts").items():
        hosts[name] = host
        for section in OVERRIDES if isinstance(host, dict) else ():
            stronger = table(above, section)
            left = {key: value for key, value in table(host, section).items() if key not in stronger}
            hosts[name] = {**hosts[name], section: left} if stronger and section in host else hosts[name]
    return {**below, "hosts": hosts} if hosts else below
