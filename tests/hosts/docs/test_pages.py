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

LONG = (
    *("app-servers", "caching", "database-and-queue", "move-to-a-new-server", "several-servers", "staging-and-production"),
    *("take-over-a-hand-made-server", "backups", "databases-and-migrations", "remove-an-app", "roll-back", "several-apps"),
)
"""Guides that take a minute or more each, and whose subjects have other tests on servers: only the long tests follow them."""


def share(number: int) -> pytest.MarkDecorator:
    """Give a class every fourth page: the test run gives each class to one of four processes."""
    pages = PAGES[number::4]
    given = [
        pytest.param(
            page, page.setup, id=str(page.path.relative_to(ROOT)), marks=[pytest.mark.thorough] if page.path.stem in LONG else []
        )
        for page in pages
    ]
    return pytest.mark.parametrize(("page", "reader"), given, indirect=["reader"])


class Pages:
    def test_the_commands_of_a_page_do_as_it_says(self, page: Page, reader: Reader) -> None:
        problems = [problem for part in page.parts if (problem := reader.follow(part))]
        assert not problems, f"{page.path.name}:\n" + "\n\n".join(problems)


@share(0)
class TestFirstShare(Pages):
    pass


@share(1)
class TestSecondShare(Pages):
    pass


@share(2)
class TestThirdShare(Pages):
    pass


@share(3)
class TestFourthShare(Pages):
    pass
