"""The Docker engine of this machine, by its command-line client: it may be another machine's (DOCKER_HOST, docker context)."""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections.abc import Mapping

from selvedge.config.secret_names import PREFIX
from selvedge.errors import SelvedgeError
from selvedge.value import Value

INSTALL = "Install Docker on your machine (https://docs.docker.com/get-docker/)"
_SAME = {
    "x86_64": "amd64", "x86-64": "amd64", "amd64/v1": "amd64", "aarch64": "arm64", "arm64/v8": "arm64", "aarch64/v8": "arm64",
    "armhf": "arm/v7", "armel": "arm/v6",
}  # fmt: skip
"""Other names of machines, and what Docker calls them."""


class LocalImage(Value):
    """An image. platform: such as linux/amd64. layers: the hashes of their contents, the lowest first. size: bytes."""

    id: str
    platform: str
    layers: tuple[str, ...]
    labels: Mapping[str, str]
    size: int


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of Docker's client: the user's, without Selvedge's settings and secrets."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return {**own, "DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "LC_ALL": "C", **(more or {})}


def docker(*arguments: str, more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run Docker's client. more: variables for it. Raises SelvedgeError if it is not installed."""
    try:
        return subprocess.run(
            ["docker", *arguments], env=environment(more), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", check=False,
        )  # fmt: skip
    except OSError:
        raise missing() from None


def missing() -> SelvedgeError:
    """Return the error for a machine without Docker's client."""
    return SelvedgeError(
        "Docker is not installed on your machine: there is no program `docker` on the PATH.",
        f'{INSTALL}, or set `build = "server"` in [docker]: the server builds the image.',
    )


@functools.cache
def engine_platform() -> str:
    """Return the platform of the engine, such as linux/amd64. Raises SelvedgeError if there is none or it does not answer."""
    done = docker("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}")
    if done.returncode != 0:
        said = last_line(done.stderr)
        remedy = "Start Docker on your machine, and check that `docker version` shows a server. Then run the same command again."
        raise SelvedgeError(f"The Docker engine of your machine does not answer: {said}.", remedy)
    return done.stdout.strip()


def find(tag: str) -> LocalImage | None:
    """Return an image of this machine, None if it has none of this name. Raises SelvedgeError without an engine."""
    return next(iter(_inspected(tag)), None)


def newest(app: str, platform: str) -> LocalImage | None:
    """Return the newest image of an app for a platform, None without one. Raises SelvedgeError without an engine."""
    engine_platform()
    # The newest is first.
    ids = docker("image", "ls", "--no-trunc", "--quiet", "--filter", f"label=selvedge.app={app}").stdout.split()
    found = _inspected(*dict.fromkeys(ids)) if ids else []
    return next((image for image in found if fits(image.platform, platform)), None)


def _inspected(*names: str) -> list[LocalImage]:
    """Return the images that the engine has of these, in their order."""
    engine_platform()
    try:
        found = json.loads(docker("image", "inspect", *names).stdout or "[]")
    except ValueError:
        found = []
    return [
        LocalImage(
            each["Id"],
            normal("/".join(filter(None, (each["Os"], each["Architecture"], each.get("Variant"))))),
            tuple(each.get("RootFS", {}).get("Layers") or ()),
            each.get("Config", {}).get("Labels") or {},
            int(each.get("Size") or 0),
        )
        for each in found
    ]


def normal(platform: str) -> str:
    """Return the name that Docker gives to a platform: linux/arm64 for linux/aarch64 and for linux/arm64/v8."""
    system, _, machine = platform.partition("/")
    return f"{system}/{_SAME.get(machine, machine)}"


def fits(found: str, wanted: str) -> bool:
    """Return whether an image is for a platform. Engines name theirs without its variant: linux/arm is linux/arm/v7 or another."""
    found, wanted = normal(found), normal(wanted)
    return found == wanted or found.startswith(f"{wanted}/") or (found == "linux/arm" and wanted == "linux/arm/v7")


def last_line(text: str) -> str:
    """Return the last line of a program's errors, without its usual beginnings."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = lines[-1] if lines else "it gave no reason"
    for start in ("ERROR: failed to solve: ", "ERROR: ", "Error response from daemon: ", "error during connect: "):
        said = said.removeprefix(start)
    return said.rstrip(". ")[:400]
