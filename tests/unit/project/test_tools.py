"""The tools that make calls: its list of targets, the summary of a test run, messages about missing programs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.programs


def load(name: str) -> ModuleType:
    """Return a script of tools/ as a module."""
    spec = importlib.util.spec_from_file_location(f"tools_{name}", ROOT / f"tools/{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shell(script: str, folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script of tools/ from a copy of them in `folder`."""
    shutil.copytree(ROOT / "tools", folder / "tools", dirs_exist_ok=True)
    for name in ("requirements.txt", "requirements-test.txt"):
        shutil.copy(ROOT / name, folder)
    return subprocess.run(
        ["sh", str(folder / "tools" / script), *words], env={**os.environ, **variables}, capture_output=True, text=True,
        check=False)  # fmt: skip


def stub(folder: Path, name: str, text: str) -> None:
    """Create a program of this name in `folder`."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_make_lists_its_targets() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [line.split()[1] for line in listed.splitlines() if line.startswith("  make ")] == [
        "help", "demo", "demo-down", "test", "test-all", "lint", "unit", "programs", "hosts", "recording",
    ]  # fmt: skip


def test_a_test_run_stops_after_a_failure_and_ends_with_a_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tests = load("tests")
    good = "import pytest\ndef test_a(): pass\ndef test_b(): pass\n@pytest.mark.skip\ndef test_c(): pass\n"
    bad = "import pytest\ndef test_d(): assert 0\n@pytest.fixture\ndef f(): 1/0\ndef test_e(f): pass\ndef test_g(): pass\n"
    for name, text in {"good": good, "bad": bad}.items():
        (tmp_path / f"test_{name}.py").write_text(text)
    runs = {name: (name, [str(tmp_path / f"test_{name}.py"), "-p", "no:cacheprovider"]) for name in ("good", "bad")}
    monkeypatch.setattr(tests, "RUNS", runs)
    monkeypatch.setattr(tests, "GROUPS", {name: [name] for name in runs})
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # to start three times takes long enough
    assert tests.main(["good", "bad"]) == 1
    assert capfd.readouterr().out.splitlines()[-1].startswith("=== 1 failed, 3 passed, 1 skipped, 1 errors in ")
    assert tests.main(["bad", "good"]) == 1
    shown = capfd.readouterr().out
    assert shown.splitlines()[-1].startswith("=== 1 failed, 1 passed, 1 errors in ")
    assert "==> good" not in shown


def test_each_test_belongs_to_one_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make test` runs it unless it is marked `thorough`, and `make test-all` runs all tests, each once."""
    tests = load("tests")
    makefile = (ROOT / "Makefile").read_text()
    short = ["unit", "programs", "hosts"]
    everything = [*short, "thorough"]
    assert f"tools/tests.py {' '.join(short)}\n" in makefile and f"tools/tests.py {' '.join(everything)}\n" in makefile
    ran: list[str] = []
    monkeypatch.setattr(tests, "prepare", lambda: True)
    monkeypatch.setattr(tests, "run", lambda arguments: (ran.append(" ".join(arguments)), (0, tests.Counter()))[1])
    assert tests.main(everything) == 0
    folders = ("tests/unit ", "tests/hosts/scripts ", "tests/hosts ")
    for folder in folders:
        marks = [arguments.partition(" -m ")[2] for arguments in ran if arguments.startswith(folder)]
        mark = "programs" if folder == folders[0] else "thorough"
        assert marks == [f"not {mark}", mark], folder
    assert all("--ignore=tests/hosts/scripts " in arguments for arguments in ran if arguments.startswith(folders[2]))
    # Unit tests are short.
    assert not [path for path in ROOT.glob("tests/unit/**/test_*.py") if "\n@pytest.mark.thorough" in path.read_text()]


def test_without_root_missing_packages_are_named(tmp_path: Path) -> None:
    stub(tmp_path, "id", "echo 1000")
    stub(tmp_path, "sudo", "exit 1")
    done = shell(
        "packages.sh", tmp_path, "one-package:no-such-program", "sh:sh", PATH=f"{tmp_path}:{os.environ['PATH']}"
    )
    assert done.returncode == 1
    told = "These packages are missing on this machine: one-package. Install them as root: `sudo apt-get install one-package`."
    assert done.stderr.strip() == told
    assert shell("packages.sh", tmp_path, "sh:sh").stdout == ""


def test_packages_are_installed_after_fresh_lists(tmp_path: Path) -> None:
    stub(tmp_path, "id", "echo 0")
    stub(
        tmp_path,
        "apt-get",
        f'echo "$*" >>{tmp_path}/log; case "$*" in *update*) touch {tmp_path}/l;; esac; [ -e {tmp_path}/l ]',
    )
    done = shell("packages.sh", tmp_path, "one-package:no-such-program", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 0, done
    assert "Installing one-package on this machine" in done.stdout
    words = [line.split()[-1] for line in (tmp_path / "log").read_text().splitlines()]
    assert words == ["one-package", "update", "one-package"]


def test_a_python_that_is_too_old_is_refused(tmp_path: Path) -> None:
    stub(tmp_path, "python3.10", "exit 1")
    done = shell("venv.sh", tmp_path, "requirements.txt", PYTHON=str(tmp_path / "python3.10"))
    assert done.returncode == 1
    assert done.stderr.strip().startswith("Python 3.11 or newer is needed, but ")
    assert not (tmp_path / ".venv").exists()


def test_only_a_new_requirement_changes_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".venv/bin").mkdir(parents=True)
    stub(
        tmp_path / ".venv/bin",
        "python",
        f'echo "$*" >>{tmp_path}/log; if [ "$1" = --version ]; then echo Python 3.11; fi',
    )
    first, second = (shell("venv.sh", tmp_path, "requirements.txt") for _ in range(2))
    assert "Installing the Python packages of requirements.txt" in first.stdout
    assert (first.returncode, second.returncode, second.stdout) == (0, 0, "")
    assert (tmp_path / "log").read_text().count("pip install") == 1
    (tmp_path / ".venv/requirements.txt.installed").write_text("an older list")
    assert "Installing" in shell("venv.sh", tmp_path, "requirements.txt").stdout
    assert (tmp_path / "log").read_text().count("pip install") == 2


def test_the_demo_says_why_git_finds_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = load("demo")
    monkeypatch.setattr(demo, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(demo, "fab", lambda *words: pytest.fail(f"fab {words}"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SELVEDGE_HOSTS_FILE", "")  # set by the demo, put back by the fixture
    assert demo.main([]) == 1
    shown = capsys.readouterr().err
    assert "git finds none: fatal: not a git repository" in shown
    assert "Get the project with `git clone`" in shown
