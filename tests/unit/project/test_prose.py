"""tools/prose.py: where it looks for a word, which senses it skips, and when it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import prose

PYTHON = '''#!/usr/bin/env python
"""It stands in a file
of root's."""
nobody = "anew"  # likewise


def f() -> None:
    """Behind\tthe last one."""
    print("somebody stands behind", """
    nobody""")
'''
SHELL = """#!/bin/sh
# It stands there,
nobody() { echo "behind"; }
x=1 # anew
; likewise
{# somebody #}
"""


def found(text: str) -> dict[str, list[int]]:
    """The lines of each limited word in a text of prose."""
    return {
        word: [number for number, line in enumerate(text.splitlines(), 1) if prose.PATTERNS[word].search(line)]
        for word in prose.LIMITED
        if prose.PATTERNS[word].search(text)
    }


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one set of each kind. Its only file has 500 lines and one occurrence, in a comment."""
    monkeypatch.setattr(prose, "SETS", {"app": prose.code("app")})
    pages = (prose.Kind(("*.md",), prose.markdown_prose),)
    both = {"messages": (prose.messages("app"), prose.MESSAGE_PATTERNS), "docs": (pages, prose.PATTERNS)}
    monkeypatch.setattr(prose, "CLEAN_SETS", both)
    (tmp_path / "app").mkdir()
    (tmp_path / "app/a.py").write_text("# It stands here.\n" + "x = 1\n" * 499)
    return tmp_path


def test_messages_of_python_are_its_strings() -> None:
    assert found(prose.python_messages(PYTHON)) == {"anew": [4], "somebody": [9], "stands": [9], "behind": [9], "nobody": [10]}


def test_messages_in_f_strings_are_read_with_the_strings_of_their_expressions() -> None:
    text = 'f"it {x} stands" if y else f"a{\'behind\' if x else 1}b"\nf"by "\nf"no matter {x} of"\n'
    assert found(prose.python_messages(text)) == {"stands": [1], "behind": [1]}
    assert prose.python_messages(text).splitlines()[0] == " it … stands | a…b | behind |"


def test_messages_of_shell_are_the_arguments_of_the_commands_that_print() -> None:
    text = 'step_fail "it stands there"\nx=behind # anew\n  nobody || printf \'somebody %s\\n\' "$x"\nswitch_refuse "anew"\n'
    assert found(prose.shell_messages(text)) == {"stands": [1], "somebody": [3], "anew": [4]}


def test_pages_are_read_without_code_but_with_its_comments() -> None:
    text = "It stands\n```sh\nbehind  # anew\n```\nsomebody `nobody`\n  ```toml\n  # likewise\n  behind\n  ```\nroot's\n"
    assert found(prose.markdown_prose(text)) == {"stands": [1], "anew": [3], "somebody": [5], "likewise": [7], "of root's": [10]}


def test_python_is_read_in_comments_and_docstrings_only() -> None:
    assert found(prose.python_prose(PYTHON)) == {"stands": [2], "of root's": [3], "likewise": [4], "behind": [8]}


def test_shell_and_templates_are_read_in_comments_only() -> None:
    assert found(prose.comment_prose(SHELL)) == {"stands": [2], "anew": [4], "likewise": [5], "somebody": [6]}


@pytest.mark.parametrize(
    "text",
    [
        "a stand-in of sshd",
        "$1 stands for the name",
        "an app behind nginx",
        "Behind a\nload balancer",
        "understand",
        "grandstands",
    ],
)
def test_other_senses_and_longer_words_are_skipped(text: str) -> None:
    assert not found(text)


@pytest.mark.parametrize("text", ["it STOOD there", "standing", "nobody's file", "stands in a file", "root's own"])
def test_word_forms_are_found(text: str) -> None:
    assert found(text)


def test_one_occurrence_in_500_lines_passes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prose.main([], project) == 0
    assert capsys.readouterr().out.startswith("prose: 500 lines, 1 stands, 0 behind,")


def test_a_second_occurrence_fails_and_both_are_listed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "app/b.sh").write_text("#!/bin/sh\n\n# stands\n")
    assert prose.main([], project) == 1
    shown = capsys.readouterr().out.splitlines()
    assert shown[:3] == ["app/a.py:1: stands", "app/b.sh:3: stands", "app: stands 2; 503 lines may have 1 of each"]
    assert shown[3].startswith("prose: 503 lines, 2 stands,")
    assert len(shown) == 4


def test_a_word_without_limit_is_listed_on_demand(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "app/b.sh").write_text("# by itself\n# by itself\n")
    assert prose.main([], project) == 0
    assert "app/b.sh" not in capsys.readouterr().out
    assert prose.main(["--list"], project) == 0
    assert "app/b.sh:2: by itself\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("app/b.py", 'x = "it goes on"\n', "messages: goes on 1; none of these words may occur"),
        ("app/b.sh", 'step_fail "not any more"\n', "messages: any more 1; none of these words may occur"),
        ("page.md", "It is done by\nitself.\n", "docs: by itself 1; none of these words may occur"),
    ],
)
def test_one_word_in_a_message_or_page_fails(
    project: Path, capsys: pytest.CaptureFixture[str], path: str, text: str, said: str
) -> None:
    (project / path).write_text(text)
    assert prose.main([], project) == 1
    word = said.partition(": ")[2].partition(" 1;")[0]
    assert capsys.readouterr().out.splitlines()[:2] == [f"{path}:1: {word}", said]


def test_the_program_does_not_check_its_own_words() -> None:
    paths = [path.name for kind in prose.messages("tools") for path in prose.files(kind, prose.ROOT)]
    assert "demo.py" in paths and "prose.py" not in paths


@pytest.mark.parametrize("folder", [".venv", "golden"])
def test_hidden_and_generated_files_are_skipped(folder: str, project: Path) -> None:
    (project / "app" / folder).mkdir()
    (project / "app" / folder / "b.sh").write_text("# stands\n")
    assert prose.main([], project) == 0
