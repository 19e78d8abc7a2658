"""`fab stop` and `fab start`: the plan; tests/hosts tries the changes on a real server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from selvedge.errors import SelvedgeError
from selvedge.operations.stop_start import start, stop
from selvedge.run import Run
from tests.hosts.scripts.operations.fakes import Fake, live
from tests.support.releases import OLD

Work = Callable[[Run, dict[str, bool]], None]


class TestStopAndStart:
    """`fab stop`, `fab start`: what is planned; the change itself is tested on a real server."""

    @pytest.mark.parametrize("work", [stop, start])
    def test_nothing_live_is_an_error_before_any_change(self, fake: Callable[..., Fake], work: Work) -> None:
        found = fake("one")
        with pytest.raises(SelvedgeError, match="one: nothing of hello is live there") as caught:
            work(found.run, {"dry_run": True})
        assert caught.value.status == 1
        assert found.text == ""

    def test_reading_asks_supervisor_nothing_that_changes_it(self, fake: Callable[..., Fake]) -> None:
        found = fake("one")
        server = found.servers["one"]
        live(server, OLD)
        server.path("/etc/supervisor/conf.d").mkdir(parents=True)
        server.path("/etc/supervisor/conf.d/hello.conf").write_text(f"[program:hello.{OLD}]\n")
        server.program("supervisorctl", 'echo "$*" >>/var/log/asked; echo RUNNING')
        before = server.tree("/srv"), server.tree("/etc")
        stop(found.run, {"dry_run": True})
        assert f"stop hello, release {OLD}" in found.text
        assert (server.tree("/srv"), server.tree("/etc")) == before
        assert server.path("/var/log/asked").read_text() == f"status hello.{OLD}\n"
