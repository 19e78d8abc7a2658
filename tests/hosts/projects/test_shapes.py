"""Projects in the shape of well-known public FastAPI projects, each with a hosts.toml of at most ten lines."""

from __future__ import annotations

from websockets.sync.client import connect

from drills import live
from lab import Lab, Project
from own_projects import locked
from sandbox import Server
from traffic import get


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
