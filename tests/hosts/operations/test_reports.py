"""`fab releases`, `history` and `status`: one command over ssh each, and no change of the server."""

from __future__ import annotations

import hashlib
import json
import subprocess

import pytest

from background import left_behind
from lab import FAB, Lab, Project, until
from observe import count_execs, differences, snapshot_of_filesystem
from sandbox import Server
from traffic import get


@pytest.mark.parametrize(
    "words", [["releases"], ["history"], ["status"], ["doctor"], ["logs", "--nginx"], ["releases", "--json"], ["env"]]
)
def test_reading_takes_one_command_and_changes_nothing(server: Server, project: Project, words: list[str]) -> None:
    get(f"{server.url}/")
    before = snapshot_of_filesystem(server)
    with count_execs(server) as execs:
        project.must("-H", server.name, *words)
    # count_execs itself adds a file for sshd and deletes it.
    changed = {path for path in differences(before, snapshot_of_filesystem(server)) if "sshd_config.d" not in path}
    assert changed == set()
    assert (execs.count, execs.logins) == (1, 1)


def test_releases_as_json(server: Server, project: Project) -> None:
    document = json.loads(project.must("-H", server.name, "releases", "--json").stdout)[server.name]
    newest, *older = document["releases"]
    assert newest["commit"] == project.head
    assert newest["state"] == "live"
    assert newest["release"] == document["live"] == get(f"{server.url}/").headers["X-Release"]
    assert newest["subject"] == "Test: the second release"
    assert newest["author"] == "Test"
    assert newest["seconds"] >= 0
    assert older[0]["state"] == "good"


def test_history_has_a_line_for_each_deploy(server: Server, project: Project) -> None:
    events = json.loads(project.must("-H", server.name, "history", "--json").stdout)[server.name]
    deploys = [event for event in events if event["why"] == "deploy"]
    assert [event["result"] for event in deploys[-2:]] == ["good", "good"]
    assert deploys[-1]["new"].startswith(project.head[:12])
    assert deploys[-1]["old"] == deploys[-2]["new"]
    shown = project.must("-H", server.name, "history", "--lines", "1").stdout.splitlines()
    assert len(shown) == 2


def test_status_of_a_healthy_app(server: Server, project: Project) -> None:
    found = json.loads(project.must("-H", server.name, "status", "--json").stdout)[server.name]
    assert found["healthy"] is True
    assert (found["workers"], found["restarts"]) == (1, 0)
    assert found["health"]["status"] == 200
    assert found["memory_kb"] > 10_000
    assert found["services"] == {"nginx": "active", "supervisor": "active"}
    assert found["disk"]["free_kb"] > 0


def test_status_reports_a_crash_and_the_recovery(server: Server, project: Project) -> None:
    pid = int(
        server.run(
            "ss -xlpH | grep -m 1 /run/hello/ | grep -o 'pid=[0-9]*' | cut -d = -f 2 | sort -n | head -n 1"
        ).stdout
    )
    assert pid > 1
    server.run(f"kill -9 {pid}")
    until(lambda: project.fab("-H", server.name, "status").status == 0, 90)
    found = json.loads(project.must("-H", server.name, "status", "--json").stdout)[server.name]
    assert found["restarts"] == 1
    warnings = [each["text"] for each in found["findings"] if each["subject"] == "app"]
    assert any("1 restart" in text for text in warnings)
    # supervisor leaves the workers of a killed gunicorn running, and the next one ends them.
    until(lambda: "of a killed app server" not in project.must("-H", server.name, "status").stdout, 30)
    assert left_behind(server, "gunicorn main:app")
    project.must("-H", server.name, "stop")
    assert left_behind(server, "gunicorn main:app") == []
    project.must("-H", server.name, "start")


def test_a_bare_server_is_empty_and_healthy(lab: Lab, project: Project) -> None:
    bare = lab.server("ready", "bookworm")
    for words in (["releases"], ["history"], ["status"], ["doctor"]):
        project.must("-H", bare.name, *words)
    for words in (["logs"], ["stop"], ["start"], ["run", "--command", "true"]):
        result = project.fab("-H", bare.name, *words)
        assert result.status == 1, result
        assert "Traceback" not in result.stderr
        assert "live" in result.stderr or "deployed" in result.stderr


def test_a_variable_is_set_and_released_and_a_command_may_print_the_same(server: Server, project: Project) -> None:
    value = """it's "quoted" $HOME $(id) `id` \\ # two\nlines"""
    live = project.git("rev-parse", "HEAD")
    project.commit("a commit that no one has released")
    before = get(f"{server.url}/").headers["X-Release"]
    done = subprocess.run(
        [str(FAB), "-H", server.name, "env", "--set", "NOTE"],
        input=f"{value}\n", cwd=project.folder, env=project.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done
    assert "production.env: NOTE is added." in done.stdout
    assert "quoted" not in done.stdout + done.stderr
    after = get(f"{server.url}/").headers["X-Release"]
    assert after != before and after.startswith(live[:12]), "the live commit is released again, not the newest one"
    shown = project.must("-H", server.name, "run", "--command", 'printf "%s" "$NOTE" | sha256sum').stdout
    assert shown.split()[0] == hashlib.sha256(value.encode()).hexdigest()
    # The same variables from a command are the same release.
    project.configure(env_command="cat production.env")
    assert "nothing to change" in project.must("-H", server.name, "deploy", "--commit", live).stdout
    found = json.loads(project.must("-H", server.name, "env", "--json").stdout)[server.name]
    assert found == {"app": "hello", "live": after, "source": "env_command", "variables": {"API_TOKEN": "same", "NOTE": "same"}}
    project.configure(env_command="echo touched >>ran; echo A=1; exit 3")
    for words in (["--list"], ["-H", server.name, "status"], ["-H", server.name, "logs"], ["-H", server.name, "config"]):
        project.must(*words)
    assert not (project.folder / "ran").exists(), "a task that needs no environment does not run the command"
    refused = project.fab("-H", server.name, "deploy")
    assert (refused.status, "failed with exit status 3" in refused.stderr) == (2, True)
    project.configure(env_file="production.env")
