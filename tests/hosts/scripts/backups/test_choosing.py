"""Which backup is the newest, and whose it is: after the loss of a server, and on servers in other time zones."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.hosts.scripts.backups.machine import Machine

OLD, NEW = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"


def on(machine: Machine, installation: str) -> None:
    """Make it another installation of the server: the files of the app are lost, and the repository is not."""
    machine.server.path("/etc/machine-id").write_text(f"{installation}\n")


def chosen(machine: Machine) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(machine.must("choose"))
    return found


@pytest.fixture
def listed(machine: Machine) -> Callable[..., None]:
    """Have restic list these backups: listed({"why": "manual", "time": "…"}, …), with ids of the digits 1, 2, …"""

    def make(*backups: dict[str, str]) -> None:
        snapshots = []
        for number, about in enumerate(backups, 1):
            found = {"why": "manual", "bytes": "1000", "machine": "a", **about}
            at = found.pop("time", f"2026-01-31T12:00:0{number}.123456789Z")
            tagged = [f"{name}:{value}" for name, value in found.items()]
            snapshots.append({"id": str(number) * 64, "time": at, "tags": tagged})
        machine.server.path("/root/snapshots").write_text(json.dumps(snapshots))
        machine.server.program("restic", 'case $* in snapshots*) echo "$TZ" >/root/zone; exec cat /root/snapshots ;; esac')

    return make


def test_the_newest_one_is_that_of_the_latest_moment(machine: Machine, listed: Callable[..., None]) -> None:
    """Each server has written its own time zone, and in the night of an hour more, the text of the later time is smaller."""
    times = ("2026-10-25T02:30:00.5+02:00", "2026-10-25T02:10:00.123456789+01:00", "2026-10-24T23:00:00Z")
    listed(*({"time": each} for each in times))
    assert [each["id"][0] for each in json.loads(machine.must("list"))] == ["3", "1", "2"]
    assert chosen(machine)["id"][0] == "2"
    assert machine.server.path("/root/zone").read_text() == "UTC\n"


@pytest.mark.parametrize(("backups", "doubt"), [
    ([{}, {}], ""),
    ([{"bytes": "3999"}, {}], ""),
    ([{"bytes": "4001"}, {}], "far smaller than an earlier one, 11111111 (2026-01-31 12:00:01 UTC, by fab backup, 4.0 kB)"),
    ([{"bytes": "4001"}, {}, {}], "far smaller than an earlier one, 11111111"),
    ([{"machine": "b"}, {}], "but another installation of the server took 11111111"),
    ([{"machine": "b"}, {}, {"why": "scheduled"}], "but another installation of the server took 11111111"),
    ([{"machine": "b"}, {"why": "restore"}, {}], ""),
    ([{"machine": "b"}, {"why": "restore"}], ""),
], ids=str)  # fmt: skip
def test_a_newest_one_that_may_lack_data(machine: Machine, listed: Callable[..., None], backups: Any, doubt: str) -> None:
    listed(*backups)
    found = chosen(machine)["doubt"]
    assert doubt in found and bool(doubt) == bool(found)
    status, output = machine.run("restore", "", "", "live")
    assert ("So nothing was restored." in output) is bool(doubt), output
    if doubt:
        assert status == 1 and "@ remedy Name the backup that you want: for the newest one, `--snapshot " in output


class TestAfterTheLoss:
    @pytest.fixture(autouse=True)
    def _lost(self, machine: Machine) -> None:
        on(machine, OLD)
        machine.write("photo", "old")
        machine.must("take", "scheduled")
        on(machine, NEW)
        (machine.data / "photo").unlink()

    @pytest.mark.parametrize("why", ["scheduled", "migration"])
    def test_a_new_server_without_its_data_takes_no_backup_by_itself(self, machine: Machine, why: str) -> None:
        status, output = machine.run("take", why)
        assert status == 1 and " is of another installation of the server, so no backup was taken.\n" in output
        assert "another installation" in (machine.folder / "state/failed").read_text()
        assert "this is the backup" in machine.must("restore", "", "", "live")
        machine.must("swap")
        assert (machine.data / "photo").read_text() == "old"
        machine.must("take", why)
        on(machine, OLD)
        assert machine.run("take", why)[0] == 1, "the old server still runs"

    def test_a_user_may_say_that_its_data_is_right(self, machine: Machine) -> None:
        machine.write("photo", "new")
        machine.must("take", "manual")
        machine.must("take", "scheduled")
        status, output = machine.run("restore", "", "", "live")
        assert status == 1 and "another installation of the server took" in output
        newest = chosen(machine)["id"]
        machine.must("restore", newest, "", "live")
        assert (machine.restored / "photo").read_text() == "new"

    def test_the_id_of_the_server_is_not_in_the_repository(self, machine: Machine) -> None:
        assert OLD not in machine.restic("snapshots", "--json") and '"machine:' in machine.restic("snapshots", "--json")


def test_a_restore_names_its_backup(machine: Machine) -> None:
    machine.write("photo", "old")
    machine.must("take", "manual")
    about = chosen(machine)
    at = about["time"][:19].replace("T", " ")
    assert f"@ say this is the backup {about['id'][:8]} ({at} UTC, by fab backup, 3 bytes)\n" in machine.must("restore")
