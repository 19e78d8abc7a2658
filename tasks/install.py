"""Step 3 of the tutorial: Python, nginx, supervisor, git."""

from selvedge.task import step

BASE = ("nginx", "git", "curl", "ca-certificates", "openssh-client", "python3", "python3-venv", "logrotate", "iproute2")


@step
def install(app):
    """Install Python, nginx, supervisor, git and the like."""
    from selvedge.resources.ports import Port
    from selvedge.resources.python import UV_REQUIREMENT, Python, Tool, needs_uv
    from selvedge.resources.system import Packages, Service

    yield Port(80, "nginx")
    # A requirement without a wheel needs a compiler: add "build-essential" and "python3-dev" here.
    yield Packages(*BASE, *(["supervisor"] if app.manager == "supervisor" else []))
    yield Service("nginx")
    if app.manager == "supervisor":
        yield Service("supervisor")
    if needs_uv(app):
        yield Tool("uv", UV_REQUIREMENT)
    if app.python:
        yield Python(app.python, app.python_from)
