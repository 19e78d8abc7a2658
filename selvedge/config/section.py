"""The base of the tables of hosts.toml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of hosts.toml: no unknown keys, no change after loading."""

    # defer_build: pydantic builds the validator once, as part of Settings, and not also for the table alone.
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False, defer_build=True)
