"""PostgreSQL and Redis that were on the server before, and runs that are killed while they install them."""

from __future__ import annotations

import pytest

from killer import arm, commands_sent
from lab import Lab, Project, until
from sandbox import Server
from services_app import BOTH, NAME, become

pytestmark = pytest.mark.thorough
OWN = """export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
apt-get -qq update && apt-get -qq install -y --no-install-recommends postgresql redis-server >/dev/null
cd /etc/postgresql/15/main && echo 'work_mem = 8MB' >conf.d/own.conf && systemctl restart postgresql
su postgres -s /bin/sh -c 'createuser boss && createdb -O boss books'"""
STATE = """find /etc/postgresql /etc/redis -type f -exec sha256sum '{}' + | sort
su postgres -s /bin/sh -c "psql -Atc 'select pg_postmaster_start_time()'"
systemctl show -P MainPID redis-server; ss -Hltn | awk '{ print $4 }' | sort"""


def sql(server: Server, text: str) -> str:
    return server.run(f"cd / && su postgres -s /bin/sh -c 'psql -At' <<'END'\n{text}\nEND").stdout.strip()


@pytest.fixture(scope="class")
def server(lab: Lab) -> Server:
    """Return a server with PostgreSQL and Redis of its operator."""
    server = lab.server("setup")
    server.run(OWN)
    return server


class TestExistingServices:
    def test_they_are_left_alone(self, server: Server, project: Project) -> None:
        before = server.run(STATE).stdout
        result = project.must("-H", server.name, "postgres", "redis")
        assert server.run(STATE).stdout == before
        assert "127.0.0.1:5432" in before and "127.0.0.1:6379" in before
        assert sql(server, "show work_mem") == "8MB"
        result = project.must("-H", server.name, "postgres", "redis")
        assert "PostgreSQL 15/main was here before, so its settings stay as they are" in result.stdout, result
        assert "redis: nothing to change" in result.stdout, result

    def test_a_database_of_another_owner_is_refused(self, server: Server, project: Project) -> None:
        project.configure(BOTH, name="books", migrate=None)
        result = project.fab("-H", server.name, "postgres")
        assert result.status == 1 and "The database books exists in PostgreSQL and belongs to boss" in result.stderr, result
        assert sql(server, "select pg_get_userbyid(datdba) from pg_database where datname = 'books'") == "boss"
        sql(server, "create role supreme superuser login")
        project.configure(BOTH, name="supreme", migrate=None)
        result = project.fab("-H", server.name, "postgres")
        assert result.status == 1 and "The role supreme exists in PostgreSQL with rights beyond its own" in result.stderr, result

    def test_two_versions_are_refused_with_the_commands(self, server: Server, project: Project) -> None:
        server.run("mkdir -p /etc/postgresql/17/main && echo 'port = 5433' >/etc/postgresql/17/main/postgresql.conf")
        project.configure(BOTH, name=NAME, migrate=None)
        result = project.fab("-H", server.name, "postgres")
        commands = "sudo pg_dropcluster 17 main --stop && sudo pg_upgradecluster 15 main && sudo pg_dropcluster 15 main"
        assert result.status == 1 and commands in result.stderr, result
        server.run("rm -r /etc/postgresql/17")

    def test_a_login_that_postgresql_refuses_is_explained(self, server: Server, project: Project) -> None:
        conf = "/etc/postgresql/15/main/pg_hba.conf"
        reload = "systemctl reload postgresql@15-main"
        server.run(f"cp -p {conf} /root/ && sed -i 's/^local  *all  *all .*/local all all reject/' {conf}; {reload}")
        project.configure(BOTH, name="third", migrate=None)
        result = project.fab("-H", server.name, "postgres")
        assert result.status == 1 and "does not let the user third log in to its database" in result.stderr, result
        server.run(f"cp -p /root/pg_hba.conf {conf}; {reload}")
        project.must("-H", server.name, "postgres")


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("task", ["postgres", "redis"])
def test_a_run_is_killed_at_each_command(lab: Lab, tmp_path_factory: pytest.TempPathFactory, task: str) -> None:
    """From a server without them each time; every second time with a power cut. The next run finishes."""
    project = Project(tmp_path_factory.mktemp("killed"))
    become(project)
    arm(project)
    server = lab.server("setup")
    sent = commands_sent(project, server.name, task)
    assert len(sent) > 2, sent
    lab.down(server.name)
    for point in range(1, len(sent) + 1):
        server = lab.server("setup")
        commands_sent(project, server.name, task, kill_at=point)
        if point % 2 == 0:
            server.kill()
            server.boot()
        result = project.must("-H", server.name, task, "--wait", "120", env={"KILL_AT": "0"})
        again = project.must("-H", server.name, task, env={"KILL_AT": "0"})
        assert f"{task}: nothing to change" in again.stdout, f"killed at {point} of {len(sent)}: {result}"
        until(lambda at=server: works(at, task), 30, f"killed at {point}: it works")
        lab.down(server.name)


def works(server: Server, task: str) -> bool:
    """Return whether the app's user reaches its service, and no TCP port is open for it."""
    as_app = f"cd / && setpriv --reuid={NAME} --regid={NAME} --init-groups"
    asked = {"postgres": f"psql -X -h /run/postgresql -d {NAME} -c 'select 1'",
             "redis": f"redis-cli -s /run/selvedge-redis/{NAME}/redis.sock ping"}  # fmt: skip
    ports = server.run("ss -Hltn").stdout
    reached = server.run(f"{as_app} {asked[task]}", check=False).returncode == 0
    return reached and ":5432" not in ports and ":6379" not in ports
