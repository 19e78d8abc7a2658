"""A Docker engine that was on the server before: which it is, and its settings, which stay as they are, and as closed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from selvedge.resources.code.engine import CLIENT, SETTINGS, EngineSettings
from tests.support.libraries import functions

PROXY = {"http-proxy": "http://user:c4nary@192.0.2.1:3128"}


def installed(server: Any) -> None:
    """Mark Docker as installed by Selvedge: the machine of the tests may have its own."""
    server.path("/var/lib/selvedge").mkdir(parents=True)
    server.path("/var/lib/selvedge/docker-installed").touch()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_secrets_of_the_engine_are_not_shown_and_its_file_stays_closed(server: Any, mode: int) -> None:
    installed(server)
    file = server.path(SETTINGS)
    file.parent.mkdir()
    before = json.dumps({"proxies": PROXY, "log-opts": {"splunk-token": "c4nary\u00e4"}})
    file.write_text(before)
    file.chmod(mode)
    planned = server.make(EngineSettings())
    ((_, change),) = planned.changes
    assert "c4nary" not in change.diff + change.shell and '+  "live-restore": true' in change.diff
    assert json.loads(file.read_text()) == {**json.loads(before), "live-restore": True, "ip": "127.0.0.1"}
    assert (file.stat().st_mode & 0o777, file.stat().st_uid, file.stat().st_gid) == (mode, 0, 0)
    copies = list(server.path("/var/backups/selvedge/etc/docker").iterdir())
    assert [each.read_text() for each in copies] == [before] and copies[0].stat().st_mode & 0o777 == mode


def test_a_file_that_was_missing_is_readable_for_all(server: Any) -> None:
    installed(server)
    server.make(EngineSettings())
    assert server.path(SETTINGS).stat().st_mode & 0o777 == 0o644
    assert json.loads(server.path(SETTINGS).read_text()) == {"live-restore": True, "ip": "127.0.0.1"}


def test_docker_of_a_package_is_preferred_to_another_on_the_path(server: Any) -> None:
    server.program("docker", "exit 1")
    shell = f"set -eu\n{functions('dockerengine')}\n"
    assert f"dockerengine_path={CLIENT}\n" in shell
    found = [server.run(f"{shell}dockerengine_path={path}\ndockerengine_fact\n").stdout.decode() for path in ("/bin/sh", "/none")]
    assert found == ["/bin/sh\n", "/usr/local/sbin/docker\n"]
    server.path("/usr/local/sbin/docker").unlink()
    assert server.run(f"{shell}PATH=/none\ndockerengine_path=/none\ndockerengine_fact\n").stdout == b""
