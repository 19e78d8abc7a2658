"""Write files for containers and other platforms.

They are written to the app's repository on this machine. These tasks contact no server.
"""

from invoke.context import Context
from invoke.tasks import task

HELP = {"force": "Overwrite files that you edited or made yourself."}


def _export(name: str, *, force: bool) -> None:
    from selvedge.exports.make import export
    from selvedge.report import Report

    export(Report(), name, force=force)


@task(help=HELP, auto_shortflags=False)
def docker(_: Context, force: bool = False) -> None:
    """Write a Dockerfile and .dockerignore."""
    _export("docker", force=force)


@task(help=HELP, auto_shortflags=False)
def procfile(_: Context, force: bool = False) -> None:
    """Write a Procfile, for Heroku or honcho."""
    _export("procfile", force=force)
