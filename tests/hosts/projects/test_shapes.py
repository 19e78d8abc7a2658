"""Projects in the shape of well-known public FastAPI projects, each with a hosts.toml of at most ten lines."""

from __future__ import annotations

import pytest
from websockets.sync.client import connect

from drills import live
from lab import Lab, Project
from own_projects import edit, locked
from sandbox import Server
from traffic import get

pytestmark = pytest.mark.thorough


def configure(project: Project, *lines: str, **variables: str) -> None:
    """Write hosts.toml with [app], name, repository and these lines, and the environment file."""
    text = "\n".join(["[app]", 'name = "hello"', f'repository = "{project.app}"', 'env_file = "production.env"', *lines])
    assert text.count("\n") < 10
    (project.folder / "hosts.toml").write_text(text + "\n")
    (project.folder / "production.env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))


def deploy(server: Server, project: Project) -> None:
    """Deploy the newest commit, which must be live then."""
    result = project.must("-H", server.name, "deploy")
    assert live(server).startswith(project.head[:12]), result


@pytest.fixture(scope="module")
def older(lab: Lab) -> Server:
    return lab.server("setup")


def test_a_workspace_with_front_end_and_prestart_script(lab: Lab, project: Project) -> None:
    """As the full-stack template: a uv workspace, a package in backend/, Python 3.13, a front end built here."""
    server = lab.server("setup", "trixie")
    project.become("full-stack")
    locked(server, project.app, "uv lock --quiet")
    built = project.app / "backend/app/frontend"
    built.mkdir()
    (built / "index.html").write_text("<h1>First</h1>")
    project.commit()
    shared = "sqlite:////srv/hello/shared/app.sqlite3"
    configure(
        project,
        'root = "backend"',
        'module = "app.main:app"',
        'migrate = "bash scripts/prestart.sh"',
        'carry = ["backend/app/frontend"]',
        PROJECT_NAME="Full stack", SECRET_KEY="changethis", DATABASE_URL=shared,
    )  # fmt: skip
    refused = project.fab("-H", server.name, "deploy")
    # The validator's own words, without the value.
    assert refused.status == 1 and "set your own before you deploy" in refused.stderr, refused.stderr
    assert "changethis" not in refused.stderr + refused.stdout
    variables = (project.folder / "production.env").read_text()
    (project.folder / "production.env").write_text(variables.replace("changethis", "a-long-secret"))
    deploy(server, project)
    assert get(f"{server.url}/").text == "<h1>First</h1>"
    assert get(f"{server.url}/api/v1/items/").text == '["first item"]'
    with connect(f"ws://{server.address}/api/v1/echo", proxy=None) as websocket:
        websocket.send("hello")
        assert websocket.recv(timeout=10) == "hello"
    # Only the front end is built again, which git does not know.
    (built / "index.html").write_text("<h1>Second</h1>")
    project.must("-H", server.name, "deploy")
    assert get(f"{server.url}/").text == "<h1>Second</h1>"
    project.must("-H", server.name, "rollback")
    assert get(f"{server.url}/").text == "<h1>First</h1>"


def test_a_package_named_src_with_a_group_for_production(older: Server, project: Project) -> None:
    """As a template for production: Poetry finds no package to install, and the settings are made while `src` is imported."""
    project.become("package-named-src")
    project.commit()
    configure(
        project,
        'module = "src.main:app"',
        'health = "/healthcheck"',
        'dependency_groups = ["prod"]',
        'migrate = "alembic upgrade head"',
        DATABASE_URL="sqlite:////srv/hello/shared/src.sqlite3",
    )  # fmt: skip
    refused = project.fab("-H", older.name, "deploy")
    assert refused.status == 1 and "ERROR_REPORTS has no address" in refused.stderr, refused
    with (project.folder / "production.env").open("a") as file:
        file.write("ERROR_REPORTS=https://public@reports.example.com/1\n")
    deploy(older, project)
    assert get(f"{older.url}/healthcheck").text == '{"status":"ok","notes":"0","metrics":"prometheus_client"}'
    project.commit(lambda app: edit(app / "src/main.py", '"ok"', '"fine"'))
    deploy(older, project)
    assert '"status":"fine"' in get(f"{older.url}/healthcheck").text


def test_an_app_of_2022_with_settings_by_stage(older: Server, project: Project) -> None:
    """As the RealWorld example: a lock of Poetry 1.1, pydantic 1, start-up handlers, migrations in the package."""
    project.become("settings-by-stage")
    project.commit()
    configure(
        project,
        'module = "app.main:app"',
        'health = "/api/tags"',
        'migrate = "alembic upgrade head"',
        DATABASE_URL="sqlite:////srv/hello/shared/2022.sqlite3", SECRET_KEY="a-long-secret",
    )  # fmt: skip
    deploy(older, project)
    assert get(f"{older.url}/api/tags").text == '{"tags":["first"]}'
    python = "import fastapi, pydantic; print(fastapi.__version__, pydantic.VERSION)"
    shown = older.run(f"/srv/hello/current/.venv/bin/python -c '{python}'").stdout
    assert shown.startswith("0.79.1 1.10."), "the versions of the lock"
