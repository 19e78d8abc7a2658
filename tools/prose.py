"""Count words that make our prose hard to read: `tools/prose.py [--list]`.

In comments and docstrings, a word of LIMITED may occur once in LINES_PER_WORD lines of a set of files, and the words of
COUNTED have no limit. In messages and pages, none of these words may occur; in messages, none of UNCLEAR either. `--list`
prints every occurrence.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
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
UNCLEAR = {
    "as before": "as before",
    "goes on": "go(?:es)? on|went on",
    "mend": "mend(?:s|ed)?",
    "taken back": "(?:takes?|taken|took) back",
    "the old one": "the old ones?",
}
# Folders of generated files.
SKIPPED = ("golden", "__pycache__")
# Other senses of these words: substitutes, abbreviations, places in a network, root's account, the user nobody.
ALLOWED = (
    "stand-in", "stand-ins", "stands? in for", "stands? for", "behind nginx", "behind a proxy", "behind a load balancer",
    "behind a CDN", "root's (?:login|account|password)", "nobody nogroup",
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """Files of one kind, and how to read their prose.

    `globs` are relative to the project, as is `without`, a file that they leave out. `read` takes a file's text and returns
    its prose, each line at its own number.
    """

    globs: tuple[str, ...]
    read: Callable[[str], str]
    without: str = ""


def python_prose(text: str) -> str:
    """Return the comments and docstrings of Python source. Raises SyntaxError."""
    source = text.splitlines()
    prose = [""] * len(source)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            prose[token.start[0] - 1] = token.string.lstrip("#")
    for node in ast.walk(ast.parse(text)):
        if _is_docstring(node):
            lines = slice(node.lineno - 1, node.end_lineno)
            prose[lines] = source[lines]
    return "\n".join(prose)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


class _Strings(ast.NodeVisitor):
    """Collects the strings of Python source in `lines`, except docstrings. In f-strings, `…` replaces each expression."""

    def __init__(self, lines: int) -> None:
        self.lines = [""] * lines

    def visit_Expr(self, node: ast.Expr) -> None:
        if not _is_docstring(node):
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self._add(node, node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._add(node, "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values))
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part.value)

    def _add(self, node: ast.expr, text: str) -> None:
        last = (node.end_lineno or node.lineno) - 1
        for number, line in enumerate(text.split("\n"), node.lineno - 1):
            self.lines[min(number, last)] += f" {line} |"


def python_messages(text: str) -> str:
    """Return the strings of Python source that are not docstrings. Raises SyntaxError."""
    strings = _Strings(len(text.splitlines()))
    strings.visit(ast.parse(text))
    return "\n".join(strings.lines)


def comment_prose(text: str) -> str:
    """Return the comments of shell scripts and configuration files: after `#`, `;` or `//`, and in `{# #}`."""
    found = (re.search(r"(?:^|\s)(?:#+(?!!)|;|//|\{#)(?:\s(.*)|$)", line) for line in text.splitlines())
    return "\n".join((match[1] or "") if match else "" for match in found)


def shell_messages(text: str) -> str:
    """Return the arguments of the shell commands that print: step_fail, printf and the like."""
    found = (
        re.search(r"\b(?:step_(?:fail|say)|switch_(?:refuse|back)|say|printf|echo)\s+(.*)", line) for line in text.splitlines()
    )
    return "\n".join(match[1] if match else "" for match in found)


def markdown_prose(text: str) -> str:
    """Return the text of a page without its code. Of a fenced block, the comments remain."""
    prose = []
    fence = ""
    for line in text.splitlines():
        mark = re.match(r"\s*(```+)", line)
        if mark and (not fence or mark[1] == fence):
            fence = "" if fence else mark[1]
            prose.append("")
        else:
            prose.append(comment_prose(line) if fence else re.sub(r"`[^`]*`", "…", line))
    return "\n".join(prose)


def code(folder: str, *more: str) -> tuple[Kind, ...]:
    """Return the kinds of text of a folder, with `more` globs of Python files."""
    return (
        Kind((f"{folder}/**/*.py", *more), python_prose),
        Kind((f"{folder}/**/*.sh", f"{folder}/**/*.j2"), comment_prose),
    )


def messages(*folders: str) -> tuple[Kind, ...]:
    """Return the kinds of messages in these folders."""
    return (
        # The words of this program are not prose.
        Kind(tuple(f"{folder}/**/*.py" for folder in folders), python_messages, without="tools/prose.py"),
        Kind(tuple(f"{folder}/**/*.sh" for folder in folders), shell_messages),
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
MESSAGES = ("selvedge", "tasks", "sandbox", "tools", "bench")
"""The folders whose messages are checked."""
PAGES = (
    "docs/README.md", "docs/tutorial.md", "docs/how-to/*.md", "docs/reference/*.md", "docs/explanation/*.md",
    "docs/from-the-tutorials.md", "README.md", "CONTRIBUTING.md", "CHANGELOG.md",
)  # fmt: skip
"""The pages that are checked."""


def files(kind: Kind, root: Path) -> Iterator[Path]:
    """Yield the files of a kind, except in SKIPPED and hidden folders such as .venv."""
    for glob in kind.globs:
        for path in sorted(root.glob(glob)):
            name = path.relative_to(root)
            if name != Path(kind.without) and not any(part.startswith(".") or part in SKIPPED for part in name.parts):
                yield path


def pattern(words: str) -> re.Pattern[str]:
    """Return the regular expression for a value of LIMITED, COUNTED or UNCLEAR that skips the phrases of ALLOWED."""
    allowed = "|".join(ALLOWED)
    return re.compile(rf"\b(?!(?:{allowed})\b)(?:{words})\b".replace(" ", r"\s+"), re.IGNORECASE)


PATTERNS = {word: pattern(words) for word, words in {**LIMITED, **COUNTED}.items()}
MESSAGE_PATTERNS = PATTERNS | {word: pattern(words) for word, words in UNCLEAR.items()}
# Set of files in which words may not occur → its kinds of text, and these words.
CLEAN_SETS = {
    "messages": (messages(*MESSAGES), MESSAGE_PATTERNS),
    "docs": ((Kind(PAGES, markdown_prose),), PATTERNS),
}


def count(
    kinds: Iterable[Kind], root: Path, patterns: Mapping[str, re.Pattern[str]] = PATTERNS
) -> tuple[int, dict[str, list[str]]]:
    """Return the number of lines of the files, and for each word of `patterns` its places as "path:line"."""
    lines = 0
    places: dict[str, list[str]] = {word: [] for word in patterns}
    for kind in kinds:
        for path in files(kind, root):
            text = path.read_text(encoding="utf-8")
            lines += len(text.splitlines())
            prose = kind.read(text)
            for word, regex in patterns.items():
                numbers = [prose.count("\n", 0, match.start()) + 1 for match in regex.finditer(prose)]
                places[word] += [f"{path.relative_to(root)}:{number}" for number in numbers]
    return lines, places


def report(name: str, places: Mapping[str, list[str]], exceeded: list[str], limit: str, *, all_words: bool) -> None:
    """Print the places of the words over the limit, or of all words, and a summary of those over the limit."""
    for word in places if all_words else exceeded:
        print("".join(f"{place}: {word}\n" for place in places[word]), end="")
    if exceeded:
        print(f"{name}: {', '.join(f'{word} {len(places[word])}' for word in exceeded)}; {limit}")


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Print the words over the limit of each set, and a summary. Return the exit status: 1 if a set is over the limit."""
    total: Counter[str] = Counter()
    failed = False
    all_words = "--list" in arguments
    for name, kinds in SETS.items():
        lines, places = count(kinds, root)
        limit = lines // LINES_PER_WORD
        exceeded = [word for word in LIMITED if len(places[word]) > limit]
        report(name, places, exceeded, f"{lines} lines may have {limit} of each", all_words=all_words)
        failed = failed or bool(exceeded)
        total.update(lines=lines, **{word: len(found) for word, found in places.items()})
    for name, (kinds, patterns) in CLEAN_SETS.items():
        _, places = count(kinds, root, patterns)
        exceeded = [word for word, found in places.items() if found]
        report(name, places, exceeded, "none of these words may occur", all_words=all_words)
        failed = failed or bool(exceeded)
    print("prose: " + ", ".join(f"{number} {word}" for word, number in total.items()))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
