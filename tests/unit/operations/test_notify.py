"""`fab notify`: a test message from this machine, and what servers say of theirs."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from selvedge.config.target import Target
from selvedge.engine.session import Session
from selvedge.errors import ConfigError, SelvedgeError
from selvedge.operations.notify import notify
from selvedge.run import Run
from selvedge.ssh.connection import Result
from tests.support.runs import run_over
from tests.support.webhook import webhook

URLS = "SELVEDGE_NOTIFY__URLS"


@pytest.fixture
def run(target: Callable[..., Target], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Run, io.StringIO]]:
    """Return a function that makes a run over the host web-1 with these addresses; the server prints `said` after a message."""

    def make(urls: str, said: str | None = None) -> tuple[Run, io.StringIO]:
        screen = io.StringIO()
        app = target(passwords={URLS: urls}, notify={"from_servers": said is not None})
        found = run_over(app, {"web-1": None}, screen)

        def answer(session: Session, shell: str) -> Result:
            assert "messages_test" in shell and "app=hello" in shell and "json://" not in shell
            return Result(0, (said or "").replace("MARK", session.mark))

        monkeypatch.setattr(Session, "run", answer)
        return found, screen

    return make


def test_without_addresses_it_says_where_they_belong(run: Callable[..., tuple[Run, io.StringIO]]) -> None:
    with pytest.raises(ConfigError, match="the addresses of the messages are missing") as caught:
        notify(run(" ")[0])
    assert caught.value.key == URLS


def test_this_machine_sends_one(run: Callable[..., tuple[Run, io.StringIO]]) -> None:
    with webhook() as (address, got):
        found, screen = run(f"json://{address}/c4nary")
        notify(found)
    assert [each["title"] for each in got] == ["hello: a test"]
    lines = screen.getvalue().splitlines()
    assert lines[0] == "This machine: sent to 1 of 1 address." and lines[1].startswith("The servers send no messages: ")


def test_the_words_of_apprise_are_shown(run: Callable[..., tuple[Run, io.StringIO]], capsys: pytest.CaptureFixture[str]) -> None:
    with webhook(503) as (address, _), pytest.raises(SelvedgeError, match="from this machine did not arrive"):
        notify(run(f"json://{address}/c4nary", "sent to 1 of 1 address: x\n\nMARK 0\n")[0])
    said = capsys.readouterr().err
    assert "503" in said and "c4nary" not in said


@pytest.mark.parametrize(
    ("said", "error", "shown"),
    [
        ("sent to 1 of 1 address: \x1b[31mx\n\nMARK 0\n", "", "web-1: sent to 1 of 1 address: x\n"),
        ("not sent to the first: no route\n\nMARK 1\n", "did not arrive", "web-1: not sent to the first: no route\n"),
        ("MARK absent\n", "not set up on the server. Run `fab -H web-1 deploy` first", ""),
    ],
)
def test_each_server_sends_one(run: Callable[..., tuple[Run, io.StringIO]], said: str, error: str, shown: str) -> None:
    with webhook() as (address, _):
        found, screen = run(f"json://{address}/x", said)
        if error:
            with pytest.raises(SelvedgeError, match=error):
                notify(found)
        else:
            notify(found)
    assert screen.getvalue() == f"This machine: sent to 1 of 1 address.\n{shown}"


def test_a_server_that_need_not_run_the_app_is_set_up_by_setup(run: Callable[..., tuple[Run, io.StringIO]]) -> None:
    with webhook() as (address, _):
        found, _screen = run(f"json://{address}/x", "MARK absent\n")
        session = found.fleet.sessions[0]
        monitor = {"metrics": session.target.metrics.model_copy(update={"enabled": True, "server": "web-1"})}
        session.target = session.target.model_copy(update=monitor)
        with pytest.raises(SelvedgeError, match="Run `fab -H web-1 setup` first"):
            notify(found)
