"""`fab config`: the merged settings of each host, with the source of each. It contacts no server."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from selvedge.config.origins import DEFAULT, Origin, Origins
from selvedge.errors import UsageError
from selvedge.operations.support.tables import print_json, print_table
from selvedge.run import Run

TITLES = ("host", "setting", "value", "source")


def config(run: Run, *, only: str = "", as_json: bool = False) -> None:
    """Print the settings of each host, as a table or as one JSON document.

    only: settings and tables, separated by commas or spaces; "" for all. Raises UsageError if there is no such setting.
    """
    names = [name for name in re.split(r"[\s,]+", only) if name]
    sources = Origins(run.settings)
    found = {session.name: _chosen(list(sources.of(session.target)), names) for session in run.fleet.sessions}
    if as_json:
        settings = {
            host: {each.key: {"value": each.value, "source": each.source} for each in rows} for host, rows in found.items()
        }
        print_json(run.report, settings)
        return
    rows = [[host, each.key, each.text, each.source] for host, origins in found.items() for each in origins]
    print_table(run.report, TITLES, rows, {DEFAULT: "dim"}, long="value", secondary=("host",))


def _chosen(rows: Sequence[Origin], wanted: Sequence[str]) -> list[Origin]:
    """Return the settings with these names or in the tables of these names. Raises UsageError for another name."""
    for name in wanted:
        if not any(_is(row.key, name) for row in rows):
            known = sorted({row.key for row in rows} | {row.key.partition(".")[0] for row in rows})
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean `{close[0]}`?" if close else "Run `fab config` to see all settings."
            raise UsageError(f"--only: {name!r} is not a setting.", hint)
    return [row for row in rows if not wanted or any(_is(row.key, name) for name in wanted)]


def _is(key: str, name: str) -> bool:
    return key == name or key.startswith(f"{name}.")
