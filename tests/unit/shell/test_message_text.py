"""The text of a message: how much of it is sent, and what is kept out of it."""

from __future__ import annotations

import pytest

from selvedge.shell.server.messages.text import (
    BODY,
    beginning,
    clean,
    end,
    one_line,
    quoted,
    with_output,
    without_values,
)

HOSTILE = "\x1b[31mred\x1b[0m \x07\u202e \"'`$(id)` % @all <!channel> 工\n"


def test_nothing_is_left_of_escapes_and_control_characters() -> None:
    assert clean(HOSTILE) == "red �� \"'`$(id)` % @all <!channel> 工\n"
    assert clean(b"a\xff\r\nb\rc\td") == "a�\nb\nc    d"
    assert one_line("a\n\x1b]0;title\x07 b") == "a b"


@pytest.mark.parametrize("text", ["x" * 9000, "工" * 9000, "\n" * 9000])
def test_it_is_cut_to_whole_letters(text: str) -> None:
    for cut in (beginning, end):
        assert len(cut(text, BODY).encode()) <= BODY and "�" not in cut(text, BODY)
    assert (beginning(text, 100)[-1], end(text, 100)[0]) == ("…", "…")


@pytest.mark.parametrize("size", [-1700, -1, 0, 2, 3, 4])
def test_without_room_it_is_left_out(size: int) -> None:
    assert len(beginning("x" * 9000, size).encode()) <= max(size, 0)


def test_output_has_no_mention_and_its_end_is_kept() -> None:
    body = with_output(["It failed.", ""], b"first\n" + b"y" * 9000 + b"\n\n@all <!channel> <at user_id> a < b @ 5\n")
    assert body.startswith("It failed.\n\n…yyy") and body.endswith("@\u200ball <\u200b!channel> <\u200bat user_id> a < b @ 5")
    assert len(body.encode()) < BODY
    assert with_output(["It failed."], b" \n") == "It failed."


def test_an_address_in_a_command_is_no_mention() -> None:
    assert quoted("`ssh deploy@10.0.0.1 id` a@b.test") == "`ssh deploy@10.0.0.1 id` a@b.test"
    assert quoted("a@everyone b@Here @@all") == "a@\u200beveryone b@\u200bHere @\u200b@\u200ball"


@pytest.mark.parametrize(
    "text",
    [
        "_@·everyone_", "*@·channel*", "_@·all_", "请@·everyone请看", "x@·everyonex", "(@·room)", "@·ada", "@·138000",
        "a@·Here", "-@·here", "<·!channel>", "<·@·U1>", "<·https://evil.example|Log in>", "<·at user_id>",
        "[Log in again]·(https://evil.example)",
        "deploy@203.0.113.10", "me@laptop", "a@all-hands.test", "a@rooms.test", "a < b @ 5", "[0] (x)", "<>",
    ],
)  # fmt: skip
def test_a_mention_or_a_hidden_link_is_broken(text: str) -> None:
    """·: where a space of no width breaks it."""
    broken = text.replace("·", "\N{ZERO WIDTH SPACE}")
    assert quoted(text.replace("·", "")) == broken == quoted(broken)


def test_values_of_the_environment_are_hidden() -> None:
    environment = b'A="s3cret \\"quoted\\" \\$HOME"\nB="first line\nsecond line"\nC="short"\n'
    output = b's3cret "quoted" $HOME, second line, first line, short'
    assert without_values(output, environment).decode() == "•••, •••, •••, short"
