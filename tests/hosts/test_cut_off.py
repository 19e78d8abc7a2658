"""Runs that are killed, connections that are cut, networks that hang, and two runs at once: the site never fails, and the
next deploy needs no repair."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
import time

import pytest

from drills import GENTLE, QUICK, assert_whole, at_start, live, lock_is_free, temporary
from lab import Lab, Project, Result, until
from sandbox import Server
from traffic import get, load

SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
LOGINS = "pgrep -f '^sshd: (deploy|root)'"
CUT = (
    f"for pid in $({LOGINS}); do kill -9 $pid; done\n"
    f"for turn in $(seq 50); do {LOGINS} >/dev/null || break; sleep 0.02; done; {LOGINS} || true"
)


@pytest.fixture(scope="class")
def server(lab: Lab) -> Server:
    return lab.server("deployed")


@pytest.fixture(scope="class")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("project"))
    project.configure(**QUICK)
    return project


def killed(process: subprocess.Popen[str], number: int) -> int:
    """The exit status of a run that gets this signal, unless it has ended."""
    process.send_signal(number)
    return process.wait(30)


class TestKilledClient:
    @pytest.mark.timeout(900)
    def test_at_points_spread_over_a_release(self, server: Server, project: Project) -> None:
        """By signals and by cutting the connection. What the next run meets is what the last one left; each third one is let
        finish, without any repair."""
        first = project.commit("Measured")
        seconds = project.must("-H", server.name, "deploy").seconds
        assert assert_whole(server).startswith(first[:12])
        with load(f"{server.url}/health", 800, GENTLE) as traffic:
            for point in range(18):
                project.commit(f"Cut at {point}")
                process = project.start("-H", server.name, "deploy", "--wait", "60", pipe=False)
                time.sleep(0.3 + (seconds - 0.3) * (point * 7 % 18 + 0.5) / 18)
                if point % 2:
                    server.run(CUT)
                    assert process.wait(30) in (0, 1, 4)
                else:
                    killed(process, SIGNALS[point // 2 % 4])
                if point % 3 == 2:
                    commit = project.commit(f"Whole after {point}")
                    result = project.must("-H", server.name, "deploy", "--wait", "60")
                    assert assert_whole(server).startswith(commit[:12]), result
                    assert lock_is_free(server)
        assert traffic.lost == 0, traffic

    def test_the_lock_is_free_at_once(self, server: Server, project: Project) -> None:
        project.commit(at_start("import asyncio; await asyncio.sleep(2)"))
        process = project.start("-H", server.name, "deploy", pipe=False)
        until(lambda: not lock_is_free(server), 60)
        assert killed(process, signal.SIGKILL) == -signal.SIGKILL
        until(lambda: server.run("flock -n /run/selvedge/hello.lock true", check=False).returncode == 0, 2)
        project.must("-H", server.name, "deploy")
        assert assert_whole(server).startswith(project.head[:12])

    def test_interrupt_says_what_becomes_of_the_server(self, server: Server, project: Project) -> None:
        project.commit("Interrupted")
        process = project.start("-H", server.name, "deploy")
        until(lambda: not lock_is_free(server), 60)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
        assert process.returncode == 1 and "Interrupted." in stderr and "Traceback" not in stderr, stderr
        project.must("-H", server.name, "deploy")
        assert assert_whole(server).startswith(project.head[:12])


class TestFirstDeploy:
    @pytest.mark.timeout(900)
    def test_killed_at_twenty_random_points(self, lab: Lab, project: Project) -> None:
        """Whatever a run has left, the next one goes on from there; the last one finishes the job."""
        server = lab.server("setup")
        seed = random.randrange(10**6)
        chance = random.Random(seed)
        for number in range(20):
            process = project.start("-H", server.name, "deploy", "--wait", "60", pipe=False)
            time.sleep(chance.uniform(0.3, 7))
            killed(process, SIGNALS[number % 4])
        result = project.must("-H", server.name, "deploy", "--wait", "60")
        assert assert_whole(server).startswith(project.head[:12]), f"{result}\nseed {seed}"
        assert "nothing to change" in project.must("-H", server.name, "deploy").stdout


class TestConnection:
    @pytest.mark.parametrize("wait", ["lock", "build", "switch"])
    def test_cut_by_the_server(self, server: Server, project: Project, wait: str) -> None:
        before = assert_whole(server)
        commit = project.commit(at_start("import asyncio; await asyncio.sleep(1)"))
        reached = {
            "lock": lambda: not lock_is_free(server),
            "build": lambda: server.run(f"ls -d /srv/hello/releases/{commit[:12]}", check=False).returncode == 0,
            "switch": lambda: f"/run/hello/{commit[:12]}" in server.run("ss -xlH").stdout,
        }
        with load(f"{server.url}/health", 200, GENTLE) as traffic:
            process = project.start("-H", server.name, "deploy")
            until(reached[wait], 60)
            assert server.run(CUT).stdout == ""
            began = time.monotonic()
            stdout, stderr = process.communicate(timeout=30)
            assert time.monotonic() - began < 5, stdout + stderr
            assert process.returncode == 4 and f"{server.name}: " in stderr and "connection" in stderr, stdout + stderr
            project.must("-H", server.name, "deploy")
            assert assert_whole(server).startswith(commit[:12]) and live(server) != before
        assert traffic.lost == 0, traffic

    def test_network_that_hangs(self, server: Server, project: Project) -> None:
        """No packet in either direction, and no word of it: noticed within half a minute."""
        commit = project.commit(at_start("import asyncio; await asyncio.sleep(3)"))
        process = project.start("-H", server.name, "deploy")
        until(lambda: f"/run/hello/{commit[:12]}" in server.run("ss -xlH").stdout, 60)
        rules = ("INPUT -p tcp --dport 22 -j DROP", "OUTPUT -p tcp --sport 22 -j DROP")
        server.run("\n".join(f"iptables -I {rule}" for rule in rules))
        began = time.monotonic()
        try:
            _, stderr = process.communicate(timeout=60)
        finally:
            server.run("\n".join(f"iptables -D {rule}" for rule in rules))
        assert time.monotonic() - began <= 30
        assert process.returncode == 4 and "the connection was lost in supervisor" in stderr, stderr
        project.must("-H", server.name, "deploy", "--wait", "60")
        assert assert_whole(server).startswith(commit[:12])


class TestTwoRuns:
    def test_second_one_is_told_who_is_at_it(self, server: Server, project: Project) -> None:
        project.commit(at_start("import asyncio; await asyncio.sleep(3)"))
        first = project.start("-H", server.name, "deploy", env={"LOGNAME": "\u5f20\u4f1f", "LANG": "C"})
        until(lambda: not lock_is_free(server), 60)
        second = project.fab("-H", server.name, "deploy")
        assert second.status == 3, second
        assert "another run is changing hello there: \u5f20\u4f1f@" in second.stderr and ": fab deploy" in second.stderr
        assert "since 2" in second.stderr and "--wait SECONDS" in second.stderr
        for task in ("rollback", "restart"):
            assert project.fab("-H", server.name, task).status == 3
        waiting = project.must("-H", server.name, "deploy", "--wait", "120")
        assert first.wait(60) == 0
        assert "nothing to change" in waiting.stdout
        assert assert_whole(server).startswith(project.head[:12])
        assert "\u5f20\u4f1f@" in project.must("-H", server.name, "history").stdout

    def test_reading_needs_no_lock(self, server: Server, project: Project) -> None:
        project.commit(at_start("import asyncio; await asyncio.sleep(2)"))
        first = project.start("-H", server.name, "deploy")
        until(lambda: not lock_is_free(server), 60)
        for words in (["releases"], ["deploy", "--dry-run"]):
            project.must("-H", server.name, *words)
        assert first.wait(60) == 0

    def test_two_apps_neither_wait_for_each_other_nor_touch_each_other(
        self, server: Server, project: Project, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        other = Project(tmp_path_factory.mktemp("other"))
        own = {"name": "other", "domains": ["other.test"]}
        other.configure("[tls]\nupstream = true\n", **QUICK | own)
        other.must("-H", server.name, "deploy")
        theirs = {"Host": "other.test"}
        until(lambda: get(f"{server.url}/health", theirs).headers["X-Release"] == live(server, "other"), 20)
        before = live(server), live(server, "other")
        assert get(f"{server.url}/health").headers["X-Release"] == before[0]
        project.commit("One of two")
        other.commit("The other one")
        with load(f"{server.url}/health", 200, GENTLE) as traffic, _asked(server, theirs) as failed:
            # One at a time, then both at once.
            project.must("-H", server.name, "deploy")
            assert live(server) != before[0] and live(server, "other") == before[1]
            other.must("-H", server.name, "deploy")
            after = live(server), live(server, "other")
            assert after[1] != before[1]
            project.commit("Both")
            other.commit("Both")
            results = _together(server, project, other)
        assert [result.status for result in results] == [0, 0], results
        assert (traffic.lost, failed) == (0, []), traffic
        for app, its in (("hello", project), ("other", other)):
            assert live(server, app).startswith(its.head[:12])
        other.must("-H", server.name, "rollback")
        assert live(server, "other") == after[1] and live(server).startswith(project.head[:12])
        assert "nothing to change" in project.must("-H", server.name, "deploy").stdout
        assert temporary(server) == ""

    def test_second_app_by_address_is_refused_and_the_first_serves_on(
        self, server: Server, project: Project, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        third = Project(tmp_path_factory.mktemp("third"))
        third.configure(name="third", **QUICK)
        with load(f"{server.url}/health", 100, GENTLE) as traffic:
            result = third.fab("-H", server.name, "deploy")
        assert result.status == 1 and "/etc/nginx/sites-enabled/" in result.stderr, result
        assert traffic.lost == 0, traffic
        assert get(f"{server.url}/health").headers["X-Release"] == live(server)
        assert server.run("nginx -t 2>&1 && test ! -e /etc/nginx/sites-enabled/third", check=False).returncode == 0
        assert "nothing to change" in project.must("-H", server.name, "deploy").stdout


class _asked:
    """Requests with these headers while the block runs; the reasons of those that failed."""

    def __init__(self, server: Server, headers: dict[str, str]) -> None:
        self.server, self.headers, self.failed = server, headers, list[str]()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._ask)

    def __enter__(self) -> list[str]:
        self.thread.start()
        return self.failed

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(30)

    def _ask(self) -> None:
        while not self.stop.wait(GENTLE):
            try:
                answer = get(f"{self.server.url}/health", self.headers)
                if answer.status != 200:
                    self.failed.append(f"status {answer.status}")
            except OSError as error:
                self.failed.append(str(error))


def _together(server: Server, *projects: Project) -> list[Result]:
    """Release all at the same time."""
    results: dict[int, Result] = {}

    def run(number: int, project: Project) -> None:
        results[number] = project.fab("-H", server.name, "deploy")

    threads = [threading.Thread(target=run, args=item) for item in enumerate(projects)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[number] for number in sorted(results)]
