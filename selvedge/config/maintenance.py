"""`[maintenance]`: the page of `fab maintenance --on`, and who still gets through."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field

from selvedge.config.section import Section
from selvedge.config.types import LocalPath, Text, Whole, network


def _admitted(value: str) -> str:
    found = network(value)
    if ipaddress.ip_network(found).prefixlen == 0:
        raise ValueError("must not be all addresses, because every visitor would then get through")
    return found


Admitted = Annotated[Text, AfterValidator(_admitted)]
LONGEST_RETRY = 7 * 86400
"""Seconds. Search engines forget pages that answer 503 for weeks."""


class Maintenance(Section):
    """The page that visitors see while the site is in maintenance (`fab maintenance --on`), and who still gets through.

    `fab maintenance --on` reads these settings. Repeat it to apply a changed one; a deploy changes nothing of it.
    """

    page: LocalPath = Field(
        "",
        description="An HTML file on your machine, in place of the usual page. It may not use other files of the site, which "
        "visitors do not get meanwhile. A balancer shows it also if no backend answers.",
        examples=["maintenance.html"],
    )
    allow: list[Admitted] = Field(
        default_factory=list,
        description="Addresses and networks that still reach the app, for example yours.",
        examples=[["203.0.113.5", "198.51.100.0/24"]],
    )
    retry_after: Whole = Field(
        300,
        ge=1,
        le=LONGEST_RETRY,
        description="Seconds after which clients and search engines may ask again: the header `Retry-After`.",
        examples=[600],
    )
