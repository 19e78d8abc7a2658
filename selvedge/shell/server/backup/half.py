"""The file HALF, by which everyone knows that a restore was cut: which backup it restores, and whether all data is in place.

selvedge/shell/lib/restoring.sh reads it, too.
"""

import contextlib
import json
import os

from . import settings
from .settings import HALF


def _content():
    try:
        with open(f"{settings.STATE}/{HALF}", encoding="utf-8") as file:
            found = json.load(file)
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_half():
    """Return whether a restore has replaced only a part of the live data."""
    return os.path.exists(f"{settings.STATE}/{HALF}") and not _content().get("whole")


def read_half():
    """Return what a killed restore has noted when it began to replace data: the backup of the data from before, databases that
    no backup has, and what it restores. Nothing if the data is whole, or if the restore was one of an earlier version.
    """
    return _content() if is_half() else {}


def mark_whole():
    """Note that all data is in place, and that other servers may still be rejected."""
    if os.path.exists(f"{settings.STATE}/{HALF}"):
        # Without the note, the data only seems to be half restored.
        with contextlib.suppress(OSError):
            settings.write(HALF, json.dumps({**_content(), "whole": True}))


def named(text):
    """Return a remedy with the backup that the cut restore puts in place: another `fab restore --live` takes the newest one."""
    chosen = read_half().get("chosen", "")
    flag = " --from FILE" if chosen == "file" else f" --snapshot {chosen}" if chosen else ""
    return text.replace("restore --live", f"restore --live{flag}", 1)
