"""`fab maintenance` under load: no request is without an answer, and each has that of the app or the page."""

from __future__ import annotations

import threading

import pytest

from lab import Project
from nginx_site import FOLDERS
from sandbox import Server
from traffic import get
from visits import visiting

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1200)]


def test_no_request_is_lost_while_it_begins_changes_and_ends(server: Server, project: Project) -> None:
    """With a deploy, a rollback and a restart in between."""
    project.must("-H", server.name, "deploy")
    slow: list[int] = []
    open_before = threading.Thread(target=lambda: slow.append(get(f"{server.url}/slow?seconds=5").status))
    with visiting(server.address) as visits:
        open_before.start()
        project.must("-H", server.name, "maintenance", "--on", "--retry-after", "60")
        project.commit("during the maintenance")
        project.must("-H", server.name, "deploy")
        project.must("-H", server.name, "rollback")
        project.must("-H", server.name, "maintenance", "--on", "--retry-after", "90")
        page = get(f"{server.url}/").headers
        project.must("-H", server.name, "restart")
        project.must("-H", server.name, "maintenance", "--off")
    open_before.join()
    print(f"{visits.open} answers of the app, {visits.closed} of the page, {len(visits.wrong)} lost")
    assert visits.wrong == []
    assert visits.open > 50 and visits.closed > 200
    assert visits.retry_after == {"60", "90"}
    assert (page["X-Frame-Options"], page["X-Content-Type-Options"]) == ("SAMEORIGIN", "nosniff")
    assert slow == [200], "a request that was open when the maintenance began is answered"


def test_three_deploys_each_in_a_maintenance_that_ends_in_the_same_command(server: Server, project: Project) -> None:
    project.configure(FOLDERS)
    with visiting(server.address) as visits:
        for number in range(3):
            project.must("-H", server.name, "maintenance", "--on")
            project.commit(f"the release {number}")
            project.must("-H", server.name, "deploy", "maintenance", "--off")
    print(f"{visits.open} answers of the app, {visits.closed} of the page, {len(visits.wrong)} lost")
    assert visits.wrong == [] and visits.closed > 50
    assert get(f"{server.url}/").headers["X-Release"].startswith(project.head[:12])
