"""What nginx adds to responses, and how many requests it lets through: the checks of these settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from selvedge.config.nginx import Nginx
from selvedge.config.target import Target
from selvedge.errors import UsageError


@pytest.mark.parametrize("settings", [
    {"headers": {"X-Robots-Tag": "noindex"}},
    {"headers": {"X-Powered-By": ""}},
    {"csp": "default-src 'self'; script-src 'self' 'sha256-abc='; report-uri /csp?a=b"},
    {"csp": "DEFAULT-SRC 'self' https://self.example.com none.example.com;; sandbox allow-scripts; upgrade-insecure-requests;"},
    {"csp": ""},
    {"rate_limit": "10r/s"},
    {"rate_limit": "60r/m"},
    {"cache": "1s"},
    {"cache": "10m"},
])  # fmt: skip
def test_accepted(settings: dict[str, Any]) -> None:
    Nginx.model_validate(settings)


@pytest.mark.parametrize(("settings", "said"), [
    ({"headers": {"X Y": "a"}}, "must be the name of a header"),
    ({"headers": {"X-Y;": "a"}}, "must be the name of a header"),
    ({"headers": {"": "a"}}, "must be the name of a header"),
    ({"headers": {"Set-Cookie": "a=b"}}, "must not be a header that nginx or the app needs"),
    ({"headers": {"strict-transport-security": "max-age=1"}}, "use [tls] hsts"),
    ({"headers": {"X-Release": "a"}}, "use app.release_header"),
    ({"headers": {"X-Accel-Redirect": "/etc"}}, "must not be a header that nginx or the app needs"),
    ({"headers": {"Sec-WebSocket-Accept": "a"}}, "must not be a header that nginx or the app needs"),
    ({"headers": {"X" * 47: "a"}}, "at most 46 letters"),
    ({"headers": {"X-Y": "a$host"}}, "without '$'"),
    ({"headers": {"X-Y": "a\nb"}}, "must be printable ASCII"),
    ({"headers": {"X-Y": "ü"}}, "must be printable ASCII"),
    ({"headers": {"X-Y": "\"" * 2001}}, "at most 4000 characters"),
    ({"headers": {"X-Y": " a"}}, "no space at its ends"),
    ({"csp": "a" * 4001}, "at most 4000 characters"),
    ({"csp": "default-src \"self\""}, "must not have double quotes"),
    ({"csp": "default-src self"}, "must have 'self' in single quotes"),
    ({"csp": "default-src 'self'; object-src none"}, "must have 'none' in single quotes"),
    ({"csp": "script-src 'self' sha256-abc="}, "must have 'sha256-abc=' in single quotes"),
    ({"csp": "Content-Security-Policy: default-src 'self'"}, "must name a directive such as default-src"),
    ({"csp": "default-src: 'self'"}, "not default-src:"),
    ({"csp": "'self'"}, "not 'self'"),
    ({"csp": "default-src 'self';\nimg-src *\n"}, "must have no line breaks"),
    ({"csp": "default-src 'self'; img-src a$host"}, "without '$'"),
    ({"csp": "default-src 'self'", "headers": {"content-security-policy": "x"}}, "csp and headers both set"),
    ({"headers": {"X-Y": "a", "x-y": "b"}}, "headers has x-y twice"),
    ({"rate_limit": "10"}, "such as 10r/s or 60r/m"),
    ({"rate_limit": "0r/s"}, "such as 10r/s or 60r/m"),
    ({"rate_limit": "10r/h"}, "such as 10r/s or 60r/m"),
    ({"rate_limit": "10r/s;"}, "such as 10r/s or 60r/m"),
    ({"cache": "1"}, "such as 1s, 5m or 1h"),
    ({"cache": "0s"}, "such as 1s, 5m or 1h"),
    ({"cache": "1s;"}, "such as 1s, 5m or 1h"),
    ({"cache": "1s", "headers": {"x-cache": "a"}}, "cache and headers both set X-Cache"),
])  # fmt: skip
def test_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as error:
        Nginx.model_validate(settings)
    assert said in str(error.value)


def test_behind_a_load_balancer_all_visitors_have_its_address(target: Callable[..., Target]) -> None:
    with pytest.raises(UsageError, match=r"name it in nginx\.trusted_proxies"):
        target(tls={"upstream": True}, nginx={"rate_limit": "10r/s"})
    target(tls={"upstream": True}, nginx={"rate_limit": "10r/s", "trusted_proxies": ["10.0.0.0/8"]})


def test_a_cache_needs_to_know_whose_response_it_is(target: Callable[..., Target]) -> None:
    with pytest.raises(UsageError, match=r"nginx\.cache needs app\.release_header"):
        target(nginx={"cache": "1s"}, release_header=False)
