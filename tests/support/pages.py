"""The pages of the documentation as a test follows them: commands, their output, and files, in the order of the page.

A console block is a terminal: lines that begin with `$ ` are commands, the others are output; `⋮` means lines left out.
HTML comments, which readers do not see, tell the tests more:

    <!-- setup: deployed -->        first line of a page: the state that it starts from (tests/hosts/reader.py)
    <!-- not run: REASON -->        before a block: no test runs it
    <!-- exits 1 -->                before a block: the exit status of its last command
    <!-- answers: y -->             before a block: its last command runs at a terminal, and gets these lines typed
    <!-- file: main.py -->  before a block that is not a console: it becomes this file
    <!-- hidden                     commands that are run and not shown
    $ git commit -qam "A headline"
    -->
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LEFT_OUT = "⋮"
_FENCE = re.compile(r"^ *```(\w*)")
_COMMENT = re.compile(r"^ *<!-- (setup|not run|exits|answers|file|hidden):? ?(.*)$")


@dataclass(frozen=True)
class Command:
    """A command line. output: the lines shown below it; answers: lines typed at its terminal, if it has one."""

    line: int
    text: str
    output: tuple[str, ...] = ()
    status: int = 0
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class File:
    """A file that the reader writes."""

    line: int
    path: str
    text: str


@dataclass(frozen=True)
class Page:
    """A page. setup: "" if the page names none; parts: commands and files; not_run: line → reason of a block."""

    path: Path
    setup: str
    parts: tuple[Command | File, ...]
    not_run: dict[int, str]


def read_page(path: Path) -> Page:
    """Return the page. Raises ValueError for a comment or a block without an end."""
    setup, parts, not_run = "", [], {}
    notes: dict[str, str] = {}
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    for number, line in lines:
        if comment := _COMMENT.match(line):
            kind, text = comment[1], _comment_text(path, number, comment[2], lines)
            if kind == "hidden":
                parts += _commands(number - 1, text, {})
            elif kind == "setup":
                setup = text.strip()
            else:
                notes[kind] = text.strip()
        elif fence := _FENCE.match(line):
            text = _block_text(path, number, lines)
            if "not run" in notes:
                not_run[number] = notes["not run"]
            elif fence[1] == "console":
                parts += _commands(number, text, notes)
            elif "file" in notes:
                parts.append(File(number, notes["file"], text))
            notes = {}
        elif line.strip() and notes:
            raise ValueError(f"{path}:{number}: the comment above must be followed by a block")
    return Page(path, setup, tuple(parts), not_run)


def _comment_text(path: Path, number: int, first: str, lines: Iterator[tuple[int, str]]) -> str:
    rows = [first]
    while "-->" not in rows[-1]:
        _, row = next(lines, (0, None))
        if row is None:
            raise ValueError(f"{path}:{number}: the comment does not end")
        rows.append(row)
    return "\n".join([*rows[:-1], rows[-1].partition("-->")[0]])


def _block_text(path: Path, number: int, lines: Iterator[tuple[int, str]]) -> str:
    rows: list[str] = []
    for _, row in lines:
        if row.strip() == "```":
            return textwrap.dedent("\n".join(rows)) + "\n"
        rows.append(row)
    raise ValueError(f"{path}:{number}: the block does not end")


def _commands(number: int, text: str, notes: dict[str, str]) -> list[Command]:
    found: list[tuple[int, str, list[str]]] = []
    for offset, row in enumerate(textwrap.dedent(text).splitlines(), 1):
        if row.startswith("$ "):
            found.append((number + offset, row[2:], []))
        elif row.startswith("> ") and found and not found[-1][2]:
            at, command, output = found[-1]
            found[-1] = (at, f"{command}\n{row[2:]}", output)
        elif row.strip() and found:
            found[-1][2].append(row)
    commands = [Command(at, command, tuple(output)) for at, command, output in found]
    if commands and ("exits" in notes or "answers" in notes):
        last = commands[-1]
        answers = tuple(notes["answers"].split()) if "answers" in notes else ()
        commands[-1] = Command(last.line, last.text, last.output, int(notes.get("exits", "0")), answers)
    return commands


def loose(line: str) -> str:
    """Return the line with numbers, hashes, keys and spaces as the comparison of outputs sees them."""
    line = re.sub(r"AAAA[\w+/=]{20,}|SHA256:[\w+/]+", "#", line)
    line = re.sub(r"\b(?=[0-9a-f]*[0-9])[0-9a-f]{6,}\b|\d+(?:[.:,-]\d+)*", "#", line)
    return re.sub(r"\s+", " ", line).strip()


def differences(shown: tuple[str, ...], real: str) -> str:
    """Return which shown line is not in the real output at its place, or "".

    Lines without a `⋮` between them must follow each other. `…` in a line matches any text. No shown line matches any
    output, because a page may leave out the output of a command.
    """
    if not shown:
        return ""
    rows = [row for row in real.splitlines() if row.strip()]
    position, free = 0, False
    for line in shown:
        if line.strip() == LEFT_OUT:
            free = True
            continue
        pattern = re.compile(".*".join(re.escape(loose(part)) for part in line.split("…")))
        places = range(position, len(rows)) if free else range(position, min(position + 1, len(rows)))
        found = next((place for place in places if pattern.fullmatch(loose(rows[place]))), None)
        if found is None:
            return line
        position, free = found + 1, False
    return "" if free or position == len(rows) else "(the end: the real output has more lines)"
