"""Start-up loads and compiles no more than it needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.unit.config.examples import TWO

pytestmark = pytest.mark.programs


def test_settings_load_without_heavy_imports(tmp_path: Path) -> None:
    """Every run loads the settings before it contacts a server."""
    (tmp_path / "hosts.toml").write_text(TWO)
    program = (
        "import sys\nfrom selvedge.config.load import load\nload().select(['web-1'])\n"
        "print([name for name in ('fabric', 'paramiko', 'jinja2', 'email_validator', 'pydantic_settings') if name in sys.modules])"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "SELVEDGE_SANDBOX_DIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environ, check=True, capture_output=True, text=True)
    assert run.stdout == "[]\n"


def test_errors_import_nothing_heavy() -> None:
    program = "import sys, selvedge.errors; print('pydantic' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "False"


@pytest.mark.parametrize("unwanted", ["", "1"])
def test_a_run_leaves_compiled_modules(tmp_path: Path, unwanted: str) -> None:
    for file in ("fabfile.py", "fabric.yaml"):
        shutil.copy2(ROOT / file, tmp_path)
    for folder in ("selvedge", "tasks", "sandbox"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": unwanted}
    fab_program = Path(sys.executable).with_name("fab")
    subprocess.run([fab_program, "--list"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    compiled = {path.name.partition(".")[0] for path in tmp_path.rglob("*.pyc")}
    assert compiled == set() if unwanted else {"tasklist", "task", "chains", "certbot"} <= compiled


def test_a_deploy_asks_git_twice_before_it_logs_in(tmp_path: Path) -> None:
    """Each program that a run starts costs 3 to 10 ms, which the user waits for."""
    app, tools, log = tmp_path / "app", tmp_path / "tools", tmp_path / "log"
    (app / "backend").mkdir(parents=True)
    tools.mkdir()
    (app / "backend" / "requirements.txt").write_text("fastapi\n")
    host = '[hosts.web]\naddress = "127.0.0.1"\nport = 1\n'
    (app / "hosts.toml").write_text(f'[app]\nname = "hello"\nrepository = "."\nroot = "backend"\n{host}')
    for file in ("fabfile.py", "fabric.yaml"):
        shutil.copy2(ROOT / file, app)
    commit = ["-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-q", "-m", "first"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], commit):
        subprocess.run(["git", "-C", str(app), *arguments], check=True)
    for name in ("git", "ssh"):
        (tools / name).write_text(f'#!/bin/sh\necho "{name} $*" >>{log}\nexec {shutil.which(name)} "$@"\n')
        (tools / name).chmod(0o755)
    environ = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "PATH": f"{tools}:{os.environ['PATH']}"}
    fab_program = Path(sys.executable).with_name("fab")
    ended = subprocess.run([fab_program, "-H", "web", "deploy"], cwd=app, env=environ, check=False, capture_output=True, text=True)
    assert "127.0.0.1 port 1 refused the connection" in ended.stderr
    started = [line.split(" -C ")[0].split()[0] for line in log.read_text().splitlines() if " status " not in line]
    assert started == ["ssh", "git", "git"]
