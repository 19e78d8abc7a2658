"""An image of a registry, which the command line names by its digest (`fab deploy --image`)."""

from __future__ import annotations

from pathlib import Path

from selvedge.config.image_names import ImageReference
from selvedge.resources.base import Change
from selvedge.resources.code.image import AppImage
from selvedge.resources.code.registry_login import Login, login
from selvedge.shell import library

PULLER = (Path(library.__file__).parent / "server/registry_pull.py").read_text(encoding="utf-8")


class PulledImage(AppImage):
    """The image, pulled by the server."""

    @property
    def reference(self) -> ImageReference:
        """The image in the registry."""
        return ImageReference.parse(self.app.release.image)

    @property
    def request(self) -> str:
        return " ".join([self.app.release.image, *self.modules])

    def complete(self, fact: str) -> str:
        """Return "present", or "missing" after the login has been found. Raises ConfigError or SelvedgeError without it."""
        if fact.strip().partition(" ")[2] == self.request:
            return "present"
        self._login()
        return "missing"

    def plan(self, fact: str) -> Change | None:
        if fact == "present":
            return None
        # The login that `complete` has found. A fact may be printed, so it is not part of that.
        found = self._login()
        secret = found.as_json().encode() if found else b""
        shell = self.shell("registry_pull", size=len(secret), reference=str(self.reference), puller=PULLER)
        return Change(
            f"pull the image {self.reference}", shell, payload=secret,
            remedy="Correct the image, push it, and deploy it by its new digest. The live release keeps serving.",
        )  # fmt: skip

    def _login(self) -> Login | None:
        return login(self.app, self.reference.server)
