"""Secrets travel beside the scripts, and are in no message."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from selvedge.config.target import Target
from selvedge.ssh.payload import open_payload
from tests.support.steps import CANARY, HOSTS, legible, planned, scripts, steps


@pytest.mark.parametrize("name", HOSTS)
def test_scripts_have_no_secret_and_no_placeholder(host: Callable[..., Target], name: str) -> None:
    for what, script in scripts(host(name)).items():
        assert CANARY not in script, what
        assert "{{" not in script.replace("${{", "") and "{%" not in script, what
        assert not re.search(r"\b(None|True|False)\b", legible(script)), what


def test_secrets_are_payloads(host: Callable[..., Target]) -> None:
    """Without them, the test above could not fail."""
    app = host("full")
    payloads = {
        step.name: b"".join(open_payload(payload).read() for payload in planned(step, app).payload()) for step in steps(app)
    }
    assert payloads["clone"] == f"https://me:{CANARY}@git.example.com\n".encode()
    assert f'TOKEN="{CANARY}"\n'.encode() in payloads["gunicorn"]


@pytest.mark.parametrize("name", HOSTS)
def test_summaries_and_diffs_have_no_secrets(host: Callable[..., Target], name: str) -> None:
    for step in steps(host(name)):
        for resource, change in planned(step, host(name)).changes:
            for text in (change.summary, change.diff, change.remedy, repr(resource), resource.identity()):
                assert CANARY not in text, (step.name, change.summary)
