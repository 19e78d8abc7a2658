"""The program on a server that sends a message to each address."""

from __future__ import annotations

import io
import json
import sys

import pytest

from selvedge.shell.server.messages import sending
from tests.support.webhook import webhook


def test_words_have_no_part_of_the_address() -> None:
    url = "json://me:p%24ssword@hooks.a.test:8080/t0ken-1?x=y"
    assert sending.without("cannot reach hooks.a.test", url) == "cannot reach •••"
    for words in ("bad p$ssword", "bad p%24ssword", "path /t0ken-1", "at http://x/"):
        assert sending.without(words, url) == ""


def test_the_others_get_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sending, "PAUSES", (0, 0))
    with webhook(503) as (wrong, refused), webhook() as (right, got):
        urls = [f"json://{wrong}/t0ken-x", "nosuch://t0ken-y", f"json://{right}/t0ken-z"]
        message = {"title": "a title", "body": "text", "kind": "failure", "urls": urls}
        monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(message)))
        assert sending.send() == 0
    said = capsys.readouterr().out.splitlines()
    assert (len(refused), len(got)) == (2, 1)
    assert said[0] == "sent to 1 of 3 addresses: a title" and "t0ken" not in "".join(said)
    assert said[1].startswith("not sent to the first of 3 addresses: ") and "503" in said[1]
    assert said[2] == "not sent to the second of 3 addresses: apprise on the server does not know this address"
