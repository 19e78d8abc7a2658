"""An app under a fake process manager."""

from __future__ import annotations

import pytest

from tests.hosts.scripts.release.managed import Managed
from tests.hosts.scripts.server import Server


@pytest.fixture
def managed(server: Server) -> Managed:
    return Managed(server)
