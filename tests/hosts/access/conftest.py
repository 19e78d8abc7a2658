"""Fixtures of the tests of `fab harden`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

import sandbox
from hardening import Fresh
from lab import Lab, Project
from sandbox import Server


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    """One project for all tests here."""
    return shared_project


@pytest.fixture(scope="module")
def fresh(lab: Lab) -> Iterator[Fresh]:
    """Makes servers on which nothing was hardened; the packages are there already, which saves most of the time."""
    originals: dict[str, Server] = {}
    packages = "sudo nftables ufw fail2ban python3-systemd systemd-timesyncd libpam-pwquality"

    def make(release: str = "bookworm") -> Server:
        if release not in originals:
            originals[release] = lab.server("ready", release)
            lab.servers.remove(originals[release].name)  # it stays until the module has ended
            install = f"DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends {packages}"
            # `hardened` sees one made anew; here it would only take time, now much and now little.
            key = "yes | ssh-keygen -q -t rsa -b 4096 -N '' -f /etc/ssh/ssh_host_rsa_key"
            originals[release].run(f"{install} >/dev/null 2>&1; {key} >/dev/null")
            originals[release].poweroff()
        name = f"{originals[release].name}-{next(number)}"
        lab.servers.append(name)
        return sandbox.copy(originals[release], name)

    number = itertools.count(1)
    yield make
    for original in originals.values():
        sandbox.down(original.name)


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that does not wait long for a server that does not answer."""
    project = Project(tmp_path_factory.mktemp("impatient"))
    module = project.folder / "selvedge/ssh/failures.py"
    module.write_text(module.read_text().replace("CONNECT_TIMEOUT = 15.0", "CONNECT_TIMEOUT = 3.0"))
    return project


@pytest.fixture(scope="module")
def untouched(fresh: Fresh) -> Server:
    """A server for drills that each leave it as it was."""
    return fresh()
