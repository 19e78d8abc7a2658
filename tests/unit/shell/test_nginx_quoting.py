"""Quoting for nginx: its rules, as a reader of its files knows them, give back the value."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from selvedge.project.quoting import nginx_quote
from tests.support.readers import nginx_file, nginx_words


@pytest.mark.parametrize(("text", "expected"), [
    ("a b;", ["a", "b"]),
    ("a 'b c' \"d;e\" ;", ["a", "b c", "d;e"]),
    (r'a "b\"c" d\;e;', ["a", 'b"c', r"d\;e"]),
    (r'a "\\" "\x" "\n";', ["a", "\\", r"\x", "\n"]),
    ("a b#c; # d", ["a", "b#c"]),
    ("# x\na\n  b\n;", ["a", "b"]),
])  # fmt: skip
def test_the_reader_of_nginx_files_splits_words(text: str, expected: list[str]) -> None:
    assert nginx_words(text) == expected


def test_the_reader_of_nginx_files_reads_blocks() -> None:
    tree = nginx_file("a { b 'c'; d { e ${f}; } } g;")
    assert [each.words for each in tree.block or []] == [["a"], ["g"]]
    assert tree.find("a")[0].find("d")[0].find("e")[0].words == ["e", "${f}"]


@pytest.mark.parametrize("text", ['a "b"c;', "a b; c d;", "a } b;", "a $b;", "a {", "a", "a; }", ";", 'a "b;', "a b\\;"])
def test_the_reader_of_nginx_files_refuses(text: str) -> None:
    with pytest.raises((AssertionError, IndexError, ValueError)):
        nginx_words(text)


NGINX = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="$"),
        st.sampled_from(" \"'\\;{}#()nrt~*%"),
    )
)


@settings(deadline=None)
@given(st.lists(NGINX, min_size=1, max_size=10))
@example(["", "\\", '"', "\\\\", '\\"', "a\\", "a; } server {", "# x", "'", "\\n", "~ ^/x", "部署"])
def test_nginx_reads_a_quoted_value_back(values: list[str]) -> None:
    assert nginx_words(f"directive {' '.join(nginx_quote(value) for value in values)};") == ["directive", *values]


@pytest.mark.parametrize("value", ["$host", "a$", "${x}", "a\nb", "a\rb", "\0", "a\tb", "\x7f", "\x1b[0m"])
def test_what_nginx_cannot_quote_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(value))):
        nginx_quote(value)
