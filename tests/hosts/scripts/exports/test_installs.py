"""What the Dockerfile installs for each way to list packages: its commands run in folders of this machine, without an engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from exported_projects import UV, become, made
from forms import FORMS
from tests.support.exports import Exported

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300)]
INSTALLED = """
import json, importlib.metadata as m
print(json.dumps({each.metadata["Name"].lower().replace("-", "_"): each.version for each in m.distributions()}))
"""


class Build:
    """The first stage of a Dockerfile, in folders below `work`: /src, the virtual environment, and the list of requirements."""

    def __init__(self, project: Path, work: Path) -> None:
        self.project, self.work = project, work
        self.text = (project / "Dockerfile").read_text()
        own = {"VIRTUAL_ENV": str(work / "venv"), "UV_PROJECT_ENVIRONMENT": str(work / "venv"), "UV_NO_EDITABLE": "1"}
        self.environment = {**os.environ, **own, "PATH": f"{UV}:{os.environ['PATH']}"}

    def run(self) -> None:
        """Run its instructions COPY and RUN between WORKDIR and the copy of the code."""
        subprocess.run(["uv", "venv", "--quiet", self.environment["VIRTUAL_ENV"]], env=self.environment, check=True)
        stage = self.text.partition("RUN uv venv")[2].partition("COPY . /app/")[0].replace("\\\n", " ")
        folder = self.work / self.word("WORKDIR").lstrip("/")
        folder.mkdir(parents=True)
        for line in stage.splitlines():
            if line.startswith("COPY ["):
                *files, to = json.loads(line.removeprefix("COPY "))
                (self.work / to.lstrip("/")).mkdir(parents=True, exist_ok=True)
                for file in files:
                    shutil.copy2(self.project / file, self.work / to.lstrip("/"))
            elif line.startswith("COPY . "):
                shutil.copytree(self.project, self.work / "src", dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git"))
            elif line.startswith("RUN "):
                command = re.sub(r"--mount=\S+", "", line.removeprefix("RUN ")).replace("/tmp/", f"{self.work}/")
                shell = ["sh", "-c", command]
                done = subprocess.run(shell, cwd=folder, env=self.environment, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr[-4000:]

    def word(self, instruction: str) -> str:
        return re.findall(rf"^{instruction} (\S+)", self.text, re.MULTILINE)[0]

    def checked(self, name: str, *words: str) -> str:
        """Run a program of the environment in the app's folder, with the image's PYTHONPATH. Return its output."""
        shutil.copytree(self.project, self.work / "app", dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git"))
        paths = re.findall(r"PYTHONPATH=(\S*)", self.text)[0].replace("/app", str(self.work / "app"))
        folder = str(self.work) + re.findall(r"^WORKDIR (/app\S*)", self.text, re.MULTILINE)[0]
        environment = {**os.environ, "PYTHONPATH": paths}
        program = self.work / "venv/bin" / name
        done = subprocess.run([program, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout


@pytest.mark.parametrize("name", FORMS)
def test_the_packages_are_installed_and_the_app_can_be_imported(
    exported: Callable[..., Exported], tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    form = FORMS[name]
    project = exported(env_file="", health="/", **form.settings)
    for file in ("requirements.txt", "main.py"):
        (project.folder / file).unlink()
    become(project.folder, form)
    project.make("docker")
    build = Build(project.folder, tmp_path_factory.mktemp("build"))
    build.run()
    found = json.loads(build.checked("python", "-c", INSTALLED))
    wanted = {package: version.partition(",")[0] for package, version in made(form.first).items()}
    assert found.items() >= wanted.items() and {"gunicorn", "uvicorn_worker"} <= set(found)
    build.checked("gunicorn", "--check-config", json.loads(re.findall(r"^CMD (.*)", build.text, re.MULTILINE)[0])[1])
