"""`fab export.NAME`: make the files of an export, and write them to the app's repository. No server is contacted."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from selvedge.config.load import load
from selvedge.config.secret_files import SECRET_FILES
from selvedge.errors import ConfigError
from selvedge.exports.facts import Facts
from selvedge.exports.shared import differences
from selvedge.exports.written import ExportFile, mark, marked, write
from selvedge.project.render import template
from selvedge.report import Report
from selvedge.shell.server.project.files import Refused


def export(report: Report, name: str, *, force: bool = False) -> None:
    """Write the files of one export. name: as in `fab export.NAME`.

    Raises:
        UsageError, ConfigError: wrong settings, or a repository that is not on this machine.
        SelvedgeError: a file was edited and `force` is not set, or it cannot be written.
    """
    module = importlib.import_module(f"selvedge.exports.{name.replace('-', '_')}")
    facts = Facts.of(load())
    try:
        files: list[ExportFile] = list(module.files(facts))
    except Refused as error:
        raise ConfigError(str(facts.top), "", str(error)) from None
    write(report, facts.top, files, name, folder=getattr(module, "FOLDER", ""), force=force)
    if not facts.has_module:
        report.line(f"app.module is {facts.app.module}, which {facts.code} does not have: correct it, unless a package brings it.")
    for name in differences(facts.settings, facts.app, facts.targets, getattr(module, "OF_GROUPS", frozenset())):
        report.line(f"{name} is left out: the servers differ, and the export has one value for all of them.")
    notes: Callable[[Facts], Sequence[str]] | None = getattr(module, "notes", None)
    for sentence in notes(facts) if notes else ():
        report.line(sentence)


def rendered(facts: Facts, path: str, source: str, made_by: str, /, **values: Any) -> ExportFile:
    """Return a file from the template `source` in templates/exports/, which has `{{ mark }}` in its first line.

    made_by: the export's name.
    """
    usual = {"facts": facts, "app": facts.app, "mark": mark(made_by), "secret_names": SECRET_FILES}
    return ExportFile(path, marked(template(f"exports/{source}", **usual, **values)))
