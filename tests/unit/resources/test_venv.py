"""Virtual environments."""

from __future__ import annotations

from dataclasses import replace

from selvedge.resources.base import Resource
from selvedge.resources.code.python import UV_REQUIREMENT
from selvedge.resources.code.venv import Venv
from selvedge.shell.quoting import quote
from tests.support.tables import check, table

VENV = Venv(
    "/srv/hello/releases/0", "", "/srv/hello/repo.git", 40 * "0", "/srv/hello/venvs", "/var/cache/selvedge/hello",
    "/usr/bin/python3", "/uv", "uv", "", ("gunicorn",), "hello",
)  # fmt: skip
SUMMARY = "build the virtual environment"
BUILD = """release=/srv/hello/releases/0
venvs=/srv/hello/venvs
interpreter=/usr/bin/python3
installer=uv
extras=gunicorn
user=hello
request='/usr/bin/python3 uv . - gunicorn'
python_from=auto
uv_requirement=UV
venv_build""".replace("=UV\n", f"={quote(UV_REQUIREMENT)}\n")


@table(
    (VENV, "/usr/bin/python3 uv . - gunicorn\n", None),
    (VENV, "", SUMMARY, BUILD),
    (replace(VENV, asks=">=3.13"), "", f"{SUMMARY}; the project asks for Python >=3.13", BUILD),
    (VENV, "/usr/bin/python3 pip . - gunicorn\n", SUMMARY, BUILD),
    (VENV, "/usr/bin/python3 uv . requirements.txt gunicorn\n", SUMMARY, BUILD),
)
def test_virtual_environment(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)
