"""The addresses that a release waits for: which variables have one, and how it is shown."""

from __future__ import annotations

import pytest

from selvedge.shell.server.answering import paired, parsed
from tests.support.hostile import TEXT

SOCKET = "/run/postgresql/.s.PGSQL.5432"


@pytest.mark.parametrize(
    ("value", "shown", "places", "login"),
    [
        ("postgresql://u:p@h/db", "the database h:5432", [("h", 5432)], ("u", "db")),
        ("postgresql+asyncpg://u:p/w@h:6000/db?ssl=1", "the database h:6000", [("h", 6000)], ("u", "db")),
        ("postgresql://my-app@/my-app?host=/run/postgresql", f"the database {SOCKET}", [SOCKET], ("my-app", "my-app")),
        ("postgres:///x?host=%2Frun%2Fpostgresql&user=me", f"the database {SOCKET}", [SOCKET], ("me", "x")),
        ("postgresql://u@%2Frun%2Fpostgresql/x", f"the database {SOCKET}", [SOCKET], ("u", "x")),
        ("postgresql://u:p@one:1,two/db", "the database one:1, two:5432", [("one", 1), ("two", 5432)], ("u", "db")),
        ("postgresql://u:p@[2001:db8::1]:77/", "the database [2001:db8::1]:77", [("2001:db8::1", 77)], ("u", "u")),
        ("mysql+pymysql://root:a@b@h/x", "the database h:3306", [("h", 3306)], ("root", "x")),
        ("mongodb://h1,h2/x", "the database h1:27017, h2:27017", [("h1", 27017), ("h2", 27017)], ("postgres", "x")),
        ("rediss://:pass@h:1/0", "Redis h:1", [("h", 1)], ("postgres", "0")),
        ("redis+socket:///run/r.sock?virtual_host=1", "Redis /run/r.sock", ["/run/r.sock"], ("", "")),
        ("unix:///run/r.sock?db=0", "Redis /run/r.sock", ["/run/r.sock"], ("", "")),
        ("db+postgresql+psycopg://u:p@h/db", "the database h:5432", [("h", 5432)], ("u", "db")),
        ("sqla+mysql://u:p@h/x", "the database h:3306", [("h", 3306)], ("u", "x")),
        ("nats://h", "the queue h:4222", [("h", 4222)], ("postgres", "postgres")),
        ("amqp://guest:guest@mq//", "the queue mq:5672", [("mq", 5672)], ("guest", "guest")),
    ],
)
def test_an_address_is_found(
    value: str, shown: str, places: list[tuple[str, int] | str], login: tuple[str, str]
) -> None:
    found = parsed("REDIS_URL", value)
    assert found and (str(found), found.places, found.login) == (shown, places, login)


@pytest.mark.parametrize(
    "value",
    [
        "", "x", "https://example.com", "sqlite:////srv/x.sqlite3", "mongodb+srv://cluster.example.com/x", "mysql:///x", "redis://",
        "postgresql:///x", "redis://secret:word", "postgresql://u:p@h:99999999/x", "postgresql://u@h;x/y", "postgresql://u@h x/y",
        "a text with postgresql://u:p@h/x in it", TEXT, f"redis://{TEXT}", "oracle://u:p@alias", "mssql+pyodbc://?odbc_connect=x",
    ],
)  # fmt: skip
def test_other_values_are_none(value: str) -> None:
    assert parsed("REDIS_URL", value) is None


@pytest.mark.parametrize(
    ("name", "variables", "shown"),
    [
        ("POSTGRES_SERVER", {"POSTGRES_SERVER": "db", "POSTGRES_PORT": "6000"}, "the database db:6000"),
        ("PGHOST", {"PGHOST": "/run/postgresql"}, f"the database {SOCKET}"),
        ("APP_DB_HOST", {"APP_DB_HOST": "10.0.0.5", "APP_DB_PORT": "3306"}, "the database 10.0.0.5:3306"),
        ("redis_host", {"redis_host": "cache:6380"}, "Redis cache:6380"),
        ("RABBITMQ_HOST", {"RABBITMQ_HOST": "mq"}, "the queue mq:5672"),
        ("DB_HOST", {"DB_HOST": "db"}, None),
        ("POSTGRES_SERVER", {"POSTGRES_SERVER": ""}, None),
        ("POSTGRES_SERVER", {"POSTGRES_SERVER": "db", "POSTGRES_PORT": "a port"}, None),
        ("SMTP_HOST", {"SMTP_HOST": "mail", "SMTP_PORT": "25"}, None),
        ("HOST", {"HOST": "0.0.0.0", "PORT": "8000"}, None),
        ("POSTGRES_HOST_AUTH_METHOD", {"POSTGRES_HOST_AUTH_METHOD": "trust"}, None),
    ],
)  # fmt: skip
def test_host_and_port_in_variables_of_their_own(name: str, variables: dict[str, str], shown: str | None) -> None:
    found = paired(name, variables[name], variables)
    assert (str(found) if found else None) == shown


def test_a_socket_belongs_to_redis_only_if_its_variable_says_so() -> None:
    assert parsed("DOCKER_HOST", "unix:///var/run/docker.sock") is None
