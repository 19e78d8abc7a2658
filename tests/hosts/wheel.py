"""Build a wheel of Selvedge."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.paths import ROOT


def build(folder: Path, source: Path = ROOT, change: Callable[[Path], object] | None = None) -> Path:
    """Build a wheel in a folder by way of the sdist, and return it. The files are those that git has in `source`.

    change: a function that edits the copy of these files, which it gets.
    """
    copy = folder / "source"
    listed = subprocess.run(["git", "-C", source, "ls-files", "-z"], capture_output=True, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (source / name).is_file() and not name.startswith(("docs/", "tests/", "bench/")):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, copy / name)
    if change:
        change(copy)
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "build", "--quiet", "--out-dir", folder / "dist", copy], check=True)
    return next((folder / "dist").glob("*.whl"))
