"""`fab doctor`: what it reads on the server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from selvedge.operations.doctor.facts import ServerFacts, facts_query
from selvedge.operations.doctor.procfile import procfile_path
from selvedge.operations.doctor.server import check_server
from selvedge.resources.base import Ask
from selvedge.shell.library import call
from tests.hosts.scripts.operations.fakes import Fake, live
from tests.hosts.scripts.resources.repository import commit, git

PROCFILE = "web: uvicorn main:app\nworker: celery -A \"x\" worker # $(id)\nbeat: celery beat\n"
WORKER = 'Add `[processes.worker]` with `command = "celery -A \\"x\\" worker # $(id)"` to hosts.toml.'


def found(fake: Fake) -> list[str]:
    """Return the remedies for the Procfile of the live commit."""
    (session,) = fake.run.fleet.sessions
    app = session.target
    shell = call("doctor_procfile", procfile_path(app), given=app.shell_values)
    assert shell in facts_query(app)
    facts = ServerFacts.parse(session.read([Ask(shell)])[0], "root")
    return [each.remedy for each in check_server(app, facts) if each.subject == "processes"]


@pytest.mark.parametrize("root", ["", "back/end"])
def test_the_procfile_of_the_live_commit(fake: Callable[..., Fake], root: str) -> None:
    one = fake("one", root=root, processes={"beat": {"command": "celery beat"}})
    server = one.servers["one"]
    source = server.path("/srv/hello/work")
    (source / root).mkdir(parents=True)
    git(source, "init", "-q", "-b", "main")
    (source / root / "Procfile").write_text(PROCFILE)
    first = commit(source)
    (source / root / "Procfile").unlink()
    (source / root / "Procfile").symlink_to("/etc/hostname")
    second = commit(source)
    git(source, "clone", "-q", "--bare", str(source), str(server.path("/srv/hello/repo.git")))
    assert found(one) == [], "no release is live"
    live(server, f"{first[:12]}-abcdef")
    assert found(one) == [WORKER]
    server.path("/srv/hello/live.sock").unlink()
    live(server, f"{second[:12]}-abcdef")
    assert found(one) == [], "the file that a link names is not read"
