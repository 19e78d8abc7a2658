"""`fab stop` and `fab start`: from a fact to a change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from selvedge.config.target import Target
from selvedge.operations.stop_start import Running
from tests.support.releases import OLD


class TestStopAndStart:
    """`fab stop`, `fab start`: what is planned; the change itself is tested on a real server."""

    @pytest.mark.parametrize(
        ("facts", "stop", "start"),
        [
            (("known", "alive", "listening"), f"stop hello, release {OLD}", None),
            ((), None, f"start hello, release {OLD}"),
            (("known",), f"stop hello, release {OLD}", f"start hello, release {OLD}"),
            (("known", "alive"), f"stop hello, release {OLD}", f"start hello, release {OLD}"),
            (("known", "listening"), f"stop hello, release {OLD}", f"start hello, release {OLD}"),
            (("listening",), f"stop hello, release {OLD}", f"start hello, release {OLD}"),
        ],
    )
    def test_plan(
        self, target: Callable[..., Target], facts: Sequence[str], stop: str | None, start: str | None
    ) -> None:
        fact = f"live {OLD}\ncurrent x\n" + "".join(f"{each} yes\n" for each in facts)
        changes = [Running(target(), running=running).plan(fact) for running in (False, True)]
        assert [change and change.summary for change in changes] == [stop, start]
