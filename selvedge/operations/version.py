"""`fab version`: the versions of Selvedge and of the programs that it runs with."""

from __future__ import annotations

import platform
from importlib.metadata import version as version_of
from pathlib import Path

from selvedge.operations.support.tables import print_json
from selvedge.report import Report
from selvedge.version import VERSION

FOLDER = Path(__file__).parents[1]
"""The folder of this package: a checkout, or the site-packages of an installation."""


def versions() -> dict[str, str]:
    """Return the versions by name, and the folder that Selvedge runs from."""
    return {
        "selvedge": VERSION,
        "fabric": version_of("fabric"),
        "invoke": version_of("invoke"),
        "paramiko": version_of("paramiko"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "folder": str(FOLDER),
    }


def version(report: Report, *, as_json: bool = False) -> None:
    """Print the versions, as lines or as one JSON document. Reads no settings, and contacts no server."""
    found = versions()
    if as_json:
        print_json(report, found)
        return
    width = max(map(len, found))
    for name, value in found.items():
        report.line(f"{name.capitalize():<{width}}  {value}")
