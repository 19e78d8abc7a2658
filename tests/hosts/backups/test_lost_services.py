"""A server with services, processes, timers and backups is lost. A new one gets all of it, from S3 and files of this machine."""

from __future__ import annotations

import json

import pytest

from drills import QUICK
from lab import Lab, Project, until
from observe import count_execs
from sandbox import Server
from selvedge.config.schema import to_toml as toml
from services_app import BOTH, NAME, asked, become

SECRETS = {
    "SELVEDGE_BACKUP__PASSWORD": "password-canary",
    "SELVEDGE_BACKUP__S3_ACCESS_KEY": "key-canary",
    "SELVEDGE_BACKUP__S3_SECRET_KEY": "secret-canary",
}
MIGRATE = "psql -X -d \"$DATABASE_URL\" -c 'create table if not exists notes (text text)'"
TABLES = f"""{BOTH}
[processes.worker]
command = "sleep 1000"

[timers.night]
command = "true"
schedule = "0 3 * * *"

[backup]
to = "s3:%s/bucket/apps"

[hosts.web]
address = %s
port = %s
key = %s
known_hosts = %s
"""


@pytest.fixture(scope="module")
def server(lab: Lab) -> Server:
    return lab.server("bare")


def settings(project: Project, server: Server, s3: str) -> None:
    """Make a server the host `web`."""
    place = (server.address, server.port, str(server.key), str(server.known_hosts))
    project.configure(TABLES % (s3, *map(toml, place)), name=NAME, migrate=MIGRATE, **QUICK)


@pytest.mark.thorough
@pytest.mark.timeout(1800)
def test_a_new_server_gets_everything_again(lab: Lab, server: Server, project: Project, s3: str) -> None:
    become(project)
    settings(project, server, s3)
    project.must("setup", "deploy", env=SECRETS)
    with count_execs(server) as execs:
        assert "deploy: nothing to change" in project.must("setup", "deploy", env=SECRETS).stdout
    assert execs.count == 1
    project.must("psql", "--command", "insert into notes values ('kept')", env=SECRETS)
    server.run(f"cd /srv/{NAME}/shared && echo photo >photo && chown {NAME}: photo")
    project.must("backup", env=SECRETS)
    server.poweroff()
    fresh = lab.server("bare", "trixie")
    settings(project, fresh, s3)
    project.must("setup", "deploy", env=SECRETS)
    assert "kept" not in project.must("psql", "--command", "select text from notes", env=SECRETS).stdout
    project.must("restore", "--live", "--yes", env=SECRETS)
    assert "kept" in project.must("psql", "--command", "select text from notes", env=SECRETS).stdout
    assert fresh.run(f"cat /srv/{NAME}/shared/photo").stdout == "photo\n"
    until(lambda: asked(fresh, "/database")["libpq"] == f"{NAME} in {NAME}", 30)
    state = json.loads(project.must("status", "--json", env=SECRETS).stdout)
    assert "problem" not in json.dumps(state), state
    assert fresh.run(f"pgrep -u {NAME} -f 'sleep 1000' | wc -l").stdout.strip() != "0"
    assert "deploy: nothing to change" in project.must("setup", "deploy", env=SECRETS).stdout
