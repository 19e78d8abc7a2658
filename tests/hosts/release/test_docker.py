"""Releases in containers (app.manager = "docker")."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

import pytest

import containers
from broken_apps import FAULTS
from containers import DOCKER, dockerfile
from drills import GENTLE, QUICK, assert_consistent, at_start, deploy, drained, live
from lab import Lab, Project, until
from refusals import refuse
from sandbox import Server
from traffic import get, load

ODD = """USER root
EXPOSE 9
STOPSIGNAL SIGKILL
HEALTHCHECK --interval=1s CMD false
ENTRYPOINT ["false"]
CMD ["sleep", "1000"]
RUN rm -f /bin/sh /bin/dash /bin/bash /usr/bin/env
"""
"""An image that runs as root, has no shell, listens elsewhere, is never healthy, and whose own command never serves."""
SECRET = 'a "s3cr$x" `id` %s #'


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    return shared_project


@pytest.fixture(scope="module")
def server(lab: Lab, project: Project) -> Server:
    """Return a server with the app under supervisor, Docker, and the image that the app's is built from."""
    server = lab.server("deployed")
    containers.install(server, project)
    return server


@pytest.fixture(autouse=True)
def _configured(project: Project) -> Iterator[None]:
    project.configure(**DOCKER)
    yield
    project.configure(**DOCKER)


@pytest.fixture(scope="module")
def released(server: Server, project: Project) -> str:
    """Have a release of the app live in a container, and return it."""
    if not (project.app / "Dockerfile").exists():
        project.configure(**DOCKER)
        project.commit(dockerfile())
        deploy(server, project)
    return live(server)


def containers_of(server: Server) -> list[str]:
    """Return the names of all containers."""
    return server.run("docker ps -a --format '{{.Names}}' | sort").stdout.split()


class TestDocker:
    def test_an_app_without_a_dockerfile_is_refused(self, server: Server, project: Project) -> None:
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 2 and "Write one with `fab export.docker`" in result.stderr, result

    def test_a_container_takes_over_from_supervisor(self, server: Server, project: Project) -> None:
        (project.folder / "secret.env").write_text(f"SECRET='{SECRET}'\n")
        project.configure(**DOCKER | {"env_file": "secret.env"})
        project.commit(dockerfile())
        with load(f"{server.url}/health", 200, GENTLE) as traffic:
            instance = deploy(server, project)
        assert traffic.lost == 0, traffic
        assert containers_of(server) == [f"hello.{instance}"]
        assert "s3cr" not in server.run("docker inspect $(docker ps -q)").stdout
        assert "docker-proxy" not in server.run("ss -ltnpH").stdout
        assert "[program:hello" not in server.run("cat /etc/supervisor/conf.d/hello.conf", check=False).stdout
        again = project.must("-H", server.name, "setup", "deploy")
        assert "deploy: nothing to change" in again.stdout, again
        command = 'printf %s "$SECRET" | sha256sum; touch /code/x || echo closed; touch "$APP_SHARED/x" && echo open'
        shown = project.must("-H", server.name, "run", "--command", command)
        assert hashlib.sha256(SECRET.encode()).hexdigest() in shown.stdout and "closed" in shown.stdout and "open" in shown.stdout

    def test_a_broken_release_is_refused_and_the_last_one_returns(self, server: Server, project: Project) -> None:
        old = live(server)
        project.commit(at_start("raise RuntimeError('no warehouse')"))
        with load(f"{server.url}/health", 200, GENTLE) as traffic:
            result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and "no warehouse" in result.stderr, result
        assert traffic.lost == 0 and assert_consistent(server) == old
        project.git("reset", "--quiet", "--hard", "HEAD~1")
        new = deploy_of(server, project, "Greetings from a container")
        assert "Greetings from a container" in get(server.url).text
        assert "Started" in project.must("-H", server.name, "logs", "--lines", "50").stdout
        project.must("-H", server.name, "rollback")
        assert assert_consistent(server) == old != new


def deploy_of(server: Server, project: Project, greeting: str) -> str:
    """Deploy the app with another greeting, and return the live instance."""
    project.commit(greeting)
    return deploy(server, project)


@pytest.mark.thorough
@pytest.mark.usefixtures("released", "branch")
class TestBroken:
    @pytest.mark.parametrize("name", FAULTS)
    def test_the_old_release_serves_every_request(self, server: Server, project: Project, name: str) -> None:
        refuse(server, project, FAULTS[name], manager="docker")


@pytest.mark.thorough
@pytest.mark.usefixtures("released")
class TestReleases:
    @pytest.mark.timeout(900)
    def test_releases_and_rollbacks_lose_no_request(self, server: Server, project: Project) -> None:
        with load(f"{server.url}/health", 800, GENTLE) as traffic:
            for number in range(5):
                deploy_of(server, project, f"Release {number} under load")
            for _ in range(3):
                project.must("-H", server.name, "rollback")
                assert_consistent(server)
        assert traffic.lost == 0, traffic

    @pytest.mark.timeout(900)
    def test_killed_runs_need_no_repair(self, server: Server, project: Project) -> None:
        project.commit("Measured")
        seconds = project.must("-H", server.name, "deploy").seconds
        with load(f"{server.url}/health", 800, GENTLE) as traffic:
            for point in range(6):
                project.commit(f"Cut at {point}")
                process = project.start("-H", server.name, "deploy", "--wait", "60", pipe=False)
                time.sleep(0.3 + (seconds - 0.3) * (point + 0.5) / 6)
                process.kill()
                process.wait(30)
                project.commit(f"Whole after {point}")
                project.must("-H", server.name, "deploy", "--wait", "60")
                assert assert_consistent(server).startswith(project.head[:12])
        assert traffic.lost == 0, traffic
        assert containers_of(server) == [f"hello.{live(server)}"]


@pytest.mark.thorough
@pytest.mark.usefixtures("released")
class TestOddImages:
    def test_an_odd_image_goes_live(self, server: Server, project: Project) -> None:
        project.commit(dockerfile(ODD))
        instance = deploy(server, project)
        user = server.run(f"ps -o user= -p $(docker inspect -f '{{{{.State.Pid}}}}' hello.{instance})").stdout.strip()
        assert user == "hello"
        until(lambda: "HEALTHCHECK says unhealthy" in project.must("-H", server.name, "status").stdout, 30)
        ended = deploy_of(server, project, "After the odd image")
        assert containers_of(server) == [f"hello.{ended}"]

    def test_an_app_that_ignores_sigterm_is_killed_in_time(self, server: Server, project: Project) -> None:
        project.configure(**DOCKER | {"stop_timeout": 2})
        project.commit(at_start("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"))
        deploy(server, project)
        project.git("reset", "--quiet", "--hard", "HEAD~1")
        deploy_of(server, project, "After a deaf app")
        drained(server)

    def test_images_that_cannot_work_are_refused_with_the_remedy(self, server: Server, project: Project) -> None:
        old = live(server)
        for lines, said in {
            "RUN false\n": "Could not build the image",
            "ENV PATH=/nosuch\n": "The image has no Python",
            "RUN rm -r $(dirname $(python -c 'import gunicorn; print(gunicorn.__file__)'))\n": "The image lacks gunicorn",
        }.items():
            project.commit(dockerfile(lines))
            result = project.fab("-H", server.name, "deploy")
            assert result.status == 1 and said in result.stderr, result
        assert assert_consistent(server) == old
        project.git("reset", "--quiet", "--hard", "HEAD~3")


@pytest.mark.thorough
@pytest.mark.usefixtures("released")
class TestImages:
    def test_a_release_keeps_its_image_and_needs_it(self, server: Server, project: Project) -> None:
        """Three releases of one commit: the variables of the build are no part of the engine's cache."""
        lines = "RUN --mount=type=secret,id=build_env,required=true cp /run/secrets/build_env built && chmod 0644 built\n"
        project.commit(dockerfile(lines))
        made = []
        for settings in ({"build": "one"}, {"build": "two"}, {"build": "two", "server": "uvicorn"}):
            (project.folder / "build.env").write_text(f"INDEX={settings.pop('build')}\n")
            project.configure(**DOCKER | {"build_env_file": "build.env"} | settings)
            made.append(deploy(server, project))
        assert self.built(server, project) == "INDEX=two" and len(images(server)) >= 3
        project.must("-H", server.name, "rollback", "--to", made[0])
        assert self.built(server, project) == "INDEX=one"
        server.run(f"docker rmi $(sed -n s/^image=//p /srv/hello/instances/{made[1]}/container)")
        result = project.fab("-H", server.name, "rollback", "--to", made[1])
        assert result.status == 1 and "was removed from the server" in result.stderr, result
        assert f"deploy --commit {made[1][:12]}`" in result.stderr and assert_consistent(server) == made[0], result
        project.git("reset", "--quiet", "--hard", "HEAD~1")

    @staticmethod
    def built(server: Server, project: Project) -> str:
        """Return the variables with which the image of the live release was built."""
        shown = project.must("-H", server.name, "run", "--command", "cat built").stdout
        return next(line for line in shown.splitlines() if "INDEX=" in line).rpartition(" ")[2].replace('"', "")


@pytest.mark.thorough
@pytest.mark.usefixtures("released")
class TestLife:
    def test_the_engine_and_the_server_restart(self, server: Server, project: Project) -> None:
        # After a release that was refused, it loads the unit that the run has restored.
        project.must("-H", server.name, "deploy")
        instance = live(server)
        with load(f"{server.url}/health", 400, GENTLE) as traffic:
            server.run("systemctl restart docker")
        assert traffic.lost == 0, traffic
        server.reboot()
        until(lambda: get(f"{server.url}/health").status == 200, 60)
        assert assert_consistent(server) == instance
        assert "deploy: nothing to change" in project.must("-H", server.name, "deploy").stdout

    def test_stop_start_and_restart(self, server: Server, project: Project) -> None:
        instance = live(server)
        project.must("-H", server.name, "stop")
        assert containers_of(server) == [] and get(server.url).status == 502
        project.must("-H", server.name, "start")
        assert assert_consistent(server) == instance
        with load(f"{server.url}/health", 200, GENTLE) as traffic:
            project.must("-H", server.name, "restart")
        assert traffic.lost == 0 and assert_consistent(server).startswith(instance)

    def test_the_process_of_a_container_has_its_limits_and_no_rights(self, server: Server, project: Project) -> None:
        project.configure(**DOCKER | {"memory_max": "512M", "tasks_max": 200})
        instance = deploy_of(server, project, "Greetings with limits")
        process = "/proc/" + server.run("docker inspect -f '{{.State.Pid}}' hello." + instance).stdout.strip()
        rights = dict(line.split(":\t", 1) for line in server.run(f"cat {process}/status").stdout.splitlines() if ":\t" in line)
        assert {int(rights[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd")} == {0} and rights["NoNewPrivs"] == "1"
        mounts = [line.split() for line in server.run(f"cat {process}/mountinfo").stdout.splitlines()]
        assert [words[5].split(",")[0] for words in mounts if words[4] == "/"] == ["ro"], mounts
        # The container's own view: version 2 of cgroups, else version 1.
        groups = f"{process}/root/sys/fs/cgroup"
        memory = f"cat {groups}/memory.max 2>/dev/null || cat {groups}/memory/memory.limit_in_bytes"
        tasks = f"cat {groups}/pids.max 2>/dev/null || cat {groups}/pids/pids.max"
        assert [server.run(shell).stdout.strip() for shell in (memory, tasks)] == [str(512 * 1024**2), "200"]

    def test_old_images_are_removed_and_those_of_a_rollback_are_not(self, server: Server, project: Project) -> None:
        project.configure(**DOCKER | {"keep_releases": 2})
        made = [deploy_of(server, project, f"Release {number}")[:12] for number in range(4)]
        until(lambda: len(images(server)) == 3, 30)
        assert set(images(server)) == set(made[-3:])
        project.must("-H", server.name, "rollback")
        assert live(server).startswith(made[-2])

    def test_systemd_takes_over_and_gives_back(self, server: Server, project: Project) -> None:
        # The last test has rolled back from the newest commit.
        project.commit("There and back")
        for manager in ("systemd", "docker", "supervisor"):
            project.configure(**QUICK | {"manager": manager})
            with load(f"{server.url}/health", 300, GENTLE) as traffic:
                deploy(server, project)
            assert traffic.lost == 0, traffic
            assert bool(containers_of(server)) == (manager == "docker")
        project.configure(**DOCKER)
        deploy(server, project)
        project.must("-H", server.name, "remove", "--yes")
        assert containers_of(server) == [] and images(server) == []


def images(server: Server) -> list[str]:
    """Return the commits of the app's images."""
    return [tag.partition(".")[0] for tag in server.run("docker images --format '{{.Tag}}' hello").stdout.split()]
