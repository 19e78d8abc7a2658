"""The order in which `fab logs` prints the lines of several servers, and new lines with --follow."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from selvedge.operations.logs import Flags
from selvedge.operations.support.log_printer import Host, LogPrinter
from selvedge.report import Report
from selvedge.shell.server.logs import Wishes

ALL = Wishes(None, None, False, "", 100)
Take = Callable[[int, str], list[str]]


@pytest.fixture
def two() -> Callable[..., Take]:
    def start(wishes: Wishes = ALL, *, logs: int = 1, raw: bool = False) -> Take:
        screen = io.StringIO()
        hosts = [Host(f"{name}  ", logs, wishes) for name in "ab"]
        printer = LogPrinter(Report(screen, terminal=False), hosts, named=logs > 1, raw=raw)

        def take(number: int, text: str) -> list[str]:
            printer.line(hosts[number], text) if text else printer.end(hosts[number])
            return screen.getvalue().splitlines()

        return take

    return start


def test_nothing_is_printed_before_all_hosts_have_sent_their_lines(two: Callable[..., Take]) -> None:
    take = two()
    take(1, "app 2.5 second")
    take(1, "= app")
    assert take(1, "app - new") == []
    take(0, "app 1.5 first")
    assert take(0, "= app") == ["a  first", "b  second", "b  new"]
    assert take(0, "+ release")[-1] == "a  --- release is live now ---"


def test_a_host_that_fails_does_not_hold_the_others_back(two: Callable[..., Take]) -> None:
    take = two()
    take(0, "app 1 one")
    take(0, "= app")
    assert take(1, "") == ["a  one"]


def test_new_lines_are_chosen_by_record(two: Callable[..., Take]) -> None:
    take = two(ALL._replace(grep="boom", errors=True, since=1e12))
    for number in (0, 1):
        take(number, "= app")
    lines = ["[2026-01-01 10:00:00 +0000] [1] [ERROR] x", "Traceback (most recent call last):", "E: Boom", "more", "[2026-01-01 a"]
    for line in lines:
        shown = take(0, f"app - {line}")
    assert shown == [f"a  {line}" for line in lines[:3]]


def test_raw_lines_have_no_names(two: Callable[..., Take]) -> None:
    take = two(logs=2, raw=True)
    for number in (0, 1):
        take(number, f'access {number} {{"message": "x", "level": "info"}}')
        take(number, "= access")
    assert take(0, "= error") == []
    assert take(1, "= error") == ['{"message": "x", "level": "info"}'] * 2


def test_the_releases_of_a_period_are_named(two: Callable[..., Take]) -> None:
    take = two()
    for text in ("0123-a 1 x", "4567-b 2 y", "= app"):
        take(0, text)
    assert take(1, "") == ["a  0123-a  x", "a  4567-b  y"]


@pytest.mark.parametrize(("flags", "said"), [
    (Flags(), ""),
    (Flags(nginx=True, lines=0), ""),
    (Flags(grep="x"), "No lines found in the log of the live release. `--since 1w` also searches the other releases."),
    (Flags(grep="x", since="2h"), "No lines found."),
    (Flags(nginx=True, errors=True), "No lines found."),
])  # fmt: skip
def test_a_search_without_a_result_says_so(flags: Flags, said: str) -> None:
    assert flags.nothing_found() == said
