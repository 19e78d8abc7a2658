"""`fab export.compose`: the app with its processes, nginx, PostgreSQL and Redis, for a developer's machine."""

from __future__ import annotations

from collections.abc import Iterator

from selvedge.config.services import REDIS_FOLDER
from selvedge.exports import docker
from selvedge.exports.facts import Facts
from selvedge.exports.make import rendered
from selvedge.exports.written import ExportFile
from selvedge.release.replaced_shell import replacing_shell

NAME = "compose"


def files(facts: Facts) -> Iterator[ExportFile]:
    """Yield compose.yaml."""
    processes = facts.processes("migrate", "postgres", "redis")
    services = {"postgres": facts.services.postgres, "redis": facts.services.redis}
    env_file = facts.inside(facts.app.env_file)
    given = facts.services.environment(facts.app.name)
    yield rendered(
        facts, "compose.yaml", "compose.yaml.j2", NAME,
        processes=processes,
        commands={name: replacing_shell(each.command) for name, each in processes.items()},
        needed=[name for name, on in services.items() if on],
        given=given,
        env_file=env_file,
        passed=[] if env_file else [name for name in facts.variables if name not in given],
        redis_folder=f"{REDIS_FOLDER}/{facts.app.name}",
    )  # fmt: skip


def notes(facts: Facts) -> list[str]:
    """Return what is missing for the image."""
    return image_notes(facts)


def image_notes(facts: Facts) -> list[str]:
    """Return that the repository has no Dockerfile, if it has none."""
    return [] if (facts.top / "Dockerfile").exists() else [f"The image needs a Dockerfile: `fab export.{docker.NAME}`."]
