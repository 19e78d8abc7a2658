"""Images that the server builds: their names, their disk space, and which of them are removed. The engine is a file."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from selvedge.config.dotenv import build_digest
from selvedge.config.target import Target
from selvedge.resources.code.app_image import app_image
from selvedge.resources.code.image import Image
from selvedge.resources.files import Directory
from selvedge.shell.quoting import assign
from tests.hosts.scripts.resources.engine import Engine
from tests.hosts.scripts.resources.repository import commit, git
from tests.hosts.scripts.server import Server
from tests.support.fixtures import COMMIT
from tests.support.libraries import functions
from tests.support.plans import summaries
from tests.support.pull_errors import CORRECT, PULL_ERRORS

SHORT = COMMIT[:12]
BUILD_ENV = "/etc/selvedge/hello/build.env"


@pytest.fixture
def engine(server: Server) -> Engine:
    server.program("id", "echo 1")
    server.program("setpriv", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    return Engine(server)


@pytest.fixture
def app(server: Server, target: Callable[..., Target]) -> Callable[..., Target]:
    """Return the settings of an app whose commit, with a Dockerfile, is checked out."""
    release = server.path(f"/srv/hello/releases/{SHORT}")
    release.mkdir(parents=True)
    for name in ("Dockerfile", "main.py"):
        (release / name).write_text("")
    return lambda **settings: target(COMMIT, manager="docker", **settings)


def resources(app: Target) -> tuple[Directory, Directory, Image]:
    return Directory(app.paths.base), Directory(app.paths.images, "0700"), Image(app, build_digest(app))


def keep(server: Server, instance: str, image: str) -> None:
    """Make a release that is kept, with the file that names its image."""
    folder = server.path(f"/srv/hello/instances/{instance}")
    folder.mkdir(parents=True)
    (folder / "state").write_text("good\n")
    (folder / "container").write_text(f"#!/bin/sh\nset -eu\nimage={image}\nname=$1\n")


def run(server: Server, shell: str, **values: str) -> str:
    """Run shell with the functions of an image, as a change does."""
    given = {
        "mark": "@test", "app": "hello", "base": "/srv/hello", "run_dir": "/run/hello", "log_dir": "/var/log/hello", "keep": "2",
        "live_socket": "/srv/hello/live.sock", "supervisor_conf": "/etc/supervisor/conf.d/hello.conf", "new": f"{SHORT}-aaaaaa",
    }  # fmt: skip
    done = server.run(f"set -eu\n{assign(**{**given, **values})}\n{functions('image', 'switch')}\n{shell}\n")
    return done.stdout.decode()


class TestNames:
    def test_an_image_gets_its_name_once_it_is_accepted(self, server: Server, engine: Engine, app: Callable[..., Target]) -> None:
        planned = server.make(*resources(app()))
        name = app_image(app()).image
        assert summaries(planned)[-1] == f"build the image {name} from Dockerfile"
        assert list(engine.state["images"]) == [name]
        words = engine.calls("build")[0]
        labels = [word for option, word in pairwise(words) if option == "--label"]
        assert labels == ["selvedge.app=hello", f"selvedge.commit={SHORT}", f"org.opencontainers.image.revision={COMMIT}"]

    def test_other_settings_of_a_commit_leave_the_image_of_its_release_alone(
        self, server: Server, engine: Engine, app: Callable[..., Target]
    ) -> None:
        first, second = app(), app(app_server="uvicorn")
        server.make(*resources(first))
        before = engine.state["images"]
        engine.set(run="lacks uvicorn")
        refused = server.apply(server.plan(*resources(second)))
        assert refused.status == 1 and refused.error.startswith("The image lacks uvicorn")
        assert engine.state["images"] == before
        engine.set(run="")
        server.make(*resources(second))
        assert engine.state["images"].items() > before.items() and len(engine.state["images"]) == 2
        assert not server.plan(*resources(first)), "it is still there, so it is not built again"

    def test_an_image_of_the_right_name_that_was_not_accepted_is_built(
        self, server: Server, engine: Engine, app: Callable[..., Target]
    ) -> None:
        server.make(*resources(app()))
        engine.set(images={app_image(app()).image: "sha256:other"})
        assert server.make(*resources(app()))


class TestDockerfile:
    @pytest.mark.parametrize(
        ("own", "context"), [(False, ["Dockerfile", "backend", "main.py"]), (True, ["Dockerfile", "Dockerfile.note"])]
    )
    def test_the_one_at_the_top_is_used_if_the_folder_of_the_app_has_none(
        self, server: Server, engine: Engine, app: Callable[..., Target], own: bool, context: list[str]
    ) -> None:
        folder = server.path(f"/srv/hello/releases/{SHORT}/backend")
        folder.mkdir()
        if own:
            (folder / "Dockerfile").write_text("")
            (folder / "Dockerfile.note").write_text("")
        server.make(*resources(app(root="backend")))
        assert engine.state["context"] == context


class TestPull:
    @pytest.mark.parametrize("name", PULL_ERRORS)
    def test_a_registry_that_refuses_an_image_of_the_build_is_not_an_error_in_the_dockerfile(
        self, server: Server, engine: Engine, app: Callable[..., Target], name: str
    ) -> None:
        output, remedy = PULL_ERRORS[name]
        engine.set(builds=False, output=output)
        done = server.apply(server.plan(*resources(app())))
        assert done.error.startswith("Could not build the image: ")
        said = [line for line in done.output.splitlines() if " remedy " in line]
        assert not said if remedy == CORRECT else remedy.replace("docker login", "sudo docker login") in said[-1]


class TestBuildEnvironment:
    def test_changed_variables_build_without_the_cache(
        self, server: Server, engine: Engine, app: Callable[..., Target], tmp_path: Path
    ) -> None:
        """BuildKit's cache does not know what a secret has."""
        server.path(BUILD_ENV).parent.mkdir(parents=True)
        server.path(BUILD_ENV).write_text("")
        fresh = []
        for url in ("https://one", "https://one", "https://two", "https://one"):
            (tmp_path / "build.env").write_text(f"UV_INDEX_URL={url}\nUV_INDEX_OWN_PASSWORD=secret-{len(fresh)}\n")
            settings = app(build_env_file="build.env")
            server.path(settings.paths.image(COMMIT)).unlink(missing_ok=True)
            server.make(*resources(settings))
            fresh.append("--no-cache" in engine.calls("build")[-1])
        assert fresh == [True, False, True, True]

    def test_a_build_without_variables_uses_the_cache(self, server: Server, engine: Engine, app: Callable[..., Target]) -> None:
        server.make(*resources(app()))
        assert "--no-cache" not in engine.calls("build")[-1]


class TestSpace:
    @pytest.fixture
    def small(self, server: Server, engine: Engine) -> Engine:
        """The folder of the engine has too little space until an image is removed."""
        engine.set(root="/srv/docker", images={"hello:aaaaaaaaaaaa.111111": "sha256:a"})
        server.path("/srv/hello/images").mkdir(parents=True)
        full = "if grep -q aaaaaaaaaaaa.111111 /srv/engine.json; then free=100; else free=9000000; fi"
        server.program("df", f'{full}; [ "$4" = /srv/docker ] || free=9000000; echo Avail IFree; echo $free 90000')
        return engine

    def test_old_images_make_room_in_the_folder_of_the_engine(self, server: Server, small: Engine) -> None:
        assert run(server, "image_room 524288") == "" and small.state["images"] == {}

    def test_too_little_space_is_refused(self, server: Server, small: Engine) -> None:
        keep(server, "aaaaaaaaaaaa-222222", "hello:aaaaaaaaaaaa.111111")
        said = run(server, "image_room 524288")
        assert "Too little disk space on the server: /srv/docker has 0 MB free" in said and small.state["images"]

    def test_a_failed_build_leaves_no_more_cache_than_others(
        self, server: Server, engine: Engine, app: Callable[..., Target]
    ) -> None:
        engine.set(builds=False, output="ERROR: failed to solve: nothing works")
        done = server.apply(server.plan(*resources(app())))
        assert done.error == "Could not build the image: nothing works" and len(engine.calls("builder", "prune")) == 1

    def test_a_build_that_fills_the_disk_says_so(self, server: Server, engine: Engine, app: Callable[..., Target]) -> None:
        engine.set(builds=False, output="#6 3.2 cp: x: No space left on device\n#6 ERROR: executor failed running [cp]")
        done = server.apply(server.plan(*resources(app())))
        assert done.error == "Could not build the image: cp: x: No space left on device" and "docker system df" in done.output

    @pytest.mark.parametrize(("installed", "package"), [("", "docker-buildx"), ("docker-ce-cli", "docker-buildx-plugin")])
    def test_an_engine_without_buildx_is_named_with_its_package(
        self, server: Server, engine: Engine, app: Callable[..., Target], installed: str, package: str
    ) -> None:
        engine.set(builds=False, output="ERROR: BuildKit is enabled but the buildx component is missing or broken.\n  See https://x")
        server.program("dpkg-query", f'[ "$3" = "{installed}" ] && printf "install ok installed"')
        done = server.apply(server.plan(*resources(app())))
        assert "Docker on this server has no BuildKit, because its part buildx is missing" in done.error
        assert f"`sudo apt-get install {package}`" in done.output


class TestGit:
    """A build has no SSH key, and the repository only for a version."""

    @pytest.mark.parametrize(("dockerfile", "version"), [
        ("RUN git -C /src ls-files\n", "1.2"),
        ("RUN --mount=type=bind,source=.git,target=.git pip install .\n", "1.2"),
        ("FROM x\n", ""),
    ])  # fmt: skip
    def test_a_dockerfile_that_takes_a_version_from_git_gets_the_repository(
        self, server: Server, engine: Engine, target: Callable[..., Target], dockerfile: str, version: str
    ) -> None:
        """Files of Git LFS, and those of app.carry, are no local changes."""
        mirror = server.path("/srv/hello/repo.git")
        mirror.mkdir(parents=True)
        git(mirror, "init", "-q", "-b", "main")
        files = {"Dockerfile": dockerfile, "large": "pointer\n", ".gitattributes": "large filter=lfs\n"}
        for name, text in {**files, "gone": ""}.items():
            (mirror / name).write_text(text)
        sha = commit(mirror)
        git(mirror, "tag", "1.2")
        release = server.path(f"/srv/hello/releases/{sha[:12]}")
        release.mkdir(parents=True)
        for name, text in {**files, "large": "content"}.items():
            (release / name).write_text(text)
        server.make(*resources(target(sha, manager="docker")))
        assert engine.state["version"] == version or (not version and "not a git repository" in engine.state["version"])

    @pytest.mark.parametrize(("path", "line", "said"), [
        ("requirements.txt", "a @ git+ssh://git@git.example.com/a.git", True),
        ("requirements/base.txt", "a @ git+ssh://git@git.example.com/a.git", True),
        ("uv.lock", 'source = { git = "ssh://git@git.example.com/a.git#1" }', True),
        ("Pipfile.lock", '"git": "git@git.example.com:a.git"', True),
        ("pylock.toml", 'vcs = { type = "git", url = "ssh://git@git.example.com/a.git" }', True),
        ("pyproject.toml", 'Repository = "git@git.example.com:a.git"', False),
        ("README.md", "git+ssh://git@git.example.com/a.git", False),
    ])  # fmt: skip
    def test_addresses_over_ssh_are_named_before_the_build(
        self, server: Server, engine: Engine, app: Callable[..., Target], path: str, line: str, said: bool
    ) -> None:
        file = server.path(f"/srv/hello/releases/{SHORT}/{path}")
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{line}\n")
        engine.set(builds=False, output="#9 Host key verification failed.\nERROR: failed to solve: exit code: 1")
        done = server.apply(server.plan(*resources(app())))
        note = f"note: the build has no SSH key for the git addresses in {path}. It can use HTTPS with a token: "
        assert (f'{note}docs/how-to/docker.md, "Dependencies from git"' in done.said) == said
        assert "docs/how-to/docker.md shows under" in done.output and done.error.startswith("Could not build the image")

    def test_a_dockerfile_that_replaces_the_addresses_is_left_alone(
        self, server: Server, engine: Engine, app: Callable[..., Target]
    ) -> None:
        release = server.path(f"/srv/hello/releases/{SHORT}")
        (release / "requirements.txt").write_text("a @ git+ssh://git@git.example.com/a.git\n")
        replaced = "RUN git config --global url.https://git.example.com/.insteadOf ssh://git@git.example.com/"
        (release / "Dockerfile").write_text(replaced)
        done = server.apply(server.plan(*resources(app())))
        assert done.status == 0 and engine.calls("build") and not [line for line in done.said if "SSH" in line]


class TestPrune:
    def test_images_that_a_kept_release_names_stay(self, server: Server, engine: Engine) -> None:
        """Two images of the same commit belong to two releases; a third one, and one that is not accepted, to none."""
        kept = [f"hello:{SHORT}.111111", f"hello:{SHORT}.222222", "hello:bbbbbbbbbbbb-cccccc.333333"]
        for number, image in enumerate(kept):
            keep(server, f"{image[6:18]}-aaaaa{number}", image)
        foreign = ["hello:latest", "hello:1.0", f"hello:{SHORT}", "hello2:aaaaaaaaaaaa.111111"]
        gone = [f"hello:{SHORT}.444444", f"hello:{SHORT}.111111.new", "hello:dddddddddddd.111111"]
        engine.set(images=dict.fromkeys([*kept, *foreign, *gone], "sha256:a"))
        server.path("/srv/hello/images").mkdir()
        for name in (SHORT, "dddddddddddd", "dddddddddddd.has"):
            server.path(f"/srv/hello/images/{name}").write_text("")
        assert run(server, "image_prune", new=f"{SHORT}-aaaaa0") == ""
        assert list(engine.state["images"]) == [*kept, *foreign]
        assert [path.name for path in server.path("/srv/hello/images").iterdir()] == [SHORT]

    def test_an_image_whose_release_is_not_complete_stays(self, server: Server, engine: Engine) -> None:
        engine.set(images=dict.fromkeys([f"hello:{SHORT}.111111", f"hello:{SHORT}-abcdef.111111"], "sha256:a"))
        server.path("/srv/hello/images").mkdir(parents=True)
        run(server, "image_prune", new=SHORT)
        assert list(engine.state["images"]) == [f"hello:{SHORT}.111111"]
        run(server, "image_prune", new="bbbbbbbbbbbb-123456")
        assert engine.state["images"] == {}

    @pytest.mark.parametrize("function", ["image_prune", "image_forget"])
    def test_text_in_labels_removes_no_file_and_no_image(self, server: Server, engine: Engine, function: str) -> None:
        victims = [server.path(path) for path in ("/etc/sudoers.d/ops", "/srv/hello/images/../safe", "/srv/hello/main")]
        server.path("/srv/hello/images").mkdir(parents=True)
        for victim in victims:
            victim.parent.mkdir(exist_ok=True)
            victim.write_text("mine")
        evil = '"hello:a ../../../etc/sudoers.d/ops ../safe ../main * b" "hello:../../../../etc/sudoers.d/ops" hello:../safe '
        evil += '"RepoTags":["hello:eeeeeeeeeeee.111111"]'
        images = {"hello:x": "sha256:a", "hello:aaaaaaaaaaaa.111111": "sha256:b", "hello:eeeeeeeeeeee.111111": "sha256:c"}
        engine.set(images=images, labels={"a": evil, '"RepoTags":["hello:../x"]': evil})
        keep(server, "eeeeeeeeeeee-111111", "hello:eeeeeeeeeeee.111111")
        run(server, function)
        assert [victim.read_text() for victim in victims] == ["mine"] * 3
        removed = [words[1] for words in engine.calls("rmi")]
        assert removed == list(images)[1 : 2 if function == "image_prune" else 3]

    def test_labels_of_an_image_are_no_releases(self, server: Server, engine: Engine) -> None:
        """A container has those of its image, too, and releases are names of files and folders."""
        good = ["aaaaaaaaaaaa-111111", "aaaaaaaaaaaa-bbbbbb-111111r12"]
        bad = ["../../etc/sudoers.d/ops", "*", "aaaaaaaaaaaa-111111/..", "a b", "aaaaaaaaaaaa", "", "live"]
        rows = [{"Labels": {"selvedge.release": value}} for value in [*good, *bad]]
        values = ("aaaaaaaaaaaa-111111.mail-out@2", "aaaaaaaaaaaa-111111.*@1", "x@1")
        units = [{"Labels": {"selvedge.unit": value}} for value in values]
        engine.set(containers=rows + units)
        assert run(server, "docker_labels selvedge.release").split() == good
        assert run(server, "docker_labels selvedge.unit").split() == ["aaaaaaaaaaaa-111111.mail-out@2"]


class TestStart:
    def refuse(self, engine: Engine) -> str:
        """Try to make a release live whose image may be missing, and return the output."""
        server, live = engine.server, "aaaaaaaaaaaa-222222"
        keep(server, live, "hello:aaaaaaaaaaaa.111111")
        refuse = 'switch_refuse() { echo "refused: $1"; exit 1; }'
        shell = f"{refuse}\nswitch_check\ndocker_need_image {live} switch_refuse\necho fine"
        return run(server, shell, new=live, strategy="restart")

    def test_a_release_whose_image_was_removed_is_refused_first(self, engine: Engine) -> None:
        assert self.refuse(engine) == (
            "refused: The image hello:aaaaaaaaaaaa.111111 of the release aaaaaaaaaaaa-222222 was removed from the server. "
            "Build it again: `fab deploy --commit aaaaaaaaaaaa`\n"
        )

    def test_an_image_of_a_registry_is_named_by_its_digest(self, engine: Engine) -> None:
        mark = engine.server.path("/srv/hello/images/aaaaaaaaaaaa")
        mark.parent.mkdir(parents=True)
        mark.write_text(f"sha256:1 registry.example.com/team/blog@sha256:{'b' * 64} gunicorn uvicorn_worker\n")
        again = f"Pull it again: `fab deploy --commit aaaaaaaaaaaa --image registry.example.com/team/blog@sha256:{'b' * 64}`\n"
        assert self.refuse(engine).endswith(f"was removed from the server. {again}")

    def test_a_release_with_its_image_is_not(self, engine: Engine) -> None:
        engine.set(images={"hello:aaaaaaaaaaaa.111111": "sha256:a"})
        assert self.refuse(engine) == "fine\n"

    def test_an_engine_that_does_not_answer_is_not_a_missing_image(self, server: Server, engine: Engine) -> None:
        server.program("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
        assert self.refuse(engine) == "fine\n"


class TestNetwork:
    @pytest.fixture
    def create(self, server: Server) -> Callable[..., str]:
        keep(server, "aaaaaaaaaaaa-222222", "hello:aaaaaaaaaaaa.111111")
        container = server.path("/srv/hello/instances/aaaaaaaaaaaa-222222/container")
        container.write_text('echo ran "$1"')
        container.chmod(0o755)
        server.path("/run/selvedge").mkdir()
        once = "docker_create aaaaaaaaaaaa-222222 -- x || echo \"failed: $reason\""
        return lambda **values: run(server, f"{once}\ndocker_once aaaaaaaaaaaa-222222 x | sed 's/run-.*/run/' || :", **values)

    def test_it_has_a_prefix_that_no_other_network_has(self, engine: Engine, create: Callable[..., str]) -> None:
        """Docker has networks of its own: host, bridge, none."""
        engine.set(networks=["host"])
        assert create(app="host") == "ran host.aaaaaaaaaaaa-222222.run\n"
        assert engine.state["networks"] == ["host", "selvedge-host"] and len(engine.calls("network", "create")) == 1
        run(engine.server, "docker_network_remove", app="host")
        assert [words[-1] for words in engine.calls("network", "rm")] == ["selvedge-host"]

    def test_the_reason_of_the_engine_is_kept(self, engine: Engine, create: Callable[..., str]) -> None:
        engine.set(refuses="all predefined address pools have been fully subnetted.")
        said = create()
        assert "failed: Error response from daemon: all predefined address pools have been fully subnetted\n" in said
        assert "ran" not in said
