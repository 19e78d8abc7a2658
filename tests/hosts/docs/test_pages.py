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

SHORT = (
    *("README", "tutorial", "deploy-your-own-app", "exports", "metrics", "ssh-configuration"),
    *("troubleshooting", "update-selvedge", "write-your-own-step"),
)
"""The pages with which people begin, and pages whose commands have no other short test on servers.

Only the long tests follow the others.
"""
ORDERED = sorted(PAGES, key=lambda page: page.path.stem not in SHORT)


def share(number: int) -> pytest.MarkDecorator:
    """Give a class every fourth page, first of the short ones: the test run gives each class to one of four processes."""
    given = [
        pytest.param(
            page, page.setup, id=str(page.path.relative_to(ROOT)), marks=[] if page.path.stem in SHORT else [pytest.mark.thorough]
        )
        for page in ORDERED[number::4]
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
