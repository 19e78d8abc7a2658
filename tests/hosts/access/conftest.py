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
    return shared_project


@pytest.fixture(scope="module")
def fresh(lab: Lab) -> Iterator[Fresh]:
    """Return a function that makes servers that are not hardened. They have the packages of `harden`, to save time."""
    originals: dict[str, Server] = {}
    packages = "sudo nftables ufw fail2ban python3-systemd systemd-timesyncd libpam-pwquality"

    def make(release: str = "bookworm") -> Server:
        if release not in originals:
            originals[release] = lab.server("ready", release)
            lab.servers.remove(originals[release].name)  # The lab would remove it after the first test.
            install = f"DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends {packages}"
            # harden replaces a short RSA key, which takes seconds; test_hardened_server.py covers that.
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
    """Return a project that waits 3 seconds for a server that does not answer, instead of 15."""
    project = Project(tmp_path_factory.mktemp("impatient"))
    module = project.folder / "selvedge/ssh/tcp.py"
    text = module.read_text()
    assert "CONNECT_TIMEOUT = 15.0" in text
    module.write_text(text.replace("CONNECT_TIMEOUT = 15.0", "CONNECT_TIMEOUT = 3.0"))
    return project


@pytest.fixture(scope="module")
def untouched(fresh: Fresh) -> Server:
    """Return one server for all tests that leave it unchanged."""
    return fresh()
