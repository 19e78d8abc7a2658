"""Write files for other platforms.

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


@task(help=HELP, auto_shortflags=False)
def compose(_: Context, force: bool = False) -> None:
    """Write compose.yaml for your machine."""
    _export("compose", force=force)


@task(help=HELP, auto_shortflags=False)
def kubernetes(_: Context, force: bool = False) -> None:
    """Write a kustomize base and its overlays."""
    _export("kubernetes", force=force)


@task(help=HELP, auto_shortflags=False)
def appengine(_: Context, force: bool = False) -> None:
    """Write app.yaml for Google App Engine."""
    _export("appengine", force=force)


@task(help=HELP, auto_shortflags=False)
def cloudrun(_: Context, force: bool = False) -> None:
    """Write a service of Google Cloud Run."""
    _export("cloudrun", force=force)


@task(help=HELP, auto_shortflags=False)
def ecs(_: Context, force: bool = False) -> None:
    """Write a CloudFormation template for ECS."""
    _export("ecs", force=force)


@task(help=HELP, auto_shortflags=False)
def azure_app_service(_: Context, force: bool = False) -> None:
    """Write a template for Azure App Service."""
    _export("azure-app-service", force=force)


@task(help=HELP, auto_shortflags=False)
def azure_container_instances(_: Context, force: bool = False) -> None:
    """Write a template of a container group."""
    _export("azure-container-instances", force=force)


@task(help=HELP, auto_shortflags=False)
def grafana(_: Context, force: bool = False) -> None:
    """Write Grafana dashboards of the metrics."""
    _export("grafana", force=force)
