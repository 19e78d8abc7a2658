"""`fab rollback`: to the previous release with its code, packages and settings, and refused rollbacks."""

from __future__ import annotations

import json
from pathlib import Path

from drills import GENTLE, QUICK, assert_consistent, at_start, live
from lab import Project
from sandbox import Server
from traffic import get, load

MIGRATION = '''"""A table of notes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table("notes", sa.Column("text", sa.String))


def downgrade() -> None:
    op.drop_table("notes")
'''


def release(project: Project, server: Server, text: str) -> str:
    """Deploy a new commit, and return the live instance."""
    commit = project.commit(text)
    project.must("-H", server.name, "deploy")
    instance = assert_consistent(server)
    assert instance.startswith(commit[:12])
    return instance


class TestRollback:
    def test_rollback_without_an_older_release_is_refused(self, server: Server, project: Project) -> None:
        first = live(server)
        result = project.fab("-H", server.name, "rollback")
        assert result.status == 1 and "there is no good release to roll back to" in result.stderr, result
        assert live(server) == first

    def test_rollback_restores_code_packages_and_settings(self, server: Server, project: Project) -> None:
        first = assert_consistent(server)
        (project.folder / "production.env").write_text("ENVIRONMENT=second\n")
        project.configure(**QUICK | {"env_file": "production.env", "workers": 2})
        with (project.app / "requirements.txt").open("a") as requirements:
            requirements.write("python-multipart\n")
        second = release(project, server, "The second greeting")
        assert '"environment":"second"' in get(f"{server.url}/").text
        assert _imports(server, "python_multipart") and _workers(server, second) == 2
        with load(f"{server.url}/health", 100, GENTLE) as traffic:
            result = project.must("-H", server.name, "rollback")
        assert f"switch from {second} to {first}" in result.stdout
        assert traffic.lost == 0, traffic
        assert assert_consistent(server) == first
        answer = get(f"{server.url}/").text
        assert '"environment":"development"' in answer and "The second greeting" not in answer
        assert not _imports(server, "python_multipart") and _workers(server, first) == 1

    def test_a_rolled_back_commit_is_deployed_again_only_with_force(
        self, server: Server, project: Project
    ) -> None:
        first = assert_consistent(server)
        for flags in ([], ["--dry-run"], ["--script"]):
            result = project.fab("-H", server.name, "deploy", *flags)
            assert result.status == 1 and "--force" in result.stderr, result
            assert "was rolled back after it became live on 2" in result.stderr, result
        assert assert_consistent(server) == first
        project.must("-H", server.name, "deploy", "--force")
        assert assert_consistent(server).startswith(project.head[:12])
        assert '"environment":"second"' in get(f"{server.url}/").text

    def test_rollback_twice(self, server: Server, project: Project) -> None:
        second = assert_consistent(server)
        third = release(project, server, "The third greeting")
        fourth = release(project, server, "The fourth greeting")
        project.must("-H", server.name, "rollback")
        assert assert_consistent(server) == third
        project.must("-H", server.name, "rollback")
        assert assert_consistent(server) == second
        states = {entry["release"]: entry["state"] for entry in _listed(project, server)}
        assert states[second] == "live" and {states[third], states[fourth]} == {"rolled back"}

    def test_rollback_to_an_abbreviated_release(self, server: Server, project: Project) -> None:
        second = assert_consistent(server)
        fourth = next(entry["release"] for entry in _listed(project, server) if entry["release"].startswith(project.head[:12]))
        project.must("-H", server.name, "rollback", "--to", project.head[:7])
        assert assert_consistent(server) == fourth
        for wrong, why in (("fedcba987654", "the server has no release fedcba987654"), (fourth, "is already live")):
            result = project.fab("-H", server.name, "rollback", "--to", wrong)
            assert result.status == 1 and why in result.stderr, result
        before = project.fab("-H", server.name, "rollback", "--to", second, "--dry-run")
        assert before.status == 0 and f"switch from {fourth} to {second}" in before.stdout
        assert assert_consistent(server) == fourth

    def test_rollback_to_a_bad_release_is_refused(self, server: Server, project: Project) -> None:
        fourth = assert_consistent(server)
        bad = project.commit(at_start("raise RuntimeError('no warehouse')"))
        assert project.fab("-H", server.name, "deploy").status == 1
        result = project.fab("-H", server.name, "rollback", "--to", bad[:12])
        assert result.status == 1 and "is bad: it never became live" in result.stderr, result
        project.git("revert", "--no-edit", "HEAD")
        fifth = release(project, server, "The fifth greeting")
        project.must("-H", server.name, "rollback")
        assert assert_consistent(server) == fourth
        project.must("-H", server.name, "deploy", "--force")
        assert assert_consistent(server) == fifth

    def test_rollback_after_a_restart_returns_to_the_previous_commit(self, server: Server, project: Project) -> None:
        fifth = assert_consistent(server)
        project.must("-H", server.name, "restart")
        assert assert_consistent(server) == f"{fifth}r1"
        assert "nothing to change" in project.must("-H", server.name, "deploy").stdout
        project.must("-H", server.name, "rollback")
        assert not assert_consistent(server).startswith(fifth[:12])
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and "was rolled back after" in result.stderr, result

    def test_rollback_to_a_restarted_release(self, server: Server, project: Project) -> None:
        project.must("-H", server.name, "restart")
        restarted = assert_consistent(server)
        assert restarted.endswith("r1")
        release(project, server, "After a restart")
        project.must("-H", server.name, "rollback")
        assert assert_consistent(server) == restarted

    def test_old_releases_are_deleted_and_rollback_to_one_is_refused(self, server: Server, project: Project) -> None:
        """Other files in the folder are kept, and files of root in an old release do not stop the deletion."""
        oldest = assert_consistent(server)
        project.configure(**QUICK | {"keep_releases": 2})
        server.run(f"mkdir -p /srv/hello/releases/notes /srv/hello/releases/{oldest[:12]}/__pycache__")
        server.run(f"touch /srv/hello/releases/notes/mine /srv/hello/releases/{oldest[:12]}/__pycache__/x.pyc")
        made = [release(project, server, f"Greeting number {number}") for number in range(3)]
        listed = _listed(project, server)
        kept = [entry["release"] for entry in listed if entry["state"] != "bad"]
        assert sorted(kept) == sorted(made) and len(listed) == 4, "the live release, two good ones, and a bad one"
        names = server.run("ls /srv/hello/releases").stdout.split()
        assert sorted(names) == sorted(["notes", *(entry["release"][:12] for entry in listed)])
        assert len(server.run("ls /srv/hello/venvs").stdout.split()) == 1
        result = project.fab("-H", server.name, "rollback", "--to", oldest)
        assert result.status == 1 and f"the server has no release {oldest}" in result.stderr, result
        assert assert_consistent(server) == made[-1]

    def test_a_database_that_is_newer_than_the_release(self, server: Server, project: Project) -> None:
        older = assert_consistent(server)

        def migration(app: Path) -> None:
            (app / "migrations/versions/0002_notes.py").write_text(MIGRATION)

        project.commit(migration)
        project.must("-H", server.name, "deploy")
        newer = assert_consistent(server)
        result = project.fab("-H", server.name, "rollback")
        assert result.status == 1 and "the database is newer than" in result.stderr, result
        assert "0001 -> 0002" in result.stderr and "--keep-database" in result.stderr and "--downgrade" in result.stderr
        assert assert_consistent(server) == newer
        project.must("-H", server.name, "rollback", "--keep-database")
        assert assert_consistent(server) == older and _tables(server) == ["alembic_version", "counters", "notes"]
        result = project.fab("-H", server.name, "rollback")
        assert result.status == 1 and "the database is newer than" in result.stderr, "the target is too old, not the live release"
        project.must("-H", server.name, "deploy", "--force")
        assert assert_consistent(server) == newer
        with load(f"{server.url}/health", 100, GENTLE) as traffic:
            result = project.must("-H", server.name, "rollback", "--downgrade")
        assert "DROP TABLE notes" in result.stdout, result
        assert result.stdout.index("DROP TABLE notes") < result.stdout.index("switch from")
        assert assert_consistent(server) == older and _tables(server) == ["alembic_version", "counters"]
        assert traffic.lost == 0, traffic
        result = project.fab("-H", server.name, "rollback", "--to", newer)
        assert result.status == 1, result
        assert f"is at 0001, but the release {newer} needs 0002: the database was downgraded" in result.stderr, result


def _imports(server: Server, module: str) -> bool:
    return server.run(f"/srv/hello/current/.venv/bin/python -c 'import {module}'", check=False).returncode == 0


def _workers(server: Server, instance: str) -> int:
    """Return how many processes besides gunicorn's own have the instance's socket open."""
    line = server.run(f"ss -xlpH | grep -F /run/hello/{instance}.sock").stdout
    return line.count("pid=") - 1


def _tables(server: Server) -> list[str]:
    code = "import sqlite3; print(*sorted(r[0] for r in sqlite3.connect('/srv/hello/shared/hello.sqlite3').execute(" \
           "\"select name from sqlite_master where type = 'table'\")))"  # fmt: skip
    return server.run(f"python3 - <<'EOF'\n{code}\nEOF").stdout.split()


def _listed(project: Project, server: Server) -> list[dict[str, str]]:
    document = json.loads(project.must("-H", server.name, "releases", "--json").stdout)
    host = document[server.name]
    releases: list[dict[str, str]] = host["releases"]
    return releases
