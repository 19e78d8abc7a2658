"""Faults of the engine and of containers, and changes of the process manager under load (app.manager = "docker")."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import containers
from containers import DOCKER, dockerfile
from drills import GENTLE, QUICK, assert_consistent, deploy, live, serves
from lab import Lab, Project, until
from sandbox import Server
from traffic import get, load

pytestmark = pytest.mark.thorough
TIMER = '''
[timers.tick]
command = 'echo "$RELEASE $(id -un 2>/dev/null || id -u)"'
schedule = "0 3 * * *"

[timers.long]
command = "trap 'echo asked to end; exit' TERM; echo began; while :; do sleep 0.2; done"
schedule = "0 3 * * *"
'''


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    return shared_project


def with_engine(lab: Lab, project: Project) -> Server:
    """Return a server with the app under supervisor, Docker, and a Dockerfile in the app's next commit."""
    server = lab.server("deployed")
    containers.install(server, project)
    project.commit(dockerfile())
    return server


@pytest.fixture(scope="module")
def server(lab: Lab, project: Project) -> Server:
    """Return a server with the app in a container, after a release under supervisor."""
    server = with_engine(lab, project)
    deploy(server, project)
    return server


@pytest.fixture(autouse=True)
def _configured(project: Project) -> None:
    project.configure(**DOCKER)


def pid(server: Server) -> str:
    """Return the id of the main process of the live release."""
    return server.run(f"docker inspect -f '{{{{.State.Pid}}}}' hello.{live(server)}").stdout.strip()


class TestContainer:
    def test_a_killed_app_is_started_again(self, server: Server, project: Project) -> None:
        before = pid(server)
        server.run(f"kill -KILL {before}")
        until(lambda: pid(server) not in ("0", before), 30)
        serves(server)
        status = project.must("-H", server.name, "status").stdout
        assert "1 restart" in status and "to see why the app exited" in status

    @pytest.mark.parametrize("remedy", ["start", "deploy"])
    def test_a_container_that_someone_stopped_is_named_with_the_remedy(
        self, server: Server, project: Project, remedy: str
    ) -> None:
        instance = live(server)
        server.run(f"docker kill hello.{instance}")
        status = project.fab("-H", server.name, "status")
        assert status.status == 1 and "someone stopped its container, which ended with status 137" in status.stdout, status
        assert f"Run `fab -H {server.name} start`" in status.stdout
        project.must("-H", server.name, remedy)
        assert assert_consistent(server) == instance
        assert "nothing to change" in project.must("-H", server.name, "deploy").stdout


class TestEngine:
    def test_a_restart_during_a_release(self, server: Server, project: Project) -> None:
        with load(f"{server.url}/health", 300, GENTLE) as traffic:
            for number, seconds in enumerate((1, 3, 6)):
                project.commit(f"While the engine restarts, {number}")
                run = project.start("-H", server.name, "deploy", pipe=False)
                server.run(f"sleep {seconds}; systemctl restart docker")
                run.wait(300)
                project.must("-H", server.name, "deploy")
                assert assert_consistent(server).startswith(project.head[:12])
        assert traffic.lost == 0, traffic

    def test_an_engine_that_is_stopped(self, server: Server, project: Project) -> None:
        """The container keeps running, and a deploy starts the engine first."""
        server.run("systemctl stop docker.socket docker.service")
        assert get(f"{server.url}/health").status == 200
        status = project.fab("-H", server.name, "status")
        assert status.status == 1 and "docker is inactive" in status.stdout, status
        deploy(server, project)

    def test_only_the_configured_ports_are_open(self, server: Server, project: Project) -> None:
        """The image exposes a port, and its own command would listen on it."""
        project.commit(dockerfile('EXPOSE 8000\nCMD ["python", "-m", "http.server", "8000"]\n'))
        deploy(server, project)
        assert "Status: active" in server.run("ufw status").stdout
        listening = server.run("ss -ltnH | awk '{ sub(/.*:/, \"\", $4); print $4 }'").stdout.split()
        ports = sorted({*range(1, 10001), *map(int, listening)})
        with ThreadPoolExecutor(500) as pool:
            found = set(filter(None, pool.map(lambda port: opened(server.address, port), ports)))
        assert {22, 80} <= found <= {22, 80, 443}


def opened(address: str, port: int) -> int:
    """Return the port if it is open from here, else 0."""
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1.5):
        return port
    return 0


@contextlib.contextmanager
def small_engine(server: Server, megabytes: int) -> Iterator[None]:
    """Give the engine a disk of this size, with the images that it has."""
    server.run(
        "docker save base:1 >/var/tmp/base.tar; systemctl stop docker.socket docker.service\n"
        f"mount -t tmpfs -o size={megabytes}m tmpfs /var/lib/docker; systemctl start docker; docker load -q -i /var/tmp/base.tar"
    )
    try:
        yield
    finally:
        server.run("systemctl stop docker.socket docker.service; umount -l /var/lib/docker; rm /var/tmp/base.tar")


class TestDisk:
    def test_a_disk_that_fills_up_during_the_build(self, lab: Lab, project: Project) -> None:
        server = with_engine(lab, project)
        old = live(server)
        project.commit(dockerfile("RUN head -c 2000000000 /dev/zero >/filler\n"))
        with small_engine(server, 1200), load(f"{server.url}/health", 200, GENTLE) as traffic:
            result = project.fab("-H", server.name, "deploy")
            assert result.status == 1 and "o space left on device" in result.stderr, result
            assert assert_consistent(server) == old
            assert server.run("ls -A /srv/hello/images").stdout == ""
            project.commit(dockerfile())
            deploy(server, project)
        assert traffic.lost == 0, traffic
        project.git("reset", "--quiet", "--hard", "HEAD~2")

    def test_too_little_space_is_refused_before_the_build(self, lab: Lab, project: Project) -> None:
        server = with_engine(lab, project)
        old = live(server)
        project.commit("More than fits")
        with small_engine(server, 600):
            result = project.fab("-H", server.name, "deploy")
            assert result.status == 1 and "Too little disk space" in result.stderr and "/var/lib/docker" in result.stderr, result
            assert assert_consistent(server) == old


class TestManagers:
    @pytest.mark.timeout(1200)
    def test_timers_follow_a_rollback_to_another_manager(self, lab: Lab, project: Project) -> None:
        server = with_engine(lab, project)
        found = []
        for manager in ("systemd", "docker", "supervisor"):
            project.configure(TIMER, **QUICK | {"manager": manager})
            project.commit(f"Under {manager}")
            found.append(deploy(server, project))
            ran(server, project)
        for release in (found[1], found[0], found[1], found[2]):
            project.must("-H", server.name, "rollback", "--to", release)
            assert assert_consistent(server) == release
            ran(server, project)

    def test_a_timer_that_runs_in_a_container_is_asked_to_end(self, server: Server, project: Project) -> None:
        project.configure(TIMER, **DOCKER)
        deploy(server, project)
        unit, log = "selvedge-timer-hello.long.service", "cat /var/log/hello/timer-long.log"
        server.run(f"systemctl start --no-block {unit}")
        until(lambda: "began\n" in server.run(log, check=False).stdout, 30)
        began = time.monotonic()
        server.run(f"systemctl stop {unit}")
        assert time.monotonic() - began < 5 and "asked to end\n" in server.run(log).stdout
        # Docker's own program ends by the signal, or with the status of the container that has ended.
        assert server.run(f"systemctl show --value -p Result {unit}").stdout in ("signal\n", "exit-code\n")
        assert "timer-long" not in server.run("docker ps -a").stdout
        project.configure(**DOCKER)
        deploy(server, project)

    @pytest.mark.timeout(1200)
    def test_from_supervisor_to_docker_to_systemd_nothing_is_left(self, lab: Lab, project: Project) -> None:
        server = with_engine(lab, project)
        before = engine(server)
        with load(f"{server.url}/health", 900, GENTLE) as traffic:
            for manager in ("supervisor", "docker", "systemd", "systemd", "systemd", "systemd"):
                project.configure(TIMER, **QUICK | {"manager": manager, "keep_releases": 2})
                project.commit(f"Now under {manager}")
                deploy(server, project)
            until(lambda: engine(server) == before, 60, engine(server))
        assert traffic.lost == 0, traffic
        assert server.run("ls -A /srv/hello/images").stdout == ""
        project.must("-H", server.name, "remove", "--yes")
        # Locks and systemd's own notes in /run are gone after the next boot.
        own = "! -path '/run/log/*' ! -path '/run/selvedge/*' ! -path '/run/systemd/units/*'"
        left = server.run(f"find /etc /run /var/lib/selvedge -name '*hello*' {own} 2>/dev/null || true").stdout
        assert not left.strip(), left
        assert engine(server) == before


def engine(server: Server) -> str:
    """Return all that the engine has: containers, images, networks and volumes."""
    kinds = "images --format '{{.Repository}}:{{.Tag}}'", "network ls --format '{{.Name}}'", "volume ls -q", "ps -aq"
    return server.run("; ".join(f"docker {kind}" for kind in kinds)).stdout


def ran(server: Server, project: Project) -> None:
    """Run the timer, and check that the app's user ran it in the live release."""
    done = project.must("-H", server.name, "timers", "--run", "tick")
    uid = server.run("id -u hello").stdout.strip()
    assert f"{live(server)} hello" in done.stdout or f"{live(server)} {uid}" in done.stdout, done
