"""The settings of `[nginx]` for what it adds to the app's responses, and how many requests it lets through."""

from __future__ import annotations

import math
from typing import Self

from pydantic import Field, model_validator

from selvedge.config.nginx_types import CacheTime, Csp, HeaderName, HeaderValue, RateLimit
from selvedge.config.section import Section
from selvedge.config.types import Switch


class Delivery(Section):
    """How nginx delivers the app's responses."""

    gzip: Switch = Field(
        True,
        description="Compress text in responses. For a file in `static`, nginx sends the compressed copy beside it, "
        "named with `.gz`, if there is one.",
        examples=[False],
    )
    brotli: Switch = Field(
        False,
        description="Compress text with Brotli for clients that accept it, by the distribution's module for nginx. For a file in "
        "`static`, nginx sends the copy named with `.br`, if there is one.",
        examples=[True],
    )
    security_headers: Switch = Field(
        True,
        description="Add the headers X-Content-Type-Options, X-Frame-Options, Referrer-Policy, Permissions-Policy and "
        "Cross-Origin-Opener-Policy to responses that lack them.",
        examples=[False],
    )
    csp: Csp = Field(
        "",
        description="The Content-Security-Policy of responses for which the app sends none. Keywords such as `'self'` need single "
        "quotes.",
        examples=["default-src 'self'; frame-ancestors 'none'"],
    )
    headers: dict[HeaderName, HeaderValue] = Field(
        default_factory=dict,
        description="Headers for all responses: name = value. They replace those of the app and of nginx with that name; an empty "
        "value only removes these.",
        examples=[{"Cross-Origin-Resource-Policy": "same-site", "X-Powered-By": ""}],
    )
    rate_limit: RateLimit = Field(
        "",
        description="How many requests an address may make to the app: `10r/s` or `60r/m`. Twice as many may come at once; further "
        "ones get 429 with Retry-After. Files that nginx serves do not count.",
        examples=["10r/s"],
    )

    cache: CacheTime = Field(
        "",
        description="How long nginx keeps a response to GET or HEAD and answers others with it: `1s`, `5m`, `1h`. The app's own "
        "Cache-Control comes first. Requests with a cookie or a login, and responses that set a cookie, are never kept.",
        examples=["1s"],
    )

    @model_validator(mode="after")
    def _check_policy(self) -> Self:
        names = [name.lower() for name in self.headers]
        if self.csp and "content-security-policy" in names:
            raise ValueError("csp and headers both set Content-Security-Policy: delete one of them")
        if self.cache and "x-cache" in names:
            raise ValueError("cache and headers both set X-Cache: delete one of them")
        twice = next((name for name in names if names.count(name) > 1), "")
        if twice:
            raise ValueError(f"headers has {twice} twice, in different case: delete one of them")
        return self

    def sets(self, name: str) -> bool:
        """Return whether `headers` has a header, in any case."""
        return name.lower() in (each.lower() for each in self.headers)

    @property
    def rate_burst(self) -> int:
        """How many requests may come at once."""
        return 2 * int(self.rate_limit.partition("r")[0]) if self.rate_limit else 0

    @property
    def rate_pause(self) -> int:
        """The seconds after which an address over the limit may send one more request."""
        number, _, unit = self.rate_limit.partition("r/")
        return math.ceil(60 / int(number)) if unit == "m" else 1
