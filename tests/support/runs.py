"""Runs whose connections a test makes."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from selvedge.config.settings import Settings
from selvedge.config.target import Target
from selvedge.engine.fleet import Fleet
from selvedge.engine.session import Session
from selvedge.report import Report
from selvedge.run import Run


def run_over(app: Target, remotes: Mapping[str, Any], screen: io.StringIO) -> Run:
    """Return a run over hosts of these names, each with its connection; it prints to the screen."""
    report = Report(screen)
    sessions = [
        Session(app.model_copy(update={"host": app.host.model_copy(update={"name": name})}), remote, report)
        for name, remote in remotes.items()
    ]
    settings = Settings.model_validate({"app": {"name": app.name, "repository": app.repository}})
    return Run(settings, Fleet(sessions, report, settings.rollout))
