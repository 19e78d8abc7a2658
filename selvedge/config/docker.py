"""`[docker]`: where the app's image comes from. The reference page shows the descriptions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from selvedge.config.image_names import ImageName
from selvedge.config.section import Section


class Docker(Section):
    """Where the image comes from that `app.manager = "docker"` runs. `fab deploy --image NAME@sha256:…` takes one from a registry.

    The login to the registry comes from the environment or `.env` (`SELVEDGE_DOCKER__USER`, `SELVEDGE_DOCKER__PASSWORD`), or from
    Docker's own configuration on your machine.
    """

    build: Literal["server", "here", "elsewhere"] = Field(
        "server",
        description="Who builds the image by the app's Dockerfile: the server; your machine, which sends the server the layers "
        "that it lacks; or someone else, such as a CI job: then each deploy names the image by `--image`.",
        examples=["here"],
    )
    registry: ImageName = Field(
        "",
        description="The name of the app's image in a registry, without a tag. `fab image.push` pushes to it.",
        examples=["registry.example.com/team/blog"],
    )
