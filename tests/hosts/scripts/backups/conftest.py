"""A server with backups."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hosts.scripts.backups.cluster import FOLDERS, Cluster
from tests.hosts.scripts.backups.machine import Machine
from tests.hosts.scripts.server import Server


@pytest.fixture
def machine(server: Server) -> Machine:
    return Machine(server)


@pytest.fixture(scope="module")
def _cluster() -> Iterator[Cluster]:
    assert FOLDERS, "PostgreSQL is missing on this machine: sh tools/packages.sh postgresql"
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture
def cluster(_cluster: Cluster, machine: Machine) -> Iterator[Cluster]:
    """A PostgreSQL with the empty database of the app, which the server has."""
    machine.server.path("/run/postgresql").symlink_to(_cluster.folder)
    _cluster.database()
    yield _cluster
    _cluster.clear()
