"""Quote values for POSIX sh. No other module builds a shell word from a value."""

from __future__ import annotations

import re
import shlex

ShellValue = str | int | float | bool
# dash 0.5.12 (Debian 12) loses a byte if a line of a here-document begins like its end marker, then has a character that is
# not ASCII.
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


def unquoted(word: str) -> str:
    """Return a word of a shell command without its quotes; unchanged if a quote is not closed."""
    try:
        return "".join(shlex.split(word))
    except ValueError:
        return word


def assign(**values: ShellValue) -> str:
    """Return assignments, one a line: name='value'. True becomes 1, False the empty string."""
    lines = []
    for name, value in values.items():
        text = ("1" if value else "") if isinstance(value, bool) else str(value)
        lines.append(f"{name}={quote(text)}")
    return "\n".join(lines)


def with_input(command: str, text: str) -> str:
    """Return shell that runs `command` with exactly `text` on its standard input.

    It is a here-document where that is possible, else a pipe from printf. Raises ValueError for a NUL, as `quote` does.
    """
    if text.endswith("\n") and "\r" not in text and "\0" not in text and not _LOST.search(text):
        end = "EOF"
        while f"\n{end}\n" in f"\n{text}":
            end += "_"
        return f"{command} <<'{end}'\n{text}{end}"
    return f"printf '%s' {quote(text)} | {command}"


def split_words(text: str) -> list[str]:
    """Return the words of a command line as sh reads them, without expansions; split at spaces if a quote is not closed."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
