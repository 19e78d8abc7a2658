"""Fixtures of the tests of certificates."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from https_site import NAME, WWW, Site, gateway
from lab import Lab, Project
from pebble import Pebble, missing
from sandbox import Server


@pytest.fixture(scope="module")
def pebble_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Makes authorities for the servers of this module."""
    if lacking := missing():
        pytest.fail(f"the tests of certificates need {lacking}: apt-get install pebble openssl")
    running: list[Pebble] = []

    def start(server: Server, **settings: int) -> Pebble:
        pebble = Pebble(gateway(server), tmp_path_factory.mktemp("pebble"), **settings)
        running.append(pebble.__enter__())
        return pebble

    yield start
    for pebble in running:
        pebble.stop()


@pytest.fixture(scope="module")
def made(lab: Lab, shared_project: Project, pebble_of: object) -> Site:
    """The server of this module, deployed with a domain by the whole chain."""
    server = lab.server("deployed")
    site = Site(server, shared_project, pebble_of(server))  # type: ignore[operator]
    site.name(NAME, WWW)
    site.configure(NAME)
    assert site.plain("/health").status == 200
    site.must("deploy")
    return site


@pytest.fixture
def site(made: Site) -> Site:
    """The same with one domain and its certificate, whatever the test before has left."""
    made.configure(NAME)
    made.must("nginx", "certbot")
    return made
