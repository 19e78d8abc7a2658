"""`[notify]`: messages about releases, and from servers."""

from __future__ import annotations

from pydantic import Field

from selvedge.config.section import Section
from selvedge.config.types import Switch


class Notify(Section):
    """Messages to chat rooms, phones and webhooks, by apprise: about releases, and from servers.

    Their addresses are secrets: `SELVEDGE_NOTIFY__URLS`, from the environment or `.env`, with spaces between them.
    """

    only_failures: Switch = Field(
        False,
        description="Say only that something has failed, not that a release is live or that something works again.",
        examples=[True],
    )
    from_servers: Switch = Field(
        False,
        description="Servers send messages, too: of a failed timer or backup, of a certificate that is not renewed, and of alerts "
        "(`[metrics]`). They get apprise and the addresses, in a file that only root can read. Without it, nothing of that is on "
        "a server.",
        examples=[True],
    )
