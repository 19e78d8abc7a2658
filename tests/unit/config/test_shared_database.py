"""`[services] clients`: who has the database, who reaches it, with which variables, and what is refused before any contact."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from selvedge.config.dotenv import app_environment
from selvedge.config.target import Target
from selvedge.errors import ConfigError
from selvedge.release.database import shared_databases
from selvedge.resources.need import Needs
from tasks.backup import setup
from tests.support.declared import of
from tests.unit.config.conftest import Load, Problems

HOSTS = """
[app]
name = "hello"
repository = "https://git.example.com/me/hello.git"
module = "main:app"
[hosts.db]
address = "203.0.113.5"
private_address = "10.0.0.5"
[hosts.web-1]
address = "203.0.113.11"
private_address = "10.0.0.11"
[hosts.web-2]
address = "203.0.113.12"
private_address = "fd00::12"
[hosts.staging]
address = "203.0.113.13"
[groups]
web = ["web-1", "web-2"]
"""
CLIENTS = HOSTS + '[services]\npostgres = true\nhosts = ["db"]\nclients = "web"\n'
PASSWORD = {"SELVEDGE_SERVICES__PASSWORD": "pass:word/with@signs#1"}
ADDRESS = "postgresql://hello:pass%3Aword%2Fwith%40signs%231@10.0.0.5:5432/hello"


def values(app: Target) -> Mapping[str, str]:
    return {name: value.get_secret_value() for name, value in app_environment(app).items()}


def with_password(app: Target, password: str = PASSWORD["SELVEDGE_SERVICES__PASSWORD"]) -> Target:
    return app.model_copy(update={"passwords": {"SELVEDGE_SERVICES__PASSWORD": SecretStr(password)}})


def test_the_clients_reach_it_over_tls_and_nobody_else_has_it(settings: Load) -> None:
    found = settings(CLIENTS)
    for name in ("web-1", "web-2"):
        assert values(with_password(found.target(name))) == {
            "DATABASE_URL": ADDRESS,
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": "/etc/selvedge/hello/database.pem",
        }
    assert values(found.target("staging")) == {} and found.target("staging").database is None
    assert values(found.target("db")) == {"DATABASE_URL": "postgresql://hello@/hello?host=/run/postgresql"}


def test_the_servers_see_their_part(settings: Load) -> None:
    found = settings(CLIENTS)
    db, web = found.target("db"), found.target("web-1")
    assert db.has_only_database and not web.has_only_database and db.remote_database is None
    assert web.remote_database and web.remote_database.host == "db" and not web.services.postgres
    assert db.inner_ports == (("10.0.0.11", 5432), ("fd00::12", 5432)) and db.open_ports == ()
    assert web.inner_ports == () and web.open_ports == (80, 443)


def test_backups_of_a_server_with_only_the_database_need_no_code(settings: Load) -> None:
    found = settings(CLIENTS + '[backup]\nto = "/var/backups/x"\n')
    needed = [each for each in setup(found.target("db")) if isinstance(each, Needs)]
    assert needed == [Needs("/etc/postgresql", "postgres")]
    assert not of("postgres", found.target("db"), Needs)


def test_a_web_server_may_have_it(settings: Load) -> None:
    found = settings(CLIENTS.replace('hosts = ["db"]', 'hosts = ["web-1"]'))
    one, two = (with_password(found.target(name)) for name in ("web-1", "web-2"))
    assert not one.has_only_database and one.inner_ports == (("fd00::12", 5432),) and one.open_ports == (80, 443)
    assert values(one)["DATABASE_URL"] == "postgresql://hello@/hello?host=/run/postgresql"
    assert shared_databases(one) == shared_databases(two) == {ADDRESS.replace("10.0.0.5", "10.0.0.11")}


def test_the_apps_own_address_counts_and_needs_no_password(settings: Load, tmp_path: Path) -> None:
    (tmp_path / "own.env").write_text("DATABASE_URL=postgresql://elsewhere/x\n")
    found = settings(CLIENTS.replace("[hosts.db]", 'env_file = "own.env"\n[hosts.db]', 1))
    assert values(found.target("web-1")) == {"DATABASE_URL": "postgresql://elsewhere/x"}
    assert shared_databases(found.target("web-1")) == {"postgresql://elsewhere/x"}


@pytest.mark.parametrize("driver", ["postgresql+asyncpg", "postgresql+psycopg"])
def test_the_address_has_the_drivers_name(settings: Load, driver: str) -> None:
    found = with_password(settings(f'{CLIENTS}database_scheme = "{driver}"\n').target("web-1"))
    assert values(found)["DATABASE_URL"] == ADDRESS.replace("postgresql", driver)


@pytest.mark.parametrize("password", ["short", "with a space in it", "höchst-geheimes-wort", "two\nlines-of-a-password"])
def test_a_password_that_does_not_suit_is_refused_and_not_shown(settings: Load, password: str) -> None:
    with pytest.raises(ConfigError, match="SELVEDGE_SERVICES__PASSWORD: must have at least 16 characters") as error:
        app_environment(with_password(settings(CLIENTS).target("web-1"), password))
    assert password not in str(error.value)


def test_a_missing_password_is_named_with_the_command_that_makes_it(settings: Load) -> None:
    with pytest.raises(ConfigError, match=r"the password of the database on db is missing \(services.clients\)") as error:
        app_environment(settings(CLIENTS).target("web-1"))
    assert "`fab -H db setup`" in error.value.remedy


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("postgres = true", "", "services.clients: has no effect without a database"),
        ("postgres = true", "postgres = true\nredis = true", "services.redis: cannot be set together with services.clients"),
        ('hosts = ["db"]', "", "services.hosts: is missing, but services.clients needs the one server that has the database"),
        ('hosts = ["db"]', 'hosts = ["db", "staging"]', "services.hosts: names 2 servers, but"),
        ('clients = "web"', 'clients = "wbe"', "services.clients: no group is named 'wbe'"),
        ('web = ["web-1", "web-2"]', 'web = ["db"]', "groups.web: names no other server"),
        ('private_address = "10.0.0.11"', 'private_address = "10.0.0.5"', "10.0.0.5 is also the address of db"),
        (
            'address = "203.0.113.5"\nprivate_address = "10.0.0.5"', 'address = "db.example.com"',
            "hosts.db.private_address: is missing: the database and its clients find each other by IP address",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_refused(problems: Problems, old: str, new: str, said: str) -> None:
    assert old in CLIENTS
    assert [each for each in problems(CLIENTS.replace(old, new, 1)) if said in each]
