"""A host's settings together with its release: the `app` of a step."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import ConfigDict, Field, SecretStr, model_validator

from selvedge.config import giturl
from selvedge.config.app import App
from selvedge.config.box import Box
from selvedge.config.hosts import Host
from selvedge.config.server import Hooks, Nginx, Server, Tls
from selvedge.errors import Pending
from selvedge.paths import Paths
from selvedge.value import Value


class Release(Value):
    """The release of a run on one host.

    ref: the branch, tag or SHA on the command line, "" for the branch of hosts.toml. commit: 40 hex digits, "" while it is
    unknown. forced: redeploy a rolled-back commit. migrates: False if another host migrates the database.
    """

    ref: str = ""
    commit: str = ""
    forced: bool = False
    migrates: bool = True

    def __post_init__(self) -> None:
        if self.commit and not re.fullmatch(r"[0-9a-f]{40}", self.commit):
            raise ValueError(f"a commit is 40 hex digits, not {self.commit!r}")


class Target(App):
    """The settings of one host. base_dir: the folder of hosts.toml."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    host: Host
    tls: Tls
    server: Server
    nginx: Nginx
    hooks: Hooks
    box: Box
    base_dir: Path
    release: Release = Field(default_factory=Release)

    def releasing(self, release: Release) -> Target:
        """Return a copy of these settings with another release."""
        return self.model_copy(update={"release": release})

    @property
    def commit(self) -> str:
        """The commit to release, 40 hex digits. Raises Pending while it is unknown."""
        if not self.release.commit:
            raise Pending("the commit is unknown until the server has git and can read the repository")
        return self.release.commit

    @property
    def ref(self) -> str:
        """The branch, tag or SHA to release."""
        return self.release.ref or self.branch

    @property
    def paths(self) -> Paths:
        """Every path on the server."""
        return Paths(self.name)

    @property
    def url(self) -> str:
        """The address of the app."""
        if self.domains:
            return f"https://{self.domains[0]}/"
        address = self.host.address or self.host.name
        return f"http://[{address}]/" if ":" in address else f"http://{address}/"

    @property
    def has_tls(self) -> bool:
        """True if the certificate is on this server, not on a load balancer."""
        return bool(self.domains) and not self.tls.upstream

    @property
    def shell_values(self) -> Mapping[str, str | int | float | bool]:
        """The values that the shell functions in lib/ share: names, paths, and the settings of the health check."""
        return {
            "app": self.name,
            **self.paths.shell_values,
            "health": self.health,
            "health_host": self.health_host_header,
            "health_ranges": " ".join(f"{first}-{last}" for first, last in self.health_ranges),
            "health_timeout": self.health_timeout,
            "health_attempts": self.health_attempts,
            "health_interval": self.health_interval,
        }

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
        found = giturl.credentials(self.repository)
        return SecretStr(found) if found else None

    @property
    def submodule_base(self) -> str:
        """The base of relative submodule addresses: `repository`, or the origin of the checkout on this machine."""
        return giturl.origin(self.repository_path) if self.repository_path else self.repository_shown

    @model_validator(mode="after")
    def _check_users(self) -> Self:
        if self.name in {self.host.user, self.host.bootstrap_user}:
            raise ValueError(
                f"app.name must not be the login user {self.name}, because the app runs as its own user without sudo: change one"
            )
        return self
