"""Python on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selvedge.resources.base import Change, Resource
from selvedge.shell.library import call
from selvedge.shell.quoting import words

if TYPE_CHECKING:
    from selvedge.config.target import Target

ROOT = "/opt/selvedge"
UV = f"{ROOT}/uv/bin/uv"
UV_REQUIREMENT = "uv>=0.11.12"
"""The first version whose `uv pip install` knows UV_NO_EDITABLE."""
PREFIXES = {
    "system": "/usr",
    "deadsnakes": "/usr",
    "uv": f"{ROOT}/pythons/uv/",
    "pyenv": f"{ROOT}/pythons/pyenv/",
}
"""The beginning of the prefix of a Python, by its source."""


def interpreter(app: Target) -> str:
    """Return the path of the app's Python on the server, which may not be installed yet.

    It is "/usr/bin/python3", or a path through a link that `install` sets if `app.python` is a version.
    """
    if not app.python:
        return "/usr/bin/python3"
    return f"{ROOT}/python/{app.python}/bin/python{_minor(app.python)}"


def needs_uv(app: Target) -> bool:
    """Return whether `install` installs uv. A server that gets its Python from uv by "auto" installs uv itself."""
    return app.installer == "uv" or (bool(app.python) and app.python_from == "uv")


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


class Python(Resource):
    """A Python of this version ("3.12" or "3.12.4") from `source`, with a link ROOT/python/VERSION to its prefix.

    mirror: the address of the builds that uv installs. index: that of the package index that uv comes from. "" for the usual ones.

    The link is to the prefix, not to the executable: a virtual environment finds the standard library from the folder of its
    interpreter.
    """

    version: str
    source: str = "auto"
    mirror: str = ""
    index: str = ""

    @property
    def link(self) -> str:
        """The link to the prefix."""
        return f"{ROOT}/python/{self.version}"

    def probe(self) -> str:
        return f"python_fact {words(self.link, _minor(self.version))}"

    def plan(self, fact: str) -> Change | None:
        prefix = fact.strip()
        if prefix.startswith(PREFIXES.get(self.source, "/")):
            return None
        origin = "" if self.source == "auto" else f" from {self.source}"
        return Change(
            f"install Python {self.version}{origin}",
            call(
                "python_install", self.version, self.source, UV_REQUIREMENT, python_mirror=self.mirror, pypi_mirror=self.index
            ),
            remedy="Check app.python (the version) and app.python_from (its source) in hosts.toml.",
        )
