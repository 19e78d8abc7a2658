"""`fab dashboard`: the answers of Prometheus as charts, and its messages where there are no metrics."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.dashboard import dashboard
from selvedge.operations.pages.chart import Line, chart, nice, shown, with_unit
from selvedge.operations.pages.dashboard_page import error_share
from selvedge.operations.pages.metrics import (
    ONE_DAY,
    ONE_WEEK,
    Window,
    answer,
    grid,
    now_queries,
    range_queries,
    switches_query,
)
from selvedge.run import Run
from tests.support.html_page import Tags
from tests.support.prometheus import END, answers
from tests.support.runs import Reader, run_over

ASKED = len(answers(ONE_DAY))
SHORT = Window(600, 300, "10m")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dashboard.html"


@pytest.mark.parametrize("week", [False, True])
def test_the_page_has_charts_with_names_units_and_a_zero_line(target: Callable[..., Target], path: Path, week: bool) -> None:
    remote = Reader(*answers(ONE_WEEK if week else ONE_DAY))
    run = run_over(target(), {"web-1": remote}, io.StringIO())
    dashboard(run, week=week, html=str(path))
    text = path.read_text()
    tags = Tags(text)
    assert remote.execs == 1 and path.stat().st_mode & 0o777 == 0o600
    for said in ("the last week" if week else "the last day", "Requests by status (req/s)", "Answered within (ms)",
                 "Memory (GiB)", "Server errors, 5xx (%)", "1,804,223", "7ad3ba2da8d1-55421e (main)", "50 days", "4 h",
                 "firing"):  # fmt: skip
        assert said in tags.text, said
    figures = text.split("<figure")[1:]
    assert len(figures) == 8
    assert all('class="zero"' in figure and "<span>0</span></div>" in figure for figure in figures)
    assert all(re.search(r'<svg role="img" aria-label="[^"]+ in [^"]+\. [^"]+"', figure) for figure in figures)
    assert all(figure.count('class="release"') == 2 for figure in figures), "two of three releases are in the time"
    rows = re.findall(r"<tbody>(.*?)</tbody>", figures[0], re.DOTALL)[0].count("<tr>")
    assert rows == (28 if week else 24)


def test_hostile_labels_are_only_text_and_nothing_is_loaded(target: Callable[..., Target], path: Path) -> None:
    dashboard(run_over(target(), {"web": Reader(*answers(ONE_DAY))}, io.StringIO()), week=False, html=str(path))
    text = path.read_text()
    tags = Tags(text)
    assert "<script" not in text and "\x1b" not in text and "cleanup<script>alert(1)" in tags.text
    assert "script" not in {tag for tag, _ in tags.found}
    loaded = [attributes for tag, attributes in tags.found if tag != "a" and (attributes.get("src") or attributes.get("href"))]
    assert loaded == [{"rel": "icon", "href": "data:,"}]
    assert not [name for _, attributes in tags.found for name in attributes if name == "style" or name.startswith("on")]
    assert "http://" not in re.sub("<meta[^>]*>", "", text)


def test_a_server_without_metrics_is_an_error_that_says_how_to_get_them(target: Callable[..., Target], path: Path) -> None:
    fact = "curl: (7) Failed to connect to 127.0.0.1 port 9090\n\ncurl 7\n"
    run = run_over(target(), {"web": Reader(*[fact] * ASKED)}, io.StringIO())
    with pytest.raises(SelvedgeError) as caught:
        dashboard(run, week=False, html=str(path))
    assert "web: there are no metrics, because Prometheus does not run there" in caught.value.message
    assert caught.value.remedy == "Write `enabled = true` below `[metrics]` in hosts.toml, then run `fab -H web metrics`."
    assert not path.exists()


def test_one_of_two_servers_has_no_metrics(target: Callable[..., Target], path: Path) -> None:
    remotes = {"a": Reader(*answers(ONE_DAY)), "b": Reader(*["\ncurl 7\n"] * ASKED)}
    with pytest.raises(SelvedgeError, match="b: there are no metrics"):
        dashboard(run_over(target(), remotes, io.StringIO()), week=False, html=str(path))
    text = Tags(path.read_text()).text
    assert "b: there are no metrics" in text and "Requests by status" in text


class Listener(Reader):
    """A server that keeps the scripts of its readings."""

    def __init__(self, *facts: str) -> None:
        super().__init__(*facts)
        self.scripts: list[str] = []

    def run(self, script: str, *words: object, **more: object) -> Any:
        self.scripts.append(script)
        return super().run(script, *words, **more)


def monitored(app: Target, web: Reader, monitor: Reader) -> Run:
    """Return a run over two web servers, whose metrics a server outside of the run has."""
    asked = app.model_copy(update={"asked_by": "10.0.0.9"})
    run = run_over(asked, {"web-1": web, "web-2": web}, io.StringIO())
    metrics = run.settings.metrics.model_copy(update={"server": "monitor"})
    run.settings = run.settings.model_copy(update={"metrics": metrics})
    run.fleet.reached["monitor"] = run_over(app, {"monitor": monitor}, io.StringIO()).fleet.sessions[0]
    return run


def test_the_server_that_asks_the_others_is_read_for_each_of_them(target: Callable[..., Target], path: Path) -> None:
    facts = answers(ONE_DAY)
    alerts = json.loads(facts[0])
    alerts["data"]["alerts"] = [
        {"labels": {"alertname": f"Disk of {name}", "instance": name}, "state": "firing", "annotations": {"summary": name}}
        for name in ("web-1", "web-9")
    ]
    web, monitor = Listener(), Listener(json.dumps(alerts), *facts[1:])
    dashboard(monitored(target(), web, monitor), week=False, html=str(path))
    assert web.execs == 0 and monitor.execs == 2
    for script in monitor.scripts:
        names = set(re.findall('(?:instance|host)="([^"]*)"', script))
        queries = [line for line in script.splitlines() if re.search("^ *dashboard_(range|now) ", line)]
        assert len(names) == 1 and len(queries) == ASKED - 1, queries
        assert all(re.search('(instance|host)="', query) for query in queries), queries
    text = Tags(path.read_text()).text
    assert "web-1" in text and "web-2" in text and "web-9" not in text


def test_without_metrics_on_that_server_it_is_named(target: Callable[..., Target], path: Path) -> None:
    with pytest.raises(SelvedgeError, match=r"^monitor: there are no metrics") as caught:
        dashboard(monitored(target(), Listener(), Listener(*["\ncurl 7\n"] * ASKED)), week=False, html=str(path))
    assert caught.value.remedy.endswith("run `fab -H monitor metrics`.")


def test_one_server_alone_is_asked_for_all_that_it_has() -> None:
    queries = {**range_queries("hello", ONE_DAY), **now_queries("hello", ONE_DAY), "switches": switches_query("hello")}
    assert not [query for query in queries.values() if "instance" in query]
    hostile = {**range_queries("hello", ONE_DAY, 'a"} or x{'), **now_queries("hello", ONE_DAY, 'a"} or x{')}
    assert all(re.search(r'(instance|host)="a\\"} or x{"', query) for query in hostile.values())


def test_no_data_yet_is_said(target: Callable[..., Target], path: Path) -> None:
    empty = [json.dumps({"status": "success", "data": {"result": [], "alerts": []}})] * ASKED
    dashboard(run_over(target(), {"web": Reader(*empty)}, io.StringIO()), week=False, html=str(path))
    assert Tags(path.read_text()).text.count("No data in this time.") == 8


@pytest.mark.parametrize(("fact", "said"), [
    ('{"status": "error", "error": "query timed out"}', "query timed out"), ("<html>502</html>", "<html>502</html>"),
    ("", "an empty answer"), ("curl: (28) Operation timed out\n\ncurl 28", "(28) Operation timed out"), ("[]", "[]"),
])  # fmt: skip
def test_other_answers_are_quoted(fact: str, said: str) -> None:
    with pytest.raises(SelvedgeError) as caught:
        answer("web", fact)
    words = f"{'curl: ' if '28' in said else ''}{said}"
    assert caught.value.message == f"web: Prometheus could not answer: {words}."


def test_the_file_is_checked_before_contact(target: Callable[..., Target]) -> None:
    remote = Reader()
    with pytest.raises(UsageError, match=r"must end in \.html"):
        dashboard(run_over(target(), {"web": remote}, io.StringIO()), week=False, html="hosts.toml")
    assert remote.execs == 0


@pytest.mark.parametrize(("most", "top"), [(0, 4), (0.3, 0.4), (1, 1), (3.9, 4), (7, 8), (12, 20), (99.9, 100), (0.0123, 0.02)])
def test_an_axis_begins_at_zero_and_ends_at_a_round_number(most: float, top: float) -> None:
    assert nice(most) == pytest.approx(top)
    assert top >= most


@pytest.mark.parametrize(("value", "unit", "text"), [
    (0.0123, "s", "12.3 ms"), (3.2e9, "bytes", "2.98 GiB"), (0, "req/s", "0 req/s"), (12345.678, "req/s", "12,346 req/s"),
    (None, "s", "–"), (2.5, "s", "2.5 s"),
])  # fmt: skip
def test_numbers_have_units(value: float | None, unit: str, text: str) -> None:
    assert with_unit(value, unit) == text


def test_a_line_is_broken_where_there_is_no_value() -> None:
    found = chart("x", "X", "%", [Line("a", (0.0, None, 100.0), 1)], SHORT, END, most=100)
    assert found.shapes[0].path == "M0 100h.5M2 0h.5"
    assert found.ticks == ("100", "75", "50", "25", "0")


def test_points_are_put_where_their_time_is() -> None:
    data = {"result": [{"metric": {"a": "b"}, "values": [[END - 300, "1.5"], [END, "NaN"], [END + 300, "9"]]}]}
    (found,) = grid(data, SHORT, END)
    assert found.points == (None, 1.5, None) and found.labels == {"a": "b"}


def test_the_share_of_errors_has_gaps_without_requests() -> None:
    assert error_share({"2xx": (3.0, 0.0, None), "5xx": (1.0, 0.0, None)}) == (25.0, None, None)
    assert error_share({"2xx": (3.0,)}) == (0.0,) and error_share({}) == ()


def test_small_and_large_numbers_are_short() -> None:
    assert [shown(each, 1) for each in (0.00012345, 0.5, 12.34, 123.4, 1234567)] == ["0.000123", "0.5", "12.3", "123", "1,234,567"]
