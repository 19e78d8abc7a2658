"""The releases of a server: their records, a killed run, disk space."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from selvedge.config.target import Target
from selvedge.release.live import Live
from selvedge.release.record import Record, Releases
from tests.hosts.scripts.release.managed import Managed
from tests.hosts.scripts.server import Server
from tests.support.libraries import functions
from tests.support.releases import NEW, NEWER, OLD


def test_the_state_of_the_releases_is_read_from_files(
    server: Server, managed: Managed, target: Callable[..., Target]
) -> None:
    text = "commit bbbb\nsubject a/record:state bad: 'x' 100 %\nauthor Zoë\nat 2026-01-02T00:00:00Z\nunknown word\n"
    server.path(f"/srv/hello/instances/{OLD}/record").write_text(text)
    server.path("/srv/hello/current").symlink_to(f"releases/{OLD[:12]}")
    managed.listens(OLD, NEW)
    found = Releases.parse(server.read(Live(target("a" * 40), OLD))[0])
    assert (found.live, found.listening, found.boots, found.running) == (OLD, True, True, (OLD, NEW))
    assert found.current == f"releases/{OLD[:12]}"
    assert found.record(NEW) == Record(NEW, "building")
    subject = "a/record:state bad: 'x' 100 %"
    assert found.record(OLD) == Record(OLD, "good", "bbbb", subject, "Zoë", "2026-01-02T00:00:00Z")


def test_a_server_without_releases_has_none(server: Server, target: Callable[..., Target]) -> None:
    server.program("ss", "exit 0")
    assert Releases.parse(server.read(Live(target("a" * 40), OLD))[0]) == Releases(boots=False)
    server.path("/srv/hello/instances").mkdir(parents=True)
    assert Releases.parse(server.read(Live(target("a" * 40), OLD))[0]) == Releases(boots=False)


@pytest.mark.parametrize(("deployed", "listening", "state", "old"), [
    (NEW, (OLD, NEW), "building", OLD),
    # Another commit is deployed now: the proved release is better than the unproved one.
    (NEWER, (OLD, NEW), "building", OLD),
    # After a boot the previous release does not run: the new one keeps serving.
    (NEW, (NEW,), "building", NEW),
    (NEW, (OLD, NEW), "good", NEW),
])  # fmt: skip
def test_a_run_that_was_killed_while_the_release_settled(
    managed: Managed, deployed: str, listening: tuple[str, ...], state: str, old: str
) -> None:
    base = managed.server.path("/srv/hello")
    (base / "live.sock").unlink()
    (base / "live.sock").symlink_to(f"/run/hello/{NEW}.sock")
    (base / "previous.sock").symlink_to(f"/run/hello/{OLD}.sock")
    (base / f"instances/{NEW}/state").write_text(f"{state}\n")
    managed.conf.write_text(managed.section(OLD) + managed.section(NEW))
    managed.listens(*listening)
    managed.server.program("sleep", ":")
    managed.run(
        f"new={deployed}\nold=$(releases_live)\nprevious=$(releases_linked $base/previous.sock)\n"
        "if switch_is_unproven; then switch_to_previous; fi"
    )
    assert str((base / "live.sock").readlink()) == f"/run/hello/{old}.sock"
    if old == OLD:
        assert managed.boots() == {OLD: True, NEW: False}
        assert str((base / "current").readlink()) == f"releases/{OLD[:12]}"


def test_only_the_checkouts_of_releases_are_kept(managed: Managed) -> None:
    """Two releases of a commit differ by the folders that go along with it."""
    base = managed.server.path("/srv/hello")
    live, kept, other = "aaaaaaaaaaaa-111111", "bbbbbbbbbbbb-222222", "cccccccccccc"
    for name in (live, kept, other):
        managed.instance(f"{name}-000000")
        (base / f"instances/{name}-000000/state").write_text("good\n")
    names = [live, kept, other, "bbbbbbbbbbbb-333333", ".new-bbbbbbbbbbbb-222222", "my-own-folder", "dddddddddddd"]
    for name in names:
        (base / "releases" / name).mkdir(parents=True)
    managed.run(f"keep=5 new={live}-000000\n{functions('prune')}\nprune_checkouts")
    assert sorted(path.name for path in (base / "releases").iterdir()) == sorted([live, kept, other, "my-own-folder"])
    managed.run(f"keep=1 new={live}-000000\n{functions('prune')}\nprune_instances 1")
    assert not (base / f"instances/{kept}-000000").exists() or not (base / f"instances/{other}-000000").exists()


@pytest.mark.parametrize(("free", "deleted"), [("400000", False), ("40000", True)])
def test_old_releases_are_deleted_before_a_build_if_the_disk_is_full(
    managed: Managed, free: str, deleted: bool
) -> None:
    """A lower app.keep_releases lets a deploy succeed on a disk that is nearly full."""
    base = managed.server.path("/srv/hello")
    names = [f"{digit * 12}-000000" for digit in "3456"]
    for number, name in enumerate(names):
        managed.instance(name)
        (base / f"instances/{name}/state").write_text("good\n")
        (base / f"releases/{name[:12]}").mkdir(parents=True)
        os.utime(base / f"instances/{name}", (1_700_000_000 + number, 1_700_000_000 + number))
    (base / "repo.git").mkdir()
    oldest = base / f"instances/{names[0]}"
    managed.server.program(
        "df",
        f'[ -e /srv/hello/instances/{names[0]} ] && free={free} || free=400000\n'
        'echo "Avail IFree"; echo "$free 99999"',
    )
    managed.server.program("git", 'echo "git $1"; exit 1')
    new = "dddddddddddd"
    said = managed.run(
        f"keep=2 new={new} commit={new} checkout=/srv/hello/releases/{new} repo=/srv/hello/repo.git\n"
        f"{functions('checkout', 'git', 'prune')}\ncheckout_make"
    )
    assert said == "git --git-dir=/srv/hello/repo.git\n"
    assert oldest.exists() is not deleted
    assert (base / f"releases/{names[0][:12]}").exists() is not deleted
    assert (base / f"instances/{names[3]}").exists() and (base / f"releases/{names[3][:12]}").exists()
