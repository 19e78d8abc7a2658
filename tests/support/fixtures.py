"""Settings of hosts, for tests with and without servers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from selvedge.config.settings import Settings
from selvedge.config.target import Release, Target
from tests.support.hostile import ENVIRONMENT, HOSTILE
from tests.support.keys import KEY
from tests.support.steps import CANARY, HOSTS

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def target(tmp_path: Path) -> Callable[..., Target]:
    """Make the settings of the host `server`: target(domains=["a.test"], nginx={"gzip": False})."""
    return targets(tmp_path)


def targets(folder: Path) -> Callable[..., Target]:
    """Return a function that makes the settings of the host `server`, whose hosts.toml is in this folder.

    app_server is the key server of [app]. hosts: other hosts.
    """

    def make(commit: str = COMMIT, **tables: Any) -> Target:
        names = (
            *("tls", "server", "nginx", "maintenance", "hooks", "box", "docker", "services", "backup", "processes", "timers"),
            *("notify", "metrics", "balancer", "rollout", "groups"),
        )
        sections = {name: tables.pop(name) for name in names if name in tables}
        passwords = {key: SecretStr(value) for key, value in tables.pop("passwords", {}).items()}
        host = tables.pop("host", {"address": "203.0.113.10"})
        if name := tables.pop("app_server", ""):
            tables["server"] = name
        hosts = {"server": host, **tables.pop("hosts", {})}
        app = {"name": "hello", "repository": "https://git.example.com/me/hello.git", **tables}
        settings = Settings.model_validate({"app": app, "hosts": hosts, **sections})
        settings._base_dir, settings._passwords = folder, passwords
        return settings.target("server").releasing(Release(commit=commit))

    return make


@pytest.fixture
def host(target: Callable[..., Target], tmp_path: Path) -> Callable[..., Target]:
    """Return the settings of a host of HOSTS."""
    (tmp_path / "production.env").write_text(f'TOKEN="{CANARY}"\nPLAIN=x\n')
    (tmp_path / "build.env").write_text(f'UV_INDEX_OWN_PASSWORD="{CANARY}"\n')
    (tmp_path / "me.pub").write_text(KEY + "\n")
    return lambda name: target(COMMIT, **HOSTS[name])


@pytest.fixture
def hostile(target: Callable[..., Target], tmp_path: Path) -> Target:
    """Settings whose values are as hostile as their types allow."""
    escaped = {name: re.sub(r'(["\\\\])', r"\\\1", value) for name, value in ENVIRONMENT.items()}
    (tmp_path / HOSTILE["env_file"]).write_text("".join(f'{name}="{value}"\n' for name, value in escaped.items()))
    (tmp_path / "me.pub").write_text(KEY + "\n")
    return target(COMMIT, **HOSTILE)
