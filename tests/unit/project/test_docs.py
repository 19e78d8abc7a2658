"""The documents name only links, commands, settings, files and messages that exist."""

from __future__ import annotations

import ast
import itertools
import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fabric.main import program
from invoke.exceptions import Exit, ParseError
from invoke.parser import Parser, ParserContext
from pydantic import BaseModel

import fabfile
from selvedge.config.hosts import OVERRIDES, Host
from selvedge.config.schema import entry_model, section_model
from selvedge.config.settings import Settings
from tests.support.paths import ROOT
from tests.unit.project.sources import nodes

DOCS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]
PAIRS = [
    ("README.md", "README.zh-CN.md"),
    ("docs/README.md", "docs/zh-CN/README.md"),
    ("docs/tutorial.md", "docs/zh-CN/tutorial.md"),
    ("docs/how-to/domain-and-https.md", "docs/zh-CN/domain-and-https.md"),
    ("docs/how-to/environment-and-secrets.md", "docs/zh-CN/environment-and-secrets.md"),
    ("docs/how-to/slow-networks-and-china.md", "docs/zh-CN/slow-networks-and-china.md"),
    ("docs/explanation/releases.md", "docs/zh-CN/releases.md"),
    ("docs/from-the-tutorials.md", "docs/zh-CN/from-the-tutorials.md"),
    ("docs/reference/troubleshooting.md", "docs/zh-CN/troubleshooting.md"),
]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
# Pages show how to add these tasks and files.
ADDED_TASKS = {"memcached", "uptime"}
ADDED_FILES = {
    "tasks/memcached.py", "tasks/uptime.py", "templates/memcached/limit.conf.j2", "tests/unit/tasks/test_memcached.py",
    "selvedge/release/servers/granian.py", "selvedge/shell/lib/granian.sh", "selvedge/shell/server/selvedge_granian.py",
    "templates/granian/granian_start.j2",
    "selvedge/operations/uptime.py", "tests/hosts/scripts/operations/test_uptime.py",
}  # fmt: skip
INDEX = ROOT / "docs/README.md"
CHINESE = ROOT / "docs/zh-CN"
# Placeholders in a command.
PLACEHOLDER = re.compile(r"…|\b(TASK|NAME|SHA|RELEASE|HOST|ADDRESS|SECONDS)\b")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


every_document = pytest.mark.parametrize("path", DOCS, ids=name)


def blocks(path: Path) -> list[tuple[str, str]]:
    """Return the fenced code of a document: language and text."""
    found = FENCE.findall(path.read_text(encoding="utf-8"))
    return [(language, textwrap.dedent(code)) for _, language, code in found]


def prose(path: Path) -> str:
    """Return the document without its fenced code."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def headings(path: Path) -> list[tuple[int, str]]:
    """Return the level and text of each heading."""
    return [(len(marks), text) for marks, text in re.findall(r"^(#+) (.+)$", prose(path), re.MULTILINE)]


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub makes of the headings."""
    plain = [re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for _, text in headings(path)]
    return set(plain)


# --- links ---


@every_document
def test_relative_links_have_a_target(path: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        if not found.exists() or (anchor and found.suffix == ".md" and anchor not in anchors(found)):
            broken.append(target)
    assert not broken


@every_document
def test_named_files_of_the_project_exist(path: Path) -> None:
    spans = re.findall(r"`((?:tasks|templates|selvedge|sandbox|examples|tests|bench|tools)/[\w./-]*)`", prose(path))
    assert not [span for span in spans if span not in ADDED_FILES and not (ROOT / span).exists()]


# --- commands ---


def commands(path: Path) -> Iterator[list[str]]:
    """Yield every `fab …` of a document as words, from code blocks and from code in sentences, up to a `|` or the like."""
    text = path.read_text(encoding="utf-8")
    lines = [line.removeprefix("$ ") for _, code in blocks(path) for line in code.splitlines()]
    for line in [*lines, *re.findall(r"`([^`\n]+)`", FENCE.sub("", text))]:
        found = re.match(r"((?:[A-Z_]+=\S+ )*)fab (.+)", line.strip())
        if found and not re.match(r"[a-z]+:", found[2]):
            words = shlex.split(found[2], comments=True)
            yield list(itertools.takewhile(lambda word: word not in ("|", "&&", ";", ">"), words))


def refused(words: list[str]) -> str:
    """Return why fab does not understand these words, or ""."""
    filled: list[str] = []
    for word in words:
        value = (bool(filled) and filled[-1].startswith("-")) or (bool(words) and words[0].startswith("sandbox."))
        if not PLACEHOLDER.search(word):
            filled.append(word)
        elif value:
            filled.append("5")
    return problem_of(tuple(filled))


@cache
def tasks() -> list[ParserContext]:
    return fabfile.namespace.to_contexts()


@cache
def problem_of(words: tuple[str, ...]) -> str:
    """Return why fab does not understand a command line, or ""."""
    try:
        core = Parser(initial=program.initial_context, ignore_unknown=True).parse_argv(list(words))
        # The parser copies each task that it knows, which takes a while for all of them.
        Parser(contexts=[task for task in tasks() if {task.name, *task.aliases} & set(words)]).parse_argv(core.unparsed)
    except (Exit, ParseError) as problem:
        return str(problem.args[0]).splitlines()[0]
    return ""


@every_document
def test_fab_understands_every_command(path: Path) -> None:
    wanted = [words for words in commands(path) if not {"TASK", *ADDED_TASKS} & set(words)]
    problems = {shlex.join(words): refused(words) for words in wanted}
    assert not {words: problem for words, problem in problems.items() if problem}


def test_a_wrong_command_is_found() -> None:
    assert refused(["-H", "server", "setup", "deploy", "--dry-run"]) == ""
    assert "dploy" in refused(["-H", "server", "dploy"])
    assert "--drain" in refused(["deploy", "--drain"])


def test_every_command_is_read() -> None:
    assert ["setup", "deploy"] in list(commands(ROOT / "README.md"))


@every_document
def test_make_knows_every_target(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:`|^\$ |^)make ([a-z-]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= targets


# --- settings ---


@every_document
def test_settings_in_examples_are_known(path: Path) -> None:
    for language, code in blocks(path):
        if language == "toml":
            assert not list(unknown(tomllib.loads(code))), code


def unknown(tables: dict[str, Any]) -> Iterator[str]:
    """Return the keys of a hosts.toml that are not settings. Keys without a table are parts of examples."""
    known = {section: set(model.model_fields) for section, model in section_models().items()}
    hosts = {key: set(known.get(key, ())) for key in Host.model_fields}
    for section, table in tables.items():
        annotation = Settings.model_fields[section].annotation if section in Settings.model_fields else None
        if section == "hosts":
            for host in table.values():
                yield from (key for key in host if key not in hosts)
                yield from unknown({part: host[part] for part in OVERRIDES if part in host})
        elif model := entry_model(annotation):
            yield from (f"{section}.{name}.{key}" for name in table for key in table[name] if key not in model.model_fields)
        elif section in known:
            yield from (f"{section}.{key}" for key in table if key not in known[section])
        elif section != "groups" and not any(section in keys for keys in [*known.values(), hosts]):
            yield section


def section_models() -> dict[str, type[BaseModel]]:
    """Return the models of the tables without names of the user's choice."""
    found = {name: section_model(field.annotation) for name, field in Settings.model_fields.items()}
    return {name: model for name, model in found.items() if model}


@every_document
def test_settings_in_sentences_are_known(path: Path) -> None:
    models = section_models()
    named = re.findall(rf"`({'|'.join(models)})\.(\w+)\b", prose(path))
    fields = {section: models[section].model_fields for section in {part for part, _ in named}}
    units = ("app", "sock", "service")
    assert not [f"{section}.{key}" for section, key in named if key not in fields[section] and key not in units]


# --- messages ---


@cache
def spoken() -> str:
    """Return all text that the program can print: the constant parts of Python's strings, and the shell scripts."""
    folders = [ROOT / folder for folder in ("selvedge", "tasks", "sandbox", "tools")]
    parts = [path.read_text() for folder in folders for path in folder.rglob("*.sh")]
    for folder in folders:
        for path in folder.rglob("*.py"):
            parts += [
                node.value
                for node in nodes(path)
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ]
    return "\0".join(parts)


def messages() -> list[str]:
    """Return the quotes in the column "message" of the troubleshooting page."""
    found = []
    for table in re.findall(r"^\| message \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", prose(ROOT / "docs/reference/troubleshooting.md"), re.M):
        for row in table.splitlines():
            found += re.findall(r"`([^`]+)`", row.split(" | ")[0])
    return found


def test_quoted_messages_are_in_the_source() -> None:
    """One test for all: each process of the tests would read the whole source."""
    pieces = {
        message: [piece.strip(" ,.?") for piece in message.split("…") if len(piece.strip(" ,.?")) > 3] for message in messages()
    }
    assert len(pieces) > 40 and all(pieces.values())
    assert not [message for message, parts in pieces.items() if any(part not in spoken() for part in parts)]


# --- two languages ---


def same_in_both(path: Path) -> list[tuple[str, str]]:
    """Return the fenced code of a document, diagrams without their text: their labels are translated."""
    return [(language, "" if language == "mermaid" else code) for language, code in blocks(path)]


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_both_languages_have_the_same_parts(english: str, chinese: str) -> None:
    first, second = ROOT / english, ROOT / chinese
    assert [level for level, _ in headings(first)] == [level for level, _ in headings(second)]
    assert same_in_both(first) == same_in_both(second)
    assert re.search(r"[\u4e00-\u9fff]{20}", prose(second).replace("，", "一").replace("。", "一"))


def test_no_document_has_a_placeholder() -> None:
    kept = {name(path): re.findall(r"@[A-Z][A-Z0-9_]*@", path.read_text(encoding="utf-8")) for path in DOCS}
    assert not {page: words for page, words in kept.items() if words}


# --- the pages together ---


def links(path: Path) -> set[Path]:
    """Return the pages of the project that a page links to."""
    targets = re.findall(r"\]\(([^)\s#]+)[^)]*\)", prose(path))
    return {(path.parent / target).resolve() for target in targets if not re.match(r"[a-z]+:", target)}


def test_every_page_is_linked_from_the_index() -> None:
    pages = {path for path in (ROOT / "docs").rglob("*.md") if path != INDEX and CHINESE not in path.parents}
    assert not {name(path) for path in pages - links(INDEX)}


def test_the_page_of_commands_is_current() -> None:
    command = [sys.executable, "-m", "tools.commands_reference"]
    generated = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    page = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    assert page == generated, "run: python -m tools.commands_reference > docs/reference/commands.md"


def test_the_page_of_commands_has_every_task_and_flag() -> None:
    sections = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8").split("\n### ")
    for task in fabfile.namespace.to_contexts():
        name = min(task.name, *task.aliases, key=len) if task.aliases else task.name
        section = next(part for part in sections if part.startswith(f"`{name}`\n")).partition("\n## ")[0]
        assert {flag for flag in task.flags if flag.startswith("--")} <= set(re.findall(r"`(--[a-z-]+)`", section)), task.name
