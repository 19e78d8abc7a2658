"""Commands that need a release leave out the servers that only balance ([balancer]), as `deploy` does."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from selvedge.config.server import Rollout
from selvedge.config.settings import Settings
from selvedge.config.target import Target
from selvedge.engine.fleet import Fleet
from selvedge.errors import UsageError
from selvedge.operations import console, env, psql, restart_process, rollback, run_command, stop_start
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


@pytest.mark.parametrize("command", COMMANDS)
def test_a_balancer_alone_is_refused_with_what_to_type(
    target: Callable[..., Target], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(restart_process, "check_process_name", lambda _: None)
    with pytest.raises(UsageError, match=r"^The app does not run on lb, which only balances \(\[balancer\]\)\.") as refused:
        COMMANDS[command](run_on(target(**BALANCER)))
    assert refused.value.remedy == "Name the servers that run it: `fab -H web …`."
