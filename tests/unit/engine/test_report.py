"""What reaches the screen: whole lines, no control of the terminal by a server, no secret shape of our own."""

from __future__ import annotations

import io
import re
import sys
import threading
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from selvedge import report as module
from selvedge.errors import ConfigError, SelvedgeError
from selvedge.report import Report, printable

OURS = re.compile(r"\033\[(?:0|1|2|31|32|33|34)m")


def shown(*texts: str, color: bool = False) -> str:
    stream = io.StringIO()
    report = Report(stream, color=color)
    for text in texts:
        report.line(text)
    return stream.getvalue()


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


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize(("text", "expected"), ATTACKS)
def test_control_characters_of_a_server_do_not_reach_the_terminal(text: str, expected: str, color: bool) -> None:
    assert shown(text, color=color) == expected + "\n"


@given(st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\033\x9b\x9d]P[2Jm31;0\007\\"))))
@example("\033[3\033[31m1m")
@example("\033[31m\033]0;\033[0mx\007")
def test_only_the_reports_own_colors_reach_the_terminal(text: str) -> None:
    plain, colored = shown(text), shown(text, color=True)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", plain)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", OURS.sub("", colored))
    # A color ends with its line.
    found = OURS.findall(colored)
    assert not found or found[-1] == "\033[0m"


def test_a_terminal_gets_colors() -> None:
    stream = io.StringIO()
    report = Report(stream, color=True)
    report.hosts(["web", "db"])
    report.step("db", "nginx", f"{report.paint('✓', 'green')} written")
    assert stream.getvalue() == "\033[34mdb \033[0m  nginx       \033[32m✓\033[0m written\n"
    assert Report(io.StringIO(), color=False).paint("x", "red") == "x"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "environment", "colored"), [
    (Terminal(), {}, True),
    (Terminal(), {"NO_COLOR": "1"}, False),
    (io.StringIO(), {}, False),
])  # fmt: skip
def test_when_output_is_colored(stream: Any, environment: dict[str, str], colored: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (Report(stream).paint("x", "red") != "x") is colored


def test_every_line_names_the_server_and_the_step() -> None:
    stream = io.StringIO()
    report = Report(stream, color=False)
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
    Report(stream, color=True).diff("@@ -1 +1 @@\n-old\033[2J\n+new\033[0m\n same")
    assert stream.getvalue().splitlines() == [
        "    \033[2m@@ -1 +1 @@\033[0m", "    \033[31m-old\033[0m", "    \033[32m+new\033[0m", "     same"
    ]  # fmt: skip


def test_an_error_says_what_happened_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    Report(io.StringIO(), color=True).error(SelvedgeError("web: it broke\033[2J.", "Mend it."))
    out, err = capsys.readouterr()
    assert (out, err) == ("", "web: it broke.\nMend it.\n")
    Report(io.StringIO(), color=False).error(ConfigError("hosts.toml", "app.name", "is missing"))
    assert capsys.readouterr().err == "hosts.toml: app.name: is missing.\n"


def test_characters_that_the_terminal_cannot_show_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert printable("部署 ✓ ü\udcff") == "?? ? ??"


def test_a_slow_change_is_announced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.1)
    stream = io.StringIO()
    report = Report(stream, color=False)
    report.hosts(["web"])
    report.begin("web", "install", "install nginx")
    time.sleep(1.2)
    report.done("web", "install", "install nginx")
    time.sleep(0.6)
    first, last = stream.getvalue().splitlines()
    assert re.fullmatch(r"web  install     … install nginx \(\d s\)", first)
    assert re.fullmatch(r"web  install     ✓ install nginx  \(1\.\d s\)", last)


def test_lines_of_many_threads_stay_whole() -> None:
    class Slow(io.StringIO):
        def write(self, text: str) -> int:
            time.sleep(0.0002)
            return super().write(text)

    stream = Slow()
    report = Report(stream, color=False)
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
