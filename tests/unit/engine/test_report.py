"""Output: whole lines, and no control of the terminal by a server."""

from __future__ import annotations

import io
import os
import re
import sys
import threading
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from selvedge.errors import ConfigError, SelvedgeError
from selvedge.report import Report, activities, is_terminal
from selvedge.report.text import Part, Styled, breaks, last_lines, printable, width

OURS = re.compile(r"\033\[(?:0|1|2|31|32|33|34)m")


def shown(*parts: Part, terminal: bool = False) -> str:
    stream = io.StringIO()
    report = Report(stream, terminal=terminal)
    report.line(*parts)
    return stream.getvalue()


def test_a_script_is_utf_8_also_where_the_terminal_has_other_characters() -> None:
    raw = io.BytesIO()
    report = Report(io.TextIOWrapper(raw, encoding="ascii"), terminal=False)
    report.line("a")
    report.raw("echo 部署")
    report.line("b")
    assert raw.getvalue() == "a\necho 部署\nb\n".encode()


def test_a_full_disk_does_not_end_a_run_and_is_an_error_at_its_end() -> None:
    with open("/dev/full", "w") as stream:  # noqa: PTH123
        report = Report(stream, terminal=False)
        for _ in range(3):
            report.line("a server is in the middle of a change")
        with pytest.raises(SelvedgeError, match="A part of the output could not be written: No space left on device"):
            report.check_written()


def test_a_reader_that_has_ended_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stream:
        report = Report(stream, terminal=False)
        report.line("nobody reads this")
        report.check_written()


ATTACKS = [
    ("\033[2J\033[Hclean", "clean"),
    ("\033[31;1mred\033[m", "red"),
    ("\033[?1049h\033[?25lhidden", "hidden"),
    ("\033]0;a title\007text", "text"),
    ("\033]0;a title\033\\text", "text"),
    ("\033]8;;http://evil.test\033\\link\033]8;;\033\\", "link"),
    ("\033]52;c;Y2xpcGJvYXJk\007x", "x"),
    ("\033Pq#0;2\033\\x", "x"),
    ("\033_payload\033\\x\033^y\033\\z\033Xw\033\\!", "xz!"),
    ("\033c\033(0x\0337\0338\033=y", "xy"),
    ("\x9b2Jx\x9d0;t\x9cy", "xy"),
    ("\033]0;never ends", ""),
    ("\033]0;ends with the line\nnext", "\nnext"),
    ("\033", "�"),
    ("\033\033[2Jc", "�c"),
    ("\033[\033[2J2J", "2J"),
    ("50%\r100%", "50%�100%"),
    ("a\x08b\x07c\x00d\x7fe\x85f", "a�b�c�d�e�f"),
    ("user\u202etxt.exe\u2066\u200f", "user�txt.exe��"),
    ("tab\tstays, 部署 👩‍🚀 ü\xa0too", "tab\tstays, 部署 👩‍🚀 ü\xa0too"),
]


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize(("text", "expected"), ATTACKS)
def test_control_characters_of_a_server_do_not_reach_the_terminal(text: str, expected: str, terminal: bool) -> None:
    assert shown(text, terminal=terminal) == expected + "\n"


@given(st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\033\x9b\x9d]P[2Jm31;0\007\\"))))
@example("\033[3\033[31m1m")
@example("\033[31m\033]0;\033[0mx\007")
def test_only_the_reports_own_colors_reach_the_terminal(text: str) -> None:
    plain, colored = shown(text), shown(text, terminal=True)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", plain)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", OURS.sub("", colored))
    # A color ends with its line.
    found = OURS.findall(colored)
    assert not found or found[-1] == "\033[0m"


def test_a_terminal_gets_colors() -> None:
    stream = io.StringIO()
    report = Report(stream, terminal=True)
    report.hosts(["web", "db"])
    report.step("db", "nginx", Styled("✓", "green"), " written")
    assert stream.getvalue() == "\033[34mdb \033[0m  nginx       \033[32m✓\033[0m written\n"
    assert shown(Styled("x", "red")) == "x\n"


class Terminal(io.StringIO):
    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


class OldTerminal(Terminal):
    encoding = "iso-8859-1"  # type: ignore[assignment]


@pytest.mark.parametrize(("stream", "environment", "colored"), [
    (Terminal(), {}, True),
    (Terminal(), {"NO_COLOR": "1"}, False),
    (Terminal(), {"CI": "true"}, False),
    (Terminal(), {"TERM": "dumb"}, False),
    (OldTerminal(), {}, False),
    (io.StringIO(), {}, False),
])  # fmt: skip
def test_when_output_is_colored(stream: Any, environment: dict[str, str], colored: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", **environment}.items():
        monkeypatch.setenv(name, value)
    assert is_terminal(stream) is colored
    Report(stream).line(Styled("x", "red"))
    assert (stream.getvalue() != "x\n") is colored


def test_every_line_names_the_server_and_the_step() -> None:
    stream = io.StringIO()
    report = Report(stream, terminal=False)
    report.hosts(["web-1", "db"])
    report.step("db", "nginx", "1 change")
    report.begin("db", "nginx", "write x")
    report.done("db", "nginx", "write x")
    report.begin("web-1", "supervisor", "start")
    report.failed("web-1", "supervisor", "start")
    assert stream.getvalue().splitlines() == [
        "db     nginx       1 change",
        "db     nginx       ✓ write x",
        "web-1  supervisor  ✗ start",
    ]


def test_a_diff_is_indented_and_colored_by_row() -> None:
    stream = io.StringIO()
    Report(stream, terminal=True).diff("@@ -1 +1 @@\n-old\033[2J\n+new\033[0m\n same")
    assert stream.getvalue().splitlines() == [
        "    \033[2m@@ -1 +1 @@\033[0m", "    \033[31m-old\033[0m", "    \033[32m+new\033[0m", "     same"
    ]  # fmt: skip


def test_an_error_says_what_happened_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    Report(io.StringIO(), terminal=True).error(SelvedgeError("web: it broke\033[2J.", "Mend it."))
    out, err = capsys.readouterr()
    assert (out, err) == ("", "web: it broke.\nMend it.\n")
    Report(io.StringIO(), terminal=False).error(ConfigError("hosts.toml", "app.name", "is missing"))
    assert capsys.readouterr().err == "hosts.toml: app.name: is missing.\n"


def test_characters_that_the_terminal_cannot_show_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert printable("部署 ✓ ü\udcff") == "?? ? ??"


def test_a_slow_change_is_announced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activities, "QUIET_SECONDS", 0.1)
    stream = io.StringIO()
    report = Report(stream, terminal=False)
    report.hosts(["web"])
    report.begin("web", "install", "install nginx")
    time.sleep(1.2)
    report.done("web", "install", "install nginx")
    time.sleep(0.6)
    first, last = stream.getvalue().splitlines()
    assert re.fullmatch(r"web  install     … install nginx \(\d s\)", first)
    assert re.fullmatch(r"web  install     ✓ install nginx  \(1\.\d s\)", last)


def test_a_wait_is_announced_in_place_of_its_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activities, "QUIET_SECONDS", 0.1)
    stream = io.StringIO()
    report = Report(stream, terminal=False)
    report.hosts(["web"])
    report.begin("web", "supervisor", "start the release")
    report.wait("web", "supervisor", "waiting for the first worker")
    time.sleep(0.8)
    report.wait("web", "supervisor", "")
    time.sleep(0.6)
    report.done("web", "supervisor", "start the release")
    waited, slow, _ = stream.getvalue().splitlines()
    assert re.fullmatch(r"web  supervisor  … waiting for the first worker \(\d s\)", waited)
    assert re.fullmatch(r"web  supervisor  … start the release \(\d s\)", slow)


def test_a_wait_before_the_first_change_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activities, "QUIET_SECONDS", 0.1)
    stream = io.StringIO()
    report = Report(stream, terminal=False)
    report.wait("web", "clone", "waiting for another step")
    report.wait("web", "clone", "")
    with report.activity("web", "", "reading the server", live_only=True):
        time.sleep(0.8)
    assert stream.getvalue() == ""


def test_lines_of_many_threads_stay_whole() -> None:
    class Slow(io.StringIO):
        def write(self, text: str) -> int:
            time.sleep(0.0002)
            return super().write(text)

    stream = Slow()
    report = Report(stream, terminal=False)
    threads = [
        threading.Thread(target=lambda name=name: [report.step(name, "step", name * 50) for _ in range(10)])
        for name in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = stream.getvalue().splitlines()
    assert sorted(rows) == sorted(f"{name}  {'step':<10}  {name * 50}" for name in "abcd" for _ in range(10))


def test_width_counts_columns() -> None:
    assert [width(text) for text in ("abc", "张伟", "e\u0301")] == [3, 4, 1]


@pytest.mark.parametrize(
    ("text", "columns", "indent", "rows"),
    [
        ("one two three", 7, 0, ["one two ", "three"]),
        ("one two three", 7, 3, ["one two ", "three"]),
        ("one two and", 7, 3, ["one two ", "and"]),
        ("张伟 张伟", 5, 0, ["张伟 ", "张伟"]),
        ("Run `fab -H web deploy`.", 10, 0, ["Run ", "`fab -H web deploy`."]),
        ("averylongword and", 5, 0, ["averylongword ", "and"]),
        ("a `b c", 4, 0, ["a `b ", "c"]),
    ],
)
def test_lines_break_between_words_and_commands(text: str, columns: int, indent: int, rows: list[str]) -> None:
    places = breaks(text, columns, indent)
    assert [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)] == rows


def test_the_last_lines_of_an_output() -> None:
    assert last_lines("one\n\033[31mtwo\033[0m\n\n three \n", 2) == "two | three"
