"""A build that could not pull an image of the Dockerfile. For a build on the server: image_pull_remedy in selvedge/shell/lib."""

from __future__ import annotations

import re

from selvedge.resources.code.image import DOCKERFILE

_PULL = re.compile(
    r'failed to authorize|failed to do request|failed to copy: http|unexpected status|pull access denied|(?:Get|Head) "https?://'
    r"|dial tcp|error from registry|toomanyrequests",
    re.IGNORECASE,
)
_OTHER = re.compile(r"did not complete successfully|executor failed running|failed to load cache key", re.IGNORECASE)
"""A command of the Dockerfile that failed, or an address that it downloads: their words may be the same."""
_SILENT = re.compile(
    r"no such host|misbehaving|name resolution|timeout|timed out|deadline ?exceeded|connection refused|unreachable|no route"
    r"|reset by peer|\bEOF\b|proxy|certificate|HTTP response to HTTPS|unavailable|bad gateway|\b50[0-9] ",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"unauthorized|authentication required|no basic auth|denied|forbidden|insufficient_scope|\b40[13] ", re.IGNORECASE
)
_MANY = re.compile(r"toomanyrequests|too many requests", re.IGNORECASE)
_IMAGE = re.compile(r"(?:load metadata|resolve image config) for (?:docker-image://)?([A-Za-z0-9._:/@-]*[A-Za-z0-9])")


def pull_remedy(said: str, output: str) -> str:
    """Return the remedy if a registry refused an image of the build, or did not answer; "" for another error.

    said: the error. output: the end of the build's output, which names the image.
    """
    if not _PULL.search(said) or _OTHER.search(said):
        return ""
    registry = _registry(output)
    login = f"`docker login{registry and f' {registry}'}`"
    again = "Then run the same command again. The live release keeps serving."
    if _SILENT.search(said):
        reached = f"whether your machine reaches its registry: `curl -I https://{registry or 'registry-1.docker.io'}/v2/`"
        return f"Check the image's name in {DOCKERFILE}, and {reached}. {again}"
    if _MANY.search(said):
        return f"Wait, or log in to the registry on your machine, which raises its limit: {login}. {again}"
    if _REFUSED.search(said):
        private = f"If it is private, log in on your machine: {login}. {again}"
        return f"Check the image's name in {DOCKERFILE}. {private} See docs/how-to/registries.md, \"A private base image\"."
    return ""


def _registry(output: str) -> str:
    """Return the registry of the last image whose data the build has asked for, "" for Docker Hub."""
    names = _IMAGE.findall(output)
    first, _, rest = (names[-1] if names else "").partition("/")
    return first if rest and re.search(r"[.:]|^localhost$", first) and first != "docker.io" else ""
