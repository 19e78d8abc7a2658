"""The processes of a Procfile in the app's repository that hosts.toml does not have."""

from __future__ import annotations

from collections.abc import Iterator

from selvedge.config.procfile import is_scheduler, parse_procfile
from selvedge.config.schema import to_toml
from selvedge.config.target import Target
from selvedge.operations.support.check_results import CheckResult, warning


def procfile_path(app: Target) -> str:
    """Return the path of the Procfile in the repository."""
    return f"{app.root}/Procfile".lstrip("/")


def check_procfile(app: Target, text: str) -> Iterator[CheckResult]:
    """Yield a warning for each process of the Procfile that hosts.toml does not have. text: its content, "" without one."""
    for name, command in parse_procfile(text).items():
        if name not in app.processes:
            said = f"{procfile_path(app)} has {name}, which hosts.toml does not run beside the web process"
            alone = " and `overlap = false`" if is_scheduler(name, command) else ""
            yield warning("processes", said, f"Add `[processes.{name}]` with `command = {to_toml(command)}`{alone} to hosts.toml.")
