"""Names of images in a registry: registry.example.com/team/blog, with a tag or the digest of one build."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from selvedge.config.types import Text
from selvedge.errors import UsageError
from selvedge.shell.quoting import quote
from selvedge.value import Value

HUB = "docker.io"
"""The registry of names without one: Docker Hub."""
HUB_LOGIN = "https://index.docker.io/v1/"
"""The name of Docker Hub in the engine's configuration."""
# https://github.com/distribution/reference: the grammar of references.
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PORT = r":[0-9]{1,5}"
_SERVER = rf"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?:{_PORT})?|[A-Za-z0-9-]+{_PORT}|localhost|\[[0-9A-Fa-f:]+\](?:{_PORT})?)"
_NAME = rf"(?:(?P<server>{_SERVER})/)?(?P<path>{_PART}(?:/{_PART})*)"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_REFERENCE = re.compile(rf"(?P<name>{_NAME})(?::(?P<tag>{_TAG}))?(?:@(?P<digest>sha256:[0-9a-f]{{64}}))?")
LONGEST = 255


def _check_name(value: str) -> str:
    if not value:
        return value
    if re.match(r"https?://", value):
        raise ValueError(f"must be the name of an image, without {value.partition('//')[0]}//")
    found = _REFERENCE.fullmatch(value)
    if not found or len(value) > LONGEST:
        raise ValueError("must be the name of an image in lower-case letters, such as registry.example.com/team/blog")
    if found["tag"] or found["digest"]:
        raise ValueError(f"must have no tag and no digest: {found['name']}. `fab image.push` tags images with their commit")
    return value


ImageName = Annotated[Text, AfterValidator(_check_name)]


class ImageReference(Value):
    """An image in a registry. name: without digest. server: that of the registry, as its login is named."""

    name: str
    digest: str
    server: str

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Return the image that `--image` names. Raises UsageError if it is no reference, or has no digest."""
        found = _REFERENCE.fullmatch(text)
        if not found or len(found["name"]) > LONGEST:
            raise UsageError(
                f"--image: {text!r} is not the name of an image.",
                "Give the name and the digest: `--image registry.example.com/team/blog@sha256:…`.",
            )
        if not found["digest"]:
            tagged = quote(text) if found["tag"] else f"{quote(text)}:TAG"
            raise UsageError(
                f"--image: {text} has no digest. A tag may name another image tomorrow, a digest never does.",
                f"`docker pull {tagged}` shows the digest, and `fab image.push` that of the image that it pushes. Then give both: "
                f"`--image {found['name']}@sha256:…`.",
            )
        return cls(found["name"], found["digest"], server_of(found["name"]))

    def __str__(self) -> str:
        return f"{self.name}@{self.digest}"


def server_of(name: str) -> str:
    """Return the registry's server in the name of an image, as its login is named."""
    found = _REFERENCE.fullmatch(name)
    server = (found["server"] if found else "") or HUB
    return HUB_LOGIN if server in (HUB, "index.docker.io", "registry-1.docker.io") else server
