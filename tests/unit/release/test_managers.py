"""Process managers and app servers: each has one file in Python and one in shell."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pytest

from selvedge.config.app import App
from selvedge.config.target import Target
from selvedge.release.instance import Instance
from selvedge.release.managers import MANAGERS
from selvedge.release.servers import SERVERS
from selvedge.shell import library


def test_the_managers_of_hosts_toml_are_those_of_the_shell() -> None:
    assert set(get_args(App.model_fields["manager"].annotation)) == set(MANAGERS) == set(library.needs("manager")) & set(MANAGERS)
    assert all(manager.name == name for name, manager in MANAGERS.items())


def test_an_instance_has_the_files_of_its_manager(app: Callable[..., Target]) -> None:
    found = {name: list(Instance.of(app("nothing set", manager=name)).manager_files()) for name in MANAGERS}
    assert found == {"supervisor": ["program.conf"], "systemd": ["unit.socket", "unit.service"]}


@pytest.mark.parametrize(("server", "modules"), [
    ("gunicorn", ["selvedge_worker.py"]),
    ("uvicorn", ["selvedge_uvicorn.py", "selvedge_parent.py", "selvedge_process.py"]),
    ("hypercorn", ["selvedge_hypercorn.py", "selvedge_parent.py", "selvedge_process.py"]),
])  # fmt: skip
def test_an_instance_has_the_files_of_its_app_server(app: Callable[..., Target], server: str, modules: list[str]) -> None:
    instance = Instance.of(app("nothing set", app_server=server))
    assert instance.start == f"{instance.folder}/{server}_start"
    assert list(instance.modules()) == [*modules, "selvedge_app.py", "selvedge_explain.py", "selvedge_asgi.py", "selvedge_log.py"]


def test_the_app_servers_of_hosts_toml_are_those_of_the_shell() -> None:
    names = set(get_args(App.model_fields["server"].annotation))
    assert names == set(SERVERS) == set(library.needs("appserver")) & set(SERVERS)
