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
    @pytest.mark.parametrize("work", [stop, start])
    def test_without_a_live_release_nothing_changes(self, fake: Callable[..., Fake], work: Work) -> None:
        found = fake("one")
        with pytest.raises(SelvedgeError, match="one: hello has no live release") as caught:
            work(found.run, {"dry_run": True})
        assert caught.value.status == 1
        assert found.text == ""

    def test_the_reading_only_asks_supervisor_for_its_status(self, fake: Callable[..., Fake]) -> None:
        found = fake("one")
        server = found.servers["one"]
        live(server, OLD)
        server.path("/etc/supervisor/conf.d").mkdir(parents=True)
        server.path("/etc/supervisor/conf.d/hello.conf").write_text(f"[program:hello.{OLD}]\n")
        server.program("supervisorctl", 'echo "$*" >>/var/log/asked; echo RUNNING')
        before = server.tree("/srv"), server.tree("/etc")
        stop(found.run, {"dry_run": True})
        assert f"stop the release {OLD} of hello" in found.text
        assert (server.tree("/srv"), server.tree("/etc")) == before
        assert server.path("/var/log/asked").read_text() == f"status hello.{OLD}\n"

    @pytest.mark.parametrize(("work", "name", "state"), [(start, "start", "running"), (stop, "stop", "stopped")])
    def test_an_app_in_that_state_is_left_alone_and_it_is_said(
        self, fake: Callable[..., Fake], work: Work, name: str, state: str
    ) -> None:
        found = fake("one")
        server = found.servers["one"]
        live(server, OLD)
        if state == "running":
            server.path("/etc/supervisor/conf.d").mkdir(parents=True)
            server.path("/etc/supervisor/conf.d/hello.conf").write_text(f"[program:hello.{OLD}]\n")
            server.program("supervisorctl", "echo RUNNING")
            server.program("ss", f"echo 'u_str LISTEN 0 2048 /run/hello/{OLD}.sock 1 * 0'")
        work(found.run, {})
        said, last = found.text.splitlines()
        assert said.endswith(f"nothing to change; hello is already {state} (release {OLD})")
        assert last == f"{name}: nothing to change on one."

    @pytest.mark.parametrize("names", [("one",), ("one", "two")])
    def test_a_missing_env_file_does_not_matter(self, fake: Callable[..., Fake], names: tuple[str, ...]) -> None:
        found = fake(*names, env_file="/nowhere.env", migrate="alembic upgrade head")
        for name in names:
            live(found.servers[name], OLD)
            found.servers[name].path("/run/hello").mkdir(parents=True)
        stop(found.run, {"dry_run": True})
        assert found.text.endswith("Dry run: nothing was changed.\n")
