"""Images that the user's machine builds, and images of a registry."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

import containers
import registry
from containers import DOCKER, dockerfile
from drills import GENTLE, assert_consistent, live
from lab import Lab, Project, Result
from sandbox import Server
from traffic import get, load

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]

Fab = Callable[..., Result]


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    return shared_project


@pytest.fixture(scope="module")
def server(lab: Lab, project: Project) -> Server:
    """Return a server with the app under supervisor, Docker, and the image that the app's is built from."""
    server = lab.server("deployed")
    containers.install(server, project)
    project.commit(dockerfile())
    return server


@pytest.fixture(scope="module")
def fab(server: Server, project: Project, tmp_path_factory: pytest.TempPathFactory) -> Fab:
    """Run fab on the server, with another engine as that of this machine."""
    variables = registry.engine(server, tmp_path_factory.mktemp("client"))
    return lambda *words, **env: project.fab("-H", server.name, *words, env={**variables, **env})


@pytest.fixture(scope="module")
def name(server: Server) -> str:
    """Return the name of the app's image in a registry that runs on the server."""
    return f"{registry.registry(server)}/team/hello"


def configure(project: Project, build: str, name: str = "") -> None:
    project.configure(f'[docker]\nbuild = "{build}"\nregistry = "{name}"\n', **DOCKER)


def done(result: Result) -> str:
    assert result.status == 0, result
    return result.stdout


def refused(result: Result) -> str:
    assert result.status == 1, result
    return result.stderr


class TestHere:
    def test_only_the_layers_that_the_server_lacks_are_sent(self, server: Server, project: Project, fab: Fab) -> None:
        configure(project, "here")
        first = done(fab("deploy"))
        assert "✓ build the image hello:" in first and "on your machine, for linux/amd64" in first
        project.commit("Built here")
        with load(f"{server.url}/health", 300, GENTLE) as traffic:
            second = done(fab("deploy"))
        sent = re.search(r"✓ send the image hello:[\w.]+ \(([0-9.]+) kB\)", second)
        assert sent and float(sent[1]) < 100 and traffic.lost == 0, second
        assert "Built here" in get(server.url).text
        # Nothing is asked of the engine of this machine, because the server has the image.
        assert "deploy: nothing to change" in done(fab("setup", "deploy", DOCKER_HOST="unix:///nosuch"))
        assert_consistent(server)

    def test_a_build_that_fails_leaves_the_live_release(self, server: Server, project: Project, fab: Fab) -> None:
        configure(project, "here")
        old = live(server)
        project.commit(dockerfile("RUN false\n"))
        said = refused(fab("deploy"))
        project.git("reset", "--quiet", "--hard", "HEAD~1")
        assert "Could not build the image hello:" in said and "on your machine" in said and assert_consistent(server) == old


class TestRegistry:
    def test_an_image_is_pushed_pulled_and_rolled_back_without_its_registry(
        self, server: Server, project: Project, fab: Fab, name: str
    ) -> None:
        configure(project, "elsewhere", name)
        old, commit = live(server), project.commit("From a registry")
        image = self._pushed(fab, commit)
        self._refusals(fab, name, image)
        assert assert_consistent(server) == old
        done(fab("deploy", "--commit", commit, "--image", image, **registry.LOGIN))
        assert "From a registry" in get(server.url).text and assert_consistent(server).startswith(commit[:12])
        found = server.run("grep -rlF 's3cr$t' /etc /root /home /run /srv/hello /tmp /var/log 2>/dev/null | head", check=False)
        assert found.stdout == ""
        server.run("systemctl stop docker-registry")
        assert "deploy: nothing to change" in done(fab("setup", "deploy", "--image", image))
        assert "does not answer" in refused(fab("deploy", "--image", f"{image[:-3]}111", **registry.LOGIN))
        done(fab("rollback"))
        assert assert_consistent(server) == old
        done(fab("deploy", "--image", image, "--force"))
        assert "From a registry" in get(server.url).text

    @staticmethod
    def _pushed(fab: Fab, commit: str) -> str:
        """Push the image of the commit, and return its name with its digest."""
        done(fab("image.build"))
        assert "asks for a login" in refused(fab("image.push"))
        wrong = {**registry.LOGIN, "SELVEDGE_DOCKER__PASSWORD": "wrong"}
        assert "refused the login of robot" in refused(fab("image.push", **wrong))
        *command, image = done(fab("image.push", **registry.LOGIN)).splitlines()[-1].split()
        assert command == ["fab", "deploy", "--commit", commit, "--image"]
        return image

    @staticmethod
    def _refusals(fab: Fab, name: str, image: str) -> None:
        """Check what a registry that refuses, and a command that cannot work, lead to."""
        assert "asks for a login" in refused(fab("deploy", "--image", image))
        wrong = {**registry.LOGIN, "SELVEDGE_DOCKER__PASSWORD": "wrong"}
        assert "refused the login of robot" in refused(fab("deploy", "--image", image, **wrong))
        assert "has no such image" in refused(fab("deploy", "--image", f"{image[:-3]}000", **registry.LOGIN))
        assert fab("deploy").status == 2 and fab("deploy", "--image", f"{name}:latest").status == 2
