"""Text for the screen: without a server's control characters, in the terminal's encoding, of a known width."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable
from typing import Literal

from selvedge.shell.server.messages.escapes import ESCAPES
from selvedge.shell.server.messages.escapes import visible as visible
from selvedge.value import Value

# A command in backticks counts as one word.
_WORD = re.compile(r"(?:`[^`\n]*`|\S)+")

Style = Literal["red", "green", "yellow", "blue", "dim", "bold"]


class Styled(Value):
    """A part of a line that a terminal shows in this style."""

    text: str
    style: Style


Part = str | Styled


def plain(parts: Iterable[Part]) -> str:
    """Return the text of a line without its styles, safe to print."""
    return "".join(printable(part.text if isinstance(part, Styled) else part) for part in parts)


def printable(text: str) -> str:
    """Return the text without escape sequences and control characters, in the characters that this terminal has."""
    clean = visible(text)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return clean.encode(encoding, "replace").decode(encoding, "replace")


def last_lines(text: str, count: int) -> str:
    """Return the last non-empty lines of a text, joined, without escape sequences."""
    lines = [re.sub(ESCAPES, "", row).strip() for row in text.splitlines()]
    return " | ".join([row for row in lines if row][-count:])


def width(text: str) -> int:
    """Return the number of columns that the text takes on a terminal. Wide letters, as in Chinese, take two."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def breaks(text: str, columns: int, indent: int = 0) -> list[int]:
    """Return where to begin a new line, so that each line fits if possible: never inside a word or `a command`.

    indent: columns that all lines but the first lose.
    """
    found: list[int] = []
    start = 0
    for word in _WORD.finditer(text):
        room = columns - (indent if found else 0)
        if word.start() > start and width(text[start : word.end()]) > room:
            start = word.start()
            found.append(start)
    return found
