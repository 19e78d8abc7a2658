"""How tests read the documentation, and that every command of it is run or says why it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pages import Command, File, differences, read_page
from tests.support.paths import ROOT

PAGE = """<!-- setup: deployed -->
# A page

1. Do this:

   ```console
   $ fab deploy
   ⋮
   server  live  0f8c3a91d2e7-02604d  http://203.0.113.10/
   ```
<!-- hidden
$ git commit -qam "A headline"
-->
<!-- file: main.py -->
```python
app = None
```
<!-- exits 1 -->
```console
$ true
$ fab deploy \\
>   --dry-run
```
<!-- not run: it asks for a passphrase -->
```console
$ ssh-keygen
```
"""


def test_a_page_is_read_in_its_order(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(PAGE)
    page = read_page(tmp_path / "page.md")
    assert page.setup == "deployed"
    assert page.parts == (
        Command(7, "fab deploy", ("⋮", "server  live  0f8c3a91d2e7-02604d  http://203.0.113.10/")),
        Command(12, 'git commit -qam "A headline"'),
        File(15, "main.py", "app = None\n"),
        Command(20, "true"),
        Command(21, "fab deploy \\\n  --dry-run", status=1),
    )
    assert page.not_run == {25: "it asks for a passphrase"}


def test_a_block_without_an_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("```console\n$ true\n")
    with pytest.raises(ValueError, match=r"page.md:1: the block does not end"):
        read_page(tmp_path / "page.md")


REAL = "one\n\nserver  live  0f8c3a91d2e7-02604d  http://10.0.0.5/\nDone in 18.6 s.\n"


@pytest.mark.parametrize(
    "shown",
    [
        (),
        ("one", "server  live   440a524c66d9-e2df6f  http://203.0.113.10/", "Done in 3 s."),
        ("⋮", "Done in 1.0 s."),
        ("one", "⋮"),
        ("⋮", "server  live  …", "⋮"),
    ],
)
def test_equal_output_is_accepted(shown: tuple[str, ...]) -> None:
    assert differences(shown, REAL) == ""


@pytest.mark.parametrize(
    "shown",
    [
        ("Done in 1.0 s.",),
        ("one",),
        ("one", "Done in 1.0 s."),
        ("⋮", "server  live  0f8c3a91d2e7-02604d  https://203.0.113.10/", "⋮"),
        ("⋮", "Done in 1.0 s.", "one"),
    ],
)
def test_other_output_is_found(shown: tuple[str, ...]) -> None:
    assert differences(shown, REAL)


PAGES = [
    path
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if "zh-CN" not in path.parts
]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_of_a_page_is_run_or_says_why_not(path: Path) -> None:
    """tests/hosts/docs runs the pages that name a setup. The Chinese pages have the code of the English ones."""
    page = read_page(path)
    if page.setup in ("", "none"):
        assert not page.parts, f"line {page.parts[0].line}: the page needs <!-- setup: … --> or the block <!-- not run: … -->"
    assert not [line for line, reason in page.not_run.items() if len(reason.split()) < 3], "the reason is missing"
