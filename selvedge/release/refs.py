"""The branch, tag or SHA, and the image, that a command line or an option names.

Apart from `commits`, which loads ten times as much.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from selvedge.config.image_names import ImageReference
from selvedge.config.target import Target
from selvedge.config.types import GitRef
from selvedge.errors import UsageError


def requested_ref(options: Mapping[str, Any]) -> str:
    """Return the branch, tag or SHA of --branch or --commit, "" without them. Raises UsageError if git does not allow the name."""
    branch, commit = str(options.get("branch") or ""), str(options.get("commit") or "")
    if branch and commit:
        raise UsageError("--branch and --commit cannot be used together.", "Use only one of them.")
    if not branch and not commit:
        return ""
    try:
        return str(TypeAdapter(GitRef).validate_python(branch or commit))
    except ValidationError as error:
        flag = "--branch" if branch else "--commit"
        kind = "branch" if branch else "tag, SHA or branch"
        remedy = "Use a branch of the repository." if branch else "Use a SHA or a tag of the repository."
        raise UsageError(f"{flag}: {branch or commit!r} is not a valid name of a {kind}.", remedy) from error


def ref_of(host: str, options: Mapping[str, Any]) -> str:
    """Return the ref to release on a host: that of the command line, else that of the host in the option "refs", else "".

    Raises UsageError as `requested_ref` does.
    """
    return requested_ref(options) or str(options.get("refs", {}).get(host, ""))


def requested_image(app: Target, options: Mapping[str, Any]) -> str:
    """Return the image of --image with its digest, "" without it. Raises UsageError if the app cannot run it."""
    given = str(options.get("image") or "")
    if not given:
        return ""
    image = str(ImageReference.parse(given))
    if why := without_images(app):
        raise UsageError(f"--image: {why}", 'Set `manager = "docker"` in [app].')
    return image


def without_images(app: Target) -> str:
    """Return a sentence if the app runs in no containers on the host, "" if it does."""
    return "" if app.manager == "docker" else f"{app.host.name} runs no images: app.manager is {app.manager}."
