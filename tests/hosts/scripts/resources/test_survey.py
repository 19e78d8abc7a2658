"""What an image says of itself: its app servers, and what the start script of its base image does."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from selvedge.shell.quoting import assign
from tests.hosts.scripts.server import Server
from tests.support.libraries import functions

COMMIT = "0123456789ab"
HAS = f"/srv/hello/images/{COMMIT}.has"
KNOWN_BASE = ("/start.sh", "/gunicorn_conf.py")


@pytest.fixture
def survey(server: Server) -> Callable[..., str]:
    """Run the program in /code with these files and variables, and return its answer."""

    def run(*files: str, first_line: str = "", modules: str = "", **variables: str) -> str:
        for file in (*files, "/code/x"):
            path = server.path(file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{first_line}\n")
        root = f"import os; os.chroot({str(server.root)!r}); os.chdir('/code')\n"
        # A module that is looked for after chroot must be loaded before it.
        shell = f"{functions('survey')}\n{assign(**variables)}\n{''.join(f'export {name};' for name in variables)}"
        return server.run(f'{shell}\npython3 -IS -c "import importlib.util, re\n{root}$(survey_text)" {modules}').stdout.decode()

    return run


@pytest.mark.parametrize(
    ("files", "variables", "said"),
    [
        (KNOWN_BASE, {}, "module main:app\n"),
        ((*KNOWN_BASE, "/app/app/main.py"), {}, "module app.main:app\n"),
        ((), {"MODULE_NAME": "shop.web", "VARIABLE_NAME": "api"}, "module shop.web:api\n"),
        ((), {"APP_MODULE": "shop:make()", "MODULE_NAME": "x"}, "module shop:make()\n"),
        ((), {"APP_MODULE": "$(id)\n;"}, ""),
        (("/app/prestart.sh",), {}, "prestart sh /app/prestart.sh\n"),
        (("/code/scripts/prestart.sh",), {}, "prestart sh scripts/prestart.sh\n"),
        (("/opt/first.sh", "/app/prestart.sh"), {"PRE_START_PATH": "/opt/first.sh"}, "prestart sh /opt/first.sh\n"),
        (("/code/gunicorn.conf.py",), {}, "config yes\n"),
        ((), {"GUNICORN_CMD_ARGS": "--preload"}, "config yes\n"),
        ((), {}, ""),
    ],
)
def test_the_start_script_of_a_base_image(
    survey: Callable[..., str], files: tuple[str, ...], variables: dict[str, str], said: str
) -> None:
    assert survey(*files, **variables) == said


def test_modules_that_are_missing(survey: Callable[..., str]) -> None:
    assert survey(modules="os gunicorn re uvicorn_worker") == "lacks gunicorn uvicorn_worker\n"
    assert survey("/app/prestart.sh", first_line="#! /usr/bin/env bash") == "prestart bash /app/prestart.sh\n"


def told(machine: Server, facts: str, call: str, **values: str) -> str:
    machine.path(HAS).parent.mkdir(parents=True, exist_ok=True)
    machine.path(HAS).write_text(facts)
    shell = assign(**{"base": "/srv/hello", "module": "main:app", "migrate": "", "dockerfile": "Dockerfile", **values})
    return machine.run(f"set -eu\n{functions('survey')}\n{shell}\n{call}").stdout.decode()


@pytest.mark.parametrize(
    ("facts", "values", "remedies"),
    [
        ("module app.main:app\nprestart bash prestart.sh\n", {}, ['module = "app.main:app"', 'migrate = "bash prestart.sh"']),
        ("module main:app\nprestart sh /app/prestart.sh\n", {}, ['migrate = "sh /app/prestart.sh"']),
        ("module main:make()\n", {"module": "main:make"}, []),
        ("module main:app\nprestart sh /app/prestart.sh\n", {"migrate": "alembic upgrade head"}, []),
        ("", {}, []),
    ],
)
def test_what_selvedge_does_not_do_is_named_with_the_setting(
    server: Server, facts: str, values: dict[str, Any], remedies: list[str]
) -> None:
    notes = told(server, facts, f"survey_notes {COMMIT}", **values).splitlines()
    assert [note.partition("|")[2].partition(" under")[0] for note in notes] == [f"Set {remedy}" for remedy in remedies]
    assert told(server, facts, "survey_newest") == COMMIT


OLD_WORKER = "uvicorn.workers.UvicornWorker"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (
            "lacks gunicorn uvicorn_worker\nservers uvicorn\n",
            'lacks gunicorn and uvicorn-worker, and app.server is gunicorn.* or set server = "uvicorn"',
        ),
        (f"lacks uvicorn_worker\nservers gunicorn uvicorn\nworker {OLD_WORKER}\n", f'or set worker_class = "{OLD_WORKER}"'),
        ("lacks gunicorn uvicorn_worker\n", "requirements that Dockerfile installs$"),
        ("servers gunicorn\n", "^$"),
    ],
)
def test_a_missing_app_server_is_named_with_the_one_that_the_image_has(server: Server, facts: str, said: str) -> None:
    assert re.search(said, told(server, facts, f"server=gunicorn; survey_lacks {HAS}"))
