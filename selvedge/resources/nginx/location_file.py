"""The file with an app's locations."""

from __future__ import annotations

from dataclasses import replace

from selvedge.resources.base import Change
from selvedge.resources.files import File

CLOSED = "return 404; } # [metrics]"
"""The end of a line that closes the app's metrics (templates/nginx/locations.conf.j2)."""


class LocationFile(File):
    """The file with an app's locations. Its change says if visitors can reach the app's metrics from then on."""

    def plan(self, fact: str) -> Change | None:
        change = super().plan(fact)
        if not change or CLOSED not in fact or CLOSED in self.text:
            return change
        return replace(change, summary=f"{change.summary}, which opens the path of the app's metrics to visitors")
