"""Reading: each fact arrives as its probe printed it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from selvedge.engine.script import parse_facts, read_script
from selvedge.resources.files import File
from selvedge.shell.quoting import with_input
from tests.support.plans import MARK, Says

pytestmark = pytest.mark.programs


def local(script: str) -> bytes:
    """Run a script that only reads."""
    data = script.encode("utf-8", "surrogateescape")
    command = ["/bin/sh", "-c", f'eval "$(head -c {len(data)})"']
    return subprocess.run(command, input=data, capture_output=True, check=True, timeout=20).stdout


FACT = st.text(st.one_of(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), st.sampled_from("\n@test fact0")))


@given(st.lists(FACT, max_size=8))
@example([])
@example(["", "\n", "a", "a\n", "\n\na\n\n", ""])
@example(["@other fact 0\n", "\n@tes fact 1\n", "facts end\n"])
def test_each_fact_arrives_as_it_was_printed(texts: list[str]) -> None:
    # The facts cannot know the mark of the run.
    mark = "@c0ffee123456"
    output = local(read_script([Says(text) for text in texts], mark)).decode()
    assert parse_facts(output, mark, len(texts)) == texts


def test_bytes_that_are_not_text_arrive(tmp_path: Path) -> None:
    binary = bytes(range(1, 256))
    (tmp_path / "file").write_bytes(binary)
    output = local(read_script([File(str(tmp_path / "file"), "text\n")], MARK)).decode("utf-8", "surrogateescape")
    (fact,) = parse_facts(output, MARK, 1) or [""]
    assert fact.split("\n", 2)[2].encode("utf-8", "surrogateescape") == binary


@pytest.mark.parametrize(("output", "count"), [
    ("", 0),
    ("", 1),
    ("\n@test fact 0\nabc", 1),
    ("\n@test fact 0\nabc\n@test facts en", 1),
    ("\n@test fact 0\nabc\n@test facts end\n", 2),
    ("\n@test fact 0\nabc\n@test fact 1\n\n@test facts end\n", 1),
    ("sudo: a password is required\n", 1),
])  # fmt: skip
def test_an_incomplete_reading_has_no_facts(output: str, count: int) -> None:
    assert parse_facts(output, MARK, count) is None


def test_output_before_and_after_the_facts_is_ignored() -> None:
    output = "Welcome!\nlast login\n\n@test fact 0\nabc\n\n@test facts end\ngoodbye\n"
    assert parse_facts(output, MARK, 1) == ["abc\n"]


def test_probes_have_no_input_and_no_error_output() -> None:
    noisy = Says()
    object.__setattr__(noisy, "text", "")
    script = read_script([noisy], MARK).replace(with_input("cat", ""), "echo oops >&2; nosuchcommand; cat; echo fact")
    done = subprocess.run(["sh", "-c", script], input=b"typed", capture_output=True, check=False)
    assert (done.stderr, parse_facts(done.stdout.decode(), MARK, 1)) == (b"", ["fact\n"])


def test_a_failing_probe_does_not_end_the_reading() -> None:
    script = read_script([Says(), Says()], MARK).replace("printf '%s' ''", "false; printf '%s' ''")
    assert parse_facts(local(script).decode(), MARK, 2) == ["", ""]
