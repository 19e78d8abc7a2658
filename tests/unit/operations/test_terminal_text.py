"""Text for people: control characters, durations."""

from __future__ import annotations

import pytest

from selvedge.operations.support import text as terminal


class TestTerminalText:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("plain", "plain"),
            ("\033[31mred\033[0m", "red"),
            ("\033]0;a new title\abehind", "behind"),
            ("10 %\r100 %\r\n", "100 %"),
            ("a\tb", "a    b"),
            ("two\nlines", "two lines"),
            ("a\0b\x07", "a�b�"),
            ("张伟 é", "张伟 é"),
        ],
    )
    def test_control_characters_are_removed(self, text: str, shown: str) -> None:
        assert terminal.clean(text) == shown

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (185, "3 min 5 s"), (3600, "1 h"), (7860, "2 h 11 min"),
         (86400, "1 day"), (6 * 86400 + 4 * 3600, "6 days 4 h"), (-3, "0 s")],
    )  # fmt: skip
    def test_duration(self, seconds: float, text: str) -> None:
        assert terminal.duration(seconds) == text
