"""Each kind of file that lists the packages of an app: the environment is built from it, and the app answers."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from drills import QUICK, assert_consistent
from lab import Lab, Project
from sandbox import Server

PYPROJECT = '[project]\nname = "hello"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [{dependencies}]\n'
UV = "/opt/selvedge/uv/bin/uv"


@pytest.fixture(scope="module")
def server(lab: Lab) -> Server:
    return lab.server("deployed")


def dependencies(app: Path) -> list[str]:
    lines = (app / "requirements.txt").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def made_by_uv(server: Server, project: Path, command: str, name: str) -> bytes:
    """Make a lock file from a pyproject.toml with uv on the server, and return it."""
    text = base64.b64encode(project.read_bytes()).decode()
    done = server.run(
        f"rm -rf /root/lock && mkdir /root/lock && cd /root/lock && echo {text} | base64 -d >pyproject.toml"
        f" && {UV} {command} >/dev/null 2>&1 && base64 -w 0 {name}"
    )
    return base64.b64decode(done.stdout)


@pytest.mark.parametrize("kind", [
    "uv.lock", "requirements.txt by pip",
    *(pytest.param(name, marks=pytest.mark.thorough) for name in ("pylock.toml", "pyproject.toml", "pyproject.toml by pip")),
])  # fmt: skip
def test_the_environment_is_built_from_the_file(server: Server, project: Project, kind: str) -> None:
    name, _, installer = kind.partition(" by ")
    settings = QUICK | {"installer": installer or "uv"}
    project.configure(**settings)
    listed = dependencies(project.app)
    if name != "requirements.txt":
        pyproject = project.app / "pyproject.toml"
        pyproject.write_text(PYPROJECT.format(dependencies=", ".join(f'"{each}"' for each in listed)))
        (project.app / "requirements.txt").unlink()
        if name == "uv.lock":
            (project.app / name).write_bytes(made_by_uv(server, pyproject, "lock", name))
        if name == "pylock.toml":
            command = "export --format pylock.toml --no-emit-project --output-file pylock.toml"
            (project.app / name).write_bytes(made_by_uv(server, pyproject, command, name))
            pyproject.unlink()
    commit = project.commit(f"By {kind}")
    result = project.must("-H", server.name, "deploy")
    assert f"{installer or 'uv'} installs {name} for Python" in result.stdout, result
    assert assert_consistent(server).startswith(commit[:12])
