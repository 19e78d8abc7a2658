"""The mark of half restored data: it is there as long as PostgreSQL rejects other servers, however a restore ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selvedge.shell.server.backup import psql, settings, swapping
from selvedge.shell.server.backup.settings import Failed

ABOUT: dict[str, Any] = {"postgres": []}
REJECTS = Failed("PostgreSQL still rejects the other servers: it stops.", "Look.")


class Restore:
    """The steps of a restore. order: those that were done. fails: the error of a step."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mark = folder / "state/half-restored"
        self.order, self.fails = [""][1:], dict[str, BaseException]()
        monkeypatch.setattr(settings, "STATE", str(self.mark.parent))
        monkeypatch.setattr(swapping, "STATE", str(self.mark.parent))
        for name in ("REPLACED", "RESTORED"):
            monkeypatch.setattr(swapping, name, str(folder / name))
            (folder / name).mkdir()
        for name in ("close", "reopen", "replace_files"):
            monkeypatch.setattr(swapping, name, self.step(name))

    def step(self, name: str) -> Callable[..., None]:
        def done(*_: Any) -> None:
            self.order.append(f"{name} {'marked' if self.mark.exists() else 'unmarked'}")
            if name in self.fails:
                raise self.fails[name]

        return done

    def replace(self, earlier: bool = False) -> None:
        swapping.replace_all(None, None, ABOUT, [], "{}", earlier)


@pytest.fixture
def restore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Restore:
    return Restore(tmp_path, monkeypatch)


def test_the_mark_is_there_before_other_servers_are_rejected(restore: Restore) -> None:
    restore.replace()
    assert restore.order == ["close marked", "replace_files marked"]
    swapping.finish(None, ABOUT, [])
    assert restore.order[2:] == ["reopen marked"] and not restore.mark.exists()


@pytest.mark.parametrize("step", ["close", "replace_files"])
@pytest.mark.parametrize("error", [Failed("no"), SystemExit(1), OSError(5, "no", "x")], ids=["failure", "signal", "disk"])
def test_a_restore_that_fails_lets_them_in_again(restore: Restore, step: str, error: BaseException) -> None:
    restore.fails[step] = error
    with pytest.raises(Failed if isinstance(error, OSError) else type(error)):
        restore.replace()
    assert restore.order[-1] == "reopen marked" and not restore.mark.exists()


def test_a_full_disk_rejects_no_one(restore: Restore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Any) -> None:
        raise OSError(28, "No space left on device", str(restore.mark))

    monkeypatch.setattr(settings, "flush", full)
    with pytest.raises(Failed, match=r"^The files could not be replaced: No space left on device: .*half-restored\.$"):
        restore.replace()
    assert restore.order == ["reopen unmarked"]


@pytest.mark.parametrize(("said", "remedy"), [
    ('psql: error: connection to server on socket "/run/postgresql/.s.PGSQL.5432" failed: No such file or directory',
     "Start PostgreSQL on the server: `sudo systemctl start postgresql@15-main`."),
    ("psql: error: could not connect to server: Connection refused",
     "Start PostgreSQL on the server: `sudo systemctl start postgresql@15-main`."),
    ('psql: error: connection to server on socket "/x" failed: FATAL:  the database system is starting up',
     "Check it on the server: `sudo -u postgres psql -l`."),
])  # fmt: skip
def test_a_postgresql_that_does_not_run_is_started(monkeypatch: pytest.MonkeyPatch, said: str, remedy: str) -> None:
    monkeypatch.setattr(psql, "clusters", lambda: {"5432": "postgresql@15-main", "5433": "postgresql@17-main"})
    assert psql.psql_remedy(said) == remedy


def test_an_error_without_a_file_names_the_folder(restore: Restore) -> None:
    restore.fails["replace_files"] = OSError(28, "No space left on device")
    with pytest.raises(Failed, match=r": No space left on device: /.+\.$"):
        restore.replace()
    assert "None" not in str(settings.failure("swap", OSError(28, "No space left on device")))


def test_the_mark_stays_while_postgresql_rejects_them(restore: Restore, capsys: pytest.CaptureFixture[str]) -> None:
    restore.fails = {"reopen": REJECTS}
    restore.replace()
    with pytest.raises(Failed, match="still rejects the other servers"):
        swapping.finish(None, ABOUT, [])
    assert restore.mark.exists()
    restore.fails["replace_files"] = Failed("no")
    with pytest.raises(Failed, match=r"^no$"):
        restore.replace()
    assert restore.mark.exists() and f"{REJECTS} Look.\n" in capsys.readouterr().out


def test_a_restore_after_one_that_was_cut_leaves_its_mark(restore: Restore) -> None:
    restore.fails["close"] = Failed("no")
    with pytest.raises(Failed):
        restore.replace(earlier=True)
    assert restore.order == ["close marked"] and restore.mark.exists()


def test_the_mark_survives_a_power_cut(restore: Restore, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda handle: flushed.append(Path(f"/proc/self/fd/{handle}").readlink()))
    settings.write("half-restored", "{}")
    assert flushed == [restore.mark.parent / ".half-restored", restore.mark.parent]
