"""Load the settings from all sources, or report all problems at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from selvedge.config.checks import host_problems, table_problems
from selvedge.config.dotenv import read_statements
from selvedge.config.env_vars import empty_names, settings_env_vars, tables_of, unknown_names
from selvedge.config.files import display_name, hosts_file, read_toml, sandbox_file
from selvedge.config.hosts import OVERRIDES, Host
from selvedge.config.messages import to_problem
from selvedge.config.schema import entry_model
from selvedge.config.secret_names import is_secret
from selvedge.config.settings import Settings
from selvedge.config.sources import Source
from selvedge.config.tables import merged, subtable, without
from selvedge.errors import ConfigError, Problem

SUDO_PASSWORD = "SELVEDGE_SUDO_PASSWORD"


def load(
    path: Path | None = None, *, overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """Return the settings of the hosts file `path`; by default that of `hosts_file`.

    overrides: tables of the command line, e.g. `{"app": {"branch": "fix"}}`. The sources, strongest first: the command line,
    the environment, `.env` in the folder of the file, the file, the sandbox's hosts that the file does not have. A general
    table of a stronger source also overrides a host's own table of a weaker one.

    Raises:
        ConfigError: the file is missing, not TOML, or has problems. It lists all of them.
    """
    file = hosts_file(path, environ)
    dotenv = _read_dotenv(file.parent / ".env")
    sources = [*_read_sources(file, environ, dotenv), Source("command line", dict(overrides or {}))]
    sandbox = sources[1]
    secrets = {name: SecretStr(value) for name, value in {**dotenv, **environ}.items() if is_secret(name)}
    password = environ.get(SUDO_PASSWORD, dotenv.get(SUDO_PASSWORD))
    settings = _validated(
        sources,
        base_dir=file.parent.absolute(),
        sandbox=frozenset(subtable(sandbox.data, "hosts")),
        sudo_password=None if password is None else SecretStr(password),
        passwords=secrets,
    )
    settings.hosts.update(list(_with_absolute_paths(settings, sandbox_file(environ).parent)))
    _raise_problems(host_problems(settings, sources))
    return settings


def _read_sources(file: Path, environ: Mapping[str, str], dotenv: Mapping[str, str]) -> list[Source]:
    """Return the hosts file, the sandbox's hosts, `.env` and the environment, the strongest last. Raises ConfigError as `load`."""
    toml = read_toml(file)
    sandbox = _sandbox_source(environ, subtable(toml, "hosts"))
    hosts = [*subtable(toml, "hosts"), *subtable(sandbox.data, "hosts")]
    return [
        Source(display_name(file), toml),
        sandbox,
        _env_vars_source(display_name(file.parent / ".env"), dotenv, hosts),
        _env_vars_source("environment", environ, hosts),
    ]


def _with_absolute_paths(settings: Settings, sandbox_dir: Path) -> Iterator[tuple[str, Host]]:
    """Yield the hosts with absolute paths; relative ones begin at the folder of the file that they are in."""
    for name, host in settings.hosts.items():
        folder = sandbox_dir.absolute() if name in settings.sandbox else settings.base_dir
        paths = {key: getattr(host, key) for key in ("key", "known_hosts") if getattr(host, key)}
        yield name, host.model_copy(update={key: str(folder / Path(path).expanduser()) for key, path in paths.items()})


def _sandbox_source(environ: Mapping[str, str], own: Mapping[str, Any]) -> Source:
    """Return the sandbox's hosts, except those with the name of one of your `own`."""
    file = sandbox_file(environ)
    hosts = subtable(read_toml(file), "hosts") if file.is_file() else {}
    return Source(display_name(file), {"hosts": {name: host for name, host in hosts.items() if name not in own}})


def _read_dotenv(file: Path) -> dict[str, str]:
    """Return the variables of `.env`, empty if it is missing. Lines that only other programs understand are skipped."""
    remedy = f"Correct the file, or move it away: `mv {display_name(file)} {display_name(file)}.old`."
    statements = read_statements(file, remedy) if file.exists() or file.is_symlink() else []
    return {each.key: each.value for each in statements if each.key and each.value is not None}


def _env_vars_source(label: str, environ: Mapping[str, str], hosts: list[str]) -> Source:
    env_vars = settings_env_vars(environ)
    _raise_problems([*unknown_names(env_vars, label), *empty_names(env_vars, label)])
    return Source(label, tables_of(env_vars, hosts), tuple(env_vars))


def _raise_problems(problems: Iterable[Problem]) -> None:
    found = list(problems)
    if found:
        raise ConfigError.of(found)


def _validated(sources: list[Source], **more: Any) -> Settings:
    data = _combined(sources)
    problems = table_problems(data, sources)
    try:
        settings = Settings.build(data, sources=sources, **more)
    except ValidationError as error:
        raise ConfigError.of([*(to_problem(each, sources) for each in error.errors()), *problems]) from None
    _raise_problems(problems)
    return settings


def _combined(sources: list[Source]) -> dict[str, Any]:
    file, sandbox, *stronger = sources
    data = merged(file.data, sandbox.data)
    for source in stronger:
        data = merged(_without_overridden(data, source.data), source.data)
    return data


def _without_overridden(weaker: dict[str, Any], stronger: dict[str, Any]) -> dict[str, Any]:
    """Return `weaker` without the keys of hosts' own tables that a general table of `stronger` sets."""
    hosts = {}
    for name, host in subtable(weaker, "hosts").items():
        hosts[name] = host
        for section in OVERRIDES if isinstance(host, dict) else ():
            general = subtable(stronger, section)
            depth = 2 if entry_model(Settings.model_fields[section].annotation) else 1
            rest = without(subtable(host, section), general, depth)
            hosts[name] = {**hosts[name], section: rest} if general and section in host else hosts[name]
    return {**weaker, "hosts": hosts} if hosts else weaker
