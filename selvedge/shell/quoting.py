"""Quote values for POSIX sh. No other module builds a shell word from a value."""

from __future__ import annotations

import re
import shlex

Value = str | int | float | bool
# dash 0.5.12 (Debian 12) loses a byte of a here-document's line that begins like its end marker and continues with a
# character that is not ASCII.
_LOST = re.compile(r"^(E|EO|EOF_*)[^\x00-\x7f]", re.MULTILINE)


def quote(value: str) -> str:
    """Return `value` as one word of POSIX sh, whatever it contains.

    Raises ValueError for a NUL, which no shell word can contain.
    """
    if "\0" in value:
        raise ValueError("a NUL character cannot be passed to a shell")
    return shlex.quote(value)


def words(*values: str) -> str:
    """Return the values, each quoted, separated by spaces."""
    return " ".join(quote(value) for value in values)


def assign(**values: Value) -> str:
    """Return assignments, one a line: name='value'. True becomes 1, False the empty string."""
    lines = []
    for name, value in values.items():
        text = ("1" if value else "") if isinstance(value, bool) else str(value)
        lines.append(f"{name}={quote(text)}")
    return "\n".join(lines)


def document(text: str) -> str:
    """Return a shell command that prints `text` exactly: a here-document where that is possible, else printf.

    Raises ValueError for a NUL, as `quote` does.
    """
    if text.endswith("\n") and "\r" not in text and "\0" not in text and not _LOST.search(text):
        end = "EOF"
        while f"\n{end}\n" in f"\n{text}":
            end += "_"
        return f"cat <<'{end}'\n{text}{end}"
    return f"printf '%s' {quote(text)}"
