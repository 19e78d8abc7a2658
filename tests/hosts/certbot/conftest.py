"""Fixtures of the tests with certificates: a site with HTTPS and its authority."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from https_site import NAME, WWW, Site, gateway
from lab import Lab, Project
from pebble import Pebble, missing
from sandbox import Server


@pytest.fixture(scope="module")
def pebble_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Return a function that starts an authority for a server; all of them stop after the module."""
    if lacking := missing():
        pytest.fail(f"the tests of certificates need {lacking}: apt-get install pebble openssl")
    running: list[Pebble] = []

    def start(server: Server, **settings: Any) -> Pebble:
        pebble = Pebble(gateway(server), tmp_path_factory.mktemp("pebble"), **settings)
        running.append(pebble.__enter__())
        return pebble

    yield start
    for pebble in running:
        pebble.stop()


@pytest.fixture(scope="module")
def made(lab: Lab, shared_project: Project, pebble_of: object) -> Site:
    """Return the site of this module, deployed with one domain by the whole chain."""
    server = lab.server("deployed")
    site = Site(server, shared_project, pebble_of(server))  # type: ignore[operator]
    site.name(NAME, WWW)
    site.configure(NAME)
    assert site.plain("/health").status == 200
    site.must("deploy")
    return site


@pytest.fixture
def site(made: Site) -> Site:
    """Return the site of this module, reset to one domain and its certificate."""
    made.configure(NAME)
    made.must("nginx", "certbot")
    return made
