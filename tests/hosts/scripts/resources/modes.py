"""The mode of a file, as a test shows it."""

from __future__ import annotations

import stat
from pathlib import Path


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.lstat().st_mode))
