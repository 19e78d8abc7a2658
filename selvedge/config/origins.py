"""Where each setting of a host comes from: the default, a line of hosts.toml, an environment variable, the command line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from selvedge.config.balancer import OF_BACKEND, SERVED
from selvedge.config.files import display_name, hosts_file
from selvedge.config.hosts import OVERRIDES, Host
from selvedge.config.key_lines import key_lines
from selvedge.config.local_files import read_text
from selvedge.config.masks import MASK, mask_command
from selvedge.config.schema import entry_model, section_model, to_toml
from selvedge.config.settings import Settings
from selvedge.config.sources import Source
from selvedge.config.target import TABLES, Target
from selvedge.value import Value

COMMAND_LINE = "command line (-H)"
DEFAULT = "default"
BALANCER = "[balancer]"
_SECRET_KEY = re.compile("PASS|SECRET|TOKEN|HMAC", re.IGNORECASE)
Keys = tuple[str, ...]
"""The keys that lead to a setting: ("app", "branch")."""


class Origin(Value):
    """A setting of a host. value: without secrets. text: the value in TOML, or the default in words. source: for people."""

    key: str
    value: Any
    text: str
    source: str


class Origins:
    """The sources of the settings of this run's hosts file."""

    def __init__(self, settings: Settings) -> None:
        """Read the lines of the keys. Raises LocalFileError if the file can no longer be read."""
        file = hosts_file()
        self._settings = settings
        self._lines = {display_name(file): key_lines(read_text(file))}

    def of(self, app: Target) -> Iterator[Origin]:
        """Yield the settings of a host, in the order of the reference page."""
        for section in Settings.model_fields:
            if section not in ("hosts", "groups"):
                model = section_model(Settings.model_fields[section].annotation)
                table = getattr(app, TABLES.get(section, section), None)
                values = app if section == "app" else table or getattr(self._settings, section)
                yield from self._section(app, section, model, values) if model else ()
                yield from self._entries(app, section)
        for key, field in Host.model_fields.items():
            if key != "name" and key not in OVERRIDES:
                value = getattr(app.host, key)
                path = ("hosts", app.host.name, key)
                yield _origin(path, field, value, self._host_source(app.host, path, value))
        yield from _from_ssh(app)
        for group, members in self._settings.groups.items():
            if app.host.name in members:
                yield _origin(("groups", group), None, members, self._source("", ("groups", group)))

    def _section(self, app: Target, section: str, model: type[BaseModel], values: Any) -> Iterator[Origin]:
        for key, field in model.model_fields.items():
            value = getattr(values, key)
            rows: dict[Keys, Any] = {(section, key): value}
            if isinstance(value, dict) and value:
                rows = {(section, key, str(each)): inner for each, inner in value.items()}
            for path, inner in rows.items():
                yield _origin(path, field, inner, _by_balancer(app, section, key) or self._source(app.host.name, path))

    def _entries(self, app: Target, section: str) -> Iterator[Origin]:
        """Yield the settings of tables with names that users choose, such as [processes.NAME]."""
        model = entry_model(Settings.model_fields[section].annotation)
        tables = {**getattr(self._settings, section), **getattr(app, section)} if model else {}
        for name, values in tables.items():
            for key, field in type(values).model_fields.items():
                path = (section, name, key)
                yield _origin(path, field, getattr(values, key), self._source(app.host.name, path))

    def _host_source(self, host: Host, path: Keys, value: object) -> str:
        known = self._settings.hosts.get(host.name)
        if known is None:
            return COMMAND_LINE if path[-1] in host.model_fields_set else DEFAULT
        return self._source("", path) if getattr(known, path[-1]) == value else COMMAND_LINE

    def _source(self, host: str, path: Keys) -> str:
        """Return the strongest source of a setting, as `load` merges them. host: whose own tables count, "" for none."""
        general_wins = False
        # Of a table with a name that users choose, a general setting hides the same one of a host.
        keys = path[1:3] if entry_model(Settings.model_fields[path[0]].annotation) else path[1:2]
        for source in reversed(self._settings.sources):
            own = ("hosts", host, *path)
            # A general setting of a stronger source hides a host's own one, with all keys of a table.
            if host and not general_wins and path[0] in OVERRIDES and source.sets(own):
                return self._place(source, own)
            if source.sets(path):
                return self._place(source, path)
            general_wins |= keys != () and source.sets((path[0], *keys))
        return DEFAULT

    def _place(self, source: Source, path: Keys) -> str:
        if source.env_vars:
            return f"{source.label}: {source.key_name(path)}"
        lines = self._lines.get(source.label, {})
        number = next((lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines), 0)
        table = ".".join(path[:-1])
        return f"{source.label}{f':{number}' if number else ''} [{table}]"


def _by_balancer(app: Target, section: str, key: str) -> str:
    """Return the source of a setting that a host has from its part in [balancer]; "" for another one."""
    on_backend = section == "tls" or (section == "nginx" and key in OF_BACKEND) or (app.drains and key == "reboot_time")
    of_app = section == "app" and key in ("name", "migrate", "env_file", "env_command")
    on_balancer = of_app or (section == "nginx" and key in SERVED)
    return BALANCER if (app.balancers and on_backend) or (app.backends and on_balancer) else ""


def _origin(path: Keys, field: FieldInfo | None, value: Any, source: str) -> Origin:
    value = without_secrets(value, path[-1])
    words = (field.description or "").partition(" Default: ")[2].rstrip(".") if field else ""
    text = words or "none" if source == DEFAULT and value in (None, "", [], {}) else to_toml(value)
    return Origin(".".join(path), value, text, source)


def _from_ssh(app: Target) -> Iterator[Origin]:
    """Yield what Fabric's flags and ssh's configuration add to the host's settings."""
    if app.ssh_config:
        yield Origin("ssh.config", app.ssh_config, to_toml(app.ssh_config), "command line (-S)")
    if app.ssh_keys:
        keys = list(app.ssh_keys)
        yield Origin("ssh.keys", keys, to_toml(keys), "command line (-i)")
    if app.ssh_address and app.ssh_address != app.host.address:
        yield Origin("ssh.address", app.ssh_address, to_toml(app.ssh_address), app.ssh_config or "ssh_config")


def without_secrets(value: Any, key: str = "") -> Any:
    """Return a setting's value as plain data without passwords and tokens. key: its last key."""
    if isinstance(value, SecretStr) or (isinstance(value, str) and value and _SECRET_KEY.search(key)):
        return MASK
    if isinstance(value, BaseModel):
        return {name: without_secrets(getattr(value, name), name) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(name): without_secrets(each, str(name)) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [without_secrets(each) for each in value]
    return mask_command(value) if isinstance(value, str) else str(value) if isinstance(value, Path) else value
