"""Runs whose connections a test makes."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from selvedge.config.settings import Settings
from selvedge.config.target import Target
from selvedge.engine.fleet import Fleet
from selvedge.engine.session import Session
from selvedge.report import Report
from selvedge.run import Run


class Reader:
    """A connected server that gives these facts to each reading. execs: how many there were."""

    user, is_connected, execs = "root", True, 0

    def __init__(self, *facts: str) -> None:
        self.facts = facts

    def run(self, script: str, *_: object, **__: object) -> Any:
        """Answer a reading as its script does."""
        self.execs += 1
        mark = re.search(r"mark=(\S+)", script)[1].strip("'")  # type: ignore[index]
        facts = "".join(f"\n{mark} fact {number}\n{text}" for number, text in enumerate(self.facts))
        return SimpleNamespace(output=f"{facts}\n{mark} facts end\n", status=0)


def run_over(app: Target, remotes: Mapping[str, Any], screen: io.StringIO) -> Run:
    """Return a run over hosts of these names, each with its connection; it prints to the screen."""
    report = Report(screen)
    sessions = [
        Session(app.model_copy(update={"host": app.host.model_copy(update={"name": name})}), remote, report)
        for name, remote in remotes.items()
    ]
    settings = Settings.model_validate({"app": {"name": app.name, "repository": app.repository}})
    return Run(settings, Fleet(sessions, report, settings.rollout))
