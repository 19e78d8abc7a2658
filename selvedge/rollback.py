"""Which release a rollback goes back to."""

from __future__ import annotations

from collections.abc import Iterator

from selvedge.errors import SelvedgeError
from selvedge.resources.base import Resource
from selvedge.resources.live import Live, Record, Standing
from selvedge.settings import Target
from selvedge.step import Step


def choose(host: str, standing: Standing, to: str = "") -> Record:
    """The record to go back to: the good release that was live before, or the newest one whose id begins with `to`.

    Raises SelvedgeError where there is none: none was good, the id is unknown, ambiguous, bad, or already live.
    """
    if not standing.live:
        raise SelvedgeError(f"{host}: nothing is live there, so there is nothing to go back from.", f"fab -H {host} deploy")
    listing = f"`fab -H {host} releases` lists them."
    if to:
        named = [record for record in standing.records if record.id.startswith(to)]
        if not named:
            raise SelvedgeError(f"{host}: there is no release {to} on the server any more.", listing)
        good = [record for record in named if record.state in ("good", "left")]
        if not good:
            raise SelvedgeError(f"{host}: {named[-1].id} is {named[-1].state}: it never became live.", listing)
        if good[-1].id == standing.live:
            raise SelvedgeError(f"{host}: {good[-1].id} is the live release already.", listing)
        return good[-1]
    live = standing.record(standing.live)
    before = [
        record
        for record in standing.records
        if record.state == "good" and record.id != standing.live and (live is None or record.at <= live.at)
    ]
    if not before:
        raise SelvedgeError(f"{host}: there is no good release to go back to.", listing)
    return before[-1]


def step_to(chosen: dict[str, Record]) -> Step:
    """A step that makes the chosen release of each host (by name) live."""

    def rollback(app: Target) -> Iterator[Resource | Step]:
        yield Live(app, chosen[app.host.name].id, forced=True, why="rollback")

    return Step(rollback, phase="switch")
