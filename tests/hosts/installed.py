"""Selvedge as a user installs it: from its wheel, in an empty home, for a repository of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from lab import IDENTITY, ROOT
from sandbox import Server


class Installed:
    """An environment with a wheel of Selvedge, and the home of a user.

    programs: the folder with `fab` and `selvedge`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.home.mkdir()
        self.programs = folder / "venv/bin"
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)

    def install(self, wheel: Path) -> None:
        """Install a wheel, in place of another version."""
        self.run(self.programs / "python", "-m", "pip", "install", "--quiet", "--force-reinstall", wheel, cwd=self.folder)

    def project(self, name: str, files: dict[str, str]) -> Path:
        """Return the repository of an app, with one commit."""
        top = self.folder / name
        for file, text in files.items():
            (top / file).parent.mkdir(parents=True, exist_ok=True)
            (top / file).write_text(text)
        for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "The app"]):
            subprocess.run(["git", "-C", top, *words], env={**os.environ, **IDENTITY}, check=True)
        return top

    def log_in_to(self, server: Server) -> None:
        """Give the user the key of root on a server."""
        keys = self.home / ".ssh"
        keys.mkdir(mode=0o700, exist_ok=True)
        shutil.copy(server.key, keys / "id_ed25519")

    def run(self, *words: str | Path, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program with the user's environment. Raises AssertionError with its output if `check` and it fails."""
        env = {"PATH": f"{self.programs}:{os.environ['PATH']}", "HOME": str(self.home), "LANG": "C.UTF-8"}
        done = subprocess.run(
            [str(word) for word in words], cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, f"{words}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done


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
