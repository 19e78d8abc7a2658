"""The sandbox's hosts beside those of hosts.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from selvedge.config.files import sandbox_file
from selvedge.errors import UsageError
from tests.unit.config.conftest import Load
from tests.unit.config.examples import APP, TWO, names


@pytest.fixture
def sandbox(tmp_path: Path) -> Path:
    folder = tmp_path / "sandbox"
    folder.mkdir()
    hosts = '[hosts.sandbox]\naddress = "10.0.0.2"\nkey = "id"\n[hosts.web-1]\naddress = "10.0.0.3"\n'
    (folder / "hosts.toml").write_text(hosts + '[app]\nname = "ignored"\n')
    return folder


def test_hosts_of_the_file_win_over_those_of_the_sandbox(sandbox: Path, settings: Load) -> None:
    found = settings(TWO)
    assert found.hosts["sandbox"].address == "10.0.0.2"
    assert found.hosts["sandbox"].key == str(sandbox / "id")
    assert found.hosts["web-1"].address == "203.0.113.1"
    assert found.sandbox == {"sandbox"}
    assert names(found.select(["sandbox"])) == ["sandbox"]


@pytest.mark.usefixtures("sandbox")
def test_hosts_of_the_sandbox_are_listed_but_never_the_default(settings: Load) -> None:
    with pytest.raises(UsageError, match="no server yet") as caught:
        settings(APP).select([])
    assert "`fab -H sandbox TASK`" in caught.value.remedy
    assert names(settings(APP + "[hosts.mine]\n").select([])) == ["mine"]


@pytest.mark.usefixtures("sandbox")
def test_only_a_prometheus_of_the_sandbox_asks_the_sandboxs_hosts(settings: Load) -> None:
    """A server that someone has started on their machine must not change the plan of another one."""
    own = '[hosts.web-1]\naddress = "203.0.113.1"\n[hosts.web-2]\naddress = "203.0.113.2"\n'
    found = settings(f'{APP}{own}[metrics]\nenabled = true\nserver = "web-1"\n')
    assert list(found.target("web-1").asked) == ["web-2"]
    assert (found.target("sandbox").asked_by, found.target("sandbox").metrics.enabled) == ("", True)
    inside = settings(f'{APP}[metrics]\nenabled = true\nserver = "web-1"\n')
    assert list(inside.target("web-1").asked) == ["sandbox"] and inside.target("sandbox").asked_by == "10.0.0.3"


def test_the_path_of_the_sandbox() -> None:
    assert sandbox_file({"SELVEDGE_SANDBOX_DIR": "/x"}) == Path("/x/hosts.toml")
    assert sandbox_file({"XDG_STATE_HOME": "/s"}) == Path("/s/selvedge/sandbox/hosts.toml")
    assert sandbox_file({}) == Path("~/.local/state/selvedge/sandbox/hosts.toml").expanduser()
