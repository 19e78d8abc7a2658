"""Dockerfiles as people write them: an image whose app can answer goes live, and any other is refused with what to change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import containers
from containers import DOCKER, DOCKERFILE
from drills import assert_consistent, deploy, live
from lab import Lab, Project
from sandbox import Server

pytestmark = pytest.mark.thorough
BASE = "FROM base:1\n"
VARIABLES = "IFS=abc ENV=/nosuch PS4=x PORT=1 WEB_CONCURRENCY=9 PYTHONPATH=/nosuch:/x HOME=/root TMPDIR=/nosuch LC_ALL=xx"


def linked(app: Path) -> None:
    (app / "deploy").mkdir()
    (app / "deploy/Dockerfile").write_text(DOCKERFILE)
    (app / "Dockerfile").symlink_to("deploy/Dockerfile")


def large(app: Path) -> None:
    """Add many files to the context, one of them with an odd name."""
    (app / "Dockerfile").write_text(DOCKERFILE)
    (app / "assets").mkdir()
    for number in range(3000):
        (app / f"assets/{number}").write_text("x" * 2000)
    (app / "assets/odd name\twith $HOME and 'quotes'").write_text("")


ENTRY = 'ENTRYPOINT ["/nosuch"]\nCMD ["--port", "80"]\nONBUILD RUN false\nSTOPSIGNAL SIGQUIT\n'
OTHER_USER = 'USER 4321:4321\nVOLUME /code /tmp /data /srv\nSHELL ["/bin/bash", "-c"]\n'
HOSTILE = 'ENV A="x\\\ny \'q\' \\"d\\" \\$HOME `id` %s"\nENV GUNICORN_CMD_ARGS="--bind 0.0.0.0:99"\n'
APP_STAGE = DOCKERFILE.replace("base:1", "base:1 AS app")
ALIVE: dict[str, str | Callable[[Path], None]] = {
    "folder with spaces": BASE + 'WORKDIR "/my code/a  b"\nCOPY . .\n',
    "no folder": BASE + "COPY . /\n",
    "hostile variables": f"{DOCKERFILE}ENV {VARIABLES}\n{HOSTILE}",
    "another user and volumes": DOCKERFILE + OTHER_USER,
    "exec form and ONBUILD": DOCKERFILE + ENTRY,
    "stages": f"{APP_STAGE}FROM base:1\nWORKDIR /app\nCOPY --from=app /code .\n",
    "line ends of Windows": DOCKERFILE.replace("\n", "\r\n"),
    "a link": linked,
    "many files": large,
}
REFUSED: dict[str, tuple[str, str]] = {
    "files for root only": (f"{DOCKERFILE}RUN chmod -R go= /code\n", "let all users read it"),
    "code in another stage": (f"{APP_STAGE}FROM base:1\n", "Python finds no main in the image's working folder"),
    "no Python": (f"{APP_STAGE}FROM scratch\nCOPY --from=app /code /code\n", "The image has no Python"),
    "unknown instruction": ("FROM base:1\nRUNN x\n", "Could not build the image: dockerfile parse error"),
    "unknown base": ("FROM nosuch.invalid/x:1\n", "nosuch.invalid"),
    "a variable of gunicorn": (
        f"{DOCKERFILE}ENV GUNICORN_CMD_ARGS=--pid=/tmp/x\n", "(in app.env_file or the Dockerfile) sets gunicorn's pidfile",
    ),
    "settings of gunicorn": (
        f"{DOCKERFILE}RUN echo 'daemon = True' >gunicorn.conf.py\n", "gunicorn.conf.py sets gunicorn's daemon, which cannot work",
    ),
    "another app": (
        f"{BASE}WORKDIR /app\nCOPY . web/\nENV MODULE_NAME=web.main VARIABLE_NAME=api\n", 'set module = "web.main:api" under [app]',
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    return shared_project


@pytest.fixture(scope="module")
def server(lab: Lab, project: Project) -> Server:
    """Return a server with Docker. Debian 13 has another builder than Debian 12, which the other tests of containers have."""
    server = lab.server("deployed", "trixie")
    containers.install(server, project)
    return server


@pytest.fixture(autouse=True)
def _branch(project: Project) -> None:
    """Begin each test with the sample app, without a Dockerfile."""
    project.git("checkout", "--quiet", "--force", "-B", "tried", "main")
    project.configure(**DOCKER | {"branch": "tried"})


def written(dockerfile: str, ignored: str = "") -> Callable[[Path], None]:
    def change(app: Path) -> None:
        (app / "Dockerfile").write_bytes(dockerfile.encode())
        if ignored:
            (app / ".dockerignore").write_text(ignored)

    return change


@pytest.mark.parametrize("name", ALIVE)
def test_an_image_whose_app_answers_goes_live(server: Server, project: Project, name: str) -> None:
    made = ALIVE[name]
    project.commit(made if callable(made) else written(made))
    deploy(server, project)
    assert "deploy: nothing to change" in project.must("-H", server.name, "deploy").stdout


@pytest.mark.parametrize("name", REFUSED)
def test_an_image_that_cannot_work_is_refused(server: Server, project: Project, name: str) -> None:
    dockerfile, said = REFUSED[name]
    old = live(server)
    project.commit(written(dockerfile))
    result = project.fab("-H", server.name, "deploy")
    assert result.status == 1 and said in result.stderr, result
    assert assert_consistent(server) == old


def test_a_dockerignore_that_names_all_files_is_named(server: Server, project: Project) -> None:
    old = live(server)
    project.commit(written(DOCKERFILE, "*\n"))
    said = "copy the code to the WORKDIR of the Dockerfile, let all users read it, and check .dockerignore"
    assert said in project.fab("-H", server.name, "deploy").stderr
    assert assert_consistent(server) == old


def test_a_start_script_of_a_base_image_is_named(server: Server, project: Project) -> None:
    more = "RUN mkdir /app && printf '#! /usr/bin/env bash\\n' >/app/prestart.sh && touch /start.sh /gunicorn_conf.py\n"
    project.configure(**DOCKER | {"branch": "tried", "migrate": None})
    project.commit(written(DOCKERFILE + more))
    said = 'Set migrate = "bash /app/prestart.sh" under [app], to run it once per deploy before the switch.'
    assert said in project.must("-H", server.name, "deploy").stdout
    assert said in project.fab("-H", server.name, "doctor").stdout
    project.configure(**DOCKER | {"branch": "tried", "migrate": "bash /app/prestart.sh"})
    project.commit("With the script")
    assert "prestart.sh, which" not in project.must("-H", server.name, "deploy").stdout
