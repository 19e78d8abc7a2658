"""Step 3 of the tutorial: Python, nginx, supervisor, git."""

import selvedge as sv

from .parts.container_engine import container_engine

BASE = ("nginx", "git", "curl", "ca-certificates", "openssh-client", "python3", "python3-venv", "logrotate", "iproute2")
BALANCER = ("nginx", "curl", "ca-certificates", "logrotate", "iproute2")
"""What a server needs that only balances ([balancer]), or has only the database, with metrics."""


@sv.step
def install(app):
    """Install Python, nginx, git and the process manager."""
    messages = sv.Tool("apprise", sv.APPRISE_REQUIREMENT, app.mirrors.pypi_url)
    if app.has_only_database:
        if app.metrics.enabled:
            # nginx passes on what Prometheus asks ([metrics]).
            yield sv.Port(app.nginx.http_port, "nginx")
            yield sv.Packages(*BALANCER)
        if app.notify.from_servers:
            yield messages
        return
    manager = sv.process_manager(app)
    yield sv.Port(app.nginx.http_port, "nginx")
    if app.backends:
        yield sv.Packages(*BALANCER)
    else:
        yield sv.Packages(*BASE, *manager.packages, *(["restic"] if app.backup.to else []))
    if app.notify.from_servers:
        yield messages
    if app.machine.packages:
        yield sv.OwnPackages(*app.machine.packages)
    if app.nginx.http_port == 80:
        # Debian's default site listens on port 80, so with another port the step `nginx` starts it.
        yield sv.Service("nginx")
    if app.backends:
        return
    if manager.contains:
        yield from container_engine()
        return
    if manager.service:
        yield sv.Service(manager.service)
    if sv.needs_uv(app):
        yield sv.Tool("uv", sv.UV_REQUIREMENT, app.mirrors.pypi_url)
    if app.python:
        yield sv.Python(app.python, app.python_from, app.mirrors.python_url, app.mirrors.pypi_url)
