"""The program that passes the alerts of Prometheus on: each new one and each ended one once, however often it runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

from selvedge.resources.metrics import alerts_program

pytestmark = pytest.mark.programs

DISK = {"alertname": "DiskFull", "instance": "web-1", "mountpoint": "/", "severity": "warning"}

SAID = "It is full: `rm -rf $HOME`. Look there."


class Prometheus(BaseHTTPRequestHandler):
    """Answers with these alerts; with None it fails."""

    alerts: ClassVar[list[dict[str, Any]] | None] = []

    def do_GET(self) -> None:
        self.send_response(200 if self.alerts is not None else 503)
        self.end_headers()
        self.wfile.write(json.dumps({"data": {"alerts": self.alerts}}).encode())

    def log_message(self, *_words: object) -> None:
        pass


def firing(labels: dict[str, str], state: str = "firing") -> dict[str, Any]:
    notes = {"summary": "It is \n  full: `rm -rf $HOME`.", "remedy": "Look\nthere."}
    return {"labels": labels, "annotations": notes, "state": state}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., list[str]]]:
    """Run the program with these alerts, and return what was said until now. delivers: the exit status of what says it."""
    server = HTTPServer(("127.0.0.1", 0), Prometheus)
    Thread(target=server.serve_forever, daemon=True).start()
    program, notify, said = tmp_path / "alerts.py", tmp_path / "notify", tmp_path / "said"
    program.write_text(alerts_program())
    names = {"URL": f"http://127.0.0.1:{server.server_address[1]}/api/v1/alerts", "STATE": str(tmp_path / "state/state.json"),
             "ETC": str(tmp_path / "etc")}  # fmt: skip
    env = {**os.environ, **{f"SELVEDGE_ALERTS_{key}": value for key, value in {**names, "NOTIFY": str(notify)}.items()}}

    def asked(*alerts: dict[str, Any], down: bool = False, delivers: int | None = 0, status: int = 0) -> list[str]:
        Prometheus.alerts = None if down else list(alerts)
        notify.unlink(missing_ok=True)
        if delivers is not None:
            lines = (f'echo "$1 $2 | $(cat)" >>{said}', 'shift 2; echo "$*" >>"${0%/*}/words"') if delivers in (0, 75) else ()
            notify.write_text("\n".join(["#!/bin/sh", *lines, f"exit {delivers}\n"]))
            notify.chmod(0o755)
        assert subprocess.run([sys.executable, "-BIS", program], env=env, check=False).returncode == status
        return said.read_text().splitlines() if said.exists() else []

    yield asked
    server.shutdown()
    server.server_close()


def ended(run: Callable[..., list[str]], *others: dict[str, Any]) -> list[str]:
    """Run the program until an alert that is missing has ended, and return what was said until now."""
    before = run(*others)
    assert run(*others) == before, "an alert has not ended before the third run without it"
    return run(*others)


def test_an_alert_is_said_when_it_begins_and_when_it_ends(run: Callable[..., list[str]]) -> None:
    assert run() == []
    began = [f"failure DiskFull: web-1 (/) | {SAID}"]
    assert run(firing(DISK)) == began and run(firing(DISK)) == began
    more = run(firing(DISK), firing({**DISK, "mountpoint": "/srv"}))
    assert more == [*began, f"failure DiskFull: web-1 (/srv) | {SAID}"]
    end = ended(run, firing({**DISK, "mountpoint": "/srv"}))
    assert end == [*more, "success Ended: DiskFull: web-1 (/) | No longer: It is full: `rm -rf $HOME`."]


def test_alerts_about_two_programs_of_a_server_have_two_titles(run: Callable[..., list[str]]) -> None:
    found = [firing({"alertname": "TargetDown", "instance": "web-1", "job": job}) for job in ("node", "requests")]
    assert [line.split(" |")[0] for line in run(*found)] == [f"failure TargetDown: web-1 ({job})" for job in ("node", "requests")]


def test_an_alert_that_has_just_begun_is_not_said(run: Callable[..., list[str]]) -> None:
    assert run(firing(DISK, "pending")) == []


def test_an_alert_lasts_while_prometheus_starts_again(run: Callable[..., list[str]]) -> None:
    """Prometheus has forgotten it, so its rule is first not evaluated, and then waits for its minutes."""
    began = run(firing(DISK))
    for _ in range(2):
        assert run() == run() == run(firing(DISK, "pending")) == run() == run() == run(down=True) == began
        assert run() == run() == run(firing(DISK)) == began
    assert len(ended(run)) == 2


def test_what_could_not_be_said_is_said_later_once(run: Callable[..., list[str]]) -> None:
    assert run(firing(DISK), delivers=None) == []
    assert run(firing(DISK), delivers=1, status=1) == []
    assert len(run(firing(DISK))) == 1 and len(run(firing(DISK))) == 1


def test_what_has_not_arrived_is_said_again_each_minute(run: Callable[..., list[str]], tmp_path: Path) -> None:
    run(firing(DISK), delivers=75)
    assert len(run(firing(DISK), delivers=75)) == 2 and len(run(firing(DISK))) == 3 and len(run(firing(DISK))) == 3
    for _ in range(3):
        run(delivers=75)
    assert [line.split()[0] for line in run()] == ["failure"] * 3 + ["success"] * 2 and len(run()) == 5
    # The beginning and the end have one cause.
    (words,) = {*(tmp_path / "words").read_text().splitlines()}
    assert re.fullmatch(r"--about alert\.[0-9a-f]{24} --repeat", words)


def sends(tmp_path: Path, app: str) -> None:
    """Let an app send messages."""
    (tmp_path / "etc" / app).mkdir(parents=True)
    (tmp_path / "etc" / app / "notify-urls").write_text("json://a.test/1\n")


@pytest.mark.parametrize(
    ("label", "app"),
    [("blog", " --app blog"), ("blog.balancer", " --app blog"), ("shop", ""), ("../blog", ""), ("--app", ""), ("", "")],
)
def test_an_alert_of_an_app_goes_to_its_own_addresses(run: Callable[..., list[str]], tmp_path: Path, label: str, app: str) -> None:
    sends(tmp_path, "blog")
    labels = {"alertname": "AppDown", "instance": "web-1", "app": label}
    run(firing({name: value for name, value in labels.items() if value}))
    # Also if it sends none any longer.
    (tmp_path / "etc/blog/notify-urls").unlink()
    ended(run)
    (words,) = {*(tmp_path / "words").read_text().splitlines()}
    assert words.partition(" --repeat")[2] == app


@pytest.mark.parametrize("name", ["TimerFailed", "BackupOld", "CertificateExpires"])
def test_what_an_app_tells_itself_is_not_said_twice(run: Callable[..., list[str]], tmp_path: Path, name: str) -> None:
    sends(tmp_path, "blog")
    own, other = ({"alertname": name, "instance": "web-1", "app": app} for app in ("blog", "shop"))
    assert run(firing(own), firing(other), firing({**own, "alertname": "AppDown"})) == [
        f"failure {title} | {SAID}" for title in (f"{name}: shop on web-1", "AppDown: blog on web-1")
    ]


def test_an_alert_that_ends_while_its_message_is_on_its_way_is_said_to_have_ended(run: Callable[..., list[str]]) -> None:
    run(firing(DISK), delivers=75)
    for _ in range(2):
        assert run(delivers=75)[-1].startswith("failure DiskFull")
    assert run()[-1].startswith("success Ended: DiskFull")


def test_an_alert_that_comes_back_before_its_end_has_arrived_is_said_again(run: Callable[..., list[str]]) -> None:
    run(firing(DISK))
    for _ in range(3):
        run(delivers=75)
    run(firing(DISK), delivers=75)
    assert run(firing(DISK))[-1].startswith("failure DiskFull")


def test_an_alert_that_has_ended_does_not_begin_again_with_a_silent_prometheus(run: Callable[..., list[str]]) -> None:
    run(firing(DISK))
    for _ in range(3):
        run(delivers=75)
    for _ in range(5):
        said = run(down=True)
    assert [line.partition(":")[0] for line in said].count("failure DiskFull") == 1 and "success Ended: DiskFull" in said[-2]


def test_a_state_of_an_earlier_version_is_one_that_was_said(run: Callable[..., list[str]], tmp_path: Path) -> None:
    run(firing(DISK))
    path = tmp_path / "state/state.json"
    state = json.loads(path.read_text())
    state["alerts"] = {key: {"title": each["title"], "text": each["text"]} for key, each in state["alerts"].items()}
    path.write_text(json.dumps(state))
    assert len(run(firing(DISK))) == 1 and ended(run)[-1].startswith("success Ended: DiskFull")


def test_an_alert_that_ends_before_it_was_said_is_not_said(run: Callable[..., list[str]]) -> None:
    run(firing(DISK), delivers=None)
    assert run() == []


@pytest.mark.parametrize("mark", ["\0", "\x1b", "\n", "\u202e", "\ud800"], ids=ascii)
def test_control_characters_in_a_label_stop_no_alert(run: Callable[..., list[str]], mark: str) -> None:
    hostile = firing({**DISK, "mountpoint": f"/a{mark}b"})
    hostile["annotations"]["summary"] = f"It is{mark}full."
    said = run(hostile, firing(DISK))
    assert said == ["failure DiskFull: web-1 (/a b) | It is full. Look there.", f"failure DiskFull: web-1 (/) | {SAID}"]


def test_an_alert_that_no_program_can_be_told_stops_no_other_one(run: Callable[..., list[str]], tmp_path: Path) -> None:
    run(firing(DISK), delivers=75)
    path = tmp_path / "state/state.json"
    path.write_text(path.read_text().replace("DiskFull: web-1", "DiskFull\\u0000: web-1"))
    assert run(firing({**DISK, "mountpoint": "/srv"}), status=1)[-1].startswith("failure DiskFull: web-1 (/srv)")


def test_a_prometheus_that_stays_silent_is_said_and_keeps_its_alerts(run: Callable[..., list[str]]) -> None:
    said = run(firing(DISK))
    for _ in range(4):
        assert run(down=True) == said
    titles = [line.partition(" |")[0] for line in run(down=True)]
    assert titles == ["failure DiskFull: web-1 (/)", "failure Prometheus does not answer"]
    assert run(firing(DISK))[-1].startswith("success Ended: Prometheus does not answer")
