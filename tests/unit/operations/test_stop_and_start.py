"""`fab stop` and `fab start`: from a fact to a change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from selvedge.config.target import Target
from selvedge.errors import SelvedgeError
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

    def test_after_a_restore(self, target: Callable[..., Target]) -> None:
        """It has stopped the app. The start ends that state, also if someone has started the app by another program."""
        app, up = target(), f"live {OLD}\ncurrent x\nknown yes\nalive yes\nlistening yes\npaused yes\n"
        change = Running(app, True).plan(up)
        assert change and "restoring_forget" in change.shell and "process_start" not in change.shell
        change = Running(app, True).plan(f"live {OLD}\npaused yes\n")
        assert change and change.shell.index("process_start") < change.shell.index("restoring_forget")

    def test_half_restored_data(self, target: Callable[..., Target]) -> None:
        app, fact = target(), f"live {OLD}\nhalf yes\n"
        with pytest.raises(SelvedgeError, match="has replaced only a part of the live data") as error:
            Running(app, True).plan(fact)
        assert "restore --live` again. If you have repaired the data yourself: `sudo rm /srv/hello/backup/" in error.value.remedy
        assert Running(app, False).plan(fact) is None
