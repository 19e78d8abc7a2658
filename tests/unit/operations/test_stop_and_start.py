"""`fab stop` and `fab start`: from a fact to a change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from selvedge.config.target import Target
from selvedge.operations.stop_start import Running
from tests.support.releases import OLD


class TestStopAndStart:
    @pytest.mark.parametrize(
        ("facts", "stop", "start"),
        [
            (("known", "alive", "listening"), f"stop the release {OLD} of hello", None),
            ((), None, f"start the release {OLD} of hello"),
            (("known",), f"stop the release {OLD} of hello", f"start the release {OLD} of hello"),
            (("known", "alive"), f"stop the release {OLD} of hello", f"start the release {OLD} of hello"),
            (("known", "listening"), f"stop the release {OLD} of hello", f"start the release {OLD} of hello"),
            (("listening",), f"stop the release {OLD} of hello", f"start the release {OLD} of hello"),
        ],
    )
    def test_stop_and_start(
        self, target: Callable[..., Target], facts: Sequence[str], stop: str | None, start: str | None
    ) -> None:
        fact = f"live {OLD}\ncurrent x\n" + "".join(f"{each} yes\n" for each in facts)
        changes = [Running(target(), running=running).plan(fact) for running in (False, True)]
        assert [change and change.summary for change in changes] == [stop, start]
