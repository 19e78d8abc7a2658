"""Count words that make our prose hard to read: `tools/prose.py [--list]`.

In each set of files, a word of LIMITED may occur once in LINES_PER_WORD lines. The words of COUNTED have no limit.
`--list` prints every occurrence of both.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINES_PER_WORD = 500
# Word → regular expression without case. A space matches a line break, too.
LIMITED = {
    "stands": "stands?|stood|standing",
    "behind": "behind",
    "anew": "anew",
    "nobody": "nobody(?:'s)?",
    "somebody": "somebody(?:'s)?",
    "of root's": "root's",
    "likewise": "likewise",
}
COUNTED = {
    "is gone": "(?:is|are|was|were|has|have) gone",
    "goes": "goes? (?:away|last|with)|(?:takes?|taken|took) away",
    "the one before": "the ones? (?:of )?before",
    "by itself": "by (?:itself|themselves)",
    "no matter of": "no matter of",
    "any more": "any more",
    "way": "way (?:in|out|back)|on its way",
    "the more so": "the more so|as far as it goes",
    "a slip": "(?:look for )?a slip",
}
# Folders of generated files.
SKIPPED = ("golden", "__pycache__")
# Other senses of the limited words: substitutes, abbreviations, places in a network.
ALLOWED = (
    "stand-in", "stand-ins", "stands? in for", "stands? for", "behind nginx", "behind a proxy", "behind a load balancer",
    "behind a CDN",
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """Files of one kind, and how to read their prose.

    `globs` are relative to the project. `read` takes a file's text and returns its prose, each line at its own number.
    """

    globs: tuple[str, ...]
    read: Callable[[str], str]


def python_prose(text: str) -> str:
    """Return the comments and docstrings of Python source. Raises SyntaxError."""
    source = text.splitlines()
    prose = [""] * len(source)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            prose[token.start[0] - 1] = token.string.lstrip("#")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines = slice(node.lineno - 1, node.end_lineno)
            prose[lines] = source[lines]
    return "\n".join(prose)


def comment_prose(text: str) -> str:
    """Return the comments of shell scripts and configuration files: after `#`, `;` or `//`, and in `{# #}`."""
    found = (re.search(r"(?:^|\s)(?:#+(?!!)|;|//|\{#)(?:\s(.*)|$)", line) for line in text.splitlines())
    return "\n".join((match[1] or "") if match else "" for match in found)


def code(folder: str, *more: str) -> tuple[Kind, ...]:
    """Return the kinds of text of a folder, with `more` globs of Python files."""
    return (
        Kind((f"{folder}/**/*.py", *more), python_prose),
        Kind((f"{folder}/**/*.sh", f"{folder}/**/*.j2"), comment_prose),
    )


# Set of files → its kinds of text. The limit counts all files of a set together.
SETS = {
    "selvedge": code("selvedge"),
    "tasks": code("tasks", "fabfile.py"),
    "sandbox": code("sandbox"),
    "templates": code("templates"),
    "tools": code("tools"),
    "bench": code("bench"),
    "examples": code("examples"),
    "tests": code("tests"),
}


def files(kind: Kind, root: Path) -> Iterator[Path]:
    """Yield the files of a kind, except in SKIPPED and hidden folders such as .venv."""
    for glob in kind.globs:
        for path in sorted(root.glob(glob)):
            if not any(part.startswith(".") or part in SKIPPED for part in path.relative_to(root).parts):
                yield path


def pattern(words: str) -> re.Pattern[str]:
    """Return the regular expression for a value of LIMITED or COUNTED that skips the phrases of ALLOWED."""
    allowed = "|".join(ALLOWED)
    return re.compile(rf"\b(?!(?:{allowed})\b)(?:{words})\b".replace(" ", r"\s+"), re.IGNORECASE)


PATTERNS = {word: pattern(words) for word, words in {**LIMITED, **COUNTED}.items()}


def count(kinds: Iterable[Kind], root: Path) -> tuple[int, dict[str, list[str]]]:
    """Return the number of lines of the files, and for each word of PATTERNS its places as "path:line"."""
    lines = 0
    places: dict[str, list[str]] = {word: [] for word in PATTERNS}
    for kind in kinds:
        for path in files(kind, root):
            text = path.read_text(encoding="utf-8")
            lines += len(text.splitlines())
            prose = kind.read(text)
            for word, regex in PATTERNS.items():
                numbers = [prose.count("\n", 0, match.start()) + 1 for match in regex.finditer(prose)]
                places[word] += [f"{path.relative_to(root)}:{number}" for number in numbers]
    return lines, places


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Print the words over the limit of each set, and a summary. Return the exit status: 1 if a set is over the limit."""
    total: Counter[str] = Counter()
    failed = False
    for name, kinds in SETS.items():
        lines, places = count(kinds, root)
        limit = lines // LINES_PER_WORD
        exceeded = [word for word in LIMITED if len(places[word]) > limit]
        for word in places if "--list" in arguments else exceeded:
            print("".join(f"{place}: {word}\n" for place in places[word]), end="")
        if exceeded:
            failed = True
            found = ", ".join(f"{word} {len(places[word])}" for word in exceeded)
            print(f"{name}: {found}; {lines} lines may have {limit} of each")
        total.update(lines=lines, **{word: len(found) for word, found in places.items()})
    print("prose: " + ", ".join(f"{number} {word}" for word, number in total.items()))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
