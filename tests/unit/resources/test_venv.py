"""Virtual environments."""

from __future__ import annotations

from selvedge.resources.base import Resource
from selvedge.resources.code.venv import Venv
from tests.support.tables import check, table

VENV = Venv(
    "/srv/hello/releases/0", "", "/srv/hello/venvs", "/var/cache/selvedge/hello",
    "/usr/bin/python3", "/uv", "uv", "", ("gunicorn",), "hello",
)  # fmt: skip
BUILD = """release=/srv/hello/releases/0
venvs=/srv/hello/venvs
python=/usr/bin/python3
installer=uv
extras=gunicorn
user=hello
request='/usr/bin/python3 uv . - gunicorn'
venv_build"""


@table(
    (VENV, "/usr/bin/python3 uv . - gunicorn\n", None),
    (VENV, "", "build the virtual environment", BUILD),
    (VENV, "/usr/bin/python3 pip . - gunicorn\n", "build the virtual environment", BUILD),
    (VENV, "/usr/bin/python3 uv . requirements.txt gunicorn\n", "build the virtual environment", BUILD),
)
def test_virtual_environment(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)
