"""Runs whose hosts are folders of this machine."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from selvedge.config.target import Target
from tests.hosts.scripts.operations.fakes import Fake, LocalRemote, Unreachable
from tests.hosts.scripts.server import Server
from tests.support.runs import run_over


@pytest.fixture
def fake(target: Callable[..., Target], tmp_path: Path) -> Callable[..., Fake]:
    """Make a run over hosts of these names: fake("one", "two", gone=["two"], domains=[…])."""

    def make(*names: str, gone: Sequence[str] = (), **tables: object) -> Fake:
        app = target(**tables)
        servers = {name: Server(tmp_path / name) for name in names if name not in gone}
        screen = io.StringIO()
        remotes = {name: Unreachable(name) if name in gone else LocalRemote(servers[name]) for name in names}
        return Fake(run_over(app, remotes, screen), servers, screen)

    return make
