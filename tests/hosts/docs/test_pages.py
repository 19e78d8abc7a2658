"""Every page of the documentation, followed word by word from its first command to its last."""

from __future__ import annotations

import pytest

from lab import ROOT
from reader import Reader
from tests.support.pages import Page, read_page

PAGES = [
    page
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if (page := read_page(path)).setup not in ("", "none")
]


def share(number: int) -> pytest.MarkDecorator:
    """Give a class every fourth page: the test run gives each class to one of four processes."""
    pages = PAGES[number::4]
    names = [str(page.path.relative_to(ROOT)) for page in pages]
    return pytest.mark.parametrize(("page", "reader"), [(page, page.setup) for page in pages], indirect=["reader"], ids=names)


def follow(page: Page, reader: Reader) -> None:
    """Type all commands of a page. Raises AssertionError with all outputs that differ."""
    problems = [problem for part in page.parts if (problem := reader.follow(part))]
    assert not problems, f"{page.path.name}:\n" + "\n\n".join(problems)


class TestFirstShare:
    @share(0)
    def test_the_commands_of_a_page_do_as_it_says(self, page: Page, reader: Reader) -> None:
        follow(page, reader)


class TestSecondShare:
    @share(1)
    def test_the_commands_of_a_page_do_as_it_says(self, page: Page, reader: Reader) -> None:
        follow(page, reader)


class TestThirdShare:
    @share(2)
    def test_the_commands_of_a_page_do_as_it_says(self, page: Page, reader: Reader) -> None:
        follow(page, reader)


class TestFourthShare:
    @share(3)
    def test_the_commands_of_a_page_do_as_it_says(self, page: Page, reader: Reader) -> None:
        follow(page, reader)
