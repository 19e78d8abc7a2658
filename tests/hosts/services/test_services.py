"""PostgreSQL and Redis on the app's server: an app that uses both, a reboot, and what another app can see of them."""

from __future__ import annotations

import pytest

from drills import serves
from lab import Project, until
from observe import count_execs
from sandbox import Server
from selvedge.shell.quoting import quote
from services_app import BOTH, NAME, asked

RELEASES = ["bookworm", pytest.param("trixie", marks=pytest.mark.thorough)]
HOSTILE = {
    "psql -X -h /run/postgresql -d my-shop -c 'select 1'": "permission denied for database",
    "psql -X -h /run/postgresql -d my-shop -U my-shop -c 'select 1'": "Peer authentication failed",
    "psql -X -h /run/postgresql -d postgres -U postgres -c 'select 1'": "Peer authentication failed",
    "psql -X -h /run/postgresql -d other -c 'set role \"my-shop\"'": "permission denied to set role",
    "psql -X -h /run/postgresql -d other -c \"copy (select 1) to program 'id'\"": "external program",
    "psql -X -h /run/postgresql -d other -c \"select pg_read_file('/etc/passwd')\"": "permission denied",
    "psql -X -h /run/postgresql -d other -c \"create database theirs template \\\"my-shop\\\"\"": "permission denied",
    "redis-cli -s /run/selvedge-redis/my-shop/redis.sock ping": "Permission denied",
    "ls /run/selvedge-redis/my-shop": "Permission denied",
    "ls /var/lib/selvedge-redis/my-shop": "Permission denied",
    "ls /var/lib/postgresql/*/main": "Permission denied",
}
"""Commands of another app's user, and why they fail."""

LATE = "import socket; server = socket.create_server(('127.0.0.1', 6000)); [server.accept()[0].close() for _ in iter(int, 1)]"
"""A program that accepts connections, as a database does that has started."""


@pytest.mark.parametrize("server", RELEASES, indirect=True)
@pytest.mark.timeout(900)
class TestServices:
    def test_an_app_reaches_both_by_the_addresses_in_its_environment(self, server: Server, project: Project) -> None:
        project.must("-H", server.name, "setup", "deploy")
        who = "my-shop in my-shop"
        found = asked(server, "/database")
        assert found == dict.fromkeys(("libpq", "asyncpg", "SQLAlchemy with asyncpg", "SQLAlchemy with psycopg"), who)
        assert asked(server, "/jobs?add=5") == {"jobs": 5}
        listening = server.run("ss -Hltn | awk '{ print $4 }' | sed 's/.*://' | sort -u").stdout.split()
        assert not {"5432", "6379"} & set(listening), listening
        program = "valkey-server" if "13" in server.title else "redis-server"
        assert server.run(f"pgrep -u {NAME} -x {program}").stdout.count("\n") == 1, "not the package's own server"

    def test_a_second_run_changes_nothing_and_needs_one_exec(self, server: Server, project: Project) -> None:
        with count_execs(server) as execs:
            result = project.must("-H", server.name, "setup", "deploy")
        assert "deploy: nothing to change" in result.stdout, result
        assert execs.count == 1

    def test_commands_reach_both(self, server: Server, project: Project) -> None:
        command = "python -c 'import main; print(main.redis.Redis.from_url(main.REDIS).llen(\"jobs\"))'"
        assert project.must("-H", server.name, "run", "--command", command).stdout.strip() == "5"
        shown = project.must("-H", server.name, "psql", "--command", "select 'it''s ' || current_user as who")
        assert "it's my-shop" in shown.stdout
        wrong = project.fab("-H", server.name, "psql", "--command", "select nothing_there; select 1")
        assert wrong.status == 1 and 'column "nothing_there" does not exist' in wrong.stdout + wrong.stderr, wrong

    def test_another_app_cannot_read_them(self, server: Server, project: Project) -> None:
        project.configure(BOTH, name="other", migrate=None)
        project.must("-H", server.name, "postgres", "redis")
        project.configure(BOTH, name=NAME, migrate=None)
        as_other = "setpriv --reuid=other --regid=other --init-groups env -i PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C.UTF-8 sh -c"
        if "13" in server.title:
            server.run("ln -sf /usr/bin/valkey-cli /usr/local/bin/redis-cli")
        for command, why in HOSTILE.items():
            done = server.run(f"cd / && {as_other} {quote(command)} 2>&1", check=False)
            assert why in done.stdout and done.returncode != 0, (command, done.stdout)
        assert asked(server, "/database")["libpq"] == "my-shop in my-shop"
        own = server.run(f"cd / && {as_other} 'psql -X -h /run/postgresql -d other -Atc \"select current_user\"'")
        assert own.stdout.strip() == "other"

    def test_no_job_is_lost_by_a_restart_or_a_reboot(self, server: Server) -> None:
        server.run(f"systemctl restart selvedge-redis@{NAME}")
        until(lambda: asked(server, "/jobs") == {"jobs": 5}, 30)
        # PostgreSQL that needs long to start: the app waits for it.
        drop_in = "/etc/systemd/system/postgresql@.service.d"
        server.run(f"mkdir -p {drop_in} && printf '[Service]\\nExecStartPre=/bin/sleep 4\\n' >{drop_in}/slow.conf")
        server.reboot()
        serves(server)
        assert asked(server, "/jobs") == {"jobs": 5}
        started = "systemctl show -P ExecMainStartTimestampMonotonic {}"
        supervisor = int(server.run(started.format("supervisor")).stdout)
        ready = int(server.run("systemctl show -P ActiveEnterTimestampMonotonic 'postgresql@*'").stdout)
        assert supervisor > ready > 0
        assert asked(server, "/database")["asyncpg"] == "my-shop in my-shop"
        server.run(f"rm -r {drop_in} && systemctl daemon-reload")

    def test_a_service_that_is_down_is_named_with_its_remedy(self, server: Server, project: Project) -> None:
        server.run(f"systemctl stop 'postgresql@*' selvedge-redis@{NAME}")
        result = project.fab("-H", server.name, "status")
        assert result.status == 1
        assert f"Run `fab -H {server.name} postgres`" in result.stdout and f"Run `fab -H {server.name} redis`" in result.stdout
        project.must("-H", server.name, "postgres", "redis")
        assert project.must("-H", server.name, "status")
        assert asked(server, "/jobs") == {"jobs": 5}


@pytest.mark.thorough
@pytest.mark.parametrize("server", ["bookworm", "trixie"], indirect=True)
@pytest.mark.timeout(900)
class TestLater:
    def test_a_deploy_waits_for_a_database_that_starts(self, server: Server, project: Project) -> None:
        """That of an address in the environment, which is no service of this server."""
        project.configure(BOTH, name=NAME, migrate=None)
        project.must("-H", server.name, "setup", "deploy")
        (project.folder / "own.env").write_text('DATABASE_URL="postgresql://me:hunter2@127.0.0.1:6000/x"\n')
        project.configure(BOTH, name=NAME, migrate="false", env_file="own.env", wait_for=1)
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and "The previous release" in result.stderr, result
        said = "The database 127.0.0.1:6000 (DATABASE_URL) did not answer within 1 s (app.wait_for): Connection refused"
        assert said in result.stdout + result.stderr and "hunter2" not in result.stdout + result.stderr, result
        project.configure(BOTH, name=NAME, migrate="true", env_file="own.env", wait_for=60)
        process = project.start("-H", server.name, "deploy")
        until(lambda: "waiting for the database 127.0.0.1:6000" in server.run(f"cat /var/log/selvedge/{NAME}.log").stdout, 60)
        server.run(f"systemd-run -q --unit=late python3 -c {quote(LATE)}")
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stdout + stderr
        server.run("systemctl stop late")
        project.configure(BOTH, name=NAME, migrate=None)
        project.must("-H", server.name, "deploy")

    def test_the_data_stay_until_they_are_to_be_removed_too(self, server: Server, project: Project) -> None:
        project.configure(BOTH, name="other", migrate=None)
        project.must("-H", server.name, "postgres", "redis")
        project.configure(BOTH, name=NAME, migrate=None)
        project.must("-H", server.name, "setup", "deploy")
        assert asked(server, "/jobs?add=5") == {"jobs": 5}
        result = project.must("-H", server.name, "remove", "--yes")
        assert "its database and the data of its Redis" in result.stdout, result
        assert server.run(f"systemctl is-active selvedge-redis@{NAME}", check=False).stdout.strip() == "inactive"
        project.must("-H", server.name, "deploy")
        assert asked(server, "/jobs") == {"jobs": 5}
        project.must("-H", server.name, "remove", "--yes", "--data")
        roles = "cd / && su postgres -s /bin/sh -c 'psql -Atc \"select rolname from pg_roles\"'"
        left = server.run(f"{roles}; ls /var/lib/selvedge-redis")
        assert NAME not in left.stdout.split() and "other" in left.stdout.split(), left.stdout
        assert "nothing to change" in project.must("-H", server.name, "remove", "--yes", "--data").stdout
