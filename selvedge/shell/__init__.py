"""Shell text: quoting, and the libraries of functions that scripts on the server call."""

from __future__ import annotations

import functools
import re
import shlex
from pathlib import Path

_HERE = Path(__file__).parent / "lib"
# dash 0.5.12 (Debian 12) loses a byte of a here-document's line that begins as its end marker does and goes on with
# another character than ASCII.
_LOST = re.compile(r"^(E|EO|EOF_*)[^\x00-\x7f]", re.MULTILINE)


def quote(value: str) -> str:
    """`value` as one word of POSIX sh, whatever it holds.

    Raises ValueError for a NUL, which no shell word can hold.
    """
    if "\0" in value:
        raise ValueError("a NUL character cannot be passed to a shell")
    return shlex.quote(value)


def words(*values: str) -> str:
    """Several values, each quoted, separated by spaces."""
    return " ".join(quote(value) for value in values)


def assign(**values: str | int | float | bool) -> str:
    """Assignments, one a line: name='value'. Booleans become 1 or the empty string."""
    lines = []
    for name, value in values.items():
        text = ("1" if value else "") if isinstance(value, bool) else str(value)
        lines.append(f"{name}={quote(text)}")
    return "\n".join(lines)


def document(text: str) -> str:
    """A shell command that prints `text` exactly; legible where it can be (a here-document), printf elsewhere.

    Raises ValueError for a NUL, as `quote` does.
    """
    if text.endswith("\n") and "\r" not in text and "\0" not in text and not _LOST.search(text):
        end = "EOF"
        while f"\n{end}\n" in f"\n{text}":
            end += "_"
        return f"cat <<'{end}'\n{text}{end}"
    return f"printf '%s' {quote(text)}"


@functools.cache
def library(name: str) -> str:
    """The text of a shell library of this folder, e.g. "apply"."""
    return (_HERE / f"{name}.sh").read_text(encoding="utf-8")
