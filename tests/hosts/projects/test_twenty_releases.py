"""Twenty releases with editable requirements and changing dependencies: nothing is lost, and nothing is stale.

The first half is under supervisor, the second under systemd.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from drills import GENTLE, QUICK, drained, live
from lab import Lab, Project, until
from own_projects import edit
from sandbox import Server
from traffic import get, load

RELEASES = 20
MARKDOWN = ("3.0.0", "2.2.0")


@pytest.mark.thorough
@pytest.mark.timeout(3600)
def test_twenty_releases(lab: Lab, project: Project) -> None:
    server = lab.server("setup")
    project.become("editable")
    settings = QUICK | {"keep_releases": 2, "migrate": None, "health": "/"}
    project.configure(**settings, manager="supervisor")
    project.commit()
    project.must("-H", server.name, "setup", "deploy")
    assert answer(server) == expected(0)
    with load(f"{server.url}/", seconds=3000, pause=GENTLE) as traffic:
        for number in range(1, RELEASES + 1):
            if number == RELEASES // 2 + 1:
                project.configure(**settings, manager="systemd")
            project.commit(lambda app, number=number: change(app, number))
            project.must("-H", server.name, "deploy")
            assert answer(server) == expected(number), number
        project.must("-H", server.name, "rollback")
        assert answer(server) == expected(RELEASES - 1)
        project.must("-H", server.name, "deploy", "--force")
        assert answer(server) == expected(RELEASES)
        project.must("-H", server.name, "restart")
        assert answer(server) == expected(RELEASES)
    assert traffic.lost == 0, traffic
    server.run("pkill -9 -u hello -f 'gunicorn.*worker|multiprocessing' || pkill -9 -n -u hello")
    until(lambda: answer(server) == expected(RELEASES), 30)
    server.reboot()
    until(lambda: answer(server) == expected(RELEASES), 60)
    drained(server)
    kept = server.run("ls /srv/hello/releases").stdout.split()
    assert len(kept) <= 4, kept
    assert len(server.run("find /srv/hello/venvs -mindepth 1 -maxdepth 1 -type d").stdout.split()) <= len(kept)
    assert live(server).startswith(project.head[:12])


def change(app: Path, number: int) -> None:
    """Change the app's own package always, the library each second time, and the pinned version each third time."""
    (app / "blog/__init__.py").write_text(f'TEXT = "release {number}"\n')
    if number % 2 == 0:
        (app / "libs/common/common/__init__.py").write_text(f"NUMBER = {number}\n")
    if number % 3 == 0:
        old, new = MARKDOWN if number // 3 % 2 else MARKDOWN[::-1]
        edit(app / "more.txt", old, new)


def expected(number: int) -> dict[str, Any]:
    """Return the answer of this release."""
    return {
        "text": f"release {number}",
        "number": number - number % 2,
        "markdown": MARKDOWN[number // 3 % 2],
        "version": "1.0",
    }


def answer(server: Server) -> dict[str, Any] | None:
    """Return what the app answers now, None if it is not JSON."""
    try:
        found = get(f"{server.url}/")
        return json.loads(found.text) if found.status == 200 else None
    except (OSError, ValueError):
        return None
