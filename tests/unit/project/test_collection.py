"""A project of its own that uses the installed package: files in its deploy/ replace those of the package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from selvedge.cli.written import FABFILE, FABRIC
from selvedge.version import VERSION
from tests.unit.project.sources import ROOT

pytestmark = pytest.mark.programs

FAB = Path(sys.executable).with_name("fab")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project, with a package as the wheel has it: tasks/ inside of selvedge/."""
    package, top = tmp_path / "package", tmp_path / "shop"
    package.mkdir()
    (package / "selvedge").mkdir()
    for each in (ROOT / "selvedge").iterdir():
        (package / "selvedge" / each.name).symlink_to(each)
    for name in ("tasks", "templates", "sandbox"):
        (package / "selvedge" / name).symlink_to(ROOT / name)
    (top / "deploy/tasks").mkdir(parents=True)
    (top / "sub").mkdir()
    (top / "fabfile.py").write_text(FABFILE)
    (top / "fabric.yaml").write_text(FABRIC)
    (top / "hosts.toml").write_text('[app]\nname = "shop"\nrepository = "."\n[hosts.server]\naddress = "203.0.113.10"\n')
    return top


def fab(project: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(project.parent / "package"), **more}
    return subprocess.run([FAB, *words], cwd=project / "sub", env=environment, capture_output=True, text=True, check=False)


def test_a_step_and_a_template_of_the_projects_own(project: Path) -> None:
    (project / "deploy/tasks/memcached.py").write_text(
        'import selvedge as sv\n\n\n@sv.step\ndef memcached(app):\n    """Run Memcached."""\n'
        '    yield sv.File("/etc/memcached", sv.template("memcached/limit.conf.j2", app=app))\n'
    )
    (project / "deploy/templates/memcached").mkdir(parents=True)
    (project / "deploy/templates/memcached/limit.conf.j2").write_text("{{ app.nosuch }}\n")
    chains = (ROOT / "tasks/chains.py").read_text().replace("from .clone", "from .memcached import memcached\nfrom .clone")
    (project / "deploy/tasks/chains.py").write_text(chains.replace('"""Prepare a', '"""Run Memcached, too. Prepare a'))
    with (project / "fabfile.py").open("a") as file:
        file.write("\nfrom selvedge.tasks.memcached import memcached\n\nnamespace.add_task(memcached)\n")
    listed = fab(project, "--list").stdout
    assert "Run Memcached, too." in listed and "Your own tasks\n  memcached" in listed
    shown = fab(project, "memcached")
    assert shown.returncode == 2 and "deploy/templates/memcached/limit.conf.j2" in shown.stderr, shown
    assert "Correct it." in shown.stderr and "delete it" not in shown.stderr, "the package has no such file"


def test_a_checkout_in_place_of_the_installed_package(project: Path) -> None:
    listed = fab(project, "--list", PYTHONPATH=str(ROOT))
    assert listed.returncode == 0 and "certbot" in listed.stdout and "sandbox.up" in listed.stdout, listed


def test_a_task_of_the_project_replaces_the_packaged_one(project: Path) -> None:
    own = (ROOT / "tasks/nginx.py").read_text().replace('"""Configure nginx', '"""My own nginx. Configure nginx')
    (project / "deploy/tasks/nginx.py").write_text(own)
    listed = fab(project, "--list")
    assert listed.returncode == 0 and "My own nginx." in listed.stdout and "certbot" in listed.stdout, listed


def test_the_sandbox_of_the_package(project: Path) -> None:
    """The wheel has it inside of selvedge/; `sandbox` itself is not a package there."""
    listed = fab(project, "sandbox.list", SELVEDGE_SANDBOX_DIR=str(project))
    assert listed.returncode == 0 and "There is no sandbox server. Create one with" in listed.stdout, listed
    refused = fab(project, "sandbox.up", "--name", "Not_a_name", SELVEDGE_SANDBOX_DIR=str(project))
    assert refused.returncode == 2 and "Traceback" not in refused.stderr, refused


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("<<<<<<< yours\n", "nginx.py: line 1: SyntaxError: invalid syntax"),
        ("import selvedge\n\nraise ValueError('no')\n", "nginx.py: line 3: ValueError: no"),
        ("import selvedge as sv\nsv.nosuch\n", "nginx.py: line 2: AttributeError"),
        ("nothing = 1\n", "nginx.py: ImportError: cannot import name 'nginx'"),
    ],
)
def test_a_mistake_in_it_is_a_sentence(project: Path, text: str, sentence: str) -> None:
    (project / "deploy/tasks/nginx.py").write_text(text)
    shown = fab(project, "--list")
    assert shown.returncode == 2 and sentence in shown.stderr and "Traceback" not in shown.stderr, shown
    assert "Correct it. Or delete it: then the file of the package is used." in shown.stderr


def test_the_traceback_of_a_mistake(project: Path) -> None:
    (project / "deploy/tasks/nginx.py").write_text("nothing = 1\n")
    assert "Traceback" in fab(project, "--debug", "--list").stderr


def test_fab_without_a_project_says_what_to_do(tmp_path: Path) -> None:
    call = [sys.executable, "-c", "from selvedge.cli.fab import main; main()"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for words in ([], ["deploy"]):
        done = subprocess.run([*call, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "run `selvedge init` there" in done.stderr, done
    typed = [*call, "--complete", "--", "fab "]
    done = subprocess.run(typed, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == done.stderr == ""
    call += ["-c", "other", "--list"]
    done = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "named 'other'" in done.stderr


def test_copies_of_another_version_are_named(project: Path) -> None:
    ejected = project / "deploy/.ejected"
    ejected.mkdir()
    (ejected / "version").write_text("0.0.9\n")
    ended = fab(project, "deploy", "--dry-run", "--commit", "x y")
    assert "deploy/ are from Selvedge 0.0.9, and " in ended.stderr and "`selvedge upgrade` merges" in ended.stderr
    assert "0.0.9" not in fab(project, "deploy", "--script", "--commit", "x y").stderr
    (ejected / "version").write_text(f"{VERSION}\n")
    assert "from Selvedge" not in fab(project, "deploy", "--dry-run", "--commit", "x y").stderr
