"""The sample app with a database and a queue passes its own tests, as its README says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab import ROOT


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_the_shops_own_tests(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shutil.copytree(ROOT / "examples/shop", shop)
    for command in (
        [sys.executable, "-m", "venv", ".venv"],
        [".venv/bin/pip", "install", "-q", "-r", "requirements-dev.txt"],
        [".venv/bin/python", "-m", "pytest", "-q"],
    ):
        done = subprocess.run(command, cwd=shop, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
