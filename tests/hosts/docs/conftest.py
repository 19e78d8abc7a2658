"""The states that pages start from: the value of `<!-- setup: … -->` is the name of a function here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from https_site import gateway
from lab import Lab, until
from pebble import Pebble
from reader import TWO_HOSTS, Reader, deployed_server
from sandbox import Server
from traffic import get

NAMES = ("blog.example.com", "shop.example.com", "www.example.com")
GIT = "git.example.com"


def blank(lab: Lab, folder: Path) -> Iterator[Reader]:
    """Yield a reader with an SSH key and a new server, and nothing else."""
    yield Reader(folder, [lab.server("ready")], blank=True)


def installed(lab: Lab, folder: Path) -> Iterator[Reader]:
    """Yield a reader in an app's repository, who has installed Selvedge, and a new server."""
    reader = Reader(folder, [lab.server("ready")], blank=True)
    reader.make_blog()
    reader.must("cd blog && python3 -m venv ../venv && . ../venv/bin/activate && pip install --quiet selvedge-deploy")
    yield reader


def nothing(lab: Lab, folder: Path) -> Iterator[Reader]:
    """Yield a reader with Selvedge, an app, and a new server that they have never logged in to."""
    yield Reader(folder, [lab.server("ready")])


def deployed(lab: Lab, folder: Path) -> Iterator[Reader]:
    """Yield a reader who has finished the tutorial."""
    yield _trusting(Reader(folder, [_live(lab, folder)]))


def domain(lab: Lab, folder: Path) -> Iterator[Reader]:
    """Yield a reader who has finished the tutorial, with names that lead to the server and an ACME authority."""
    for reader, _ in _with_names(lab, folder):
        yield reader


def new_server(lab: Lab, folder: Path) -> Iterator[Reader]:
    """Yield a reader as `domain` does, with a second server that they have never logged in to.

    `switch-dns` makes blog.example.com lead to the second server, as the page of a DNS provider would.
    """
    name = NAMES[0]
    for reader, pebble in _with_names(lab, folder, lab.server("ready")):
        old, new = reader.servers
        _name(new, name, old.address)
        edited = f"sed 's/^{old.address} {name}$/{new.address} {name}/' /etc/hosts >/tmp/hosts && cat /tmp/hosts >/etc/hosts"
        answer = f'{{"host": "{name}.", "addresses": ["{new.address}"]}}'
        told = [f"curl --noproxy '*' -d '{answer}' http://127.0.0.1:{pebble.names}/{what}" for what in ("clear-a", "add-a")]
        reader.program("switch-dns", " &&\n".join([edited, f'on-server-2 "{edited}"', *told]))
        yield reader


def by_hand(lab: Lab, folder: Path) -> Iterator[Reader]:
    """Yield a reader whose server already has the app, deployed by hand for blog.example.com with HTTPS (by_hand.sh)."""
    for reader, pebble in _with_names(lab, folder, server=lab.server("ready")):
        ca = f"cat >/root/acme-ca.pem <<'END'\n{pebble.ca.read_text()}END\n"
        values = f"acme={pebble.directory} name={NAMES[0]}\n"
        reader.servers[0].run(ca + values + Path(__file__).with_name("by_hand.sh").read_text())
        yield reader


def _with_names(lab: Lab, folder: Path, *more: Server, server: Server | None = None) -> Iterator[tuple[Reader, Pebble]]:
    trusted, server = server is None, server or _live(lab, folder)
    with Pebble(gateway(server), folder / "pebble") as pebble:
        for name in NAMES:
            pebble.resolve(name, server.address)
            _name(server, name, server.address)
        bundle = folder / "authorities.pem"
        variables = {"SELVEDGE_TLS__ACME_SERVER": pebble.directory, "SELVEDGE_TLS__ACME_CA": str(pebble.ca),
                     "CURL_CA_BUNDLE": str(bundle)}  # fmt: skip
        bundle.write_bytes(pebble.root.read_bytes())
        names = dict.fromkeys(NAMES, server.address)
        reader = Reader(folder, [server, *more], names=names, variables=variables)
        yield _trusting(reader) if trusted else reader, pebble


def two_servers(lab: Lab, folder: Path) -> Iterator[Reader]:
    """Yield a reader with two servers on which `fab setup` has run, in the group production."""
    yield _trusting(Reader(folder, [lab.server("setup"), lab.server("setup")], hosts=TWO_HOSTS), "web-1", "web-2")


def backup_host(lab: Lab, folder: Path) -> Iterator[Reader]:
    """Yield a reader who has finished the tutorial, with a second server for backups."""
    yield _trusting(Reader(folder, [_live(lab, folder), lab.server("ready")]))


def git_server(lab: Lab, folder: Path) -> Iterator[Reader]:
    """Yield a reader who has finished the tutorial, with a git server that has the app as git@git.example.com:me/blog.git.

    `authorize-deploy-key` gives the server's deploy key access to it, as its settings page would.
    """
    server, git = _live(lab, folder), lab.server("ready")
    key = git.key.with_name(f"{git.key.name}.pub").read_text().strip()
    git.run(f"""apt-get install -qy --no-download git >/dev/null
        useradd --create-home --shell /usr/bin/git-shell git && cd /home/git && mkdir -m 0700 .ssh me
        echo '{key}' >.ssh/authorized_keys && git init -q --bare -b main me/blog.git && chown -R git: .""")
    _name(server, GIT, git.address)
    reader = Reader(folder, [server, git], names={GIT: git.address})
    add = "on-server-2 \"echo '$(on-server cat /srv/blog/deploy_key.pub)' >>/home/git/.ssh/authorized_keys\""
    reader.program("authorize-deploy-key", add)
    reader.must(f"ssh-keyscan -t ed25519 {GIT} >>~/.ssh/known_hosts && git push -q git@{GIT}:me/blog.git main")
    yield _trusting(reader)


def _trusting(reader: Reader, *hosts: str) -> Reader:
    reader.must(f"fab -H {','.join(hosts or ['server'])} trust --yes")
    return reader


def _live(lab: Lab, folder: Path) -> Server:
    server = deployed_server(lab, folder / "originals")
    until(lambda: get(f"{server.url}/").status == 200, 60)
    return server


def _name(server: Server, name: str, address: str) -> None:
    server.run(f"echo '{address} {name}' >>/etc/hosts")


SETUPS: dict[str, Callable[[Lab, Path], Iterator[Reader]]] = {
    "blank": blank, "installed": installed, "nothing": nothing, "deployed": deployed, "domain": domain, "new-server": new_server,
    "by-hand": by_hand, "two-servers": two_servers, "git-server": git_server, "backup-host": backup_host,
}  # fmt: skip


@pytest.fixture
def reader(request: pytest.FixtureRequest, lab: Lab, tmp_path: Path) -> Iterator[Reader]:
    """Return the reader of the test's page; its terminal ends after the test."""
    states = SETUPS[request.param](lab, tmp_path)
    found = next(states)
    yield found
    found.terminal.close()
    next(states, None)
