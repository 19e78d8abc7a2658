"""Runs that are killed, connections that are cut, networks that hang: the site never fails, and the next deploy needs no
repair."""

from __future__ import annotations

import random
import signal
import subprocess
import time

import pytest

from drills import GENTLE, QUICK, assert_whole, at_start, listening, live, lock_is_free
from lab import Lab, Project, until
from sandbox import Server
from traffic import load

SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
LOGINS = "pgrep -f '^sshd: (deploy|root)'"
CUT = (
    f"for pid in $({LOGINS}); do kill -9 $pid; done\n"
    f"for turn in $(seq 50); do {LOGINS} >/dev/null || break; sleep 0.02; done; {LOGINS} || true"
)


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

    def test_step_that_is_killed_while_the_new_release_settles(self, server: Server, project: Project) -> None:
        """Both run then: the one that has proved itself gets the traffic back until the other one has, too."""
        old = assert_whole(server)
        project.configure(**QUICK | {"settle": 30.0})
        commit = project.commit("Live, but nobody looks at it any more")
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
        assert f"killed before {new} had proved itself: back to {old}" in result.stdout, result
        assert traffic.lost == 0, traffic
        assert assert_whole(server) == new


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
