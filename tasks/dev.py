"""The app on your machine, while you write it. It contacts no server."""

from invoke.context import Context
from invoke.tasks import task

from selvedge import operations


@task(help={"port": "The port on your machine."}, auto_shortflags=False)
def dev(_: Context, port: int = 8000) -> None:
    """Run the app on your machine, and again after each change."""
    from selvedge.report import Report

    operations.dev.dev(Report(), port)
