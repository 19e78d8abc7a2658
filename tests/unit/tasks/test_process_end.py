"""Before supervisor stops, the processes of an app finish their work: the unit of systemd, and its program."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.config.target import Target
from selvedge.resources.files import Absent, File
from selvedge.resources.services import Service
from tests.support.declared import file, of

pytestmark = pytest.mark.programs

UNIT = "/etc/systemd/system/selvedge-stop.hello.service"
PROCESSES = {"worker": {"command": "a", "stop_timeout": 700}, "beat": {"command": "b", "overlap": False}}
# Takes the place of supervisor: its programs are in a file, and each question makes those that stop end at last.
FAKE = """
import json, xmlrpc.client
from pathlib import Path

FILE = Path(__file__).with_name("state.json")

class SupervisorTransport(xmlrpc.client.Transport):
    def __init__(self, user, password, serverurl):
        super().__init__()

    def request(self, host, handler, body, verbose=False):
        state = json.loads(FILE.read_text())
        if state["off"]:
            raise ConnectionRefusedError
        (words, method), programs = xmlrpc.client.loads(body), state["programs"]
        state["calls"].append([method, *words])
        answer = [{"group": name, "name": name, "statename": said} for name, said in programs.items()]
        if method == "supervisor.stopProcess":
            name = words[0].partition(":")[0]
            if programs[name] == "STARTING":
                programs[name] = "RUNNING"
                FILE.write_text(json.dumps(state))
                raise xmlrpc.client.Fault(70, "NOT_RUNNING")
            programs[name] = "STOPPING"
        else:
            state["rounds"] += 1
            for name, said in programs.items():
                if said == "STOPPING" and state["rounds"] > 3:
                    programs[name] = "STOPPED"
        FILE.write_text(json.dumps(state))
        return (answer,)
"""


def run(app: Target, folder: Path, programs: dict[str, str], *, off: bool = False) -> list[list[object]]:
    """Run the program beside a fake supervisor, and return the calls that it made."""
    (folder / "supervisor").mkdir()
    (folder / "supervisor/__init__.py").touch()
    (folder / "supervisor/xmlrpc.py").write_text(FAKE)
    state = folder / "supervisor/state.json"
    state.write_text(json.dumps({"programs": programs, "calls": [], "rounds": 0, "off": off}))
    (folder / "stop.py").write_text(file("supervisor", app, "/srv/hello/stop_processes.py").text)
    subprocess.run([sys.executable, "stop.py"], cwd=folder, check=True, timeout=30)
    return list(json.loads(state.read_text())["calls"])


def test_the_unit_waits_for_the_longest_stop_timeout(app: Callable[..., Target]) -> None:
    text = file("supervisor", app("nothing set", processes=PROCESSES), UNIT).text
    assert "\nTimeoutStopSec=730\n" in text and "\nPartOf=supervisor.service\n" in text and "\nAfter=supervisor.service\n" in text
    (service,) = (each for each in of("supervisor", app("nothing set", processes=PROCESSES), Service) if "stop" in each.name)
    assert (service.name, service.reload_command) == ("selvedge-stop.hello.service", "systemctl daemon-reload")


def test_containers_stop_before_docker_and_the_services(app: Callable[..., Target]) -> None:
    declared = app("docker", processes=PROCESSES, services={"redis": True}, stop_timeout=800)
    text = file("supervisor", declared, UNIT).text
    assert "\nAfter=docker.service selvedge-redis@hello.service\n" in text and "PartOf" not in text
    assert "\nTimeoutStopSec=840\n" in text and "\nWantedBy=docker.service\n" in text
    assert "TimeoutStopSec=730" in file("supervisor", app("docker", processes=PROCESSES), UNIT).text
    absent = [each.path for each in of("supervisor", declared, Absent)]
    assert f"/etc/systemd/system/supervisor.service.wants/{Path(UNIT).name}" in absent and UNIT not in absent


@pytest.mark.parametrize("settings", [{}, {"processes": PROCESSES, "manager": "systemd"}])
def test_other_apps_do_not_need_it(app: Callable[..., Target], settings: dict[str, object]) -> None:
    declared = app("nothing set", **settings)
    assert UNIT in [each.path for each in of("supervisor", declared, Absent)]
    assert not [each for each in of("supervisor", declared, File) if "stop" in each.path]


def test_all_processes_stop_at_the_same_time_and_nothing_else_does(app: Callable[..., Target], tmp_path: Path) -> None:
    ours = {"hello.X.a@1": "RUNNING", "hello.X.b@1": "STARTING", "hello.Y.b@2": "STOPPING", "hello.X.c@1": "STOPPED"}
    others = {"hello.X": "RUNNING", "hello-b.X.a@1": "RUNNING", "other": "RUNNING", "hello": "RUNNING"}
    calls = run(app("nothing set", processes=PROCESSES), tmp_path, {**ours, **others})
    stopped = [call[1:] for call in calls if call[0] == "supervisor.stopProcess"]
    # One that has just ended is started again by supervisor, and is stopped then.
    assert stopped == [[f"{name}:{name}", 0] for name in ("hello.X.a@1", "hello.X.b@1", "hello.X.b@1")]
    assert [call[0] for call in calls[:3]] == ["supervisor.getAllProcessInfo", *["supervisor.stopProcess"] * 2]


def test_without_supervisor_there_is_nothing_to_stop(app: Callable[..., Target], tmp_path: Path) -> None:
    assert run(app("nothing set", processes=PROCESSES), tmp_path, {}, off=True) == []
