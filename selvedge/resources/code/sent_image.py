"""The image of a commit, built on this machine and sent to the server: only the layers that the server lacks."""

from __future__ import annotations

from pathlib import Path

from selvedge.resources.base import Change
from selvedge.resources.code import local_build
from selvedge.resources.code.image import DOCKERFILE, AppImage
from selvedge.resources.code.image_archive import archive, known_layers
from selvedge.shell.library import call
from selvedge.ssh.payload import readable


class SentImage(AppImage):
    """The image, built on this machine."""

    def probe(self) -> str:
        return call("imagesend_fact", image=self.image, mark_path=self.path, request=self.request)

    def complete(self, fact: str) -> str:
        """Return the fact together with what this machine has.

        The server has it: "present". The server has no engine yet: "unknown". This machine must build it first: "unbuilt PLATFORM".
        Else "archive BYTES KNOWN TAG FILE". KNOWN: the number of layers that the archive lacks. Raises SelvedgeError.
        """
        first, _, rest = fact.strip().partition("\n")
        if first == "present":
            return first
        if not first.startswith("lacks "):
            return "unknown"
        _, platform, store = first.split(" ")
        image = local_build.built(self, platform)
        if image is None:
            return f"unbuilt {platform}"
        known = 0 if store == "whole" else known_layers(image.layers, [line.split() for line in rest.splitlines()])
        tag = local_build.local_tag(self, platform)
        path = archive(tag, image.id, known)
        return f"archive {path.stat().st_size} {known} {tag} {path}"

    def plan(self, fact: str) -> Change | None:
        if fact == "present":
            return None
        kind, _, rest = fact.partition(" ")
        remedy = f"Correct {DOCKERFILE}, commit, and run the same command again. The live release keeps serving."
        if kind == "archive":
            size, known, tag, path = rest.split(" ", 3)
            shell = self.shell("imagesend_receive", size=int(size), tag=tag, known=int(known))
            return Change(f"send the image {self.image} ({readable(int(size))})", shell, payload=Path(path), remedy=remedy)
        summary = f"build the image {self.tag} on your machine, and send it"
        if kind == "unknown":
            return Change.refused(summary, "Docker does not run on the server.", remedy="Run `fab install` first.")
        app, platform = self.app, rest
        return Change(
            f"build the image {self.tag} on your machine, for {platform}", ":", remedy=remedy,
            local_work=lambda on_line, on_note: local_build.build(app, platform, on_line, on_note),
        )  # fmt: skip
