"""`fab dashboard`: a page with charts of the last day or week, from Prometheus on each server."""

from __future__ import annotations

from datetime import datetime

from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError
from selvedge.operations.pages.dashboard_page import Measured, server
from selvedge.operations.pages.file import page_path, render_page, write_page
from selvedge.operations.pages.metrics import (
    ONE_DAY,
    ONE_WEEK,
    Window,
    answer,
    end_of,
    grid,
    now_queries,
    number,
    range_queries,
    switches_query,
)
from selvedge.operations.support.each_host import on_each_host, raise_first_error
from selvedge.resources.base import Ask
from selvedge.run import Run
from selvedge.shell.library import call
from selvedge.version import VERSION


def dashboard(run: Run, *, week: bool, html: str) -> None:
    """Write a page with the charts of every host. Each is read by one exec.

    Raises UsageError before a server is contacted. A host without metrics is an error, after the page of the others is written.
    """
    path = page_path("--html", html or f"{run.settings.app.name}-dashboard.html")
    window = ONE_WEEK if week else ONE_DAY
    found = on_each_host(run, lambda session: measure(session, window))
    good = [each for each in found.values() if isinstance(each, Measured)]
    if good:
        now = datetime.now().astimezone()
        page = render_page(
            "dashboard",
            app=run.settings.app.name,
            period="the last week" if week else "the last day",
            each_row="6 hours" if week else "hour",
            made=now.strftime("%Y-%m-%d %H:%M %Z"),
            zone=now.strftime("%Z"),
            servers=[server(each) for each in good],
            missing=[(name, each.message) for name, each in found.items() if isinstance(each, SelvedgeError)],
            version=VERSION,
        )
        write_page(path, page)
        run.report.line(f"{', '.join(each.host for each in good)}: {'the last week' if week else 'the last day'} in {path}")
    raise_first_error(run, found)


def measure(session: Session, window: Window) -> Measured:
    """Ask the Prometheus of a host. Raises SelvedgeError if it does not answer, UnreachableError."""
    app = session.target.name
    ranges, numbers = range_queries(app, window), now_queries(app, window)
    span, step = str(window.seconds), str(window.step)
    # The cheapest query comes first: without Prometheus, its answer is the error.
    shells = [call("dashboard_alerts")]
    shells.append(call("dashboard_range", span, str(window.fine), switches_query(app)))
    shells += [call("dashboard_range", span, step, query) for query in ranges.values()]
    shells += [call("dashboard_now", query) for query in numbers.values()]
    facts = session.read([Ask(shell) for shell in shells])
    alerts, switches, *rest = [answer(session.name, fact) for fact in facts]
    answers = dict(zip([*ranges, *numbers], rest, strict=True))
    end = end_of([answers[name] for name in ranges], int(datetime.now().timestamp()))
    return Measured(
        host=session.name,
        app=app,
        window=window,
        end=end,
        series={name: grid(answers[name], window, end) for name in ranges},
        numbers={name: number(answers[name]) for name in numbers if name != "timers"},
        failed_timers=tuple(str(each["metric"].get("timer", "")) for each in answers["timers"]["result"]),
        switches=tuple(int(float(value)) for each in switches["result"] for _, value in each["values"]),
        alerts=tuple(alerts["alerts"]),
    )
