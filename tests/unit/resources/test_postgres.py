"""PostgreSQL and Redis: what a server has, and the change that it needs."""

from __future__ import annotations

import pytest

from selvedge.resources.base import Resource
from selvedge.resources.databases.postgres import PostgresDatabase, PostgresInstalled, PostgresSettings
from selvedge.resources.databases.redis import RedisInstalled, RedisUnit
from selvedge.resources.databases.sized import SizedFile, sized
from tests.support.tables import check

TEXT = "# a server with [memory] MB of memory\nshared_buffers = [memory/8]MB\n"
WRITTEN = "# a server with 2048 MB of memory\nshared_buffers = 256MB\n"
MEMORY = "memory 2047000\n"
HERE = "server 15\ncluster 15 main 5432\n"
WELL = "login\nrole t f\ndatabase f my-app\n"
OURS = f"{MEMORY}{HERE}ours\n"


def fact(*lines: str, text: str = "") -> str:
    return "".join(lines) + f"\n--- file\n{text}"


INSTALLED, DATABASE, SETTINGS = PostgresInstalled("my-app"), PostgresDatabase("my-app"), PostgresSettings("my-app", TEXT)


@pytest.mark.parametrize(
    ("resource", "found", "summary", "shell"),
    [
        (INSTALLED, fact(MEMORY), "install postgresql", "postgres_install"),
        (INSTALLED, fact(MEMORY, HERE), None, ""),
        (INSTALLED, fact(MEMORY, "server 15\n"), "check PostgreSQL's cluster", "sudo pg_createcluster 15 main --start"),
        (INSTALLED, fact(MEMORY, "cluster 15 main 5433\n"), "check PostgreSQL's port", "15/main (port 5433)"),
        (INSTALLED, fact(MEMORY, "cluster 15 main 5432\ncluster 15 old 5433\n"), None, ""),
        (
            INSTALLED,
            fact(MEMORY, "cluster 15 main 5432\ncluster 17 main 5433\n"),
            "check PostgreSQL's version",
            "15/main (port 5432) and 17/main (port 5433)",
        ),
        (SETTINGS, fact(MEMORY), "create /etc/postgresql/VERSION/main/conf.d/50-selvedge.conf", "postgres_settings <<"),
        (SETTINGS, fact(OURS, WELL), "create /etc/postgresql/15/main/conf.d/50-selvedge.conf", "shared_buffers = 256MB"),
        (SETTINGS, fact(OURS, WELL, text=WRITTEN), None, ""),
        (SETTINGS, fact(OURS, WELL, text="other\n"), "write /etc/postgresql/15/main/conf.d/50-selvedge.conf", "postgres_settings"),
        (SETTINGS, fact(OURS, WELL, "restart shared_buffers\n", text=WRITTEN), "restart PostgreSQL for shared_buffers", "load"),
        (SETTINGS, fact(OURS, "silent no server\n", text=WRITTEN), "start PostgreSQL 15/main", "postgres_start"),
        # It was here before: its settings are not ours.
        (SETTINGS, fact(MEMORY, HERE, WELL), None, ""),
        (SETTINGS, fact(MEMORY, HERE, "silent no server\n"), "start PostgreSQL 15/main", "postgres_start"),
        (DATABASE, fact(OURS, WELL), None, ""),
        (DATABASE, fact(OURS), "create PostgreSQL's role and database my-app", "app=my-app\npostgres_create"),
        (DATABASE, fact(OURS, "role t f\n"), "create PostgreSQL's database my-app", "postgres_create"),
        (DATABASE, fact(OURS, "silent no server\n"), None, ""),
        (DATABASE, fact(OURS, "role t f\ndatabase f my-app\n"), "let the user my-app log in to its database", "postgres_create"),
        (DATABASE, fact(OURS, WELL.replace("e f my", "e t my")), "let no other role connect to the database my-app", "create"),
        (DATABASE, fact(OURS, "role t t\ndatabase f my-app\n"), "check the role my-app of PostgreSQL", "rights beyond its own"),
        (DATABASE, fact(OURS, "role t f\ndatabase t me too\n"), "check the database my-app of PostgreSQL", "belongs to me too"),
        (RedisInstalled(), "\n", "install Valkey, or Redis where the distribution has no Valkey", "redis_install"),
        (RedisInstalled(), "/usr/bin/redis-server\n", None, ""),
        (RedisInstalled(), "/usr/bin/r\nmark\n", "turn off the package's own server, which listens on port 6379", "redis_off"),
    ],
)
def test_the_change_that_a_server_needs(resource: Resource, found: str, summary: str | None, shell: str) -> None:
    change = resource.plan(found)
    assert (change.summary if change else None) == summary
    assert change is None or shell in change.shell + change.remedy


def test_two_versions_are_refused_with_the_commands_of_an_upgrade() -> None:
    change = INSTALLED.plan(fact(MEMORY, "cluster 9.6 main 5432\ncluster 17 main 5433\n"))
    assert change and change.shell.startswith("step_fail ")
    commands = "`sudo pg_dropcluster 17 main --stop && sudo pg_upgradecluster 9.6 main && sudo pg_dropcluster 9.6 main`"
    assert commands in change.remedy


def test_a_postgresql_of_your_own_is_named() -> None:
    assert SETTINGS.unchanged(fact(OURS, WELL, text=WRITTEN)) == ""
    assert "PostgreSQL 15/main was here before" in SETTINGS.unchanged(fact(MEMORY, HERE, WELL))


@pytest.mark.parametrize(
    ("kilobytes", "current", "memory"),
    [
        (2047000, "", 2048),
        (1987000, "", 1920),
        (1987000, WRITTEN, 2048),
        (3900000, WRITTEN, 3840),
        (50000, "", 128),
        (1987000, "# a server with 0 MB of memory\n", 1920),
    ],
)
def test_amounts_are_for_the_memory_and_stay_while_it_hardly_differs(kilobytes: int, current: str, memory: int) -> None:
    text = f"# a server with {memory} MB of memory\nshared_buffers = {memory // 8}MB\n"
    assert sized(TEXT, kilobytes, current) == text
    assert sized(TEXT, kilobytes + 5000, text) == text


def test_a_file_with_amounts_is_written_when_it_differs() -> None:
    resource = SizedFile("/etc/x.conf", TEXT)
    check(resource, "2047000\nabsent\n", "create /etc/x.conf", "shared_buffers = 256MB")
    known = resource.plan("2047000\nabsent\n")
    assert known
    import hashlib

    digest = hashlib.sha256(WRITTEN.encode()).hexdigest()
    assert resource.plan(f"2010000\nfile 644 root root\n{digest}\n{WRITTEN}") is None
    assert resource.plan(f"2010000\nfile 600 root root\n{digest}\n{WRITTEN}") is not None


def test_the_unit_has_the_program_of_the_server() -> None:
    unit = RedisUnit("/etc/u.service", "ExecStart=/usr/bin/redis-server %i\nExecPaths=/usr/bin/redis-server\n")
    known = unit.plan("/usr/bin/valkey-server\n--\nabsent\n")
    assert known and "redis-server" not in known.shell and known.shell.count("/usr/bin/valkey-server") == 2
    unknown = unit.plan("\n--\nabsent\n")
    assert unknown and unknown.shell.startswith("redis_unit /etc/u.service /usr/bin/redis-server <<")
