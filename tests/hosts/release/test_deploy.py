"""`fab setup deploy` on a new server, then a second run, dry runs, a new commit and a reboot."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from websockets.sync.client import connect

from lab import Lab, Project, until
from observe import count_execs, differences, snapshot_of_filesystem
from sandbox import Server
from traffic import get, load

SHELLCHECK = Path(sys.executable).with_name("shellcheck")
SECRET = "hunter2 $(x) 'y'"
on_bookworm = pytest.mark.parametrize("finished", ["bookworm"], indirect=True)


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    """Return one project for all tests, whose app has a secret in its environment."""
    (shared_project.folder / "production.env").write_text(f'API_TOKEN="{SECRET}"\n')
    shared_project.configure(env_file="production.env")
    return shared_project


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def finished(request: pytest.FixtureRequest, lab: Lab, project: Project) -> Server:
    """Return a server after `fab setup deploy`. Before, it had only sshd and a key for root."""
    server = lab.server("ready", request.param)
    project.must("-H", server.name, "setup", "deploy")
    return server


def test_app_answers_through_nginx(finished: Server, project: Project) -> None:
    answer = get(f"{finished.url}/")
    assert (answer.status, answer.headers["Server"]) == (200, "nginx")
    assert answer.headers["X-Release"].startswith(project.head[:12])
    assert f'"commit":"{project.head}"' in answer.text
    assert '"api_token":"set"' in answer.text
    assert '"visits":null' not in answer.text, "the migration has run"


def test_app_sees_the_real_address_of_the_client(finished: Server) -> None:
    with socket.create_connection((finished.address, 80), timeout=5) as connection:
        own = connection.getsockname()[0]
    claims = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "https",
        "X-Real-IP": "6.6.6.6",
        "Forwarded": "for=6.6.6.6",
    }
    answer = get(f"{finished.url}/client", claims)
    assert answer.text == f'{{"client":"{own}","scheme":"http","host":"{finished.address}"}}'


def test_websocket_works_through_nginx(finished: Server) -> None:
    with connect(f"ws://{finished.address}/ws", proxy=None, open_timeout=10) as websocket:
        for message in ("hello", "\u65e5\u672c", b"\x00\xff"):
            websocket.send(message)
            assert websocket.recv(timeout=10) == message


@pytest.mark.parametrize("tasks", ["setup", "deploy", "setup deploy", "update harden install clone venv gunicorn supervisor nginx"])
def test_second_run_takes_one_command_and_changes_nothing(finished: Server, project: Project, tasks: str) -> None:
    """One command reads the server for all tasks."""
    before = snapshot_of_filesystem(finished)
    with count_execs(finished) as execs:
        result = project.must("-H", finished.name, *tasks.split())
    for task in tasks.split():
        assert f"{task}: nothing to change on {finished.name}." in result.stdout
    assert (execs.count, execs.logins) == (1, 1), result
    assert differences(before, snapshot_of_filesystem(finished)) == {}


def test_dry_run_of_a_finished_server_writes_nothing(finished: Server, project: Project) -> None:
    before = snapshot_of_filesystem(finished)
    for chain in ("setup", "deploy"):
        result = project.must("-H", finished.name, chain, "--dry-run")
        *steps, end = result.stdout.splitlines()
        assert end == "Dry run: nothing was changed."
        assert len(steps) >= 3 and all(line.endswith("  nothing to change") for line in steps), result
    assert differences(before, snapshot_of_filesystem(finished)) == {}


@on_bookworm
def test_dry_run_shows_a_manual_edit_and_keeps_it(finished: Server, project: Project) -> None:
    site = "/etc/nginx/sites-available/hello"
    finished.run(f"cp -a {site} /root/site && printf '# edited by hand\\n' >>{site}")
    before = snapshot_of_filesystem(finished)
    result = project.must("-H", finished.name, "deploy", "--dry-run")
    assert f"--- {site} (on the server)" in result.stdout
    assert "-# edited by hand" in [line.strip() for line in result.stdout.splitlines()], result
    assert differences(before, snapshot_of_filesystem(finished)) == {}
    dry = project.must("--dry", "-H", finished.name, "deploy")
    assert dry.stdout == result.stdout, "Fabric's own --dry means the same"
    assert differences(before, snapshot_of_filesystem(finished)) == {}
    project.must("-H", finished.name, "deploy")
    assert finished.run(f"diff {site} /root/site && rm /root/site").stdout == ""


@on_bookworm
def test_a_new_commit_becomes_live_without_a_lost_request(finished: Server, project: Project) -> None:
    old = get(f"{finished.url}/").headers["X-Release"]
    new = project.commit("Welcome to the second release")
    time.sleep(3)  # A reading does not trust files that are younger than two seconds, and reads them again.
    with load(f"{finished.url}/health") as traffic, count_execs(finished) as execs:
        project.must("-H", finished.name, "deploy")
    # Read, lock, four steps (each reads for the next one), and proof.
    assert (execs.count, execs.logins) == (7, 1)
    assert traffic.lost == 0, traffic
    assert traffic.requests > 100 and traffic.wrk_requests > 100, traffic
    answer = get(f"{finished.url}/")
    assert "Welcome to the second release" in answer.text
    assert answer.headers["X-Release"].startswith(new[:12])
    assert traffic.releases == [old, answer.headers["X-Release"]]


@on_bookworm
def test_app_starts_after_a_reboot(finished: Server, project: Project) -> None:
    before = get(f"{finished.url}/").headers["X-Release"]
    finished.reboot()
    until(lambda: get(f"{finished.url}/health").status == 200, 60)
    assert get(f"{finished.url}/").headers["X-Release"] == before
    assert "deploy: nothing to change" in project.must("-H", finished.name, "deploy").stdout


@pytest.mark.thorough
@on_bookworm
def test_script_of_a_new_release_has_no_secret_and_passes_shellcheck(
    finished: Server, project: Project, tmp_path: Path
) -> None:
    before = snapshot_of_filesystem(finished)
    project.commit("Never released")
    text = project.must("-H", finished.name, "deploy", "--script").stdout
    assert f"/srv/hello/releases/{project.head[:12]}" in text
    assert "hunter2" not in text
    assert check_shell(text, tmp_path) == ""
    assert differences(before, snapshot_of_filesystem(finished)) == {}


def test_dry_run_and_script_of_a_bare_server_write_nothing(lab: Lab, project: Project, tmp_path: Path) -> None:
    server = lab.server("bare")
    before = snapshot_of_filesystem(server)
    for chain, steps in {"setup": 3, "deploy": 6}.items():
        dry = project.must("-H", server.name, chain, "--dry-run")
        assert "Dry run: nothing was changed." in dry.stdout
        assert dry.stdout.count("    • ") >= 10, dry
        text = project.must("-H", server.name, chain, "--script").stdout
        assert sum(line.startswith(f"# {server.name}: ") for line in text.splitlines()) >= steps, text
        assert "hunter2" not in dry.stdout + text
        assert check_shell(text, tmp_path) == ""
    assert differences(before, snapshot_of_filesystem(server)) == {}


def test_each_step_on_a_bare_server_names_the_task_to_run_first(lab: Lab, project: Project) -> None:
    server = lab.server("bare")
    for step, before in {
        "clone": "install", "venv": "clone", "gunicorn": "venv", "supervisor": "install", "nginx": "install",
    }.items():  # fmt: skip
        result = project.fab("-H", server.name, step)
        assert result.status == 1 and f"Run `fab -H {server.name} {before}` first" in result.stderr, result
        assert "Traceback" not in result.stderr
    project.must("-H", server.name, "harden")
    assert server.run("id -un deploy && systemctl is-active fail2ban").stdout == "deploy\nactive\n"


def check_shell(text: str, folder: Path) -> str:
    """Return the findings of `sh -n` and shellcheck."""
    file = folder / "script.sh"
    file.write_text(text)
    commands = [["sh", "-n", str(file)], [str(SHELLCHECK), "--format=gcc", str(file)]]
    done = [subprocess.run(command, capture_output=True, text=True, check=False) for command in commands]
    return "".join(each.stdout + each.stderr for each in done)
