"""`mirrors.apt` with this machine's apt: two stand-ins serve the distribution's folders over HTTP."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selvedge.resources.apt_mirror import AptMirror
from selvedge.resources.packages import Upgraded
from tests.hosts.scripts.resources.test_sources import codename, release
from tests.hosts.scripts.resources.website import Website

LIST, THIRD = "/etc/apt/sources.list", "/etc/apt/sources.list.d/third.sources"


class Site(Website):
    """A site with the folders of a mirror."""

    def __init__(self, folder: Path) -> None:
        release(folder / "debian", codename(), "Debian")
        release(folder / "debian-security", f"{codename()}-security", "Debian")
        release(folder / "third", "stable", "Third")
        super().__init__(folder)


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    found = Site(tmp_path / "old"), Site(tmp_path / "mirror")
    yield found
    for each in found:
        each.close()


@pytest.fixture
def apt(server: Any, sites: tuple[Site, Site]) -> Any:
    """A server whose apt fetches from the first site, with a source of a third party."""
    for folder in ("sources.list.d", "apt.conf.d", "preferences.d", "trusted.gpg.d"):
        server.path(f"/etc/apt/{folder}").mkdir(parents=True)
    quick = 'Acquire::http::Proxy "DIRECT"; APT::Sandbox::User "root"; APT::Architecture "all"; Acquire::Retries "0";\n'
    server.path("/etc/apt/apt.conf.d/test").write_text(quick)
    server.path("/var/lib/dpkg").mkdir()
    server.path("/var/lib/dpkg/status").touch()
    server.program("dpkg", "echo amd64")
    server.program("sleep", "exit 0")
    old = sites[0].url
    server.path(LIST).write_text(
        f"# Set up by hand\ndeb [trusted=yes] {old}/debian {codename()} main\n"
        f"deb [trusted=yes] {old}/debian-security/ {codename()}-security main\n"
    )
    server.path(LIST).chmod(0o640)
    server.path(THIRD).write_text(f"Types: deb\nURIs: {old}/third\nSuites: stable\nComponents: main\nTrusted: yes\n")
    return server


def step(server: Any, url: str) -> tuple[Any, Any]:
    """Make the changes of `fab update` with this mirror, and return the plan and how it ended."""
    mirror = AptMirror(url)
    plan = server.plan(mirror, Upgraded(False, mirror))
    return plan, server.apply(plan)


def test_apt_fetches_from_the_mirror_until_the_setting_is_removed(apt: Any, sites: tuple[Site, Site]) -> None:
    old, mirror = sites
    before = apt.path(LIST).read_bytes(), apt.path(THIRD).read_bytes()
    step(apt, "")
    old.asked.clear()
    plan, done = step(apt, mirror.url)
    assert [change.summary for _, change in plan.changes] == [
        f"set the mirror {mirror.url} for apt in {LIST}", "fetch the package lists"
    ]
    assert f"+deb [trusted=yes] {mirror.url}/debian-security {codename()}-security main" in plan.changes[0][1].diff
    assert done.status == 0, done
    assert {path.split("/")[1] for path in mirror.asked} == {"debian", "debian-security"}
    assert {path.split("/")[1] for path in old.asked} == {"third"}, "the other source stays"
    assert apt.path(LIST).stat().st_mode & 0o777 == 0o640
    assert not step(apt, mirror.url)[0], "nothing to change"
    plan, done = step(apt, "")
    assert done.status == 0 and plan.changes[0][1].summary == f"restore the addresses for apt in {LIST}", done
    assert (apt.path(LIST).read_bytes(), apt.path(THIRD).read_bytes()) == before
    assert not step(apt, "")[0]


def test_a_mirror_that_does_not_answer_is_named_and_the_files_are_restored(apt: Any, sites: tuple[Site, Site]) -> None:
    before = apt.path(LIST).read_bytes()
    plan, done = step(apt, "http://127.0.0.1:9")
    assert done.status == 1
    assert done.error.startswith("apt-get update failed: http://127.0.0.1:9/debian"), done
    assert f"({LIST}, line " in done.error and "onnect to 127.0.0.1:9" in done.error
    assert "If http://127.0.0.1:9 does not work from this server, set another mirror under [mirrors]" in plan.changes[1][1].remedy
    assert f"restored {LIST}" in done.said and apt.path(LIST).read_bytes() == before
    assert step(apt, sites[1].url)[1].status == 0


def test_an_upgrade_after_a_change_fetches_first(apt: Any, sites: tuple[Site, Site]) -> None:
    """The lists are current, and only the upgrade is due."""
    step(apt, "")
    mirror = AptMirror(sites[1].url)
    plan = apt.plan(mirror, Upgraded(True, mirror))
    assert plan.changes[1][1].summary == "upgrade the installed packages"
    assert apt.apply(plan).status == 0 and sites[1].asked
    assert not apt.plan(mirror, Upgraded(True, mirror))


def test_a_killed_run_is_finished_by_the_next(apt: Any, sites: tuple[Site, Site]) -> None:
    step(apt, "")
    assert apt.apply(apt.plan(AptMirror(sites[1].url))).status == 0
    plan, done = step(apt, sites[1].url)
    assert [change.summary for _, change in plan.changes] == ["fetch the package lists"] and done.status == 0, done


def test_a_server_without_certificates_gets_them_before_an_https_mirror(apt: Any) -> None:
    apt.program("apt-get", 'echo "$*" >>/root/calls')
    assert apt.apply(apt.plan(AptMirror("https://mirror.example.com"))).status == 0
    assert "install --no-install-recommends ca-certificates" in apt.path("/root/calls").read_text()
    shutil.rmtree(apt.path("/var/backups/selvedge"))
