"""The script that collects the metrics of an app's release on its server."""

from __future__ import annotations

from typing import Any

from selvedge.config.target import Target
from selvedge.engine.script import script
from selvedge.resources.nginx.certificates import certificate_path
from selvedge.shell.library import call


def collect_script(app: Target) -> str:
    """Return the script that writes the metrics of an app, or of a balancer's site, each minute."""
    metrics, backup = app.metrics, app.backup
    limits: dict[str, object] = {"slow": f"{metrics.slow:g}", "errors": metrics.errors}
    if backup.to and backup.schedule:
        limits["backup_hours"] = metrics.backup_hours
    values: dict[str, Any] = {
        "host": app.host.name,
        "limits": " ".join(f"{name} {value}" for name, value in limits.items()),
        "certificate": certificate_path(app) if app.has_tls else "",
        "folder": app.path_folder,
    }
    if app.backends:
        shell = call("collect_site", app=app.name, **values)
    else:
        shell = call("collect_app", given=app.shell_values, branch=app.branch, **values)
    return f"# Written by `fab metrics`; changes here are overwritten.\n{script(shell, mark='metrics')}"
