"""The command that a refused release names."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from selvedge.config.target import Release, Target
from selvedge.release.commits import apply_options
from selvedge.release.live import Live
from tests.support.releases import NEW


def test_the_release_of_a_run_knows_all_hosts_of_the_run(target: Callable[..., Target]) -> None:
    """A deploy of one backend alone would make the servers differ."""
    sessions: list[Any] = [SimpleNamespace(name=name, app=target(), release=Release()) for name in ("lb", "web-1", "web-2")]
    apply_options(sessions, {})
    assert {each.release.hosts for each in sessions} == {"lb,web-1,web-2"}


def test_the_remedy_of_a_refused_release_names_them(target: Callable[..., Target]) -> None:
    app = target().releasing(Release(commit="b" * 40, hosts="lb,web-1,web-2"))
    change = Live(app, NEW, forced=True)._change("live")
    assert change.remedy.endswith("Then run `fab -H lb,web-1,web-2 deploy` again.")
