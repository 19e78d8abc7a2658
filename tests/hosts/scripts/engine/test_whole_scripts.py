"""Scripts with their libraries in them, as `--script` prints them, are valid shell."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from selvedge.config.target import Target
from selvedge.engine.plan import Plan
from selvedge.engine.script import step_script
from tasks.certbot import certbot
from tests.support.shellcheck import FAST, shellcheck
from tests.support.steps import scripts

# The short tests: scripts without their libraries, which `make lint` checks (tests/unit/shell/test_scripts.py), and those of a
# deploy (tests/hosts/release/test_deploy.py).
pytestmark = pytest.mark.thorough


def test_a_step_of_the_full_host(host: Callable[..., Target]) -> None:
    assert shellcheck(scripts(host("full"))["clone.apply"], FAST) == ""


def test_hostile_settings_of_certbot(target: Callable[..., Target]) -> None:
    tls = {"certbot": "pip", "email": "o'$x`x`@a.test"}
    resources = list(certbot.resources(target(domains=["a.test", "www.a.test"], tls=tls)))
    facts = ["there" if type(resource).__name__ in ("Needs", "Port") else "" for resource in resources]
    script = step_script(Plan.of(resources, facts), "@test", "hello")
    assert shellcheck(script, "--shell=dash", "--severity=warning", FAST) == ""
