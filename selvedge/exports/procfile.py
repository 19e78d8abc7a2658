"""`fab export.procfile`: a Procfile, for Heroku and the platforms that read its file, and for honcho on this machine."""

from __future__ import annotations

from collections.abc import Iterator

from selvedge.exports.facts import Facts
from selvedge.exports.make import rendered
from selvedge.exports.written import ExportFile

NAME = "procfile"


def files(facts: Facts) -> Iterator[ExportFile]:
    """Yield the Procfile, in the top folder, where Heroku looks."""
    app = facts.app
    enter = f"cd {app.root} && " if app.root else ""
    # Absolute, and for all of the command: it may begin with `cd`, `exec` or a variable, or have several parts.
    source = 'export PYTHONPATH="$PWD:$PWD/src" && ' if (facts.code / "src").is_dir() else ""
    workers = str(app.workers) if app.workers else ""
    processes = facts.processes("release")
    yield rendered(facts, "Procfile", "Procfile.j2", NAME, enter=enter, source=source, workers=workers, processes=processes)
