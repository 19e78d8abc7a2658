"""The live area of a terminal: a line for each busy server, and a bar."""

from __future__ import annotations

import io
import os
import re
import signal
import time
from collections.abc import Iterator

import pytest

from selvedge.report import Report

CODE = re.compile(r"\033\[[0-9;?]*[A-Za-z]")


class Screen:
    """A report on a terminal, and the rows of its live area."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.report = Report(self.stream, terminal=True)

    @property
    def area(self) -> list[str]:
        """Draw the area, and return its rows."""
        self.stream.seek(0)
        self.stream.truncate()
        self.report._screen.update(8)
        return [row for row in CODE.sub("", self.stream.getvalue()).replace("\r", "").splitlines() if row]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(Report, "_start_ticker", lambda _: None)
    found = Screen()
    found.report.hosts(["web-1", "database"])
    yield found
    found.report.stop()


def test_each_busy_server_has_a_line_with_its_step_change_and_seconds(screen: Screen) -> None:
    screen.report.begin("web-1", "nginx", "write [red]/etc/x[/]")
    screen.report.begin("database", "install", "install postgresql")
    first, second = screen.area
    assert re.fullmatch(r"web-1     nginx       . write \[red\]/etc/x\[/\]  \d+ s", first)
    assert re.fullmatch(r"database  install     . install postgresql  \d+ s", second)
    screen.report.done("web-1", "nginx", "write /etc/x")
    assert len(screen.area) == 1


def test_the_seconds_count_up(screen: Screen) -> None:
    screen.report.begin("web-1", "nginx", "write")
    screen.report._activities.running()["web-1", "nginx"].began -= 71
    assert screen.area[0].endswith("write  71 s")


def test_a_wait_has_the_place_of_its_change(screen: Screen) -> None:
    screen.report.begin("web-1", "nginx", "start the release")
    screen.report._activities.running()["web-1", "nginx"].began -= 5
    screen.report.wait("web-1", "nginx", "waiting for the first worker")
    assert screen.area[0].endswith("waiting for the first worker  0 s")
    waiting = screen.report._activities.running()["web-1", "nginx"].current
    waiting.began -= 2
    screen.report.wait("web-1", "nginx", "waiting for the first worker")
    assert screen.area[0].endswith("waiting for the first worker  2 s")
    screen.report.wait("web-1", "nginx", "")
    assert screen.area[0].endswith("start the release  5 s")


def test_the_bar_counts_the_planned_steps(screen: Screen) -> None:
    screen.report.plan("web-1", ["install", "nginx"])
    screen.report.plan("database", ["install"])
    screen.report.finish("web-1", "install")
    screen.report.finish("web-1", "certbot")
    *_, bar = screen.area
    assert re.search(r"━ +1 of 3 steps  0 s$", bar)


@pytest.mark.usefixtures("screen")
def test_no_line_is_wider_than_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    narrow = Screen()
    narrow.report.plan("database", ["nginx"])
    narrow.report.begin("database", "nginx", "keep others out of /var/log/hello/nginx-access.log")
    line, bar = narrow.area
    assert len(line) == 40 and line.endswith("…  0 s") and len(bar.rstrip()) <= 40
    narrow.report.stop()


@pytest.mark.usefixtures("screen")
def test_many_servers_fit_on_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "10")
    low = Screen()
    low.report.plan("web", ["nginx"])
    for number in range(20):
        low.report.begin(f"web-{number}", "nginx", "write")
    rows = low.area
    assert len(rows) == 9 and rows[-2] == "and 13 more servers"
    low.report.stop()


def test_lines_are_printed_above_the_area(screen: Screen) -> None:
    screen.report.begin("web-1", "nginx", "write")
    assert len(screen.area) == 1
    screen.stream.truncate(0)
    screen.report.line("a line")
    line, area = CODE.sub("", screen.stream.getvalue()).replace("\r", "").lstrip("\0").splitlines()
    assert line == "a line" and "write" in area


def test_other_programs_get_a_terminal_without_the_area(screen: Screen) -> None:
    screen.report.begin("web-1", "nginx", "write")
    assert screen.area
    with screen.report.paused():
        assert not screen.area
        with screen.report.paused():
            pass
        assert not screen.area
    assert screen.area


def test_the_end_of_a_run_removes_the_area(screen: Screen) -> None:
    screen.report.plan("web-1", ["nginx"])
    screen.report.begin("web-1", "nginx", "write")
    assert screen.area
    screen.report.stop()
    assert not screen.area


def test_the_cursor_is_never_hidden(screen: Screen) -> None:
    """A run that is killed cannot show it again."""
    screen.report.begin("web-1", "nginx", "write")
    screen.report._screen.update(5)
    screen.report.stop()
    assert "\033[?25" not in screen.stream.getvalue()


def test_the_area_appears_during_an_activity() -> None:
    stream = io.StringIO()
    report = Report(stream, terminal=True)
    with report.activity("web-1", "", "reading the server", live_only=True):
        time.sleep(0.5)
        assert "reading the server" in stream.getvalue()
    report.stop()


def test_the_area_is_not_on_the_screen_while_the_run_is_suspended(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise `fg` moves up and overwrites what the shell has printed since Ctrl-Z."""
    screen.report.begin("web-1", "nginx", "write")
    assert screen.area
    while_suspended: list[list[str]] = []
    monkeypatch.setattr(os, "kill", lambda *_: while_suspended.append(screen.area))
    before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    try:
        screen.report.handle_suspension()
        handler = signal.getsignal(signal.SIGTSTP)
        assert callable(handler)
        handler(signal.SIGTSTP, None)
        assert while_suspended == [[]] and len(screen.area) == 1
        assert signal.getsignal(signal.SIGTSTP) is handler
    finally:
        signal.signal(signal.SIGTSTP, before)


@pytest.mark.parametrize("terminal", [True, False])
def test_a_run_that_ignores_ctrl_z_goes_on_ignoring_it(terminal: bool) -> None:
    before = signal.signal(signal.SIGTSTP, signal.SIG_IGN if terminal else signal.SIG_DFL)
    try:
        Report(io.StringIO(), terminal=terminal).handle_suspension()
        assert signal.getsignal(signal.SIGTSTP) is (signal.SIG_IGN if terminal else signal.SIG_DFL)
    finally:
        signal.signal(signal.SIGTSTP, before)


@pytest.mark.usefixtures("screen")
def test_a_narrow_terminal_shows_what_a_step_does_instead_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    narrow = Screen()
    narrow.report.hosts(["web-1"])
    narrow.report.begin("web-1", "supervisor", "waiting for the migration")
    assert re.fullmatch(r"web-1     . waiting for the migrat…  \d+ s", narrow.area[0]), narrow.area
