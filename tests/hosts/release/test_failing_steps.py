"""Migrations, hooks and installers that fail or hang: the old release keeps serving, and the message says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from drills import GENTLE, assert_consistent, configure, requirement, serves
from lab import Project
from refusals import Fault, refuse
from sandbox import Server
from traffic import load

MIGRATION = '''"""Takes a lock."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("create table more (text varchar)")
'''
LOCKED = """
import sqlite3, time
connection = sqlite3.connect("/srv/hello/shared/hello.sqlite3", isolation_level=None)
connection.execute("begin immediate")
open("/srv/hello/shared/locked", "w")
time.sleep(120)
"""
HALF = """
import http.server

class Half(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.wfile.write(b"PK" + 1000 * b"x")

http.server.HTTPServer(("127.0.0.1", 8099), Half).serve_forever()
"""
BACKEND = """
def build_wheel(*_args, **_more):
    for _ in range(100_000):
        print(100 * "x")
    raise RuntimeError("no compiler for this machine")
"""


FAULTS = {
    "failing migration": Fault(
        "Another commit",
        ["The migration failed (exit status 9): echo changing tables; exit 9", "may have changed parts of the database"],
        {"migrate": "echo changing tables; exit 9"},
    ),
    "migration that hangs": Fault(
        "Another commit",
        [
            "The migration did not end within 3 s (app.migrate_timeout) and was stopped: echo waiting; sleep 9999",
            "may have changed parts of the database",
        ],
        {"migrate": "echo waiting; sleep 9999", "migrate_timeout": 3},
    ),
    "unbuildable requirement": Fault(
        requirement("nosuchpkg-selvedge-drill==9.9"),
        ["Could not install the requirements in requirements.txt", "nosuchpkg-selvedge-drill"],
        built=False,
    ),
    "hook before the build": Fault(
        "Another commit", ["hook before_build failed (exit status 3)"], hooks='before_build = "exit 3"', built=False
    ),
    "hook before the switch": Fault(
        "Another commit", ["hook before_switch failed (exit status 3)"], hooks='before_switch = "exit 3"'
    ),
}


def parse_environment(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


@pytest.mark.usefixtures("branch")
class TestFailingSteps:
    @pytest.mark.parametrize("name", FAULTS)
    def test_the_old_release_serves_every_request(self, server: Server, project: Project, name: str) -> None:
        refuse(server, project, FAULTS[name])

    @pytest.mark.parametrize("hook", ["after_build", "after_switch"])
    def test_the_on_failure_hook_gets_the_error_and_the_releases(self, server: Server, project: Project, hook: str) -> None:
        old = assert_consistent(server)
        here, there = project.folder / "failure", "/srv/hello/shared/failure"
        configure(project, f'[hooks]\n{hook} = "exit 3"\non_failure = ["local: env >failure", "env >{there}"]\n')
        commit = project.commit(f"Fails in {hook}")
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and f"hook {hook} failed" in result.stderr, result
        for environment in (parse_environment(here.read_text()), parse_environment(server.run(f"cat {there}").stdout)):
            assert environment["PREVIOUS"] == old and environment["HOST"] == server.name
            assert environment["COMMIT"] == commit and environment["RELEASE"].startswith(f"{commit[:12]}-")
            assert f"hook {hook} failed" in environment["ERROR"]
        assert (assert_consistent(server) == old) is (hook == "after_build")

    def test_a_migration_that_waits_for_a_lock(self, server: Server, project: Project) -> None:
        old = assert_consistent(server)
        project.commit(lambda app: (app / "migrations/versions/0002_more.py").write_text(MIGRATION))
        server.run(
            f"cat >/srv/locked.py <<'EOF'{LOCKED}EOF\nsystemd-run -q --unit=locker --uid=hello python3 /srv/locked.py"
        )
        server.run("for i in $(seq 100); do test -e /srv/hello/shared/locked && break; sleep 0.05; done")
        try:
            with load(f"{server.url}/health", 100, GENTLE) as traffic:
                result = project.fab("-H", server.name, "deploy")
        finally:
            server.run("systemctl stop locker")
        assert result.status == 1 and "The migration failed (exit status 1): alembic upgrade head" in result.stderr, result
        assert "database is locked" in result.stdout and "may have changed parts of the database" in result.stderr, result
        assert traffic.lost == 0, traffic
        assert assert_consistent(server) == old

    def test_packages_that_cannot_be_built_or_downloaded(self, server: Server, project: Project) -> None:
        old, venvs = assert_consistent(server), server.run("ls /srv/hello/venvs").stdout
        server.run(f"cat >/srv/half.py <<'EOF'{HALF}EOF\nsystemd-run -q --unit=half --uid=nobody python3 /srv/half.py")

        def sdist(app: Path) -> None:
            (app / "broken").mkdir()
            (app / "broken/backend.py").write_text(BACKEND)
            (app / "broken/pyproject.toml").write_text(
                '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n\n'
                '[project]\nname = "broken"\nversion = "1"\n'
            )
            (app / "requirements.txt").write_text((app / "requirements.txt").read_text() + "./broken\n")

        def half(app: Path) -> None:
            (app / "requirements.txt").write_text("half @ http://127.0.0.1:8099/half-1.0-py3-none-any.whl\n")

        for change, reason in ((sdist, "no compiler for this machine"), (half, "http://127.0.0.1:8099/half")):
            project.git("reset", "--quiet", "--hard", "main")
            project.commit(change)
            result = project.fab("-H", server.name, "deploy")
            assert result.status == 1 and "Could not install the requirements in requirements.txt" in result.stderr, result
            assert reason in result.stdout + result.stderr and result.seconds < 60, result
            assert len(result.stdout) < 200_000, "only the end of the installer's output"
            assert server.run("ls /srv/hello/venvs").stdout == venvs, "no unfinished environment is left"
            assert assert_consistent(server) == old
        server.run("systemctl stop half")

    def test_a_failing_hook_after_the_switch_keeps_the_new_release_live(self, server: Server, project: Project) -> None:
        configure(project, '[hooks]\nafter_switch = "exit 3"\n')
        commit = project.commit("Its hook fails")
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and "hook after_switch failed" in result.stderr, result
        assert assert_consistent(server).startswith(commit[:12])
        server.reboot()
        serves(server)
        assert assert_consistent(server).startswith(commit[:12])
        configure(project)
        project.must("-H", server.name, "restart")
        newer = project.commit("Announced")
        project.must("-H", server.name, "deploy")
        assert assert_consistent(server).startswith(newer[:12])
