"""`[services]`: the addresses in the app's environment, the hosts that have them, and what is refused before any contact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

import fabfile
from selvedge.config.dotenv import app_environment
from selvedge.config.target import Target
from selvedge.errors import UsageError
from selvedge.release.database import network_databases
from tests.unit.config.conftest import Load, Problems
from tests.unit.config.examples import TWO

BOTH = {"postgres": True, "redis": True}
DATABASE, REDIS = "postgresql://my-app@/my-app?host=/run/postgresql", "unix:///run/selvedge-redis/my-app/redis.sock"
PAIR = TWO + '[groups]\nproduction = ["web-1", "web-2"]\n'


def values(app: Target) -> Mapping[str, str]:
    return {name: value.get_secret_value() for name, value in app_environment(app).items()}


@pytest.mark.parametrize(
    ("services", "environment"),
    [
        ({}, {}),
        (BOTH, {"DATABASE_URL": DATABASE, "REDIS_URL": REDIS}),
        ({"postgres": True}, {"DATABASE_URL": DATABASE}),
        (
            {**BOTH, "database_scheme": "postgresql+asyncpg", "redis_scheme": "redis+socket"},
            {"DATABASE_URL": DATABASE.replace("sql:", "sql+asyncpg:"), "REDIS_URL": REDIS.replace("unix", "redis+socket")},
        ),
    ],
)
def test_the_addresses_are_in_the_environment(
    target: Callable[..., Target], services: dict[str, Any], environment: dict[str, str]
) -> None:
    assert values(target(name="my-app", services=services)) == environment


def test_the_apps_own_environment_counts(target: Callable[..., Target], tmp_path: Path) -> None:
    (tmp_path / "own.env").write_text("DATABASE_URL=postgresql://elsewhere/x\nDEBUG=1\n")
    found = values(target(name="my-app", services=BOTH, env_file="own.env"))
    assert found == {"DATABASE_URL": "postgresql://elsewhere/x", "REDIS_URL": REDIS, "DEBUG": "1"}
    assert values(target(name="my-app", services=BOTH, env_command="echo REDIS_URL=x"))["REDIS_URL"] == "x"


def test_only_the_named_hosts_have_services(settings: Load) -> None:
    found = settings(PAIR + '[services]\nredis = true\nhosts = ["web-2"]\n')
    assert [found.target(name).services.redis for name in ("web-1", "web-2")] == [False, True]
    assert app_environment(found.target("web-1")) == {}
    assert found.target("web-2").services.units("hello") == ["selvedge-redis@hello.service"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[services]\npostgres = true\n", "services: would run on each server of the group production, at the same time"),
        ("[services]\nredis = true\nhosts = ['web-3']\n", "services.hosts: no host is named 'web-3'"),
        ("[services]\npostgres = 1\n", "services.postgres: must be true or false"),
        ("[services]\ndatabase_scheme = 'mysql'\n", 'services.database_scheme: must be "postgresql"'),
        ("[services]\ndatabase_scheme = 'postgresql+a;b'\n", 'services.database_scheme: must be "postgresql"'),
        ("[services]\ndatabase_scheme = 'postgres'\n", "must be \"postgresql\", not 'postgres': SQLAlchemy 1.4 and later refuse"),
        ("[services]\ndatabase_scheme = 'postgres+asyncpg'\n", 'must be "postgresql+asyncpg", not'),
        ("[services]\nmysql = true\n", "services.mysql: is not a setting"),
        ("[hosts.web-1.services]\npostgres = true\n", "hosts.web-1.services: is not a setting"),
    ],
)
def test_a_mistake_is_refused(problems: Problems, text: str, said: str) -> None:
    assert [each for each in problems(PAIR + text) if said in each]


@pytest.mark.parametrize("name", ["public", "none", "template0", "template1"])
def test_a_name_that_postgresql_keeps_is_refused(target: Callable[..., Target], name: str) -> None:
    with pytest.raises(UsageError, match=f"app.name must not be {name} with services.postgres"):
        target(name=name, services={"postgres": True})
    assert target(name=name, services={"redis": True}).services.redis


@pytest.mark.parametrize("step", ["postgres", "redis"])
def test_a_step_without_its_setting_is_refused_before_contact(target: Callable[..., Target], step: str) -> None:
    check = fabfile.namespace[step].precondition
    with pytest.raises(UsageError, match=f"The app hello has no services.{step} in hosts.toml"):
        check(target())
    check(target(services={step: True}))
    elsewhere = target(services={step: True, "hosts": ["other"]})
    check(elsewhere)
    assert list(fabfile.namespace[step].resources(elsewhere)) == []


@pytest.mark.parametrize(
    ("address", "shared"),
    [
        (DATABASE, False),
        ("postgresql:///x?host=/run/postgresql&user=x", False),
        ("postgresql://x@%2Frun%2Fpostgresql/x", False),
        ("postgresql:///x", False),
        ("postgresql+asyncpg://u:p@db/x", True),
        ("postgresql:///x?sslmode=require&host=db", True),
        ("postgresql://u:p?q/r@db/x", True),
        ("mysql://u@db/x?charset=utf8", True),
        ("sqlite:////x", False),
    ],
)
def test_a_socket_is_no_database_that_several_servers_share(address: str, shared: bool) -> None:
    assert bool(network_databases({"DATABASE_URL": SecretStr(address)})) is shared
