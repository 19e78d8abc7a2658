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


def test_hosts_of_the_sandbox_join_and_lose_to_the_files_own(sandbox: Path, settings: Load) -> None:
    found = settings(TWO)
    assert found.hosts["sandbox"].address == "10.0.0.2"
    assert found.hosts["sandbox"].key == str(sandbox / "id")
    assert found.hosts["web-1"].address == "203.0.113.1"
    assert found.sandbox == {"sandbox"}
    assert names(found.select(["sandbox"])) == ["sandbox"]


@pytest.mark.usefixtures("sandbox")
def test_hosts_of_the_sandbox_are_never_meant_without_a_name_but_listed(settings: Load) -> None:
    with pytest.raises(UsageError, match="no server of its own") as caught:
        settings(APP).select([])
    assert "sandbox" in caught.value.remedy
    assert names(settings(APP + "[hosts.mine]\n").select([])) == ["mine"]


def test_where_the_sandbox_is() -> None:
    assert sandbox_file({"SELVEDGE_SANDBOX_DIR": "/x"}) == Path("/x/hosts.toml")
    assert sandbox_file({"XDG_STATE_HOME": "/s"}) == Path("/s/selvedge/sandbox/hosts.toml")
    assert sandbox_file({}) == Path("~/.local/state/selvedge/sandbox/hosts.toml").expanduser()
