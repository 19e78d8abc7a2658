"""Compare the CPU time of `fab --list` with that of importing Fabric."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.common import ROOT, show


def cpu_seconds(command: list[str], folder: Path = ROOT) -> float:
    """Run a command in a folder; return the CPU seconds that it takes."""
    before = os.times()
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    """Print the times of both."""
    fab = str(Path(sys.executable).with_name("fab"))
    commands = {"fab --list": [fab, "--list"], "python -c 'import fabric'": [sys.executable, "-c", "import fabric"]}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(15):
        for name, command in commands.items():
            times[name].append(cpu_seconds(command))
    show(times, limit=1.6)
