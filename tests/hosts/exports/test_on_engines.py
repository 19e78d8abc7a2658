"""The exports run: Compose, podman in the place of Kubernetes, and the image of each kind of project."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import manifests
import standins
from drills import QUICK
from exported_projects import UV, become, change, made
from forms import FORMS
from lab import ROOT, Lab, Project, until
from sandbox import Server
from tests.support.exports import Exported
from traffic import get

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1800)]
SHOP = """
[services]
postgres = true
redis = true
database_scheme = "postgresql+psycopg"
[processes.worker]
command = "celery -A tasks worker --concurrency 2 --loglevel INFO"
stop_timeout = 60
[processes.beat]
command = "celery -A tasks beat"
overlap = false
[timers.cleanup]
command = "python cleanup.py"
schedule = "*-*-* 03:00"
[hosts.server]
address = "203.0.113.10"
"""
# A client on the server, which has no curl: it buys a cup, and waits until a worker has packed it.
BUY = """
import json, sys, time, urllib.request

def ask(path, data=None):
    request = urllib.request.Request(sys.argv[1] + path, data and json.dumps(data).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)

product = ask("/products", {"name": f"Cup {time.time()}", "cents": 900, "stock": 3})
order = ask("/orders", {"product_id": product["id"]})
deadline = time.monotonic() + 60
while not ask(f"/orders/{order['id']}")["packed"] and time.monotonic() < deadline:
    time.sleep(0.5)
print(json.dumps({"health": ask("/health"), "order": ask(f"/orders/{order['id']}")}))
"""
SCM = """
[project]
name = "shop"
dynamic = ["version"]
dependencies = ["fastapi"]
[build-system]
requires = ["setuptools>=80", "setuptools-scm>=8"]
build-backend = "setuptools.build_meta"
[tool.setuptools]
packages = ["shop"]
[tool.setuptools_scm]
"""
RUN = "docker run --detach --name kind --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges"
RUN += " --publish 127.0.0.1:8000:8000"
ANSWER = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8000/', timeout=5).read().decode())"


@pytest.fixture(scope="module")
def server(lab: Lab) -> Server:
    server = lab.server("ready", "trixie")
    standins.install(server)
    return server


@pytest.fixture
def shop(exported: Callable[..., Exported]) -> Exported:
    """The shop of examples/, with its settings of docs/how-to/database-and-queue.md."""
    files = {path.name: path.read_text() for path in (ROOT / "examples/shop").iterdir() if path.is_file()}
    for path in (ROOT / "examples/shop/migrations").rglob("*.*"):
        if path.is_file() and path.suffix != ".pyc":
            files[f"migrations/{path.relative_to(ROOT / 'examples/shop/migrations')}"] = path.read_text()
    return exported(SHOP, files=files, env_file="", migrate="alembic upgrade head")


def send(server: Server, folder: Path, to: str) -> None:
    """Copy a folder to the server, in the place of an older copy."""
    packed = subprocess.run(["tar", "-c", "-C", str(folder), "."], capture_output=True, check=True).stdout
    command = f"rm -rf {to} && mkdir -p {to} && tar -x -C {to} && chown -R root:root {to}"
    subprocess.run([*server.ssh_argv(), command], input=packed, check=True)


def bought(server: Server, address: str) -> Any:
    """Buy a cup from the shop, and return its last answers."""
    return json.loads(server.run(f"cat >/tmp/buy.py <<'END'\n{BUY}END\npython3 /tmp/buy.py {address}").stdout)


def test_compose_starts_the_app_with_its_database_its_queue_and_its_processes(server: Server, shop: Exported) -> None:
    shop.make("docker")
    shop.make("compose")
    send(server, shop.folder, "/root/shop")
    compose = "cd /root/shop && docker compose"
    try:
        server.run(f"{compose} up --build --wait --quiet-pull")
        found = bought(server, "http://127.0.0.1:8080")
        assert found["order"]["packed"] and found["health"]["problems"] == {}
        shown = "--format '{{.Service}} {{.State}} {{.Health}} {{.ExitCode}}'"
        states = server.run(f"{compose} ps --all {shown}").stdout
        assert sorted(line.split() for line in states.splitlines()) == [
            ["app", "running", "healthy", "0"], ["beat", "running", "healthy", "0"], ["migrate", "exited", "0"],
            ["nginx", "running", "0"], ["postgres", "running", "healthy", "0"], ["redis", "running", "healthy", "0"],
            ["worker", "running", "healthy", "0"],
        ]  # fmt: skip
        before = server.run(f"{compose} ps --quiet").stdout
        server.run(f"{compose} up --wait --quiet-pull")
        assert server.run(f"{compose} ps --quiet").stdout == before
        assert [line.split()[3] for line in server.run("ss -ltnH 'sport = 8080'").stdout.splitlines()] == ["127.0.0.1:8080"]
    finally:
        server.run(f"{compose} down --volumes", check=False)


def test_podman_runs_the_manifests_of_kubernetes(server: Server, shop: Exported) -> None:
    for name in ("docker", "kubernetes"):
        shop.make(name)
    send(server, shop.folder, "/root/shop")
    server.run(f"cd /root/shop && docker build --quiet --tag shop:1 . && {manifests.PODMAN}")
    server.run(manifests.SERVICES)
    secret = {
        "DATABASE_URL": f"postgresql+psycopg://shop@{server.address}/shop", "REDIS_URL": f"redis://{server.address}:6379/0",
        "TRICKY": "a \"b\" '$c' $$(d)\n#e",
    }  # fmt: skip
    first, then = manifests.for_podman(shop.folder, "kubernetes/overlays/server", "localhost/shop:1", "shop-env", secret)
    (shop.folder / "first.yaml").write_text(first)
    (shop.folder / "then.yaml").write_text(then)
    send(server, shop.folder, "/root/shop")
    try:
        server.run("podman kube play /root/shop/first.yaml")
        job = "podman ps --all --filter name=migrate --format '{{.Names}} {{.State}} {{.ExitCode}}' | grep -v infra"
        until(lambda: "exited" in server.run(job, check=False).stdout, 120, "the migration's end")
        log = "podman logs $(podman ps --all --quiet --filter name=migrate | head -n 1)"
        assert server.run(job).stdout.split()[1:] == ["exited", "0"], server.run(log).stderr
        server.run("podman kube play /root/shop/then.yaml")
        health = "podman inspect --format '{{.State.Health.Status}}' shop-pod-app"
        until(lambda: server.run(health, check=False).stdout.strip() == "healthy", 120, "a healthy app")
        assert bought(server, "http://127.0.0.1:18000")["order"]["packed"]
        program = 'import os; print(os.getuid(), repr(os.environ[\"TRICKY\"]))'
        assert server.run(f"podman exec shop-pod-app python -c '{program}'").stdout.strip() == f"10001 {secret['TRICKY']!r}"
        assert server.run("podman exec shop-pod-app touch /app/x", check=False).returncode != 0
    finally:
        server.run("cd /root/shop && for file in then first; do podman kube down --force $file.yaml; done", check=False)


@pytest.fixture
def _no_container(server: Server) -> Iterator[None]:
    yield
    server.run("docker rm --force --volumes kind; docker rmi --force kind", check=False)


@pytest.mark.usefixtures("_no_container")
@pytest.mark.parametrize("name", FORMS)
def test_the_image_of_each_kind_of_project_answers(server: Server, exported: Callable[..., Exported], name: str) -> None:
    """The first one, and one after a change of the project: uv's cache is that of all images."""
    form = FORMS[name]
    project = exported(env_file="", health="/", **form.settings)
    for file in ("requirements.txt", "main.py"):
        (project.folder / file).unlink()
    become(project.folder, form)
    project.make("docker")
    assert answer(server, project).items() >= made(form.first).items()
    change(project.folder, form)
    assert answer(server, project).items() >= made(form.then).items()


def answer(server: Server, project: Exported) -> dict[str, str]:
    """Build and start the image. Return what the app answers once the engine calls it healthy: package → version."""
    send(server, project.folder, "/root/kind")
    server.run(f"docker rm --force --volumes kind 2>/dev/null; cd /root/kind && docker build --quiet --tag kind . && {RUN} kind")
    health = "docker inspect --format '{{.State.Health.Status}}' kind"
    until(lambda: server.run(health).stdout.strip() == "healthy", 60, "a healthy app")
    found = json.loads(server.run(f'python3 -c "{ANSWER}"').stdout)
    return {name.lower().replace("-", "_"): version for name, version in found.items()}


@pytest.mark.usefixtures("_no_container")
@pytest.mark.parametrize("requirements", ["pyproject.toml", "uv.lock"])
def test_the_version_of_a_package_is_that_of_its_tag(server: Server, exported: Callable[..., Exported], requirements: str) -> None:
    """Files that .dockerignore leaves out, such as hosts.toml, are no change of it."""
    project = exported(files={"pyproject.toml": SCM, "shop/__init__.py": ""}, env_file="", requirements=requirements)
    (project.folder / "requirements.txt").unlink()
    commands = ["git add .", "git -c user.name=t -c user.email=t@example.com commit -qm one", "git tag 1.2"]
    for command in [f"{UV}/uv lock --quiet", *commands] if requirements == "uv.lock" else commands:
        subprocess.run(command, shell=True, cwd=project.folder, check=True)
    project.make("docker")
    send(server, project.folder, "/root/kind")
    program = "import importlib.metadata, os; print(importlib.metadata.version('shop'), os.path.exists('/app/.git'))"
    server.run("cd /root/kind && docker build --quiet --tag kind .")
    assert server.run(f'docker run --rm kind python -c "{program}"').stdout.split() == ["1.2", "False"]


def test_a_server_releases_the_exported_image(lab: Lab, server: Server, project: Project) -> None:
    """The app writes to its shared folder, where the image has links to its volume."""
    check_release(server, lab.server("deployed", "trixie"), project)


def check_release(server: Server, target: Server, project: Project) -> None:
    """Release the exported image of the sample app to `target`. server: has the stand-ins."""
    project.configure(**QUICK | {"manager": "docker", "shared_paths": ["uploads", "notes/a.txt"]})
    project.must("-H", target.name, "install")
    save = "docker save python:3.13-trixie python:3.13-slim-trixie"
    with subprocess.Popen([*server.ssh_argv(), save], stdout=subprocess.PIPE) as saved:
        subprocess.run([*target.ssh_argv("deploy"), "sudo docker load"], stdin=saved.stdout, capture_output=True, check=True)
    project.must("export.docker", "--force")
    project.commit()
    project.must("-H", target.name, "deploy")
    assert get(f"{target.url}/health").status == 200
    project.must("-H", target.name, "run", "--command", "echo x >uploads/x && echo y >notes/a.txt && touch $APP_SHARED/z")
    shared = "cd /srv/hello/shared && cat uploads/x notes/a.txt && ls z && docker volume ls --quiet"
    assert target.run(shared).stdout.split() == ["x", "y", "z"]
    assert "deploy: nothing to change" in project.must("-H", target.name, "deploy").stdout
