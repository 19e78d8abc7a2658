"""Versions, for a bug report. It works in any folder with a fabfile, also without hosts.toml."""

from invoke.context import Context
from invoke.tasks import task

from selvedge import operations


@task(help={"json": "Print one JSON document, and nothing else."}, auto_shortflags=False)
def version(_: Context, json: bool = False) -> None:
    """Show the versions of Selvedge, Fabric and Python."""
    from selvedge.report import Report

    operations.version.version(Report(), as_json=json)
