"""Where the image comes from: built by the server, sent from this machine, pulled from a registry."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.errors import ConfigError, SelvedgeError, StepError, UsageError
from selvedge.release import preconditions
from selvedge.release.instance import Instance
from selvedge.release.refs import requested_image
from selvedge.resources.code import local_build, local_engine
from selvedge.resources.code.app_image import app_image
from selvedge.resources.code.carried import content
from selvedge.resources.code.image import Image
from selvedge.resources.code.pulled_image import PulledImage
from selvedge.resources.code.sent_image import SentImage
from tests.support.fake_docker import FakeDocker
from tests.support.fixtures import COMMIT
from tests.support.pull_errors import PULL_ERRORS

pytestmark = pytest.mark.programs

REFERENCE = f"registry.example.com:5443/team/blog@sha256:{'b' * 64}"
HERE = {"manager": "docker", "docker": {"build": "here", "registry": "registry.example.com/team/blog"}}
LACKS = "lacks linux/amd64 layers\n"
TAG = f"hello:{COMMIT[:12]}"
LABELS = {"selvedge.build": "."}
HAS = {"Dockerfile": "FROM x"}


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    fake = FakeDocker(tmp_path / "fake")
    monkeypatch.setenv("PATH", f"{fake.folder}:/usr/bin:/bin")
    monkeypatch.setenv("SELVEDGE_DOCKER__PASSWORD", "c4nary")
    local_engine.engine_platform.cache_clear()
    return fake


def pulled(app: Target, image: str = REFERENCE) -> Target:
    return app.releasing(replace(app.release, image=image))


def checkout(folder: Path, files: dict[str, str]) -> Path:
    """Make a repository with a commit of these files."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


def local(app: Callable[..., Target], folder: Path, **settings: Any) -> Target:
    """Return the settings of an app whose repository is on this machine, with its commit."""
    found = app("domains", **HERE, repository=str(folder), **settings)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
    return found.releasing(replace(found.release, commit=commit))


def test_the_setting_and_the_flag_choose_the_image(app: Callable[..., Target]) -> None:
    assert type(app_image(app("docker"))) is Image
    assert type(app_image(app("domains", **HERE))) is SentImage
    assert type(app_image(pulled(app("domains", **HERE)))) is PulledImage


def test_an_image_of_a_registry_has_a_release_of_its_own(app: Callable[..., Target]) -> None:
    own, other = (pulled(app("docker"), REFERENCE.replace("bbb", digit)) for digit in ("bbb", "ccc"))
    names = [Instance.of(each).id for each in (app("docker"), own, other)]
    assert len(set(names)) == 3 and all(name.startswith(COMMIT[:12]) for name in names)
    assert app_image(own).image .rpartition(".")[0] == f"hello:{names[1].rpartition('-')[0]}"


@pytest.mark.parametrize(("options", "said"), [
    ({"image": "registry.example.com/blog:1"}, "has no digest"),
    ({"image": REFERENCE}, "app.manager is supervisor"),
])  # fmt: skip
def test_an_image_that_cannot_run_is_refused_before_any_contact(app: Callable[..., Target], options: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        requested_image(app("domains"), options)
    assert requested_image(app("docker"), {"image": REFERENCE}) == REFERENCE and requested_image(app("docker"), {}) == ""


def test_a_builder_that_cannot_build_is_refused_before_any_contact(
    app: Callable[..., Target], engine: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = app("domains", manager="docker", docker={"build": "elsewhere", "registry": "registry.example.com/blog"})
    with pytest.raises(UsageError, match=r'build is "elsewhere"') as error:
        preconditions.image(elsewhere)
    assert "--image registry.example.com/blog@sha256:…" in error.value.remedy
    preconditions.image(pulled(elsewhere))
    with pytest.raises(ConfigError, match=r"hooks\.before_build"):
        preconditions.image(app("domains", **HERE, hooks={"before_build": ["make"]}))
    preconditions.image(app("domains", **HERE, hooks={"before_build": ["local: make"]}))
    (engine.folder / "docker").unlink()
    monkeypatch.setenv("PATH", str(engine.folder))
    with pytest.raises(SelvedgeError, match="not installed on your machine"):
        preconditions.image(app("domains", **HERE))


def test_images_need_the_manager_that_runs_them(app: Callable[..., Target], target: Callable[..., Target]) -> None:
    with pytest.raises(UsageError, match=r'needs app\.manager = "docker"'):
        target(docker={"build": "here"})
    with pytest.raises(UsageError, match=r"server runs no images: app\.manager is systemd") as error:
        preconditions.image(app("systemd"))
    assert '`manager = "docker"`' in error.value.remedy and "fab venv" in error.value.remedy


class TestPulled:
    def test_the_login_is_in_the_payload_alone(
        self, app: Callable[..., Target], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        passwords = {"SELVEDGE_DOCKER__USER": "robot", "SELVEDGE_DOCKER__PASSWORD": "c4nary"}
        registry = {"docker": {"registry": "registry.example.com:5443/team/blog"}}
        image = app_image(pulled(app("docker", **registry, passwords=passwords)))
        fact = image.complete("")
        change = image.plan(fact)
        assert change and isinstance(change.payload, bytes) and json.loads(change.payload)["password"] == "c4nary"
        assert "c4nary" not in f"{fact} {change!r}".replace(repr(change.payload), "") and "c4nary" not in repr(image)
        assert f"reference={REFERENCE}" in change.shell and f"size={len(change.payload)}" in change.shell

    def test_an_image_is_pulled_once(self, app: Callable[..., Target], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        image = app_image(pulled(app("docker")))
        assert image.plan(image.complete(f"sha256:{'a' * 64} {REFERENCE} gunicorn uvicorn_worker\n")) is None
        change = image.plan(image.complete(f"sha256:{'a' * 64} . gunicorn uvicorn_worker\n"))
        assert change and change.payload == b"" and change.summary == f"pull the image {REFERENCE}"


class TestSent:
    def test_nothing_is_asked_of_this_machine_if_the_server_has_the_image(
        self, app: Callable[..., Target], engine: FakeDocker
    ) -> None:
        image = app_image(app("domains", **HERE))
        assert image.plan(image.complete("present\n")) is None
        assert not engine.calls("version") and not engine.calls("image")

    def test_a_server_without_an_engine_gets_one_first(self, app: Callable[..., Target], engine: FakeDocker) -> None:
        image = app_image(app("domains", **HERE))
        change = image.plan(image.complete("\n"))
        assert change and change.summary.startswith("build the image") and "step_fail" in change.shell
        assert not engine.calls("version")

    def test_the_layers_that_the_server_lacks_are_sent(
        self, app: Callable[..., Target], engine: FakeDocker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        asked = []

        def archive(tag: str, _image: str, known: int) -> Path:
            asked.append((tag, known))
            (tmp_path / "archive").write_bytes(b"12345")
            return tmp_path / "archive"

        monkeypatch.setattr("selvedge.resources.code.sent_image.archive", archive)
        engine.answer(images={TAG: {"platform": "linux/amd64", "labels": LABELS, "layers": ["sha256:a", "sha256:b", "sha256:c"]}})
        image = app_image(app("domains", **HERE))
        for fact in (LACKS, f"{LACKS}sha256:a sha256:b\nsha256:a\n", "lacks linux/amd64 whole\nsha256:a sha256:b\n"):
            change = image.plan(image.complete(fact))
            assert change and change.payload == tmp_path / "archive"
            assert "size=5\n" in change.shell and f"tag={TAG}\n" in change.shell
        assert asked == [(TAG, 0), (TAG, 2), (TAG, 0)]

    @pytest.mark.parametrize(("images", "platform"), [
        ({}, "linux/amd64"),
        ({TAG: {"platform": "linux/amd64", "labels": {"selvedge.build": "backend"}}}, "linux/amd64"),
        ({TAG: {"platform": "linux/amd64", "labels": LABELS}}, "linux/arm64"),
        ({f"{TAG}-arm64": {"platform": "linux/amd64", "labels": LABELS}}, "linux/arm64"),
    ])  # fmt: skip
    def test_an_image_that_is_missing_or_another_is_built(
        self, app: Callable[..., Target], engine: FakeDocker, images: Any, platform: str
    ) -> None:
        engine.answer(images=images)
        image = app_image(app("domains", **HERE))
        change = image.plan(image.complete(f"lacks {platform} layers\n"))
        assert change and change.begins_here and change.summary == f"build the image {TAG} on your machine, for {platform}"

    def test_an_engine_that_does_not_answer_is_named(self, app: Callable[..., Target], engine: FakeDocker) -> None:
        engine.answer(platform="")
        with pytest.raises(SelvedgeError, match="does not answer: Cannot connect") as error:
            app_image(app("domains", **HERE)).complete(LACKS)
        assert "docker version" in error.value.remedy


class TestBuild:
    def test_the_commit_alone_is_built_as_a_server_checks_it_out(
        self, app: Callable[..., Target], engine: FakeDocker, tmp_path: Path
    ) -> None:
        files = {"Dockerfile": "FROM x", "run": "x", "a/b": "x", "dist/old": "x", ".gitattributes": "a export-ignore"}
        folder = checkout(tmp_path / "code", files)
        (folder / "run").chmod(0o700)
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "x"], cwd=folder, check=True)
        (folder / "later").write_text("not committed")
        (folder / "dist").mkdir(exist_ok=True)
        (folder / "dist/new").write_text("carried")
        (folder / "dist/old").unlink()
        settings = local(app, folder, carry=["dist"], build_env_file="build.env")
        settings = settings.releasing(replace(settings.release, carried=content(folder, ("dist",))))
        found = local_build.build(settings, "linux/amd64")
        (call,) = engine.calls("build")
        modes = {name: mode for name, mode in call["context"].items() if "." not in name}
        assert modes == {"Dockerfile": "0o644", "run": "0o755", "a": "0o755", "a/b": "0o644", "dist": "0o755", "dist/new": "0o644"}
        assert found.labels["selvedge.app"] == "hello" and found.labels["org.opencontainers.image.revision"] == settings.commit
        assert call["env"]["DOCKER_BUILD_ENV"] == 'UV_INDEX_OWN_PASSWORD="c4nary"\n' and "c4nary" not in " ".join(call["words"])
        assert "SELVEDGE_DOCKER__PASSWORD" not in call["env"] and "id=build_env,env=DOCKER_BUILD_ENV" in call["words"]
        assert local_build.build(settings, "linux/amd64") == found and len(engine.calls("build")) == 1

    @pytest.mark.parametrize(("path", "line", "has"), [
        ("Dockerfile", "RUN git -C /src ls-files", True), ("Dockerfile", "RUN --mount=type=bind,source=.git,target=.git x", True),
        ("Dockerfile", "FROM x", False), ("backend/Dockerfile", "RUN git -C /src ls-files", False),
    ])  # fmt: skip
    def test_a_dockerfile_that_takes_a_version_from_git_gets_the_repository(
        self, app: Callable[..., Target], engine: FakeDocker, tmp_path: Path, path: str, line: str, has: bool
    ) -> None:
        folder = checkout(tmp_path / "code", {path: line})
        local_build.build(local(app, folder, root=path.rpartition("/")[0]), "linux/amd64")
        (call,) = engine.calls("build")
        assert (".git" in call["context"]) == has

    @pytest.mark.parametrize(("files", "named"), [
        ({"requirements.txt": "own @ git+ssh://git@git.example.com/me/own\n"}, ["requirements.txt"]),
        ({"uv.lock": "x", "a/pyproject.toml": 'own = { git = "ssh://git@x/y" }\n', "b/c/uv.lock": 'git = "git@x:y"\n'},
         ["a/pyproject.toml", "b/c/uv.lock"]),
        ({"requirements.txt": "git+ssh://x/y\n", "Dockerfile": "RUN git config url.https://x/.insteadOf ssh://x/\n"}, []),
        ({"requirements.txt": "own @ git+https://git.example.com/me/own\n", "README.md": "git+ssh://x/y\n"}, []),
    ])  # fmt: skip
    def test_packages_over_ssh_are_named_before_the_build(
        self, app: Callable[..., Target], engine: FakeDocker, tmp_path: Path, files: dict[str, str], named: list[str]
    ) -> None:
        notes: list[str] = []
        settings = local(app, checkout(tmp_path / "code", {"Dockerfile": "FROM x", **files}))
        local_build.build(settings, "linux/amd64", on_note=lambda text: notes.append(f"{len(engine.calls('build'))} {text}"))
        said = f"0 note: The build has no SSH key for the git addresses in {', '.join(named)}. It can use HTTPS with a token"
        assert len(notes) == bool(named) and all(each.startswith(said) for each in notes)

    def test_another_platform_gets_an_image_of_its_own(
        self, app: Callable[..., Target], engine: FakeDocker, tmp_path: Path
    ) -> None:
        settings = local(app, checkout(tmp_path / "code", {"backend/Dockerfile": "FROM x", "Dockerfile": "no"}), root="backend")
        local_build.build(settings, "linux/arm64")
        (call,) = engine.calls("build")
        assert call["words"][call["words"].index("--platform") + 1] == "linux/arm64" and list(call["context"]) == ["Dockerfile"]
        assert f"hello:{settings.commit[:12]}-arm64" in call["words"]

    def test_a_machine_without_an_emulator_gets_the_command_that_installs_one(
        self, app: Callable[..., Target], engine: FakeDocker, tmp_path: Path
    ) -> None:
        engine.answer(build=[1, "exec /bin/sh: exec format error"])
        with pytest.raises(StepError, match="exec format error") as error:
            local_build.build(local(app, checkout(tmp_path / "code", HAS)), "linux/arm64")
        assert "cannot run programs for linux/arm64" in error.value.remedy and "--install arm64" in error.value.remedy

    @pytest.mark.parametrize(("files", "output", "said", "remedy"), [
        (HAS, "#1 [2/2] RUN\nERROR: failed to solve: exit code: 1 c4nary\nmore", "exit code: 1 •••", "Correct Dockerfile"),
        (HAS, "#1 0.3 cp: No space left on device\nERROR: failed to solve: RUN cp", ": cp: No space", "docker system df"),
        (HAS, "exec /bin/sh: exec format error", "exec format error", "Correct Dockerfile"),
        (HAS, "ERROR: BuildKit is enabled but the buildx component is missing", "buildx", "docker-buildx"),
        (HAS, "#1 Host key verification failed.\nERROR: failed to solve: exit code: 1", "exit code: 1", "Dependencies from git"),
        ({"main.py": ""}, "", "has no Dockerfile", "fab export.docker"),
    ])  # fmt: skip
    def test_a_build_that_fails_says_why_without_secrets(
        self, app: Callable[..., Target], engine: FakeDocker, tmp_path: Path, files: Any, output: str, said: str, remedy: str
    ) -> None:
        engine.answer(build=[1, output])
        settings = local(app, checkout(tmp_path / "code", files), build_env_file="build.env")
        with pytest.raises((StepError, SelvedgeError), match=said) as error:
            local_build.build(settings, "linux/amd64")
        assert remedy in error.value.remedy and "c4nary" not in str(error.value)

    @pytest.mark.parametrize("name", PULL_ERRORS)
    def test_a_registry_that_refuses_an_image_of_the_build_is_not_an_error_in_the_dockerfile(
        self, app: Callable[..., Target], engine: FakeDocker, tmp_path: Path, name: str
    ) -> None:
        output, remedy = PULL_ERRORS[name]
        engine.answer(build=[1, output])
        with pytest.raises(StepError) as error:
            local_build.build(local(app, checkout(tmp_path / "code", HAS)), "linux/amd64")
        assert remedy in error.value.remedy and "sudo" not in error.value.remedy

    @pytest.mark.parametrize(("platform", "engine_has", "image_has"), [
        ("linux/arm/v7", "linux/amd64", "linux/arm/v7"),
        ("linux/arm/v6", "linux/amd64", "linux/arm/v6"),
        ("linux/arm", "linux/arm", "linux/arm/v7"),
        ("linux/arm64/v8", "linux/amd64", "linux/arm64"),
        ("linux/arm64", "linux/arm64", "linux/arm64/v8"),
        ("linux/aarch64", "linux/amd64", "linux/arm64"),
    ])  # fmt: skip
    def test_a_platform_may_have_a_variant(
        self, app: Callable[..., Target], engine: FakeDocker, tmp_path: Path, platform: str, engine_has: str, image_has: str
    ) -> None:
        engine.answer(platform=engine_has, becomes=image_has)
        settings = local(app, checkout(tmp_path / "code", HAS))
        assert local_build.build(settings, platform).platform == image_has.replace("arm64/v8", "arm64")

    def test_an_image_for_another_variant_is_not_taken(
        self, app: Callable[..., Target], engine: FakeDocker, tmp_path: Path
    ) -> None:
        engine.answer(becomes="linux/arm/v6")
        with pytest.raises(SelvedgeError, match="has no such image for linux/arm/v7"):
            local_build.build(local(app, checkout(tmp_path / "code", HAS)), "linux/arm/v7")


class TestCache:
    """Docker's cache knows no variable of the build, so a build uses it only if the app's last one had the same."""

    @pytest.fixture
    def build(self, app: Callable[..., Target], engine: FakeDocker, tmp_path: Path) -> Callable[..., bool]:
        """Build a new commit with these variables. Return whether the build used the cache."""
        folder = checkout(tmp_path / "code", HAS)

        def run(variables: str = "", platform: str = "linux/amd64") -> bool:
            identity = ("-c", "user.name=a", "-c", "user.email=a@b")
            subprocess.run(["git", *identity, "commit", "-q", "--allow-empty", "-m", "x"], cwd=folder, check=True)
            (tmp_path / "build.env").write_text(variables)
            settings = local(app, folder, **({"build_env_file": "build.env"} if variables else {}))
            local_build.build(settings, platform)
            return "--no-cache" not in engine.calls("build")[-1]["words"]

        return run

    def test_a_change_of_the_variables_builds_all_of_the_next_commit(self, build: Callable[..., bool]) -> None:
        one, two = "INDEX=https://one.example.com\n", "INDEX=https://two.example.com\n"
        used = [build(), build(), build(one), build(one), build(f"{one}INDEX_PASSWORD=x\n"), build(two), build(one), build()]
        assert used == [True, True, False, True, True, False, False, False]

    def test_each_platform_has_its_cache(self, build: Callable[..., bool]) -> None:
        one = "INDEX=https://one.example.com\n"
        platforms = ("linux/amd64", "linux/arm64", "linux/amd64")
        assert [build(one, each) for each in platforms] == [False, False, True]

    def test_a_machine_without_images_may_have_the_cache_of_others(
        self, build: Callable[..., bool], engine: FakeDocker
    ) -> None:
        assert build("INDEX=https://one.example.com\n") is False
        engine.answer(images={"other": {"platform": "linux/amd64", "labels": {"selvedge.app": "hello2"}}})
        assert build("INDEX=https://one.example.com\n") is False
