"""Migrations with alembic's own options, branches and SQLite's batch mode: what a rollback does with the database."""

from __future__ import annotations

from pathlib import Path

import pytest

from drills import assert_consistent, configure
from lab import Project
from sandbox import Server

MIGRATION = '''"""{name}"""

import sqlalchemy as sa
from alembic import op

revision = "{name}"
down_revision = "0001"


def upgrade() -> None:
    op.create_table("{name}", sa.Column("text", sa.String))


def downgrade() -> None:
    op.drop_table("{name}")
'''
BATCH = MIGRATION.replace('op.create_table("{name}", sa.Column("text", sa.String))', "pass").replace(
    'op.drop_table("{name}")', 'with op.batch_alter_table("counters") as table:\n        table.alter_column("name", nullable=True)'
)
MIGRATE = "cd db && alembic -c settings.ini -x tenant=a upgrade heads"


def moved(app: Path) -> None:
    """Move alembic's files to a folder, under another name, and print lines as some apps do."""
    (app / "db").mkdir()
    (app / "migrations").rename(app / "db/migrations")
    ini = (app / "alembic.ini").read_text().replace("script_location = migrations", "script_location = %(here)s/migrations")
    (app / "db/settings.ini").write_text(ini)
    (app / "alembic.ini").unlink()
    env = app / "db/migrations/env.py"
    env.write_text('print("migrating")\n' + env.read_text())


def adds(*names: str, text: str = MIGRATION) -> object:
    def change(app: Path) -> None:
        for name in names:
            (app / f"db/migrations/versions/{name}.py").write_text(text.format(name=name))

    return change


@pytest.mark.usefixtures("branch")
class TestMigrations:
    @pytest.mark.thorough
    def test_alembic_is_asked_with_the_options_of_migrate(self, server: Server, project: Project) -> None:
        configure(project, migrate=MIGRATE)
        project.commit(moved)
        result = project.must("-H", server.name, "deploy")
        older = assert_consistent(server)
        assert "revision is unknown" not in result.stdout, result
        project.commit(adds("a2", "b2"))
        project.must("-H", server.name, "deploy")
        newer = assert_consistent(server)
        assert self.recorded(server, newer) == "a2 b2" and self.recorded(server, older) == "0001"
        result = project.fab("-H", server.name, "rollback")
        assert result.status == 1 and "the database is newer than" in result.stderr, result
        assert result.stderr.count("0001 -> ") == 2 and "needs 0001" in result.stderr, result
        dry = project.must("-H", server.name, "rollback", "--downgrade", "--dry-run")
        assert "DROP TABLE a2;" in dry.stdout and "DROP TABLE b2;" in dry.stdout, dry
        assert assert_consistent(server) == newer and {"a2", "b2"} <= self.tables(server)
        project.must("-H", server.name, "rollback", "--downgrade")
        assert assert_consistent(server) == older and not {"a2", "b2"} & self.tables(server)

    def test_a_downgrade_in_batch_mode_lists_the_migrations(self, server: Server, project: Project) -> None:
        configure(project, migrate=MIGRATE)
        project.commit(moved)
        project.must("-H", server.name, "deploy", "--force")
        older = assert_consistent(server)
        project.commit(adds("c2", text=BATCH))
        project.must("-H", server.name, "deploy")
        result = project.must("-H", server.name, "rollback", "--downgrade")
        assert "0001 -> c2, c2" in result.stdout and "Alembic cannot show their SQL: " in result.stdout, result
        assert assert_consistent(server) == older

    @pytest.mark.thorough
    def test_a_migration_by_a_script_is_unknown(self, server: Server, project: Project) -> None:
        configure(project, migrate="sh prestart.sh")
        project.commit(lambda app: (app / "prestart.sh").write_text("alembic upgrade head\n"))
        result = project.must("-H", server.name, "deploy")
        unknown = "the database's revision is unknown: app.migrate does not call alembic itself"
        assert unknown in result.stdout, result
        older = assert_consistent(server)
        project.commit("Another greeting")
        project.must("-H", server.name, "deploy")
        result = project.must("-H", server.name, "rollback")
        assert f"the database was not compared with the release {older}: app.migrate does not call alembic itself" in result.stdout
        assert assert_consistent(server) == older

    @staticmethod
    def recorded(server: Server, instance: str) -> str:
        return server.run(f"sed -n 's/^heads //p' /srv/hello/instances/{instance}/record").stdout.strip()

    @staticmethod
    def tables(server: Server) -> set[str]:
        code = "import sqlite3; print(*(r[0] for r in sqlite3.connect('/srv/hello/shared/hello.sqlite3').execute(" \
               "\"select name from sqlite_master where type = 'table'\")))"  # fmt: skip
        return set(server.run(f"python3 - <<'EOF'\n{code}\nEOF").stdout.split())
