"""`fab drain`: which hosts it takes, and how `status` shows a balancer and its backends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

import fabfile
from selvedge.config.target import Target
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations import remove
from selvedge.operations.drain import drain, undrain
from selvedge.operations.support.balancer_checks import check_balancer, requests_of
from selvedge.operations.support.host_status import HostStatus, status_query
from selvedge.release.drained import drain_step
from selvedge.resources.nginx.drained import NoBackend
from tests.support.declared import BACKEND
from tests.support.steps import BALANCER


def run(app: Target, *names: str, members: tuple[str, ...] = ("web-1", "web-2")) -> Any:
    sessions = [SimpleNamespace(name=name, target=app) for name in names]
    settings = SimpleNamespace(balancer=SimpleNamespace(members=lambda _: list(members)), groups={})
    chained: list[str] = []
    chain = lambda steps, _flags: chained.extend(step.name for step in steps)  # noqa: E731
    fleet = SimpleNamespace(sessions=sessions, balancers=[])
    return SimpleNamespace(fleet=fleet, settings=settings, chain=chain, chained=chained)


def test_one_backend_must_be_left(target: Callable[..., Target]) -> None:
    app = target(**BACKEND)
    one = run(app, "web-1")
    drain(one, {})
    assert one.chained == ["drain"]
    with pytest.raises(UsageError, match=r"^No backend would be left: web-1, web-2 are all that there are\."):
        drain(run(app, "web-1", "web-2"), {})
    both = run(app, "web-1", "web-2")
    undrain(both, {})
    assert both.chained == ["undrain"]


def test_the_last_backend_that_answers_is_not_drained(target: Callable[..., Target]) -> None:
    """`fab -H web-1 drain`, then `fab -H web-2 drain`: the balancer is asked, which is not in the command line."""
    lb = SimpleNamespace(name="lb", target=target(**BALANCER), read=lambda _: ["backend web-1 0\nbackend web-2 200\n"])
    one = run(target(**BACKEND), "web-2")
    one.fleet.balancers, one.fleet.session_of = ["lb"], {"lb": lb}.get
    with pytest.raises(SelvedgeError, match=r"^No backend would be left: web-1 does not answer the balancer lb\.") as refused:
        drain(one, {})
    assert "`fab -H web-1 undrain`" in refused.value.remedy and one.chained == []
    drain(one, {"script": True})
    assert one.chained == ["drain"]


def test_only_a_backend_can_be_drained(target: Callable[..., Target]) -> None:
    for command, app in ((drain, target()), (drain, target(**BALANCER)), (undrain, target(**BALANCER))):
        with pytest.raises(UsageError, match=r"^web-1 is not a backend of a balancer\."):
            command(run(app, "web-1"), {})


def test_the_drain_of_a_former_backend_can_be_ended(target: Callable[..., Target]) -> None:
    """It was deleted from the group while it was drained. The next deploy would remove all that it has of a backend."""
    former = run(target(), "web-1")
    undrain(former, {})
    assert former.chained == ["undrain"]
    [resource] = drain_step(drained=False).resources(target())
    change = resource.plan("state drained\n")
    assert change and change.shell.startswith("backend_undrain selvedge-drained.") and resource.plan("state \n") is None


def test_an_app_is_removed_with_what_a_backend_has(target: Callable[..., Target], monkeypatch: pytest.MonkeyPatch) -> None:
    """For a former backend, too: else its rules stay until a reboot, and the link of a unit for good."""
    monkeypatch.setattr(remove, "owned_paths", lambda *_: ())
    steps: list[Any] = []
    for app in (target(), target(**BACKEND)):
        fabfile.namespace["remove"].body(SimpleNamespace(chain=lambda found, _: steps.extend(found)), yes=True)
        assert [each for each in steps.pop().resources(app) if isinstance(each, NoBackend)] == [NoBackend.of(app)]


def findings(app: Target, fact: str) -> Mapping[str, str]:
    return {f"{each.level} {each.subject}": each.text for each in check_balancer(app, HostStatus.parse(fact))}


def test_a_balancer_shows_its_backends(target: Callable[..., Target]) -> None:
    app = target(**BALANCER)
    assert findings(app, "backend web-1 200\nbackend web-2 500\n") == {
        "ok backend": "web-1 (10.0.0.2:80) answers 200", "problem backend": "web-2 ([fd00::3]:80) answers 500",
    }  # fmt: skip
    silent = findings(app, "backend web-1 200\nbackend web-2 0\n")["warning backend"]
    assert silent.startswith("web-2 ([fd00::3]:80) does not answer")
    assert findings(app, "backend web-1 0\nbackend web-2 0\n")["problem backends"].startswith("none answers")
    assert "backend_seen '' web-1 10.0.0.2:80 web-2 '[fd00::3]:80'" in status_query(app)


def test_a_balancer_without_its_site_is_not_healthy(target: Callable[..., Target]) -> None:
    """The backends may answer although nginx has no site for them, or does not run."""
    app = target(**BALANCER)
    answers = "backend web-1 200\nbackend web-2 200\n"
    assert findings(app, f"balancer no\n{answers}") == {"problem balancer": "the balancer is not set up"}
    assert requests_of(app, HostStatus.parse(f"balancer no\n{answers}")) == "to 0 of 2"
    assert findings(app, f"balancer yes 0\n{answers}")["problem balancer"].endswith("nginx does not answer")
    for code in (200, 503):
        assert "problem balancer" not in findings(app, f"balancer yes {code} 1234\n{answers}")
    assert "status_balancer" in status_query(app)
    assert "status_balancer" not in status_query(target(**BACKEND))


def test_the_last_table_says_who_gets_requests(target: Callable[..., Target]) -> None:
    seen = [
        requests_of(app, HostStatus.parse(fact))
        for app, fact in (
            (target(**BALANCER), "backend web-1 200\nbackend web-2 0\n"),
            (target(**BACKEND), "drained drained\n"),
            (target(**BACKEND), "drained \ndrained-with shop\n"),
            (target(**BACKEND), "drained \n"),
            (target(), ""),
        )
    ]
    assert seen == ["to 1 of 2", "drained", "drained", "from the balancer", ""]


def test_a_drained_backend_says_so(target: Callable[..., Target]) -> None:
    app = target(**BACKEND)
    assert findings(app, "drained drained\n") == {"warning drained": "refuses new requests of the balancers"}
    assert findings(app, "drained \ndrained-with shop \n") == {
        "warning drained": "refuses new requests of the balancers, because shop is drained, on the same port"
    }
    assert "a run that had drained it is not finished" in findings(app, "drained drained run\n")["warning drained"]
    assert findings(app, "drained half\n") == {"warning drained": "a drain was interrupted"}
    assert findings(app, "drained \n") == {}
    assert "backend_state selvedge-drained.hello.service" in status_query(app)
    assert "backend_" not in status_query(target())
