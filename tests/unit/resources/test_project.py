"""A project's files in a checkout on this machine, and the program that reads them on a server."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.config.target import Target
from selvedge.errors import ConfigError
from selvedge.resources.code.project import asked_python, check_project, program

PROJECT = '[project]\nname = "x"\nrequires-python = ">=3.13"\n[project.optional-dependencies]\nserver = ["six"]\n'


def committed(folder: Path, files: dict[str, str]) -> str:
    """Commit files in a new repository, and return the commit."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=t", "-c", "user.email=t@t.test", "commit", "-q", "-m", "x"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    shown = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return shown.stdout.strip()


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"extras": ["server"]}, ""),
        ({"extras": ["pg"]}, "The project has no extra pg. It has server."),
        ({"root": "backend"}, "This commit lists no packages"),
        ({"python": "3.11"}, 'Set app.python = "3.13" in hosts.toml'),
        ({"python": "3.13"}, ""),
        ({"requirements": "nosuch.txt"}, "This commit has no nosuch.txt"),
    ],
)
def test_a_commit_on_this_machine_is_checked(
    target: Callable[..., Target], tmp_path: Path, settings: dict[str, object], problem: str
) -> None:
    commit = committed(tmp_path / "blog", {"pyproject.toml": PROJECT, "backend/main.py": ""})
    app = target(commit, repository=str(tmp_path / "blog"), **settings)
    if not problem:
        check_project(app, commit)
        return
    with pytest.raises(ConfigError) as error:
        check_project(app, commit)
    assert problem in str(error.value) and error.value.status == 2


def test_the_python_of_a_local_commit_is_known(target: Callable[..., Target], tmp_path: Path) -> None:
    commit = committed(tmp_path / "blog", {"pyproject.toml": PROJECT, ".python-version": "3.14\n"})
    assert asked_python(target(commit, repository=str(tmp_path / "blog"))) == ">=3.13 and 3.14"
    assert asked_python(target(commit, repository=str(tmp_path / "blog"), python="3.13")) == ""
    assert asked_python(target(commit)) == "", "an address is read on the server only"


def test_the_program_runs_as_a_zip_file(tmp_path: Path) -> None:
    path = tmp_path / "project.zip"
    path.write_bytes(program())
    assert "__main__.py" in zipfile.ZipFile(io.BytesIO(program())).namelist()
    (tmp_path / "top").mkdir()
    (tmp_path / "top/pyproject.toml").write_text(PROJECT)
    (tmp_path / "top/.python-version").symlink_to("/etc/passwd")
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(path), "lock", str(tmp_path / "top"), "", ""], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("lock pyproject.toml\nsay pyproject.toml has no lock file")
    command = [sys.executable, "-I", "-S", str(path), "python", str(tmp_path / "top"), "", "pyproject.toml", "", "3.11.2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "python 3.13\nwhy the app wants Python >=3.13 (requires-python in pyproject.toml)\n"
