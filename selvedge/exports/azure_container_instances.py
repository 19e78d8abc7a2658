"""`fab export.azure-container-instances`: a Bicep template for a container group of Azure."""

from __future__ import annotations

from collections.abc import Iterator

from selvedge.exports.azure_app_service import parameters
from selvedge.exports.compose import image_notes
from selvedge.exports.facts import Facts
from selvedge.exports.kubernetes import resource_name
from selvedge.exports.make import rendered
from selvedge.exports.written import ExportFile
from selvedge.release.replaced_shell import replacing_shell

NAME = "azure-container-instances"


def files(facts: Facts) -> Iterator[ExportFile]:
    """Yield the template, and the file that takes its parameters from the environment."""
    commands = {name: replacing_shell(each.command) for name, each in facts.processes().items()}
    resource = resource_name(facts.app.name)
    yield rendered(facts, f"{NAME}.bicep", "azure/container-instances.bicep.j2", NAME, resource=resource, commands=commands)
    yield parameters(facts, NAME)


def notes(facts: Facts) -> list[str]:
    """Return what is missing for the image."""
    return image_notes(facts)
