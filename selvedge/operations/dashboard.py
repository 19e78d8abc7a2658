"""`fab dashboard`: a page with charts of the last day or week, from Prometheus on each server."""

from __future__ import annotations

from datetime import datetime
from threading import Lock

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
    """Write a page with the charts of every host. Each is read by one exec, on the server whose Prometheus has its metrics.

    Raises UsageError before a server is contacted. A host without metrics is an error, after the page of the others is written.
    """
    path = page_path("--html", html or f"{run.settings.app.name}-dashboard.html")
    window = ONE_WEEK if week else ONE_DAY
    monitor = _monitor(run)
    turn = Lock()

    def work(session: Session) -> Measured:
        if not monitor or not (session.target.asked_by or session.name == monitor.name):
            return measure(session, session, window)
        # Its one connection answers for several hosts.
        with turn:
            return measure(session, monitor, window, session.name)

    found = on_each_host(run, work)
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


def _monitor(run: Run) -> Session | None:
    """Return the session with the server whose Prometheus asks the others ([metrics] server), if the run needs it."""
    server = run.settings.metrics.server
    is_needed = any(session.target.asked_by or session.name == server for session in run.fleet.sessions)
    return run.fleet.session_of(server) if server and is_needed else None


def measure(session: Session, asked: Session, window: Window, instance: str = "") -> Measured:
    """Ask a Prometheus for the metrics of a host. Raises SelvedgeError if it does not answer, UnreachableError.

    asked: the session with the server that has it. instance: the host's name there, if that Prometheus asks several hosts.
    """
    app = session.target.name
    ranges, numbers = range_queries(app, window, instance), now_queries(app, window, instance)
    span, step = str(window.seconds), str(window.step)
    # The cheapest query comes first: without Prometheus, its answer is the error.
    shells = [call("dashboard_alerts")]
    shells.append(call("dashboard_range", span, str(window.fine), switches_query(app, instance)))
    shells += [call("dashboard_range", span, step, query) for query in ranges.values()]
    shells += [call("dashboard_now", query) for query in numbers.values()]
    facts = asked.read([Ask(shell) for shell in shells])
    alerts, switches, *rest = [answer(asked.name, fact) for fact in facts]
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
        alerts=tuple(each for each in alerts["alerts"] if not instance or each["labels"].get("instance", instance) == instance),
    )
