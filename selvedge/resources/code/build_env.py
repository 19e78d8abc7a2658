"""The file with the variables of a build (app.build_env_file)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selvedge.config.dotenv import build_environment, render_environment
from selvedge.resources.base import Resource
from selvedge.resources.files import Absent, File

if TYPE_CHECKING:
    from selvedge.config.target import Target


def build_variables(app: Target) -> Resource:
    """Return the file on the server, or its absence without the setting. Raises ConfigError if the dotenv file cannot be read."""
    path = app.paths.build_env
    if not app.build_env_file:
        return Absent(path)
    return File(path, render_environment(build_environment(app)), "0600", secret=True)
