"""A host's settings together with its release: the `app` of a step."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import ConfigDict, Field, SecretStr, model_validator

from selvedge.config import giturl
from selvedge.config.backup import Backup
from selvedge.config.balancer import SUFFIX
from selvedge.config.box import Box
from selvedge.config.docker import Docker
from selvedge.config.env_command import EnvCommands
from selvedge.config.maintenance import Maintenance
from selvedge.config.metrics import Metrics
from selvedge.config.mirrors import Mirrors
from selvedge.config.nginx import below, password_variable
from selvedge.config.notify import Notify
from selvedge.config.processes import Process
from selvedge.config.server import Hooks, Server
from selvedge.config.services import Services
from selvedge.config.shared_database import POSTGRES_PORT, SharedDatabase, checked_password
from selvedge.config.site import SiteSettings
from selvedge.config.target_checks import combination_problems
from selvedge.config.timers import Timer
from selvedge.config.types import LOCAL_PREFIX
from selvedge.errors import ConfigError, Pending
from selvedge.paths import Paths
from selvedge.value import Value

TABLES = {"server": "machine"}
"""Table of hosts.toml → its name in Target, where `server` is the app server."""


class Release(Value):
    """The release of a run on one host.

    ref: the branch, tag or SHA on the command line, "" for the branch of hosts.toml. commit: 40 hex digits, "" while it is
    unknown. carried: the SHA-256 of the content of app.carry, "" while it is unknown. built: the commands that build this content
    have run. image: NAME@sha256:… of the command line, "" for the image that `[docker] build` names. forced: redeploy a rolled-back
    commit. migrates: False if another host migrates the database. hosts: the names of the run's hosts with commas, for a command.
    """

    ref: str = ""
    commit: str = ""
    carried: str = ""
    built: bool = False
    image: str = ""
    forced: bool = False
    migrates: bool = True
    hosts: str = ""

    def __post_init__(self) -> None:
        if self.commit and not re.fullmatch(r"[0-9a-f]{40}", self.commit):
            raise ValueError(f"a commit is 40 hex digits, not {self.commit!r}")


class Target(SiteSettings):
    """The settings of one host.

    machine: the table [server], because `server` is the app server. services: those of this host. database: the one that it
    shares with other hosts. timers: those that run on it. asked: the settings of the other servers that this host's
    Prometheus asks, by their names ([metrics] server). only_asks: the app does not run on this host. asked_by: the private address
    of the server whose Prometheus asks this host, "" for itself.
    base_dir: the folder of hosts.toml. env_commands: runs `app.env_command`, once for all hosts. passwords: the secrets of the
    environment (secret_names.py), by their variables. ssh_config: the file of `fab -S`, "" for the usual ones. ssh_keys: the
    private keys of `fab -i`. ssh_address: where ssh connects to.
    backends: of a balancer's site, the addresses with port to which it passes requests, by the names of the hosts. balancers: of a
    backend, the addresses of the balancers. balancing: of a backend that is a balancer, too, the balancer's site. beside_app: of
    such a site. drains: of a backend, `rollout.drain`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    machine: Server
    mirrors: Mirrors
    maintenance: Maintenance
    hooks: Hooks
    box: Box
    docker: Docker
    services: Services
    database: SharedDatabase | None = None
    processes: Mapping[str, Process] = Field(default_factory=dict)
    timers: Mapping[str, Timer] = Field(default_factory=dict)
    backup: Backup
    notify: Notify = Field(default_factory=Notify)
    metrics: Metrics = Field(default_factory=Metrics)
    asked: Mapping[str, Target] = Field(default_factory=dict)
    only_asks: bool = False
    asked_by: str = ""
    base_dir: Path
    env_commands: EnvCommands = Field(default_factory=EnvCommands, repr=False)
    passwords: Mapping[str, SecretStr] = Field(default_factory=dict, repr=False)
    ssh_config: str = ""
    ssh_keys: tuple[str, ...] = ()
    backends: Mapping[str, str] = Field(default_factory=dict)
    balance_method: str = ""
    balancers: tuple[str, ...] = ()
    balancing: Target | None = None
    beside_app: bool = False
    drains: bool = False
    release: Release = Field(default_factory=Release)

    def reached(self, ssh_config: str, ssh_keys: tuple[str, ...], ssh_address: str) -> Target:
        """Return a copy of these settings with those of Fabric's flags and of ssh's configuration."""
        return self.model_copy(update={"ssh_config": ssh_config, "ssh_keys": ssh_keys, "ssh_address": ssh_address})

    def releasing(self, release: Release) -> Target:
        """Return a copy of these settings with another release."""
        return self.model_copy(update={"release": release})

    @property
    def commit(self) -> str:
        """The commit to release, 40 hex digits. Raises Pending while it, or the content of app.carry, is unknown."""
        if not self.release.commit:
            raise Pending("the commit is unknown until the server has git and can read the repository")
        if self.carry and not self.release.carried:
            raise Pending("the hook before_build makes the folders of app.carry on your machine first")
        return self.release.commit

    @property
    def ref(self) -> str:
        """The branch, tag or SHA to release."""
        return self.release.ref or self.branch

    @property
    def backup_repository(self) -> str:
        """restic's name of the repository with the backups of this app on this host."""
        host = re.sub(r"[^A-Za-z0-9._-]+", "-", self.host.name).strip("-.") or "host"
        return self.backup.place.repository(f"{self.name}/{host}")

    @property
    def paths(self) -> Paths:
        """Every path on the server."""
        return Paths(self.name, self._carried_name)

    @property
    def carry_commands(self) -> tuple[str, ...]:
        """The commands of the hook before_build for this machine, if they may change what app.carry names."""
        local = (each for each in self.hooks.before_build if each.startswith(LOCAL_PREFIX))
        return tuple(each.removeprefix(LOCAL_PREFIX).strip() for each in local) if self.carry else ()

    @property
    def _carried_name(self) -> str:
        """Six hex digits for the content of app.carry, the commands that made it, and the image of `--image`; "" without them."""
        carried = [*self.carry, *self.carry_commands, self.release.carried] if self.carry and self.release.carried else []
        text = "\n".join([*carried, *filter(None, [self.release.image])])
        if not text:
            return ""
        return hashlib.sha256(text.encode()).hexdigest()[:6]

    @property
    def carry_base(self) -> Path:
        """The folder on this machine that the paths of app.carry begin at."""
        return self.repository_path or self.base_dir.resolve()

    @property
    def shell_values(self) -> Mapping[str, str | int | float | bool]:
        """The values that the shell functions in lib/ share: names, paths, and the settings of the health check."""
        return {
            "app": self.name,
            "postgres": self.services.postgres,
            "redis": self.services.redis,
            **self.paths.shell_values,
            "health": self.health_path,
            "health_host": self.health_host_header,
            "health_ranges": " ".join(f"{first}-{last}" for first, last in self.health_ranges),
            "health_timeout": self.health_timeout,
            "health_attempts": self.health_attempts,
            "health_interval": self.health_interval,
            "site_host": self.site_host,
            # Whether the check of the site follows redirects: not to a load balancer, and to HTTPS once it is there.
            "site_follow": "no" if self.tls.upstream else "https" if self.has_tls else "yes",
        }

    @property
    def settle_values(self) -> Mapping[str, str | int]:
        """The values of shell functions that wait until a release or a process has settled."""
        return {"strategy": self.strategy, "settle": f"{self.settle:g}", "settle_ms": int(self.settle * 1000)}

    @property
    def process_counts(self) -> dict[str, int]:
        """How many of each process run on this host."""
        return {name: process.count_on(self.host.name) for name, process in self.processes.items()}

    @property
    def balancer_site(self) -> Target | None:
        """The settings of the balancer's site on this host; None if the host is no balancer."""
        if self.backends or not self.balancing:
            return self if self.backends else None
        return self.balancing.model_copy(update={"name": f"{self.name}{SUFFIX}", "ssh_address": self.ssh_address})

    @property
    def has_only_database(self) -> bool:
        """Whether the host has the database of the other servers, and does not run the app."""
        return bool(self.database and self.database.here and not self.database.app_here)

    @property
    def runs_here(self) -> bool:
        """Whether the app runs on the host: it is not only a balancer, and has not only the database."""
        return not self.backends and not self.has_only_database

    @property
    def remote_database(self) -> SharedDatabase | None:
        """The database on another host that this one uses."""
        return self.database if self.database and not self.database.here else None

    @property
    def database_password(self) -> str:
        """The password of the shared database. Raises ConfigError if it is missing or not suitable."""
        return checked_password(self.passwords, self.database.host if self.database else "")

    @property
    def counts_workers_together(self) -> bool:
        """Whether the app's workers write their metrics to one folder, so that each can answer for all of them."""
        return self.metrics.enabled and bool(self.metrics.path) and self.workers != 1

    @property
    def closed_metrics(self) -> str:
        """The path of the app's metrics without a final slash if visitors get 404 there, else "".

        nginx passes on no path outside of `nginx.path` (`nginx.strip_path = false`), so it need not close one.
        """
        metrics, nginx = self.metrics, self.nginx
        path = metrics.path.rstrip("/")
        outside = nginx.path and not nginx.strip_path and not below(path, nginx.path)
        return path if metrics.enabled and not metrics.public and not outside else ""

    @property
    def former_sites(self) -> tuple[str, ...]:
        """The files with which nginx enables a balancer's site on a backend, if it is no balancer any longer."""
        enabled = f"{self.paths.site_enabled}{SUFFIX}"
        return (enabled, f"{enabled}-tls") if self.balancers and not self.balancing else ()

    @property
    def app_sites(self) -> tuple[str, ...]:
        """The files with which nginx enables the app on the server of a balancer's site, for HTTP and for HTTPS.

        The balancer's HTTPS replaces the app's, which a live server has until it becomes a balancer, too.
        """
        enabled = self.paths.site_enabled.removesuffix(SUFFIX)
        return (enabled, f"{enabled}-tls") if self.beside_app else ()

    @property
    def open_ports(self) -> tuple[int, ...]:
        """The TCP ports that the firewall opens besides those of SSH: HTTP, HTTPS and `server.open_ports`.

        A backend answers the balancers alone, and a server that has only the database opens no site.
        """
        site = self.balancer_site or (None if self.balancers or self.has_only_database else self)
        return tuple(dict.fromkeys((*((site.nginx.http_port, site.nginx.https_port) if site else ()), *self.machine.open_ports)))

    @property
    def inner_ports(self) -> tuple[tuple[str, int], ...]:
        """The addresses for which the firewall opens a port, with this port: the balancers, and the database's clients."""
        clients = self.database.addresses if self.database and self.database.here else ()
        return (*((each, self.nginx.http_port) for each in self.balancers), *((each, POSTGRES_PORT) for each in clients))

    @property
    def repository_path(self) -> Path | None:
        """`repository` as a path on this machine, None for a git address."""
        return self.local_file(self.repository).resolve() if self.repository_is_local else None

    def local_file(self, path: str) -> Path:
        """Return a path of the settings as a path on this machine, relative to the folder of hosts.toml; `~` is the home."""
        return self.base_dir / Path(path).expanduser()

    @property
    def ssh_server(self) -> tuple[str, int] | None:
        """The name and port of the git server if `repository` is fetched over SSH, else None."""
        return giturl.ssh_server(self.repository)

    @property
    def credentials(self) -> SecretStr | None:
        """The repository's address in the form of git's credential store; None if it has no user and token."""
        return SecretStr(found) if (found := giturl.credentials(self.repository)) else None

    def password(self, user: str) -> str:
        """Return the password of a user of `nginx.basic_auth`. Raises ConfigError if it is missing or too long."""
        variable = password_variable(user)
        found = self.passwords.get(variable)
        text = found.get_secret_value() if found else ""
        remedy = f"Add it to .env beside hosts.toml, which git must not have: `{variable}=…`."
        if not text:
            raise ConfigError("environment", variable, f"the password of {user} is missing (nginx.basic_auth)", remedy)
        if len(text.encode()) > 72 or "\0" in text:
            problem = "must have at most 72 bytes and no NUL character, because bcrypt reads no more"
            raise ConfigError("environment", variable, problem, "Choose a shorter password.")
        return text

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        for problem in combination_problems(self):
            raise ValueError(problem)
        return self
