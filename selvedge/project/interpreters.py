"""The Pythons of a project's own environments on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def interpreters(top: Path, root: str) -> Iterator[Path]:
    """Yield the Pythons of the project's environments: the active one, and .venv or venv in its folder and in the top one."""
    active = os.environ.get("VIRTUAL_ENV")
    folders = [Path(active)] if active else []
    folders += [top / root / name for name in (".venv", "venv")] + [top / name for name in (".venv", "venv")]
    yield from dict.fromkeys(folder / "bin/python" for folder in folders if (folder / "bin/python").exists())
