"""Commands that would run the app stop, with nothing changed, if a restore has replaced only a part of its data."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.errors import SelvedgeError
from selvedge.operations.env_set import env_set
from selvedge.operations.restart_process import restart_process
from selvedge.operations.rollback import restart, roll_back
from selvedge.operations.stop_start import start
from selvedge.run import Run
from selvedge.task import Step
from tests.hosts.scripts.operations.fakes import Fake, instance, live
from tests.support.releases import NEW, OLD

COMMANDS: dict[str, Callable[[Run], None]] = {
    "rollback": lambda run: roll_back(run, "", keep=True, downgrade=True, flags={"dry_run": True}),
    "restart": lambda run: restart(run, {"dry_run": True}),
    "restart --process": lambda run: restart_process(run, "worker", {}),
    "start": lambda run: start(run, {}),
    "env --set": lambda run: env_set(run, "A", Step(lambda _app: iter(()), name="deploy")),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_they_stop(fake: Callable[..., Fake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    worker = {"worker": {"command": "true"}}
    found = fake("one", backup={"to": "/var/backups/apps"}, env_file=str(tmp_path / "new.env"), processes=worker)
    server = found.servers["one"]
    instance(server, OLD, "good")
    instance(server, NEW, "good")
    live(server, NEW)
    server.path("/srv/hello/backup/state").mkdir(parents=True)
    server.path("/srv/hello/backup/state/half-restored").touch()
    server.path("/run/selvedge").mkdir()
    before = server.tree("/srv")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"value")))
    with pytest.raises(SelvedgeError, match="one: a restore was interrupted, and has replaced only a part") as error:
        COMMANDS[command](found.run)
    assert "Run the same `fab -H one restore --live` again." in error.value.remedy
    assert server.tree("/srv") == before and not (tmp_path / "new.env").exists()
