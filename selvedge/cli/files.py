"""Write files of a project: all of them, or none."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from selvedge.errors import SelvedgeError, UsageError

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that end a program: of Ctrl-C, of `kill`, of a terminal that was closed."""


def is_there(path: Path) -> bool:
    """Return whether there is a regular file.

    Raises UsageError if something else has its name: a folder, a pipe, or a link to a file that is missing.
    """
    if path.is_file():
        return True
    if os.path.lexists(path):
        kind = "a folder" if path.is_dir() else "a link to a file that is missing" if path.is_symlink() else "no regular file"
        raise UsageError(f"{path} is {kind}, and Selvedge needs a file of this name. Nothing was changed.", "Rename or delete it.")
    return False


def write_all(contents: Mapping[Path, bytes], private: Collection[Path] = ()) -> None:
    """Write files, and make their folders. A link stays, and so does the mode of a file that exists.

    private: those of the new files that only their owner can read.

    Raises:
        SelvedgeError: a file cannot be written. Nothing is changed then.
    """
    staged: dict[Path, Path] = {}
    made: list[Path] = []
    path = Path()
    try:
        for path, content in contents.items():
            real = path.resolve()
            _make_folders(real.parent, made)
            staged[real] = new = real.with_name(f".{real.name}.new")
            new.unlink(missing_ok=True)
            mode = real.stat().st_mode & 0o7777 if real.exists() else None
            new.touch(0o600 if path in private else 0o666, exist_ok=False)
            new.write_bytes(content)
            if mode is not None:
                new.chmod(mode)
        with _uninterrupted():
            for real, new in staged.items():
                new.replace(real)
            made.clear()
    except (OSError, RuntimeError) as error:
        said = (error.strerror if isinstance(error, OSError) else "") or str(error)
        remedy = "Correct that, then run the same command again."
        raise SelvedgeError(f"{path} cannot be written: {said}. Nothing was changed.", remedy) from None
    finally:
        for new in staged.values():
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
        for folder in reversed(made):
            with contextlib.suppress(OSError):
                folder.rmdir()


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C and the end of the terminal wait, so that no file keeps its old text while others have their new one."""
    came: list[int] = []
    before = {number: signal.signal(number, lambda came_now, _: came.append(came_now)) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for each in came:
            signal.raise_signal(each)


def _make_folders(folder: Path, made: list[Path]) -> None:
    """Make a folder and those above it, and add each to `made`."""
    if not folder.exists():
        _make_folders(folder.parent, made)
        folder.mkdir()
        made.append(folder)
