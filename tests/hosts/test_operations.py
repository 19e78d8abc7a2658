"""Operations on a real server: what they show is so, what they change is changed, and looking changes nothing."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import FAB, Lab, Project, until
from observe import count_execs, differences, snapshot_of_filesystem
from sandbox import Server
from traffic import get

SECRET = "hunter2-$(id)-canary"


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    """One project for all tests here, whose app has a secret in its environment."""
    (shared_project.folder / "production.env").write_text(f"API_TOKEN='{SECRET}'\n")
    (shared_project.folder / "production.env").chmod(0o600)
    shared_project.configure(env_file="production.env")
    return shared_project


@pytest.fixture(scope="module")
def server(lab: Lab, project: Project) -> Server:
    """A server with two good releases of the app behind it, the second one live."""
    found = lab.server("deployed", "trixie")
    project.must("-H", found.name, "deploy")
    project.commit("the second release")
    project.must("-H", found.name, "deploy")
    return found


@pytest.fixture(autouse=True)
def _no_secret(request: pytest.FixtureRequest) -> Iterator[None]:
    """Nothing that any operation writes has the secret of the app's environment."""
    project: Project = request.getfixturevalue("project")
    written: list[str] = []
    plain = project.fab

    def fab(*words: str, **more: object) -> object:
        result = plain(*words, **more)  # type: ignore[arg-type]
        written.append(f"{result}")
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(project, "fab", fab)
        yield
    assert not [text for text in written if "canary" in text]


def left_behind(server: Server, what: str) -> list[str]:
    """The processes on the server whose command line has these words."""
    script = "for folder in /proc/[0-9]*; do tr '\\0' ' ' <$folder/cmdline; echo; done 2>/dev/null"
    return [line for line in server.run(script).stdout.splitlines() if what in line]


class Output:
    """What a running command has written so far."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def has(self, text: str) -> bool:
        return text in self._path.read_text(errors="replace")


@contextmanager
def running(project: Project, path: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], Output]]:
    """fab, while it runs; its output goes to a file, so that it can be read meanwhile."""
    with path.open("wb") as file:
        process = subprocess.Popen(
            [str(FAB), *words], cwd=project.folder, env=project.environment(),
            stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)  # fmt: skip
    try:
        yield process, Output(path)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(20)


class TestLooking:
    """releases, history, status, doctor: one exec each, and no file of the server is touched."""

    @pytest.mark.parametrize(
        "words", [["releases"], ["history"], ["status"], ["doctor"], ["logs", "--nginx"], ["releases", "--json"]]
    )
    def test_one_exec_and_nothing_changes(self, server: Server, project: Project, words: list[str]) -> None:
        get(f"{server.url}/")
        before = snapshot_of_filesystem(server)
        with count_execs(server) as execs:
            project.must("-H", server.name, *words)
        # Counting itself writes sshd's configuration, and takes it away.
        changed = {path for path in differences(before, snapshot_of_filesystem(server)) if "sshd_config.d" not in path}
        assert changed == set()
        assert (execs.count, execs.logins) == (1, 1)

    def test_releases_as_json(self, server: Server, project: Project) -> None:
        document = json.loads(project.must("-H", server.name, "releases", "--json").stdout)[server.name]
        newest, *older = document["releases"]
        assert newest["commit"] == project.head
        assert newest["state"] == "live"
        assert newest["release"] == document["live"] == get(f"{server.url}/").headers["X-Release"]
        assert newest["subject"] == "Test: the second release"
        assert newest["author"] == "Test"
        assert newest["seconds"] >= 0
        assert older[0]["state"] == "good"

    def test_history_has_a_line_for_each_deploy(self, server: Server, project: Project) -> None:
        events = json.loads(project.must("-H", server.name, "history", "--json").stdout)[server.name]
        deploys = [event for event in events if event["why"] == "deploy"]
        assert [event["result"] for event in deploys[-2:]] == ["good", "good"]
        assert deploys[-1]["new"].startswith(project.head[:12])
        assert deploys[-1]["old"] == deploys[-2]["new"]
        shown = project.must("-H", server.name, "history", "--lines", "1").stdout.splitlines()
        assert len(shown) == 2

    def test_status_counts_what_runs(self, server: Server, project: Project) -> None:
        found = json.loads(project.must("-H", server.name, "status", "--json").stdout)[server.name]
        assert found["healthy"] is True
        assert (found["workers"], found["restarts"]) == (1, 0)
        assert found["health"]["status"] == 200
        assert found["memory_kb"] > 10_000
        assert found["services"] == {"nginx": "active", "supervisor": "active"}
        assert found["disk"]["free_kb"] > 0

    def test_status_sees_a_crash_and_that_it_is_over(self, server: Server, project: Project) -> None:
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
        # Under supervisor the workers of a killed gunicorn stay; that is seen, and stop takes them away.
        assert any("its gunicorn was killed" in text for text in warnings)
        project.must("-H", server.name, "stop")
        assert left_behind(server, "gunicorn main:app") == []
        project.must("-H", server.name, "start")

    def test_a_bare_server_has_nothing_and_is_not_ill(self, lab: Lab, project: Project) -> None:
        bare = lab.server("ready", "bookworm")
        for words in (["releases"], ["history"], ["status"], ["doctor"]):
            project.must("-H", bare.name, *words)
        for words in (["logs"], ["stop"], ["start"], ["run", "--command", "true"]):
            result = project.fab("-H", bare.name, *words)
            assert result.status == 1, result
            assert "Traceback" not in result.stderr
            assert "live" in result.stderr or "deployed" in result.stderr


FAULTS = {
    "socket": ("chmod 0700 /run/hello", "chmod 2750 /run/hello", "www-data may not pass /run/hello"),
    "foreign site": (
        "echo 'server { broken' >/etc/nginx/sites-enabled/zz", "rm /etc/nginx/sites-enabled/zz",
        "/etc/nginx/sites-enabled/zz:2",
    ),
    "supervisor": (
        "printf '[program:x]\\nenvironment=A=\"%%canary\"\\ncommand=x\\n' >/etc/supervisor/conf.d/zz.conf",
        "rm /etc/supervisor/conf.d/zz.conf", "/etc/supervisor/conf.d/zz.conf",
    ),
    "firewall": (
        "ufw delete allow 80/tcp; ufw deny 80/tcp", "ufw delete deny 80/tcp; ufw allow 80/tcp", "ufw does not let port 80 in",
    ),
    "port": (
        "systemctl stop nginx; systemd-run --unit=squatter python3 -m http.server 80; sleep 1",
        "systemctl stop squatter; systemctl start nginx", "80 is held by python3",
    ),
    "boot": ("systemctl disable nginx", "systemctl enable nginx", "nginx does not start at boot"),
    "app": ("supervisorctl stop all", "supervisorctl start all; sleep 2", "nothing listens on its socket"),
}  # fmt: skip


class TestDoctor:
    """Each fault is named, with a remedy; without one, all is well."""

    def test_nothing_is_wrong(self, server: Server, project: Project) -> None:
        result = project.must("-H", server.name, "doctor")
        assert "✗" not in result.stdout
        assert "nginx listens on 80, and this machine reaches it" in result.stdout

    @pytest.mark.parametrize("fault", FAULTS)
    def test_fault(self, server: Server, project: Project, fault: str) -> None:
        inject, mend, said = FAULTS[fault]
        server.run(inject)
        try:
            result = project.fab("-H", server.name, "doctor")
        finally:
            server.run(mend)
        assert result.status == 1, result
        line = next(line for line in result.stdout.splitlines() if said in line)
        assert "✗" in line
        assert "→" in result.stdout.splitlines()[result.stdout.splitlines().index(line) + 1]
        until(lambda: get(f"{server.url}/health").status == 200, 60)

    def test_names_that_lead_elsewhere(self, server: Server, project: Project) -> None:
        server.run(
            f"cp /etc/hosts /root/hosts; echo '{server.address} here.test' >>/etc/hosts; echo '10.9.8.7 away.test' >>/etc/hosts"
        )
        try:
            domains = {"SELVEDGE_APP__DOMAINS": '["here.test", "away.test"]'}
            result = project.fab("-H", server.name, "doctor", env=domains)
        finally:
            server.run("cat /root/hosts >/etc/hosts; rm /root/hosts")
        assert result.status == 1
        assert f"here.test leads here ({server.address})" in result.stdout
        assert "away.test leads to 10.9.8.7, not to this server" in result.stdout

    def test_a_host_that_is_not_there_does_not_hide_the_others(self, server: Server, project: Project) -> None:
        result = project.fab("-H", f"{server.name},203.0.113.77", "doctor", timeout=120)
        assert result.status == 4, result
        assert "this machine reaches it" in result.stdout
        assert "203.0.113.77" in result.stderr


class TestLogs:
    """Logs, and following them."""

    def test_last_lines(self, server: Server, project: Project) -> None:
        get(f"{server.url}/?seen-by-nginx")
        assert "Application startup complete" in project.must("-H", server.name, "logs").stdout
        shown = project.must("-H", server.name, "logs", "--nginx", "--lines", "1").stdout
        assert shown.startswith("access")
        assert "seen-by-nginx" in shown
        assert len(shown.splitlines()) <= 2

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
    def test_followed_until_it_is_interrupted_or_killed(
        self, server: Server, project: Project, tmp_path: Path, number: signal.Signals
    ) -> None:
        words = ("-H", server.name, "logs", "--nginx", "--follow", "--lines", "0")
        with running(project, tmp_path / "output", *words) as (process, output):
            until(lambda: left_behind(server, "tail -q"), 30)
            for step in ("first", "second"):
                get(f"{server.url}/?{step}-{number}")
                until(lambda step=step: output.has(f"{step}-{number}"), 10)
            process.send_signal(number)
            assert process.wait(20) == (0 if number == signal.SIGINT else -signal.SIGKILL)
            assert not output.has("Traceback")
        until(lambda: not left_behind(server, "tail -q"), 10)


class TestStopAndStart:
    """Stopped is stopped, also after a reboot; started is healthy."""

    def test_stop_through_a_reboot_and_start(self, server: Server, project: Project) -> None:
        assert project.must("-H", server.name, "start").stdout.rstrip().endswith(f"nothing to change on {server.name}.")
        project.must("-H", server.name, "stop", "--dry-run")
        assert get(f"{server.url}/health").status == 200
        project.must("-H", server.name, "stop")
        assert get(f"{server.url}/health").status == 502
        assert "nothing to change" in project.must("-H", server.name, "stop").stdout
        result = project.fab("-H", server.name, "status")
        assert result.status == 1
        assert ": stopped" in result.stdout
        server.reboot()
        until(lambda: get(f"{server.url}/health").status == 502, 60)
        time.sleep(3)
        assert get(f"{server.url}/health").status == 502
        project.must("-H", server.name, "start")
        assert get(f"{server.url}/health").status == 200
        events = json.loads(project.must("-H", server.name, "history", "--json").stdout)[server.name]
        assert [event["why"] for event in events[-2:]] == ["stop", "start"]

    def test_deploy_brings_a_stopped_app_back(self, server: Server, project: Project) -> None:
        project.must("-H", server.name, "stop")
        project.must("-H", server.name, "deploy")
        assert get(f"{server.url}/health").status == 200

    def test_an_app_that_does_not_get_healthy_is_a_failure_with_its_log(self, server: Server, project: Project) -> None:
        project.must("-H", server.name, "stop")
        env = {"SELVEDGE_APP__HEALTH": "/no-such-page", "SELVEDGE_APP__HEALTH_ATTEMPTS": "15"}
        result = project.fab("-H", server.name, "start", env=env)
        assert result.status == 1
        assert "GET /no-such-page (Host: localhost) answered 404" in result.stderr
        assert "Application startup complete" in result.stdout
        project.must("-H", server.name, "start")

    def test_while_another_run_holds_the_lock(self, server: Server, project: Project) -> None:
        server.run(
            "mkdir -p /run/selvedge; systemd-run --unit=holder flock /run/selvedge/hello.lock sleep 60; sleep 0.5"
        )
        try:
            result = project.fab("-H", server.name, "stop")
        finally:
            server.run("systemctl stop holder")
        assert result.status == 3, result
        assert get(f"{server.url}/health").status == 200


class TestRun:
    """A command in the live release."""

    def test_it_runs_as_the_app_does(self, server: Server, project: Project) -> None:
        # Quotes of all kinds, to be seen as they are.
        command = (
            """id -un; pwd; alembic current; printf '%s\\n' "$RELEASE" "it's \\"\\$HOME\\""; echo ${API_TOKEN:+set}"""
        )
        lines = project.must("-H", server.name, "run", "--command", command).stdout.splitlines()
        live = get(f"{server.url}/").headers["X-Release"]
        assert lines[0] == "hello"
        assert lines[1].startswith(f"/srv/hello/releases/{project.head[:12]}")
        assert "0001 (head)" in lines
        assert lines[-3:] == [live, 'it\'s "$HOME"', "set"]

    def test_failure_is_status_1(self, server: Server, project: Project) -> None:
        result = project.fab("-H", server.name, "run", "--command", "echo out; exit 5")
        assert (result.status, result.stdout) == (1, "out\n")
        assert "exit status 5" in result.stderr

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
    def test_it_ends_with_the_run(
        self, server: Server, project: Project, tmp_path: Path, number: signal.Signals
    ) -> None:
        with running(project, tmp_path / "output", "-H", server.name, "run", "--command", "echo begun; sleep 4321") as (
            process,
            output,
        ):
            until(lambda: output.has("begun"), 30)
            process.send_signal(number)
            process.wait(20)
        until(lambda: not left_behind(server, "sleep 4321"), 10)


class TestTrustAndSsh:
    """The way in: host keys, and ssh."""

    @pytest.fixture
    def stranger(self, server: Server, project: Project) -> Iterator[str]:
        """The same server under a name of the project's own, with a known_hosts file that is not there yet."""
        before = (project.folder / "hosts.toml").read_text()
        lines = [
            "[hosts.stranger]", f'address = "{server.address}"', f"port = {server.port}", f'key = "{server.key}"',
            'known_hosts = "known/hosts"',
        ]  # fmt: skip
        (project.folder / "hosts.toml").write_text(before + "\n".join(lines) + "\n")
        yield "stranger"
        (project.folder / "hosts.toml").write_text(before)
        (project.folder / "known/hosts").unlink(missing_ok=True)

    def typed(self, project: Project, answer: str, *words: str) -> tuple[int, str]:
        """fab at a terminal at which somebody types; its status and all that the terminal shows."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(project.folder)
            os.execve(FAB, [str(FAB), *words], project.environment())
        shown, asked = b"", False
        while True:
            try:
                piece = os.read(terminal, 4096)
            except OSError:
                break
            shown += piece
            if b"[y/N]" in shown and not asked:
                asked = True
                os.write(terminal, answer.encode() + b"\n")
            if not piece:
                break
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status), shown.decode()

    def test_an_unknown_server_is_trusted_at_a_terminal_and_then_let_in(
        self, stranger: str, server: Server, project: Project
    ) -> None:
        refused = project.fab("-H", stranger, "status")
        assert refused.status == 4
        assert "fab -H stranger trust" in refused.stderr
        assert project.fab("-H", stranger, "trust").status == 2
        status, shown = self.typed(project, "no", "-H", stranger, "trust")
        assert status == 1
        status, shown = self.typed(project, "y", "-H", stranger, "trust")
        assert status == 0, shown
        prints = server.run("for f in $(sshd -T | sed -n 's/^hostkey //p'); do ssh-keygen -lf $f; done").stdout
        assert {line.split()[1] for line in prints.splitlines()} == {
            word for line in shown.splitlines() for word in line.split() if word.startswith("SHA256:")
        }
        assert project.fab("-H", stranger, "history").status == 0

    def test_a_server_that_was_installed_anew(self, stranger: str, server: Server, project: Project) -> None:
        project.must("-H", stranger, "trust", "--yes")
        old = (project.folder / "known/hosts").read_bytes()
        server.run("cp -a /etc/ssh /root/ssh; rm /etc/ssh/ssh_host_*; ssh-keygen -A; systemctl restart ssh")
        try:
            trust, status = project.fab("-H", stranger, "trust", "--yes"), project.fab("-H", stranger, "status")
        finally:
            server.run("cp -a /root/ssh/ssh_host_* /etc/ssh/; rm -r /root/ssh; systemctl restart ssh")
        assert (trust.status, status.status) == (1, 4)
        assert "ssh-keygen -R" in trust.stderr
        assert (project.folder / "known/hosts").read_bytes() == old

    def test_ssh_logs_in_with_what_hosts_toml_says(self, stranger: str, server: Server, project: Project) -> None:
        project.must("-H", stranger, "trust", "--yes")
        done = subprocess.run(
            [str(FAB), "-H", stranger, "ssh"], cwd=project.folder, env=project.environment(), input="id -un; hostname; exit 6\n",
            capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
        assert done.returncode == 6, done
        assert done.stdout.splitlines()[-2:] == ["deploy", server.name]
