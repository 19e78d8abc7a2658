"""A server with nothing but the database of others: its status, and `fab restore --live` on it, seen by another server."""

from __future__ import annotations

import pytest

from drills import QUICK
from lab import Lab, Project, until
from sandbox import Server
from services_app import NAME
from tests.hosts.services.test_several_servers import Site

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]
BACKUP = '[backup]\nto = "/var/backups/apps"\n'
HBA = "cat /etc/postgresql/*/main/pg_hba.conf"


class Pair(Site):
    """The database's server, on which nginx and supervisor were never installed, and one server that uses the database."""

    def __init__(self, db: Server, web: Server, project: Project) -> None:
        self.db, self.web_server, self.project = db, web, project
        self.set_up()

    def set_up(self, backup: str = "") -> None:
        """Write hosts.toml."""
        db, web, project = self.db, self.web_server, self.project
        hosts = "\n".join(project.host_settings(each) for each in (db, web))
        services = f'[services]\npostgres = true\nhosts = ["{db.name}"]\nclients = "web"\n'
        groups = f'[groups]\nweb = ["{web.name}"]\n'
        project.configure(f"{hosts}\n{services}{groups}{backup}", **{**QUICK, "name": NAME, "health": "/health"})

    def client(self, sql: str) -> str:
        """Return shell that runs SQL on the other server, as the app would."""
        where = f"host={self.db.address} dbname={NAME} user={NAME} sslmode=require"
        return f"PGPASSWORD='{self.password}' psql -XAtqw '{where}' -c \"{sql}\""

    def ask(self, sql: str) -> str:
        return self.web_server.run(self.client(sql)).stdout.strip()


@pytest.fixture(scope="module")
def pair(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    pair = Pair(lab.server("bare"), lab.server("ready"), Project(tmp_path_factory.mktemp("restore")))
    pair.fab(pair.db.name, "setup")
    pair.web_server.run("apt-get -qq install -y postgresql-client >/dev/null 2>&1")
    pair.set_up(BACKUP)
    pair.fab(pair.db.name, "backup")
    return pair


def healthy(pair: Pair) -> None:
    shown = pair.fab(pair.db.name, "status")
    assert "nginx" not in shown and "supervisor" not in shown and "postgresql@" in shown
    assert "nothing to change" in pair.fab(pair.db.name, "postgres")


def test_its_status_misses_nothing(pair: Pair) -> None:
    assert pair.db.run("ls -d /srv/*/shared /etc/nginx /etc/supervisor", check=False).stdout == ""
    healthy(pair)


def test_a_restore_in_place(pair: Pair) -> None:
    pair.ask("create table notes (x int); insert into notes select generate_series(1, 30)")
    pair.fab(pair.db.name, "backup")
    pair.ask("insert into notes values (31)")
    before = pair.db.run(HBA).stdout
    # A worker that was not stopped.
    pair.web_server.run(f"rm -f /root/ended; ({pair.client('select pg_sleep(600)')}; touch /root/ended) >/dev/null 2>&1 &")
    connected = f"select count(*) from pg_stat_activity where usename = '{NAME}' and client_addr is not null"
    until(lambda: pair.sql(connected) == "1", 30, "it is connected")
    said = pair.fab(pair.db.name, "restore", "--live", "--app-stopped", "--yes")
    assert "`fab -H web stop`" in said and "`fab -H web deploy`" in said
    until(lambda: pair.web_server.run("test -e /root/ended", check=False).returncode == 0, 30, "its connection has ended")
    assert pair.ask("select count(*) from notes") == "30" and pair.db.run(HBA).stdout == before
    healthy(pair)


def test_a_cut_before_the_others_are_let_in(pair: Pair) -> None:
    """The restore has noted that all data is in place."""
    before, mark = pair.db.run(HBA).stdout, f"/srv/{NAME}/backup/state/half-restored"
    line = f'host all "{NAME}" all reject # selvedge: a restore of {NAME} is not finished'
    pair.db.run(f"echo '{{\"at\": 1, \"whole\": true}}' >{mark} && sed -i '1i {line}' /etc/postgresql/*/main/pg_hba.conf")
    pair.db.run("systemctl reload postgresql")
    result = pair.project.fab("-H", pair.db.name, "status")
    assert result.status == 1 and f"Run `fab -H {pair.db.name} postgres`" in result.stdout + result.stderr, result
    pair.fab(pair.db.name, "postgres")
    assert pair.db.run(HBA).stdout == before and pair.db.run(f"test -e {mark}", check=False).returncode != 0
    assert pair.ask("select count(*) from notes") == "30"
    healthy(pair)
