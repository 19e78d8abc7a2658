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
from selvedge.shell.quoting import quote
from tests.support.hostile import TEXT


def test_the_managers_of_hosts_toml_are_those_of_the_shell() -> None:
    assert set(get_args(App.model_fields["manager"].annotation)) == set(MANAGERS) == set(library.needs("manager")) & set(MANAGERS)
    assert all(manager.name == name for name, manager in MANAGERS.items())


def test_an_instance_has_the_files_of_its_manager(app: Callable[..., Target]) -> None:
    found = {name: list(Instance.of(app("nothing set", manager=name)).manager_files()) for name in MANAGERS}
    assert found == {"supervisor": ["program.conf"], "systemd": ["unit.socket", "unit.service"], "docker": ["container"]}


@pytest.mark.parametrize(("manager", "file"), [("supervisor", "process.conf"), ("systemd", "process.service")])
def test_a_process_has_its_files_and_its_command_only_in_its_start_script(
    app: Callable[..., Target], manager: str, file: str
) -> None:
    table = {"command": TEXT, "stop_signal": "QUIT", "stop_timeout": 77, "overlap": False}
    instance = Instance.of(app("nothing set", manager=manager, processes={"night-worker": table}))
    files = instance.process_files()
    assert list(files) == [f"processes/night-worker/{name}" for name in ("start", "settings", file)]
    start, settings, unit = files.values()
    assert f"\nCOMMAND={quote(TEXT)}\n" in start and 'PROCESS_NUMBER="$1"' in start
    assert settings == "overlap no\nstop_signal QUIT\nstop_timeout 77\n"
    assert "pwned" not in unit and "QUIT" in unit and "77" in unit and f"{instance.folder}/processes/night-worker/start" in unit


def test_a_process_has_the_restrictions_of_the_web_process(app: Callable[..., Target]) -> None:
    table = {"manager": "systemd", "box": {"proc": True, "write": ["/mnt/media"]}, "memory_max": "200M"}
    instance = Instance.of(app("nothing set", processes={"worker": {"command": "x"}}, **table))
    web, worker = (text.split("[Install]")[0].split("MemoryMax=")[1] for text in (
        instance.manager_files()["unit.service"], instance.process_files()["processes/worker/process.service"],
    ))  # fmt: skip
    strip = [line for line in web.splitlines() if not line.startswith("#")]
    assert strip == [line for line in worker.splitlines() if not line.startswith("#")] and "/mnt/media" in worker


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
