"""Process managers and app servers: each has one file in Python and one in shell."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from selvedge.config.app import App
from selvedge.config.target import Target
from selvedge.release.instance import Instance
from selvedge.release.managers import MANAGERS
from selvedge.shell import library


def test_the_managers_of_hosts_toml_are_those_of_the_shell() -> None:
    assert set(get_args(App.model_fields["manager"].annotation)) == set(MANAGERS) == set(library.needs("manager")) & set(MANAGERS)
    assert all(manager.name == name for name, manager in MANAGERS.items())


def test_an_instance_has_the_files_of_its_manager(app: Callable[..., Target]) -> None:
    found = {name: list(Instance.of(app("nothing set", manager=name)).manager_files()) for name in MANAGERS}
    assert found == {"supervisor": ["program.conf"], "systemd": ["unit.socket", "unit.service"]}


def test_an_instance_has_the_files_of_its_app_server(app: Callable[..., Target]) -> None:
    instance = Instance.of(app("nothing set"))
    assert instance.start == f"{instance.folder}/gunicorn_start"
    assert list(instance.modules()) == ["selvedge_worker.py", "selvedge_app.py", "selvedge_explain.py"]
