"""`fab image.build` and `fab image.push`, with a program in place of Docker's client."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fabric import Config

from selvedge.errors import ConfigError, SelvedgeError, UsageError
from selvedge.operations.image_build import build
from selvedge.operations.image_push import push
from selvedge.report import Report
from selvedge.resources.code import local_engine
from selvedge.run import Run
from tests.support.fake_docker import FakeDocker

pytestmark = pytest.mark.programs

REGISTRY = '[docker]\nregistry = "registry.example.com/team/blog"\n'
DIGEST = f"sha256:{'d' * 64}"
PASSWORD = 'c4nary "$x" `id`'


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    fake = FakeDocker(tmp_path / "fake")
    fake.answer(push=[0, f"abc: Pushed\n0123: digest: {DIGEST} size: 1234"])
    monkeypatch.setenv("PATH", f"{fake.folder}:/usr/bin:/bin")
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    local_engine.engine_platform.cache_clear()
    return fake


@pytest.fixture
def commit(tmp_path: Path) -> str:
    """Make a repository with a Dockerfile, with the branch main and another one, and return the newest commit of main."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM x\n")
    own = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    subprocess.run([*own, "add", "-A"], check=True)
    for words in (["commit", "-qm", "one"], ["branch", "other"], ["commit", "-qm", "two", "--allow-empty"]):
        subprocess.run([*own, *words], check=True)
    return subprocess.run([*own, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def task(project: Callable[..., Run], commit: str, tmp_path: Path) -> Callable[..., str]:  # noqa: ARG001
    """Run one of the tasks on these hosts; return its output."""

    def run_task(work: Any, hosts: dict[str, str] | None = None, settings: str = REGISTRY, **flags: Any) -> str:
        project(hosts or {"web": 'address = "203.0.113.10"'}, settings)
        text = (tmp_path / "hosts.toml").read_text().replace("https://git.example.com/me/hello.git", str(tmp_path / "code"))
        (tmp_path / "hosts.toml").write_text(text)
        run = Run.load(list(hosts or {"web": ""}), Config())
        stream = io.StringIO()
        run.fleet.report = Report(stream)
        work(run, flags)
        return stream.getvalue()

    return run_task


def test_an_image_is_built_for_each_commit_and_platform(task: Callable[..., str], engine: FakeDocker, commit: str) -> None:
    hosts = {
        "one": 'address = "203.0.113.10"', "two": 'address = "203.0.113.11"',
        "three": 'address = "203.0.113.12"\n[hosts.three.app]\nbranch = "other"',
    }  # fmt: skip
    output = task(build, hosts)
    tags = [call["words"][call["words"].index("--tag") + 1] for call in engine.calls("build")]
    assert len(tags) == 2 and tags[0] == f"hello:{commit[:12]}" and f"✓ {tags[0]}  linux/amd64" in output
    assert f"hello:{commit[:12]}-arm64  linux/arm64" in task(build, platform="linux/arm64")


def test_a_push_prints_the_command_that_releases_the_image(task: Callable[..., str], engine: FakeDocker, commit: str) -> None:
    task(build)
    output = task(push)
    assert output.splitlines()[-1] == f"fab deploy --commit {commit} --image registry.example.com/team/blog@{DIGEST}"
    (call,) = engine.calls("push")
    assert call["words"] == ["push", f"registry.example.com/team/blog:{commit[:12]}"] and "login" not in call
    assert [each["words"][1:] for each in engine.calls("tag")] == [[f"hello:{commit[:12]}", call["words"][1]]]


def test_the_login_is_in_no_file_and_no_argument(
    task: Callable[..., str], engine: FakeDocker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "docker/contexts").mkdir(parents=True)
    before = {"currentContext": "far", "credsStore": "own", "auths": {"x": {"auth": "y"}}}
    (tmp_path / "docker/config.json").write_text(json.dumps(before))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setenv("SELVEDGE_DOCKER__USER", "robot")
    monkeypatch.setenv("SELVEDGE_DOCKER__PASSWORD", PASSWORD)
    task(build)
    output = task(push)
    (call,) = engine.calls("push")
    assert call["login"] == {"ServerURL": "registry.example.com", "Username": "robot", "Secret": PASSWORD}
    assert "c4nary" not in f"{call['words']} {call['files']} {output}"
    helpers = {"registry.example.com": "selvedge"}
    assert json.loads(call["files"]["config.json"]) == {"currentContext": "far", "credHelpers": helpers}
    assert not Path(call["env"]["DOCKER_CONFIG"]).exists()


@pytest.mark.parametrize(("status", "said", "shown"), [
    (1, 'unauthorized: authentication required for c4nary "$x" `id`', "refused the login of robot"),
    (1, "dial tcp 192.0.2.1:443: connect: connection refused", "does not answer"),
    (0, "Pushed, but no digest", "Pushed, but no digest"),
])  # fmt: skip
def test_a_registry_that_refuses_is_named_without_the_password(
    task: Callable[..., str], engine: FakeDocker, monkeypatch: pytest.MonkeyPatch, status: int, said: str, shown: str
) -> None:
    monkeypatch.setenv("SELVEDGE_DOCKER__USER", "robot")
    monkeypatch.setenv("SELVEDGE_DOCKER__PASSWORD", PASSWORD)
    task(build)
    engine.answer(push=[status, said])
    with pytest.raises(SelvedgeError, match=shown) as error:
        task(push)
    assert "Could not push registry.example.com/team/blog:" in error.value.message and "c4nary" not in str(error.value)


def test_what_cannot_be_pushed_is_refused_with_the_command(task: Callable[..., str], engine: FakeDocker, commit: str) -> None:
    with pytest.raises(SelvedgeError) as missing:
        task(push)
    assert missing.value.remedy == f"Build it: `fab image.build --commit {commit}`."
    with pytest.raises(ConfigError, match=r"docker\.registry: is not set"):
        task(push, settings="")
    with pytest.raises(UsageError, match="is not a platform"):
        task(build, platform="arm64")
    engine.answer(platform="")
    local_engine.engine_platform.cache_clear()
    with pytest.raises(SelvedgeError, match="does not answer"):
        task(build)
