"""A deployed app with an SQLite and a PostgreSQL database, and a host for its backups."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drills import QUICK
from https_site import gateway
from lab import Lab, Project, until
from sandbox import Server
from selvedge.config.schema import to_toml as toml

POSTGRES = """
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends postgresql restic >/dev/null 2>&1
cd /
setpriv --reuid=postgres --regid=postgres --init-groups sh -c 'createuser hello; createdb -O hello hello'
"""
BANK = "create table accounts (id integer primary key, balance integer);\n" + "".join(
    f"insert into accounts values ({number}, 1000);\n" for number in range(20)
)
TOTAL = 20 * 1000


def as_app(command: str) -> str:
    """Return a shell command that runs as the app's user."""
    return f"cd /; setpriv --reuid=hello --regid=hello --init-groups {command}"


@pytest.fixture(scope="module")
def server(lab: Lab) -> Server:
    """Return a server with the app, and its accounts in both databases."""
    found = lab.server("deployed")
    found.run(POSTGRES)
    found.run(as_app(f"psql -q -d hello <<'E'\n{BANK}E\n"))
    program = f"import sqlite3; d = sqlite3.connect('/srv/hello/shared/bank.sqlite3'); d.executescript('''{BANK}'''); d.commit()"
    found.run(as_app(f'python3 -c "{program}"'))
    return found


@pytest.fixture
def s3(server: Server, tmp_path: Path) -> Iterator[str]:
    """Run moto's server of S3, and return its address. Its packages have 100 MB, so they are not among those of all tests."""
    uv, python = Path(sys.executable).with_name("uv"), tmp_path / "moto/bin/python"
    subprocess.run([uv, "venv", "--quiet", tmp_path / "moto"], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "moto[s3]>=5,<6", "flask", "flask-cors"], check=True)
    address = gateway(server)
    with socket.socket() as free:
        free.bind((address, 0))
        port = free.getsockname()[1]
    with (tmp_path / "moto.log").open("w") as log:
        process = subprocess.Popen([python, "-m", "moto.server", "-H", address, "-p", str(port)], stdout=log, stderr=log)
    try:
        until(lambda: socket.create_connection((address, port), 1).close() is None, 30)
        yield f"http://{address}:{port}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def keeper(lab: Lab) -> Server:
    """Return another server, whose user `keeper` gets the backups."""
    found = lab.server("ready")
    found.run("useradd -m keeper && install -d -o keeper -m 0700 /home/keeper/.ssh /srv/backups")
    return found


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    return shared_project


@pytest.fixture
def configure(project: Project) -> Callable[..., None]:
    """Make hosts.toml: configure(server, to="/var/backups/apps"). The server is the host `web`."""

    def make(server: Server, **backup: object) -> None:
        host = {"address": server.address, "port": server.port, "key": str(server.key), "known_hosts": str(server.known_hosts)}
        tables = {"hosts.web": host, "backup": backup}
        rows = ([f"[{name}]", *(f"{key} = {toml(value)}" for key, value in table.items())] for name, table in tables.items())
        project.configure("\n".join(row for table in rows for row in [*table, ""]), **QUICK)

    return make


@pytest.fixture
def sftp(project: Project, keeper: Server, configure: Callable[..., None]) -> Callable[[Server], None]:
    """Have the backups go to `keeper`: sftp(server)."""

    def make(server: Server) -> None:
        key = project.folder / "backup_key"
        if not key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        public = key.with_suffix(".pub").read_text().strip()
        keeper.run(f"echo '{public}' >/home/keeper/.ssh/authorized_keys; chown -R keeper /home/keeper/.ssh")
        configure(server, to=f"sftp:keeper@{keeper.address}:/srv/backups", key="backup_key")

    return make
