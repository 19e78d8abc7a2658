"""All settings. `selvedge.config.load` creates them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, model_validator

from selvedge.config.app import App
from selvedge.config.backup import Backup
from selvedge.config.balancer import SUFFIX, Balancer, endpoint, of_backend, of_balancer, private_address, rebooting
from selvedge.config.box import Box
from selvedge.config.docker import Docker
from selvedge.config.env_command import EnvCommands
from selvedge.config.hosts import OVERRIDES, EntryName, Host, select_hosts, with_name
from selvedge.config.maintenance import Maintenance
from selvedge.config.metrics import Metrics
from selvedge.config.mirrors import Mirrors
from selvedge.config.nginx import Nginx
from selvedge.config.notify import Notify
from selvedge.config.processes import Process, ProcessName
from selvedge.config.schema import entry_model
from selvedge.config.section import Section
from selvedge.config.server import Hooks, Rollout, Server, Tls
from selvedge.config.services import Services
from selvedge.config.shared_database import shared_database
from selvedge.config.sources import Source
from selvedge.config.tables import merged
from selvedge.config.target import Target
from selvedge.config.timers import Timer, TimerName
from selvedge.errors import UsageError


class Settings(Section):
    """The settings of hosts.toml and of the sources that override it."""

    app: App
    tls: Tls = Field(default_factory=Tls)
    server: Server = Field(default_factory=Server)
    mirrors: Mirrors = Field(default_factory=Mirrors)
    nginx: Nginx = Field(default_factory=Nginx)
    maintenance: Maintenance = Field(default_factory=Maintenance)
    hooks: Hooks = Field(default_factory=Hooks)
    box: Box = Field(default_factory=Box)
    docker: Docker = Field(default_factory=Docker)
    services: Services = Field(default_factory=Services)
    backup: Backup = Field(default_factory=Backup)
    balancer: Balancer = Field(default_factory=Balancer)
    metrics: Metrics = Field(default_factory=Metrics)
    rollout: Rollout = Field(default_factory=Rollout)
    notify: Notify = Field(default_factory=Notify)
    processes: dict[ProcessName, Process] = Field(default_factory=dict)
    timers: dict[TimerName, Timer] = Field(default_factory=dict)
    hosts: dict[EntryName, Host] = Field(default_factory=dict)
    groups: dict[EntryName, list[str]] = Field(default_factory=dict)

    _sources: tuple[Source, ...] = PrivateAttr(default=())
    _base_dir: Path = PrivateAttr(default_factory=Path.cwd)
    _sandbox: frozenset[str] = PrivateAttr(default=frozenset())
    _sudo_password: SecretStr | None = PrivateAttr(default=None)
    _passwords: Mapping[str, SecretStr] = PrivateAttr(default_factory=dict)
    _env_commands: EnvCommands = PrivateAttr(default_factory=EnvCommands)

    @model_validator(mode="before")
    @classmethod
    def _name_hosts(cls, data: dict[str, Any]) -> dict[str, Any]:
        hosts = data.get("hosts")
        if not isinstance(hosts, dict):
            return data
        return {**data, "hosts": {name: with_name(name, table) for name, table in hosts.items()}}

    @classmethod
    def build(
        cls,
        tables: dict[str, Any],
        *,
        base_dir: Path,
        sources: Sequence[Source] = (),
        sandbox: frozenset[str] = frozenset(),
        sudo_password: SecretStr | None = None,
        passwords: Mapping[str, SecretStr] = MappingProxyType({}),
    ) -> Self:
        """Return the settings of `tables`.

        sources: where the tables come from. sandbox: names of hosts. passwords: as in Target. Raises pydantic.ValidationError.
        """
        settings = cls(**tables)
        settings._sources = tuple(sources)
        settings._passwords = passwords
        settings._base_dir, settings._sandbox, settings._sudo_password = base_dir, sandbox, sudo_password
        return settings

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources of the settings, the strongest last."""
        return self._sources

    @property
    def base_dir(self) -> Path:
        """The folder of hosts.toml."""
        return self._base_dir

    @property
    def sandbox(self) -> frozenset[str]:
        """The names of the hosts from the sandbox's file."""
        return self._sandbox

    @property
    def sudo_password(self) -> SecretStr | None:
        """`SELVEDGE_SUDO_PASSWORD` from the environment or `.env`."""
        return self._sudo_password

    def target(self, host: str | Host) -> Target:
        """Return the settings for a host, given by its name in hosts.toml or as `select` returned it.

        Raises:
            KeyError: no host has that name.
            UsageError: the app does not go with the login user on the command line. `load` checks those in hosts.toml.
        """
        found = self.hosts[host] if isinstance(host, str) else host
        return self._target(found, self._asked(found.name))

    def _target(self, found: Host, asked: dict[str, Any]) -> Target:
        """Return the settings for a host. asked: as of `_asked`. Raises UsageError as `target` does."""
        sections = {name: self._merged(name, found) for name in OVERRIDES}
        elsewhere = {name for name, timer in self.timers.items() if not timer.runs_on(found.name)}
        sections["timers"] = {name: timer for name, timer in sections["timers"].items() if name not in elsewhere}
        try:
            more: dict[str, Any] = {"host": found, "base_dir": self._base_dir}
            more |= {"env_commands": self._env_commands, "passwords": self._passwords}
            more |= {"services": self.services.on(found.name), "notify": self.notify, **asked}
            more["database"] = shared_database(self.services, self.hosts, self.groups, found.name)
            return self._balanced(found.name, {**sections.pop("app"), "machine": sections.pop("server"), **sections, **more})
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageError(str(first.get("ctx", {}).get("error", first["msg"])) + ".") from None

    def _balanced(self, host: str, sections: dict[str, Any]) -> Target:
        """Return the settings of a host with its part in [balancer]. Raises ValidationError."""
        balancer, names = self.balancer, self.balancer.members(self.groups)
        site: Target | None = None
        if balancer.on(host):
            backends = {name: endpoint(private_address(self.hosts[name]), balancer.port) for name in names if name in self.hosts}
            site = Target.model_validate(of_balancer(sections))
            more: dict[str, Any] = {"backends": backends, "balance_method": balancer.method, "beside_app": host in names}
            more["page_on_backends"] = any(self._merged("nginx", self.hosts[name])["spa"] for name in backends)
            site = site.model_copy(update={"name": f"{site.name}{SUFFIX}", **more})
            if host not in names:
                return site
        if host in names:
            addresses = [private_address(self.hosts[name]) for name in balancer.hosts if name in self.hosts]
            known = tuple(filter(None, addresses))
            sections = {**of_backend(sections, known, balancer.port), "balancing": site, "balancers": known}
            sections["balancer_url"] = self._balancer_url(site if host == balancer.hosts[0] else None)
            if self.rollout.drain:
                sections |= {"drains": True, "machine": rebooting(sections["machine"], names.index(host))}
        return Target.model_validate(sections)

    def _balancer_url(self, site: Target | None) -> str:
        """Return the first balancer's address; "" with domains, or if hosts.toml has none. site: the site, if it is known."""
        first = self.balancer.hosts[0]
        if self.app.domains or first not in self.hosts or not self.hosts[first].address:
            return ""
        # Without the servers that its Prometheus asks: they are its backends, which ask for this address.
        site = site or self._target(self.hosts[first], {}).balancer_site
        return site.url if site and not site.domains else ""

    @property
    def measured(self) -> list[str]:
        """The names of the hosts with metrics ([metrics]). Only a Prometheus of the sandbox asks the sandbox's hosts."""
        names = [name for name, host in self.hosts.items() if host.metrics.get("enabled", self.metrics.enabled) is True]
        return [name for name in names if name not in self._sandbox or self.metrics.server in self._sandbox]

    def _asked(self, host: str) -> dict[str, Any]:
        """Return which other servers the Prometheus of a host asks, and which one asks the host."""
        if host not in self.measured:
            return {}
        asked = {name: self.target(name) for name in self.metrics.asked(host, self.hosts, self.measured)}
        asked_by = self.metrics.asked_by(host, self.hosts, self.measured)
        return {"asked": asked, "asked_by": asked_by, "only_asks": self._only_asks(host)}

    def _only_asks(self, host: str) -> bool:
        """Return whether a host only asks the others: [balancer] or [services] clients name the servers that run the app."""
        running = [*self.balancer.members(self.groups), *self.groups.get(self.services.clients, ())]
        return self.metrics.server == host and bool(running) and host not in running

    def _merged(self, section: str, host: Host) -> dict[str, Any]:
        """Return a section as it holds for a host."""
        general, own = dict(getattr(self, section)), getattr(host, section)
        if entry_model(Settings.model_fields[section].annotation) is None:
            return merged(general, own)
        tables = {name: merged(general[name].model_dump(exclude_unset=True) if name in general else {}, own[name]) for name in own}
        return {**general, **tables}

    def select(self, names: Sequence[str], *, in_ssh_config: Callable[[str], bool] = lambda _name: False) -> list[Host]:
        """Return the hosts that a command line means, each once: names, groups, addresses, or without them the default.

        Raises:
            UsageError: an unknown name, or no names and no default. The message lists the known names.
        """
        return select_hosts(
            names, hosts=self.hosts, groups=self.groups, sandbox=self._sandbox, in_ssh_config=in_ssh_config
        )
