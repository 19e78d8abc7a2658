"""Reading on a server: nothing is written, and the login does not matter."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.engine.script import parse_facts, read_script
from selvedge.resources.files import Directory
from tests.support.plans import MARK, Says
from tests.support.steps import CHAINS, HOSTS


def test_scripts_do_not_depend_on_the_login(server: Any) -> None:
    script = read_script([Says()], MARK).replace("printf '%s' ''", 'echo "$PATH|$LC_ALL|${CDPATH-none}|$(umask)|$PWD"')
    odd = "CDPATH=/etc ENV=/root/.shrc LC_ALL=de_DE PATH=/root:$PATH\nexport CDPATH ENV LC_ALL PATH\numask 0\ncd /srv\n"
    (fact,) = parse_facts(server.run(odd + script).stdout.decode(), MARK, 1) or [""]
    assert fact == "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin|C.UTF-8|none|0022|/\n"


@pytest.mark.parametrize("name", HOSTS)
def test_reading_writes_nothing(server: Any, host: Callable[..., Target], name: str) -> None:
    """Some of the app's files exist."""
    app = host(name)
    for path in ("/etc/nginx/sites-available/hello", "/srv/hello/repo.git/HEAD", "/etc/ssh/sshd_config", "/srv/hello/current/x"):
        server.path(path).parent.mkdir(parents=True, exist_ok=True)
        server.path(path).write_text("something\n")
    for chain in CHAINS:
        resources = [resource for part in chain.parts(app) for resource in part.resources(app)]
        before = server.tree()
        done = server.run(read_script(resources, MARK))
        assert parse_facts(done.stdout.decode(), MARK, len(resources)) is not None, done.stdout
        assert server.tree() == before


def test_a_reading_of_many_paths_is_fast(server: Any) -> None:
    paths = [f"/srv/{number:03}-{'x' * 40}" for number in range(250)]
    for path in paths:
        server.path(path).mkdir()
    began = time.monotonic()
    facts = server.read(*(Directory(path) for path in paths))
    assert time.monotonic() - began < 3
    assert {fact.strip() for fact in facts} == {"directory 755 root root"}
