"""Settings of a host that do not go together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from selvedge.config.nginx import below
from selvedge.config.services import TAKEN_NAMES


def combination_problems(app: Any) -> Iterator[str]:
    """Yield a sentence for each problem. app: a Target, which imports this module."""
    path, to = app.nginx.path, app.backup.to
    if path and not app.nginx.strip_path and not below(app.health, path):
        yield (
            f"app.health is {app.health}, which is not below nginx.path {path}, with which the app's routes begin "
            f"(nginx.strip_path = false): set it to a path of the app, such as {path}/"
        )
    yield from _closed_metrics_problems(app)
    if app.maintenance.allow and app.tls.upstream and not app.nginx.trusted_proxies:
        yield (
            "maintenance.allow cannot work: all requests come from your load balancer (tls.upstream), and have its address. "
            "Name it in nginx.trusted_proxies, so that nginx learns the addresses of the visitors"
        )
    if app.name in {app.host.user, app.host.bootstrap_user}:
        yield f"app.name must not be the login user {app.name}, because the app runs as its own user without sudo: change one"
    if below(to, app.paths.base):
        yield f"backup.to is {to}, which is in the app's own folder: choose another one, such as /var/backups/apps"
    if app.docker.build != "server" and app.manager != "docker":
        build = app.docker.build
        yield f'docker.build = "{build}" needs app.manager = "docker", which runs images: set it, or delete the key'
    if app.services.postgres and app.name in TAKEN_NAMES:
        yield f"app.name must not be {app.name} with services.postgres, because PostgreSQL uses that name itself"


def _closed_metrics_problems(app: Any) -> Iterator[str]:
    """Yield the paths that visitors need, although nginx closes them for the metrics."""
    closed = app.closed_metrics
    if not closed:
        return
    if below(app.health, closed):
        yield (
            f"app.health is {app.health}, but visitors get 404 at {closed} and below it (metrics.path), and so would the check of "
            "the site: set app.health to another path, or set metrics.public = true"
        )
    for key, paths in (("redirects", app.nginx.redirected_paths), ("static", app.nginx.static), ("media", app.nginx.media)):
        taken = next((path for path in paths if path.rstrip("/") == closed), "")
        if taken:
            yield (
                f"nginx.{key} has the path {taken}, but visitors get 404 there (metrics.path): set metrics.path to the path of the "
                "app's own metrics, or to \"\" if it has none"
            )
