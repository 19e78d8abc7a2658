"""Apps that do not start, crash or answer wrongly: the old release keeps serving, and the message says why."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from broken_apps import FAULTS, MANAGED
from drills import QUICK, assert_consistent, at_start
from lab import Project
from refusals import refuse
from sandbox import Server


def given(names: Iterable[str], *long: str) -> list[object]:
    """Return the faults for `parametrize`. Those in `long` take a minute, and other tests are like them."""
    return [pytest.param(name, marks=[pytest.mark.thorough] if name in long else []) for name in names]


@pytest.mark.usefixtures("branch")
class TestUnderSupervisor:
    @pytest.mark.parametrize("name", given(FAULTS, "health too slow"))
    def test_the_old_release_serves_every_request(self, server: Server, project: Project, name: str) -> None:
        refuse(server, project, FAULTS[name])

    def test_only_one_failed_release_is_kept(self, server: Server, project: Project) -> None:
        listed = project.must("-H", server.name, "releases", "--json").stdout
        assert listed.count('"bad"') == 1, listed
        folders = server.run("ls /srv/hello/releases /srv/hello/instances").stdout
        assert len(re.findall(r"^[0-9a-f]{12}$", folders, re.MULTILINE)) <= 3, folders

    def test_the_output_has_the_last_lines_of_the_apps_log(self, server: Server, project: Project, branch: str) -> None:
        project.configure(branch=branch, **QUICK)
        project.commit(at_start("raise RuntimeError('no warehouse')"))
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and "RuntimeError: no warehouse" in result.stdout, result


@pytest.mark.usefixtures("branch")
class TestUnderSystemd:
    """The faults that the process manager notices."""
    @pytest.fixture(scope="class", autouse=True)
    @staticmethod
    def switched(server: Server, project: Project) -> None:
        project.configure(manager="systemd", **QUICK)
        project.must("-H", server.name, "deploy")
        assert_consistent(server)

    @pytest.mark.parametrize("name", given(MANAGED, "health too slow", "import that hangs", "ends itself"))
    def test_the_old_release_serves_every_request(self, server: Server, project: Project, name: str) -> None:
        refuse(server, project, FAULTS[name], manager="systemd")
