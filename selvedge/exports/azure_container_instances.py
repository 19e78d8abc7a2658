"""`fab export.azure-container-instances`: a Bicep template for a container group of Azure."""

from __future__ import annotations

import math
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
    # Bicep has no numbers with a fraction.
    tenths = max(math.ceil(facts.memory / 1024 * 10), 1) if facts.memory else 10
    memory = str(tenths // 10) if tenths % 10 == 0 else f"json('{tenths / 10}')"
    source = "azure/container-instances.bicep.j2"
    yield rendered(facts, f"{NAME}.bicep", source, NAME, resource=resource, commands=commands, memory=memory)
    yield parameters(facts, NAME)


def notes(facts: Facts) -> list[str]:
    """Return what is missing for the image."""
    return image_notes(facts)
