"""`fab export.azure-app-service`: a Bicep template for Azure App Service (Linux, Python)."""

from __future__ import annotations

from collections.abc import Iterator

from selvedge.exports.facts import Facts
from selvedge.exports.make import rendered
from selvedge.exports.written import ExportFile

NAME = "azure-app-service"


def files(facts: Facts) -> Iterator[ExportFile]:
    """Yield the template, and the file that takes its secret parameters from the environment."""
    yield rendered(facts, f"{NAME}.bicep", "azure/app-service.bicep.j2", NAME, start=_start(facts))
    if facts.variables:
        yield parameters(facts, NAME)


def parameters(facts: Facts, name: str) -> ExportFile:
    """Return the file of parameters of a template."""
    return rendered(facts, f"{name}.bicepparam", "azure/parameters.bicepparam.j2", name, template_file=f"{name}.bicep")


def _start(facts: Facts) -> str:
    """Return the command of the app. The platform installs and runs the folder of the app, which is the top of the archive."""
    source = "env PYTHONPATH=.:src " if (facts.code / "src").is_dir() else ""
    return f"{source}{facts.shell('8000', str(facts.workers))}"
