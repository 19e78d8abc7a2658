"""The CPU time of `fab --list` against that of importing Fabric."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.place import ROOT, show


def _cpu(command: list[str]) -> float:
    before = os.times()
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    """Print both, in turn."""
    fab = str(Path(sys.executable).with_name("fab"))
    commands = {"fab --list": [fab, "--list"], "python -c 'import fabric'": [sys.executable, "-c", "import fabric"]}
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(15):
        for name, command in commands.items():
            taken[name].append(_cpu(command))
    show(taken, limit=1.6)
