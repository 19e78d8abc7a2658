"""Killed runs and lost connections: the site never fails, and the next deploy needs no repair."""

from __future__ import annotations

import random
import signal
import subprocess
import time

import pytest

from drills import GENTLE, QUICK, assert_consistent, at_start, listening, live, lock_is_free
from lab import Lab, Project, until
from sandbox import Server
from traffic import load

SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
LOGINS = "pgrep -f '^sshd: (deploy|root)'"
CUT = (
    f"for pid in $({LOGINS}); do kill -9 $pid; done\n"
    f"for turn in $(seq 50); do {LOGINS} >/dev/null || break; sleep 0.02; done; {LOGINS} || true"
)


def kill(process: subprocess.Popen[str], number: int) -> int:
    """Send a signal to a run, and return its exit status."""
    process.send_signal(number)
    return process.wait(30)


class TestKilledClient:
    @pytest.mark.timeout(900)
    @pytest.mark.thorough
    def test_killed_at_points_spread_over_a_release(self, server: Server, project: Project) -> None:
        """Kill runs by signals and by cut connections. After every third one, a deploy runs to its end."""
        first = project.commit("Measured")
        seconds = project.must("-H", server.name, "deploy").seconds
        assert assert_consistent(server).startswith(first[:12])
        with load(f"{server.url}/health", 800, GENTLE) as traffic:
            for point in range(18):
                project.commit(f"Cut at {point}")
                process = project.start("-H", server.name, "deploy", "--wait", "60", pipe=False)
                time.sleep(0.3 + (seconds - 0.3) * (point * 7 % 18 + 0.5) / 18)
                if point % 2:
                    server.run(CUT)
                    assert process.wait(30) in (0, 1, 4)
                else:
                    kill(process, SIGNALS[point // 2 % 4])
                if point % 3 == 2:
                    commit = project.commit(f"Whole after {point}")
                    result = project.must("-H", server.name, "deploy", "--wait", "60")
                    assert assert_consistent(server).startswith(commit[:12]), result
                    assert lock_is_free(server)
        assert traffic.lost == 0, traffic

    def test_the_lock_is_released_at_once(self, server: Server, project: Project) -> None:
        project.commit(at_start("import asyncio; await asyncio.sleep(2)"))
        process = project.start("-H", server.name, "deploy", pipe=False)
        until(lambda: not lock_is_free(server), 60)
        assert kill(process, signal.SIGKILL) == -signal.SIGKILL
        until(lambda: server.run("flock -n /run/selvedge/hello.lock true", check=False).returncode == 0, 2)
        project.must("-H", server.name, "deploy")
        assert assert_consistent(server).startswith(project.head[:12])

    def test_an_interrupt_ends_with_a_message(self, server: Server, project: Project) -> None:
        project.commit("Interrupted")
        process = project.start("-H", server.name, "deploy")
        until(lambda: not lock_is_free(server), 60)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
        assert process.returncode == 1 and "Interrupted." in stderr and "Traceback" not in stderr, stderr
        project.must("-H", server.name, "deploy")
        assert assert_consistent(server).startswith(project.head[:12])

    def test_the_step_is_killed_while_the_new_release_settles(self, server: Server, project: Project) -> None:
        """Both releases run afterwards. The old one gets the requests back until the new one has settled."""
        old = assert_consistent(server)
        project.configure(**QUICK | {"settle": 30.0})
        commit = project.commit("Live, but not settled")
        process = project.start("-H", server.name, "deploy")
        until(lambda: live(server).startswith(commit[:12]), 120)
        server.run(
            "for own in /proc/[0-9]*; do if ls -l $own/fd 2>/dev/null | grep -q /run/selvedge/hello.step; then "
            "pkill -9 -s $(ps -o sid= -p ${own#/proc/}); fi; done"
        )
        assert process.wait(60) in (1, 4)
        new = live(server)
        assert listening(server) == sorted([old, new])
        project.configure(**QUICK)
        with load(f"{server.url}/health", 100, GENTLE) as traffic:
            result = project.must("-H", server.name, "deploy")
        assert f"killed before {new} had settled: going back to {old}" in result.stdout, result
        assert traffic.lost == 0, traffic
        assert assert_consistent(server) == new


class TestFirstDeploy:
    @pytest.mark.thorough
    @pytest.mark.timeout(900)
    def test_killed_at_twenty_random_points(self, lab: Lab, project: Project) -> None:
        """Each run continues from the state that the killed one left, and the last one finishes."""
        server = lab.server("setup")
        seed = random.randrange(10**6)
        chance = random.Random(seed)
        for number in range(20):
            process = project.start("-H", server.name, "deploy", "--wait", "60", pipe=False)
            time.sleep(chance.uniform(0.3, 7))
            kill(process, SIGNALS[number % 4])
        result = project.must("-H", server.name, "deploy", "--wait", "60")
        assert assert_consistent(server).startswith(project.head[:12]), f"{result}\nseed {seed}"
        assert "nothing to change" in project.must("-H", server.name, "deploy").stdout


class TestConnection:
    @pytest.mark.parametrize("wait", ["lock", pytest.param("build", marks=pytest.mark.thorough), "switch"])
    def test_the_connection_is_cut(self, server: Server, project: Project, wait: str) -> None:
        before = assert_consistent(server)
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
            assert assert_consistent(server).startswith(commit[:12]) and live(server) != before
        assert traffic.lost == 0, traffic

    @pytest.mark.thorough
    def test_the_network_drops_every_packet(self, server: Server, project: Project) -> None:
        """Packets disappear in both directions without an error. fab notices it within 30 seconds."""
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
        assert assert_consistent(server).startswith(commit[:12])
