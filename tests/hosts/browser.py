"""Headless Chromium: what a page says in a browser, how wide it is, and what the browser's console complains of."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

SIZES = {"phone": (390, 844), "tablet": (820, 1180), "desktop": (1440, 900)}
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-extensions", "--hide-scrollbars",
    "--enable-logging=stderr", "--virtual-time-budget=5000",
)  # fmt: skip
_CONSOLE = re.compile(r"\[[^\]]*:CONSOLE[^\]]*\] (.*)")


@dataclass(frozen=True)
class Seen:
    """A page in a browser. console: its lines. dom: the page after its scripts. picture: a PNG."""

    console: tuple[str, ...]
    dom: str
    picture: bytes


@functools.cache
def chromium() -> str:
    """Return the program, "" if this machine has none."""
    return next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), "")


def see(page: Path, size: str, *, dark: bool = False) -> Seen:
    """Open a file in a new browser of this size."""
    width, height = SIZES[size]
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "page.png")
        common = [chromium(), *FLAGS, f"--user-data-dir={folder}/profile", f"--window-size={width},{height}"]
        if dark:
            common += ["--blink-settings=preferredColorScheme=0"]
        url = page.absolute().as_uri()
        shot = subprocess.run([*common, f"--screenshot={picture}", url], capture_output=True, text=True, timeout=90, check=True)
        dom = subprocess.run([*common, "--dump-dom", url], capture_output=True, text=True, timeout=90, check=True)
        console = _CONSOLE.findall(shot.stderr) + _CONSOLE.findall(dom.stderr)
        return Seen(tuple(console), dom.stdout, picture.read_bytes())
