"""The program on a server that sends a message to each address."""

from __future__ import annotations

import io
import json
import re
import sys

import apprise
import pytest

from selvedge.shell.server.messages import sending
from selvedge.shell.server.messages.text import TITLE
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


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("pover://u{30}@t{30}", 2), ("pover://u{30}@t{30}?overflow=upstream", 1), ("pover://u{30}@t{30}?x=y&Overflow=truncate", 1),
        ("discord://1234567890/t{60}", 1), ("tgram://123456789:a{35}/12315544/", 1), ("json://a.test/x", 1),
    ],
)  # fmt: skip
def test_what_is_too_long_for_a_service_goes_in_parts(monkeypatch: pytest.MonkeyPatch, url: str, parts: int) -> None:
    address = re.sub(r"(\w)\{(\d+)\}", lambda found: found[1] * int(found[2]), url)
    service = apprise.Apprise.instantiate(address)
    sent: list[str] = []
    monkeypatch.setattr(service, "send", lambda body, **_: sent.append(body) or True)
    body = "\n".join(["z" * 99] * 17)
    assert sending.attempt(service, "t" * TITLE, body, "failure", address) is None
    assert len(sent) == parts and (parts == 1 or "".join(sent).count("z") == body.count("z"))
    assert all(len(each) <= service.body_maxlen for each in sent) or "upstream" in url
