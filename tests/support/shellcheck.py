"""What shellcheck finds in a script."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from selvedge.release.chain import SCRIPT_HEAD

FAST = "--extended-analysis=false"
"""Without shellcheck's analysis of the data flow, which takes half of its time. `make lint` checks the libraries with it."""


def shellcheck(text: str, *options: str) -> str:
    """Return the findings of shellcheck for a script after the first line of `--script`, which allows some of them."""
    program = Path(sys.executable).parent / "shellcheck"
    assert program.exists(), "shellcheck is missing: pip install -r requirements-test.txt"
    command = [program, "-f", "gcc", *options, "-"]
    done = subprocess.run(command, input=f"{SCRIPT_HEAD}\n{text}", capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
