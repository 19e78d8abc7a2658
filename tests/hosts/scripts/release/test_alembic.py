"""Alembic answers with data, not with text. Real migrations of real databases."""

from __future__ import annotations

import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.release.alembic import PROGRAM, alembic_command
from selvedge.release.database import Database

ENV = """
import logging, os, sys
logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
print("migrating")
from alembic import context
from sqlalchemy import create_engine
if os.environ.get("DOWN"):
    raise OSError("connection to 10.0.0.1 refused\\nmore")
def run(**options):
    context.configure(render_as_batch=True, **options)
    with context.begin_transaction():
        context.run_migrations()
if context.is_offline_mode():
    run(dialect_name="sqlite")
else:
    with create_engine("sqlite:///" + context.get_x_argument(as_dictionary=True).get("db", "app.db")).connect() as connection:
        run(connection=connection)
"""
MIGRATION = '''"""Adds {name}"""
from alembic import op
import sqlalchemy as sa
revision, down_revision, depends_on = "{name}", {down!r}, {depends!r}

def upgrade():
    op.create_table("{name}", sa.Column("x", sa.String))

def downgrade():
    {downgrade}
'''
Ask = Callable[..., Database]
# Alembic takes a second to start.
THOROUGH = pytest.mark.thorough


class App:
    """A folder with an app whose alembic.ini is in db/."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.versions = folder, folder / "db/migrations/versions"
        self.versions.mkdir(parents=True)
        (folder / "db/migrations/env.py").write_text(ENV)
        (folder / "db/alembic.ini").write_text("[alembic]\nscript_location = %(here)s/migrations\n")

    def migration(self, name: str, down: object = None, depends: object = None, downgrade: str = "") -> None:
        text = MIGRATION.format(name=name, down=down, depends=depends, downgrade=downgrade or f'op.drop_table("{name}")')
        (self.versions / f"{name}.py").write_text(text)

    def sh(self, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        programs = Path(sys.executable).parent
        return subprocess.run(
            ["sh", "-c", command], cwd=self.folder, env={"PATH": f"{programs}:/usr/bin:/bin", **variables},
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def ask(self, verb: str, *needed: str, migrate: str = "cd db && alembic upgrade heads", **variables: str) -> Database:
        done = self.sh(alembic_command(migrate, verb, needed), **variables)
        return Database.parse(done.stdout + done.stderr, done.returncode, needed)

    def upgrade(self, to: str = "heads", options: str = "") -> None:
        done = self.sh(f"cd db && alembic {options} upgrade {to}")
        assert done.returncode == 0, done

    def tables(self) -> set[str]:
        rows = sqlite3.connect(self.folder / "db/app.db").execute("select name from sqlite_master where type = 'table'")
        return {name for name, in rows} - {"alembic_version"}


@pytest.fixture
def app(tmp_path: Path) -> App:
    """An app with two branches, of which one depends on the other: r1 -> (a2, b2) -> m3, and o1 that needs a2."""
    app = App(tmp_path)
    app.migration("r1")
    app.migration("a2", "r1")
    app.migration("b2", "r1")
    return app


def test_the_lines_of_an_app_are_no_revisions(app: App) -> None:
    found = app.ask("read", "base")
    assert (found.current, found.heads, found.problem) == ((), ("a2", "b2"), "")
    assert not app.tables(), "nothing is written"
    app.upgrade()
    found = app.ask("read", "a2", "b2")
    assert (found.current, found.between, found.missing, found.foreign) == (("a2", "b2"), (), (), ())


def test_the_revisions_between_do_not_include_the_needed_one(app: App) -> None:
    app.upgrade()
    assert app.ask("read", "r1").between == ("r1 -> a2, Adds a2", "r1 -> b2, Adds b2")
    assert app.ask("read", "a2").between == ("r1 -> b2, Adds b2",)
    assert app.ask("read").between[-1] == "base -> r1, Adds r1"


@pytest.mark.parametrize(("at", "needed", "left"), [
    pytest.param("heads", ["r1"], {"r1"}, marks=THOROUGH),
    pytest.param("heads", ["a2", "b2"], {"r1", "a2", "b2"}, marks=THOROUGH),
    pytest.param("heads", ["a2"], {"r1", "a2"}, marks=THOROUGH),
    ("heads", ["b2", "o1"], {"r1", "a2", "b2", "o1"}),
    ("heads", [], set()),
    pytest.param("a2", ["r1"], {"r1"}, marks=THOROUGH),
])  # fmt: skip
def test_a_downgrade_takes_back_all_branches(app: App, at: str, needed: list[str], left: set[str]) -> None:
    app.migration("m3", ("a2", "b2"))
    app.migration("o1", None, "a2")
    app.upgrade(at)
    sql = app.ask("sql", *needed)
    taken = app.tables() - left
    assert {name for name in app.tables() if f"DROP TABLE {name};" in sql.sql} == taken
    found = app.ask("downgrade", *needed)
    assert (found.between, found.missing, found.problem) == ((), (), "")
    assert app.tables() == left


def test_a_database_that_was_downgraded_lacks_revisions(app: App) -> None:
    app.upgrade("a2")
    found = app.ask("read", "a2", "b2")
    assert (found.missing, found.between) == (("b2",), ())


def test_a_revision_that_the_code_does_not_have(app: App) -> None:
    app.migration("a3", "a2")
    app.upgrade()
    (app.versions / "a3.py").unlink()
    found = app.ask("read", "a2", "b2")
    assert (found.current, found.foreign, found.problem) == (("a3", "b2"), ("a3",), "")
    found = app.ask("read", "zz")
    assert (found.unknown, found.between) == (("zz",), ()), "a downgrade to a revision of other code would delete everything"


def test_the_options_of_migrate_choose_the_database(app: App) -> None:
    app.upgrade("a2", "-x db=other.db")
    migrate = "alembic -c db/alembic.ini -x db=db/other.db upgrade head"
    assert app.ask("read", "a2", migrate=migrate).current == ("a2",)
    assert app.ask("read", "a2").current == ()
    both = "cd db && alembic -x db=other.db upgrade head && alembic upgrade head"
    app.upgrade("b2")
    assert set(app.ask("read", migrate=both).current) == {"a2", "b2"}


ASYNC = """
import asyncio
from alembic import context
from sqlalchemy import create_engine
def run(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
async def main():
    with create_engine("sqlite:///db/app.db").connect() as connection:
        await asyncio.get_running_loop().run_in_executor(None, print, "log line on stdout")
        run(connection)
asyncio.run(main())
"""


def test_settings_in_pyproject_and_an_asynchronous_environment(app: App) -> None:
    """Alembic 1.16 reads `[tool.alembic]`; the app needs no alembic.ini."""
    (app.folder / "db/alembic.ini").unlink()
    (app.folder / "pyproject.toml").write_text('[tool.alembic]\nscript_location = "%(here)s/db/migrations"\n')
    (app.folder / "db/migrations/env.py").write_text(ASYNC)
    assert app.sh("alembic upgrade a2").returncode == 0
    found = app.ask("read", "r1", migrate="alembic upgrade heads")
    assert (found.current, found.between, found.problem) == (("a2",), ("r1 -> a2, Adds a2",), "")
    assert app.ask("downgrade", "r1", migrate="alembic upgrade heads").between == ()
    assert app.tables() == {"r1"}


@pytest.mark.parametrize("migrate", [
    "ALEMBIC_CONFIG=db/alembic.ini alembic upgrade head",
    "export ALEMBIC_CONFIG=db/alembic.ini; python -m alembic upgrade head",
    *(pytest.param(command, marks=THOROUGH) for command in (
        "alembic --config=db/alembic.ini upgrade head || exit 1",
        "bash -c 'alembic -c db/alembic.ini upgrade head'",
        "alembic -c db/alembic.ini upgrade head >/dev/null 2>&1",
    )),
])  # fmt: skip
def test_ways_to_name_the_configuration(app: App, migrate: str) -> None:
    assert app.sh("alembic -c db/alembic.ini -x db=app.db upgrade a2").returncode == 0
    assert app.ask("read", migrate=migrate).current == ("a2",)


def test_two_databases_in_shells_of_their_own(app: App) -> None:
    app.upgrade("a2", "-x db=other.db")
    app.upgrade("b2")
    both = "(cd db && alembic -x db=other.db upgrade head) && (cd db && alembic upgrade head)"
    found = app.ask("read", migrate=both)
    assert (set(found.current), found.problem) == ({"a2", "b2"}, "")


@pytest.mark.parametrize(("migrate", "variables", "problem"), [
    ("cd db && alembic upgrade head", {"DOWN": "1"}, "connection to 10.0.0.1 refused"),
    ("alembic upgrade head", {}, "No 'script_location' key found in configuration"),
    ("cd nosuch && alembic upgrade head", {}, "sh: 1: cd: can't cd to nosuch"),
    ("alembic --nosuch upgrade head", {}, "unrecognized arguments: --nosuch"),
    ("cd db && ./venv/bin/alembic upgrade head", {}, "./venv/bin/python3: not found"),
])  # fmt: skip
def test_an_answer_without_revisions_is_a_problem(app: App, migrate: str, variables: dict[str, str], problem: str) -> None:
    found = app.ask("read", "a2", migrate=migrate, **variables)
    assert problem in found.problem and "\n" not in found.problem
    assert not found.current


def test_sql_that_alembic_cannot_show_is_a_problem(app: App) -> None:
    """SQLite's batch mode reads the table."""
    text = 'with op.batch_alter_table("a2") as table:\n        table.drop_column("x")'
    app.migration("a3", "a2", downgrade=text)
    app.upgrade()
    found = app.ask("sql", "a2", "b2")
    assert found.problem and not found.sql
    assert shlex.quote(PROGRAM) in alembic_command("alembic upgrade head", "sql")
    assert app.ask("read", "a2", "b2").between == ("a2 -> a3, Adds a3",)
