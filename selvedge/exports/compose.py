"""`fab export.compose`: the app with its processes, nginx, PostgreSQL and Redis, for a developer's machine."""

from __future__ import annotations

from collections.abc import Iterator

from selvedge.config.dotenv import read_environment
from selvedge.config.services import REDIS_FOLDER
from selvedge.exports import docker
from selvedge.exports.facts import Facts
from selvedge.exports.make import rendered
from selvedge.exports.written import ExportFile
from selvedge.project.quoting import double_dollars, yaml_quote
from selvedge.release.replaced_shell import replacing_shell

NAME = "compose"


def files(facts: Facts) -> Iterator[ExportFile]:
    """Yield compose.yaml."""
    processes = facts.processes("migrate", "postgres", "redis")
    services = {"postgres": facts.services.postgres, "redis": facts.services.redis}
    env_file = facts.inside(facts.app.env_file)
    # As on the servers, where the app's own variables come before those of [services].
    own = read_environment(facts.app.local_file(facts.app.env_file)) if facts.app.env_file else {}
    given = {name: value for name, value in facts.services.environment(facts.app.name).items() if name not in own}
    yield rendered(
        facts, "compose.yaml", "compose.yaml.j2", NAME,
        processes=processes,
        commands={name: replacing_shell(each.command) for name, each in processes.items()},
        needed=[name for name, on in services.items() if on],
        given=given,
        env_file=env_file,
        passed=[] if env_file else [name for name in facts.variables if name not in given],
        build_secret=_secret_file(facts.build_secret),
        redis_folder=f"{REDIS_FOLDER}/{facts.app.name}",
    )  # fmt: skip


def _secret_file(path: str) -> str:
    """Return a file of this machine as a word of YAML, in which Compose replaces variables."""
    return yaml_quote("${HOME}/" + double_dollars(path[2:]) if path.startswith("~/") else double_dollars(path)) if path else ""


def notes(facts: Facts) -> list[str]:
    """Return what is missing for the image."""
    return image_notes(facts)


def image_notes(facts: Facts) -> list[str]:
    """Return that the repository has no Dockerfile, if it has none."""
    return [] if (facts.top / "Dockerfile").exists() else [f"The image needs a Dockerfile: `fab export.{docker.NAME}`."]
