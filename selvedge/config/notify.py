"""`[notify]`: messages about releases."""

from __future__ import annotations

from pydantic import Field

from selvedge.config.section import Section
from selvedge.config.types import Switch


class Notify(Section):
    """Messages about releases to chat rooms, phones and webhooks, by apprise.

    Their addresses are secrets: `SELVEDGE_NOTIFY__URLS`, from the environment or `.env`, with spaces between them.
    """

    only_failures: Switch = Field(
        False, description="Say only that a release or a rollback has failed, not that one is live.", examples=[True]
    )
