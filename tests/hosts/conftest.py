"""Fixtures of the tests on servers; lab.py explains how to write such a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import Lab, Project

SECONDS = 600
"""The timeout of a test with its fixtures, which may set up a new server."""

LONG_FIRST = (
    "test_pages.py",
    "test_killed_runs.py",
    "test_simultaneous_runs.py",
    "test_hardened_server.py",
    "test_existing_setups.py",
    "test_sudo_password.py",
    "test_lockout.py",
    "test_apt.py",
    "test_no_lost_requests.py",
    "test_broken_apps.py",
    "test_failing_steps.py",
    "test_switch.py",
    "test_exhausted_resources.py",
    "test_power_cuts.py",
    "test_git_sources.py",
    "test_deploy.py",
)
"""Modules that take minutes start first, so that the run does not end with one busy process."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test of this folder with `hosts`, and give it a longer timeout."""
    items.sort(key=lambda item: LONG_FIRST.index(item.path.name) if item.path.name in LONG_FIRST else len(LONG_FIRST))
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("hosts")
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(SECONDS))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Print why a test is run again: the summary of the run shows only its name."""
    if report.outcome == "rerun":
        print(f"\n--- {report.nodeid} failed and is run again:\n{report.longreprtext[-4000:]}\n---", flush=True)


@pytest.fixture(scope="session")
def lab_of_process(testrun_uid: str, worker_id: str) -> Iterator[Lab]:
    """Return the servers of this process. All processes of a run share one sandbox."""
    lab = Lab(testrun_uid[:12], "s" if worker_id == "master" else worker_id)
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def lab(lab_of_process: Lab) -> Iterator[Lab]:
    """Return the lab, and remove the servers of a module after its last test."""
    before = set(lab_of_process.servers)
    yield lab_of_process
    for name in set(lab_of_process.servers) - before:
        lab_of_process.down(name)


@pytest.fixture(autouse=True)
def _own_servers_of_a_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Remove the servers that a test itself made after the test, to save memory."""
    if "lab" not in request.fixturenames:
        yield
        return
    lab: Lab = request.getfixturevalue("lab")
    before = set(lab.servers)
    yield
    for name in set(lab.servers) - before:
        lab.down(name)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a new project for one test."""
    return Project(tmp_path)


@pytest.fixture(scope="module")
def shared_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return one project for all tests of a module."""
    return Project(tmp_path_factory.mktemp("project"))
