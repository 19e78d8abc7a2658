"""Commands that need a release leave out the servers that only balance, or have only the database, as `deploy` does."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from selvedge.config.server import Rollout
from selvedge.config.settings import Settings
from selvedge.config.shared_database import SharedDatabase
from selvedge.config.target import Target
from selvedge.engine.fleet import Fleet
from selvedge.errors import UsageError
from selvedge.operations import console, env, psql, restart_process, rollback, run_command, stop_start, traffic
from selvedge.operations.support.host_status import HostStatus, status_query
from selvedge.operations.support.status_checks import check_status
from selvedge.report import Report
from selvedge.run import Run
from tests.support.steps import BALANCER

COMMANDS: dict[str, Callable[[Run], object]] = {
    "rollback": lambda run: rollback.roll_back(run, "", keep=False, downgrade=False, flags={}),
    "restart": lambda run: rollback.restart(run, {}),
    "restart --process": lambda run: restart_process.restart_process(run, "worker", {}),
    "stop": lambda run: stop_start.stop(run, {}),
    "start": lambda run: stop_start.start(run, {}),
    "run": lambda run: run_command.run_command(run, "true"),
    "env": lambda run: env.env(run),
    "console": lambda run: console.console(run),
    "psql": lambda run: psql.psql(run, "select 1"),
}


def run_on(balancer: Target, *servers: Target) -> Run:
    sessions: list[Any] = [SimpleNamespace(name="lb", target=balancer)]
    sessions += [SimpleNamespace(name=f"web-{number}", target=app) for number, app in enumerate(servers, 1)]
    settings = Settings.model_validate({
        "app": {"name": "hello", "repository": "."}, "balancer": {"hosts": ["lb"], "backends": "web"},
    })  # fmt: skip
    return Run(settings, Fleet(sessions, Report(io.StringIO()), Rollout()))


def test_the_app_servers_of_a_run(target: Callable[..., Target]) -> None:
    run = run_on(target(**BALANCER), target(), target())
    assert [session.name for session in run.of_app().fleet.sessions] == ["web-1", "web-2"]
    assert [session.name for session in run.fleet.sessions] == ["lb", "web-1", "web-2"], "for the other tasks of the command line"
    app = run.of_app()
    assert app.of_app() is app and app.fleet.locks is run.fleet.locks


def test_a_balancer_that_is_left_out_is_asked_over_its_connection(target: Callable[..., Target]) -> None:
    run = run_on(target(**BALANCER), target())
    run.fleet.reach = lambda name: pytest.fail(f"a second login to {name}")
    assert run.of_app().fleet.session_of("lb") is run.fleet.sessions[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_balancer_alone_is_refused_with_what_to_type(
    target: Callable[..., Target], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(restart_process, "check_process_name", lambda _: None)
    with pytest.raises(UsageError, match=r"^The app does not run on lb, which only balances \(\[balancer\]\)\.") as refused:
        COMMANDS[command](run_on(target(**BALANCER)))
    assert refused.value.remedy == "Name the servers that run it: `fab -H web …`."


DATABASE = SharedDatabase(host="db", address="10.0.0.5", here=True, clients=(("web-1", "10.0.0.11"),), app_here=False)


def with_database(*servers: Target) -> Run:
    run = run_on(servers[0].model_copy(update={"database": DATABASE}), *servers[1:])
    run.fleet.sessions[0].name = "db"  # type: ignore[misc]
    services = {"postgres": True, "hosts": ["db"], "clients": "web"}
    settings = Settings.model_validate({"app": {"name": "hello", "repository": "."}, "services": services})
    return Run(settings, run.fleet)


def test_a_server_that_has_only_the_database_is_left_out(target: Callable[..., Target]) -> None:
    run = with_database(target(), target(), target())
    assert [session.name for session in run.of_app().fleet.sessions] == ["web-1", "web-2"]
    assert run.of_app(with_database=True) is run
    assert [log.session.name for log in traffic.chosen_logs(run)] == ["web-1", "web-2"]


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "psql"])
def test_such_a_server_alone_is_refused_with_what_to_type(
    target: Callable[..., Target], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(restart_process, "check_process_name", lambda _: None)
    problem = r"^The app does not run on db, which has only the database \(services\.clients\)\."
    for call in (COMMANDS[command], traffic.chosen_logs):
        with pytest.raises(UsageError, match=problem) as refused:
            call(with_database(target()))
        assert refused.value.remedy == "Name the servers that run it: `fab -H web …`."


def test_its_status_names_no_release_and_no_site(target: Callable[..., Target]) -> None:
    found = target(domains=["hello.example.com"], backup={"to": "/b"}, services={"postgres": True})
    app = found.model_copy(update={"database": DATABASE})
    status = HostStatus.parse("now 1000\nservice postgresql@17-main.service failed\nbackup-timer inactive\n")
    remedies = {result.subject: result.remedy for result in check_status(app, status)}
    assert not {"app", "certificate"} & remedies.keys() and "status_certificate" not in status_query(app)
    assert remedies["service"].startswith("Run `fab -H server postgres`.")
    assert remedies["backup"] == "Run `fab -H server postgres`, which enables it."
