"""`fab export.cloudrun`: a service of Google Cloud Run, with its variables from Secret Manager."""

from __future__ import annotations

from collections.abc import Iterator

from selvedge.exports.compose import image_notes
from selvedge.exports.facts import Facts
from selvedge.exports.kubernetes import memory, resource_name
from selvedge.exports.make import rendered
from selvedge.exports.written import ExportFile
from selvedge.shell.quoting import quote

NAME = "cloudrun"
_OWN = frozenset(("PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"))
"""Variables that Cloud Run sets itself, and refuses in a service."""


def files(facts: Facts) -> Iterator[ExportFile]:
    """Yield cloudrun.yaml."""
    variables = [each for each in facts.variables if each not in _OWN]
    secrets = ",".join(f"{each}={facts.app.name}-{each}:latest" for each in variables)
    yield rendered(
        facts, "cloudrun.yaml", "cloudrun.yaml.j2", NAME,
        resource=resource_name(facts.app.name), memory=memory(facts), cpus=_cpus(memory(facts)), variables=variables,
        secrets=f" --set-secrets {quote(secrets)}" if secrets else "", arguments=quote(_list("-c", facts.app.migrate)),
    )  # fmt: skip


def notes(facts: Facts) -> list[str]:
    """Return what is missing for the image."""
    return image_notes(facts)


def _cpus(limit: str) -> int:
    """Return the fewest processors with which Cloud Run accepts this memory: one for each 4 GiB, and 1, 2, 4 or 8 in all."""
    size = int(limit[:-2]) * {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}[limit[-2:]]
    return next((count for count in (1, 2, 4) if size <= count * 4 * 2**30), 8)


def _list(*words: str) -> str:
    """Return words as a list for gcloud, between a character that none of them has (`gcloud topic escaping`)."""
    mark = next(each for each in ",|#@;:~" if not any(each in word for word in words) or each == "~")
    return mark.join(words) if mark == "," else f"^{mark}^{mark.join(words)}"
