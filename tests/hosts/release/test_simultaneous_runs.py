"""Two runs at once: the lock of one app, and two apps on one server."""

from __future__ import annotations

import threading

import pytest

from drills import GENTLE, QUICK, assert_consistent, at_start, drained, leftovers, live, lock_is_free
from lab import Project, Result, until
from sandbox import Server
from traffic import get, load


class TestTwoRuns:
    def test_the_second_run_is_told_who_holds_the_lock(self, server: Server, project: Project) -> None:
        project.commit(at_start("import asyncio; await asyncio.sleep(8)"))
        first = project.start("-H", server.name, "deploy", env={"LOGNAME": "\u5f20\u4f1f", "LANG": "C"})
        until(lambda: not lock_is_free(server), 60)
        second = project.fab("-H", server.name, "deploy")
        assert second.status == 3, second
        assert "another run is changing hello: \u5f20\u4f1f@" in second.stderr and ": fab deploy" in second.stderr
        assert "since 2" in second.stderr and "--wait SECONDS" in second.stderr
        for task in ("rollback", "restart"):
            assert project.fab("-H", server.name, task).status == 3
        waiting = project.must("-H", server.name, "deploy", "--wait", "120")
        assert first.wait(60) == 0
        assert "nothing to change" in waiting.stdout
        assert assert_consistent(server).startswith(project.head[:12])
        assert "\u5f20\u4f1f@" in project.must("-H", server.name, "history").stdout

    def test_reading_needs_no_lock(self, server: Server, project: Project) -> None:
        project.commit(at_start("import asyncio; await asyncio.sleep(2)"))
        first = project.start("-H", server.name, "deploy")
        until(lambda: not lock_is_free(server), 60)
        for words in (["releases"], ["deploy", "--dry-run"]):
            project.must("-H", server.name, *words)
        assert first.wait(60) == 0

    def test_two_apps_do_not_affect_each_other(
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
        with load(f"{server.url}/health", 200, GENTLE) as traffic, _request_errors(server, theirs) as failed:
            # First one after the other, then both at once.
            project.must("-H", server.name, "deploy")
            assert live(server) != before[0] and live(server, "other") == before[1]
            other.must("-H", server.name, "deploy")
            after = live(server), live(server, "other")
            assert after[1] != before[1]
            project.commit("Both")
            other.commit("Both")
            results = _deploy_together(server, project, other)
        assert [result.status for result in results] == [0, 0], results
        assert (traffic.lost, failed) == (0, []), traffic
        for app, its in (("hello", project), ("other", other)):
            assert live(server, app).startswith(its.head[:12])
        other.must("-H", server.name, "rollback")
        assert live(server, "other") == after[1] and live(server).startswith(project.head[:12])
        assert "nothing to change" in project.must("-H", server.name, "deploy").stdout
        for app in ("hello", "other"):
            drained(server, app)
        assert leftovers(server) == ""

    def test_a_second_app_without_a_domain_is_refused(
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


class _request_errors:
    """Send requests with these headers while the block runs, and collect the errors."""

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


def _deploy_together(server: Server, *projects: Project) -> list[Result]:
    """Deploy all projects at the same time."""
    results: dict[int, Result] = {}

    def run(number: int, project: Project) -> None:
        results[number] = project.fab("-H", server.name, "deploy")

    threads = [threading.Thread(target=run, args=item) for item in enumerate(projects)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[number] for number in sorted(results)]
