"""The switch to a new release: taken sockets, old processes that do not stop, a site that does not answer."""

from __future__ import annotations

from pathlib import Path

from drills import GENTLE, QUICK, assert_consistent, at_start, insert, live
from lab import Project, until
from sandbox import Server
from traffic import get, load


class TestSwitch:
    def test_a_socket_path_that_is_taken(self, server: Server, project: Project, branch: str) -> None:
        project.configure(branch=branch, **QUICK)
        commit = project.commit("Its socket is taken")
        project.must("-H", server.name, "clone", "venv", "gunicorn")
        made = server.run(f"ls /srv/hello/instances | grep ^{commit[:12]}").stdout.strip()
        server.run(f"echo taken >/run/hello/{made}.sock")
        old = assert_consistent(server)
        with load(f"{server.url}/health", 200, GENTLE) as traffic:
            result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and f"/run/hello/{made}.sock is not a socket (regular file, owner root)" in result.stderr, result
        assert traffic.lost == 0, traffic
        assert server.run(f"cat /run/hello/{made}.sock && rm /run/hello/{made}.sock").stdout == "taken\n"
        assert assert_consistent(server) == old
        project.must("-H", server.name, "deploy")
        assert assert_consistent(server) == made

    def test_an_old_release_that_ignores_sigterm_is_killed(self, server: Server, project: Project, branch: str) -> None:
        """The old release ignores SIGTERM during a long request. It is killed after app.stop_timeout."""
        project.configure(branch=branch, **QUICK | {"stop_timeout": 2})

        def ignore_sigterm(app: Path) -> None:
            insert('@app.get("/client")', '@app.get("/hang")\ndef hang():\n    import time; time.sleep(150)\n\n\n')(app)
            at_start("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)")(app)

        project.commit(ignore_sigterm)
        project.must("-H", server.name, "deploy")
        server.run("(curl -s -o /dev/null -m 160 http://127.0.0.1/hang &) >/dev/null 2>&1; sleep 0.3")
        commit = project.commit("After the one that ignores SIGTERM")
        with load(f"{server.url}/health", 200, GENTLE) as traffic:
            result = project.must("-H", server.name, "deploy")
        assert result.seconds < 100
        assert traffic.lost == 0, traffic
        assert assert_consistent(server).startswith(commit[:12])

    def test_strategy_restart_brings_the_old_release_back(self, server: Server, project: Project, branch: str) -> None:
        project.configure(branch=branch, strategy="restart", **QUICK)
        commit = project.commit("One at a time")
        result = project.must("-H", server.name, "deploy")
        assert "the live release stops first, and requests fail until the new one answers" in result.stdout
        old = assert_consistent(server)
        assert old.startswith(commit[:12])
        project.commit(at_start("raise RuntimeError('no warehouse')"))
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and f"The previous release {old} serves again" in result.stderr, result
        assert assert_consistent(server) == old
        # The old release has stopped when supervisor refuses its configuration.
        server.run("printf '[program:zz]\\n' >/etc/supervisor/conf.d/zz.conf")
        result = project.fab("-H", server.name, "deploy")
        server.run("rm /etc/supervisor/conf.d/zz.conf")
        assert result.status == 1 and "supervisor cannot read its configuration" in result.stderr, result
        assert f"The previous release {old} serves again" in result.stderr, result
        assert assert_consistent(server) == old

    def test_a_site_that_does_not_answer_with_the_new_release(self, server: Server, project: Project, branch: str) -> None:
        """The release is healthy, but nginx does not answer with it."""
        project.configure(branch=branch, **QUICK)
        project.must("-H", server.name, "deploy")
        project.commit("Never seen through nginx")
        old = assert_consistent(server)
        site = "/etc/nginx/snippets/hello.conf"
        server.run(f"cp {site} /root/site")
        try:
            for status, answered in ((503, "503"), (200, "200")):
                server.run(f"{{ cat /root/site; echo 'location = /health {{ return {status}; }}'; }} >{site} && nginx -s reload")
                until(lambda wanted=status: _site_answer(server) == (wanted, None), 20)
                result = project.fab("-H", server.name, "deploy")
                assert result.status == 1 and live(server) == old, result
                said = f"nginx did not answer GET http://{server.address}/health from the new release: it answered {answered}. "
                assert f"After the switch, {said}" in result.stderr, result
                assert f"The previous release {old} keeps serving" in result.stderr, result
        finally:
            server.run(f"mv /root/site {site} && nginx -s reload")
        until(lambda: get(f"{server.url}/health").headers["X-Release"] == old, 20)
        assert assert_consistent(server) == old


def _site_answer(server: Server) -> tuple[int, str | None]:
    answer = get(f"{server.url}/health")
    return answer.status, answer.headers["X-Release"]
