"""The file that survives releases and reboots, to which every process appends lines."""

import os
import time
from pathlib import Path

PATH = Path(os.environ["APP_SHARED"]) / "journal"


def note(*words: object) -> None:
    """Append a line: the time in seconds, then these words. Lines of several processes do not mix."""
    line = " ".join(str(word) for word in (f"{time.time():.3f}", *words))
    file = os.open(PATH, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        os.write(file, f"{line}\n".encode())
    finally:
        os.close(file)
