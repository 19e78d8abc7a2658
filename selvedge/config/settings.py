"""All settings together. `selvedge.config.load` makes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from selvedge.config.app import App
from selvedge.config.hosts import OVERRIDES, EntryName, Host, named, select
from selvedge.config.server import Hooks, Nginx, Rollout, Server, Tls
from selvedge.config.target import Target
from selvedge.errors import UsageError


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """A new dictionary in which `above` wins over `below`, key by key through nested tables."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


class Settings(BaseSettings):
    """hosts.toml with `.env`, the environment and the command line over it."""

    model_config = SettingsConfigDict(
        env_prefix="SELVEDGE_", env_nested_delimiter="__", extra="forbid", frozen=True, validate_default=False
    )

    app: App
    # model_construct: in a table that nobody wrote there is nothing to check.
    tls: Tls = Field(default_factory=Tls.model_construct)
    server: Server = Field(default_factory=Server.model_construct)
    nginx: Nginx = Field(default_factory=Nginx.model_construct)
    hooks: Hooks = Field(default_factory=Hooks.model_construct)
    rollout: Rollout = Field(default_factory=Rollout.model_construct)
    hosts: dict[EntryName, Host] = Field(default_factory=dict)
    groups: dict[EntryName, list[str]] = Field(default_factory=dict)

    _base_dir: Path = PrivateAttr(default_factory=Path.cwd)
    _sandbox: frozenset[str] = PrivateAttr(default=frozenset())
    _sudo_password: SecretStr | None = PrivateAttr(default=None)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` hands over: it reads each source itself, to be able to say where a wrong value stands."""
        return (init_settings,)

    @model_validator(mode="before")
    @classmethod
    def _name_hosts(cls, data: dict[str, Any]) -> dict[str, Any]:
        hosts = data.get("hosts")
        if not isinstance(hosts, dict):
            return data
        return {**data, "hosts": {name: named(name, table) for name, table in hosts.items()}}

    @classmethod
    def build(
        cls,
        tables: dict[str, Any],
        *,
        base_dir: Path,
        sandbox: frozenset[str] = frozenset(),
        sudo_password: SecretStr | None = None,
    ) -> Self:
        """The settings of `tables`, with what stands in no table. Raises pydantic.ValidationError."""
        settings = cls(**tables)
        settings._base_dir, settings._sandbox, settings._sudo_password = base_dir, sandbox, sudo_password
        return settings

    @property
    def base_dir(self) -> Path:
        """The folder of hosts.toml."""
        return self._base_dir

    @property
    def sandbox(self) -> frozenset[str]:
        """The names of the hosts that come from the sandbox's own file."""
        return self._sandbox

    @property
    def sudo_password(self) -> SecretStr | None:
        """`SELVEDGE_SUDO_PASSWORD` from the environment or `.env`."""
        return self._sudo_password

    def target(self, host: str | Host) -> Target:
        """The settings for `host`, given by its name in hosts.toml or as `select` returned it.

        Raises:
            KeyError: no host has that name.
            UsageError: the app does not go with the login user that was typed (`load` has checked hosts.toml itself).
        """
        found = self.hosts[host] if isinstance(host, str) else host
        sections = {name: merged(dict(getattr(self, name)), getattr(found, name)) for name in OVERRIDES}
        try:
            return Target.model_validate({**sections.pop("app"), **sections, "host": found, "base_dir": self._base_dir})
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageError(str(first.get("ctx", {}).get("error", first["msg"])) + ".") from None

    def select(self, names: Sequence[str], *, ssh_config: Path | None = None) -> list[Host]:
        """The hosts that a command line means, each once: names, groups, addresses, or, with none, the default.

        Raises:
            UsageError: an unknown name, or no name where there is no default; it lists the names.
        """
        config = ssh_config or Path("~/.ssh/config").expanduser()
        return select(names, hosts=self.hosts, groups=self.groups, sandbox=self._sandbox, ssh_config=config)
