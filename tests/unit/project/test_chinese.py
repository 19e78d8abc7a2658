"""The Chinese pages: the messages of the English ones, Chinese punctuation, spaces around Latin words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PAGES = [ROOT / "README.zh-CN.md", *sorted((ROOT / "docs/zh-CN").glob("*.md"))]
FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
HAN = "[\u4e00-\u9fff]"

every_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)


def prose(path: Path) -> str:
    """Return the page without code, and with the text of its links only."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    return re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`\n]+`", "x", text)).replace("*", "").replace("[", "").replace("]", "")


def quotes(page: str, title: str) -> list[list[str]]:
    """Return the code in the first column of the tables whose first column has this title: a list for each row."""
    text = (ROOT / page).read_text(encoding="utf-8")
    tables = re.findall(rf"^\| {title} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [re.findall(r"`([^`]+)`", row.split(" | ")[0]) for table in tables for row in table.splitlines()]


def test_both_troubleshooting_pages_have_the_same_messages() -> None:
    english = quotes("docs/reference/troubleshooting.md", "message")
    assert len(english) > 40
    assert quotes("docs/zh-CN/troubleshooting.md", "报错") == english


@every_page
def test_punctuation_is_chinese(path: Path) -> None:
    assert not re.findall(rf".{{0,9}}{HAN} ?[,;:?!](?=\s|{HAN}|$)|.{{0,9}}{HAN}\.(?=\s|$)", prose(path), re.MULTILINE)


@every_page
def test_latin_words_are_set_off_by_spaces(path: Path) -> None:
    assert not re.findall(rf".{{0,9}}(?:{HAN}[A-Za-z0-9]|[A-Za-z0-9]{HAN}).{{0,9}}", prose(path))
