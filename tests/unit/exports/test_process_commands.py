"""Exports that run the processes by a name and a line of shell: names that a platform needs itself, imports from src/."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.support.exports import Exported

pytestmark = pytest.mark.programs

Make = Callable[..., Exported]
RELEASE = '[processes.release]\ncommand = "celery beat"\n[processes.release-process]\ncommand = "celery worker"\n'


def lines(made: Exported) -> dict[str, str]:
    """Return the commands of the Procfile by their names. No name is there twice."""
    rows = [line.partition(": ") for line in made.text("Procfile").splitlines() if line and not line.startswith("#")]
    found = {name: command for name, _, command in rows}
    assert len(found) == len(rows), rows
    return found


@pytest.mark.parametrize("migrate", ["alembic upgrade head", ""])
def test_a_process_named_release_is_not_the_release_phase(exported: Make, migrate: str) -> None:
    """Heroku would run the command before each release, and wait for its end."""
    made = exported(RELEASE, migrate=migrate)
    made.make("procfile")
    found = lines(made)
    assert found.get("release", "") == migrate
    assert found["release-process-process"] == "celery beat" and found["release-process"] == "celery worker"
    assert "ps:scale release-process-process=1 release-process=1`" in made.text("Procfile")


def test_compose_gives_no_name_to_two_services(exported: Make) -> None:
    made = exported('[processes.migrate]\ncommand = "a"\n[processes.migrate-process]\ncommand = "b"\n', migrate="c")
    made.make("compose")
    text = made.text("compose.yaml")
    assert [text.count(f"\n  {name}:\n") for name in ("migrate", "migrate-process", "migrate-process-process")] == [1, 1, 1]


@pytest.mark.parametrize("command", [
    "cd jobs && python -m worker", "exec python -m worker", "true && python -m worker", "MODE=a python -m worker",
])  # fmt: skip
@pytest.mark.parametrize("root", ["", "backend"])
def test_each_command_of_a_procfile_imports_from_src(exported: Make, root: str, command: str) -> None:
    folder = f"{root}/" if root else ""
    files = {f"{folder}src/worker.py": "print('works')\n", f"{folder}jobs/x.txt": "", f"{folder}requirements.txt": "fastapi\n"}
    made = exported(f'[processes.worker]\ncommand = "{command}"\n', files=files, root=root, migrate=command)
    made.make("procfile")
    found = lines(made)
    for name in ("worker", "release"):
        done = subprocess.run(["sh", "-c", found[name]], cwd=made.folder, capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == ("works\n", "")


@pytest.mark.parametrize(("python", "minor"), [("3.9.18", "3.9"), ("3.13.1", "3.13"), ("3.8", "3.8"), ("", "3.13")])
def test_platforms_get_the_minor_version_of_python(exported: Make, python: str, minor: str) -> None:
    made = exported(python=python)
    made.make("azure-app-service")
    assert f"PYTHON|{minor}'" in made.text("azure-app-service.bicep")
    made.make("appengine")
    assert f"runtime: python{minor.replace('.', '')}\n" in made.text("app.yaml")
