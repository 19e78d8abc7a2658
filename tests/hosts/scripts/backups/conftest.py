"""A server with backups."""

from __future__ import annotations

import pytest

from tests.hosts.scripts.backups.machine import Machine
from tests.hosts.scripts.server import Server


@pytest.fixture
def machine(server: Server) -> Machine:
    return Machine(server)
