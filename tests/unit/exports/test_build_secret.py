"""The variables of the build (app.build_env_file): each export that builds an image says how to give them to the build."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.exports import Exported
from tests.unit.exports.test_platforms import documents

Make = Callable[..., Exported]
BUILT = {
    "docker": "Dockerfile", "cloudrun": "cloudrun.yaml", "ecs": "ecs.yaml", "kubernetes": "kubernetes/base/kustomization.yaml",
    "azure-container-instances": "azure-container-instances.bicep",
}  # fmt: skip
NOT_BUILT = {"procfile": "Procfile", "appengine": "app.yaml", "azure-app-service": "azure-app-service.bicep"}
PATHS = {
    "build.env": ("build.env", "build.env"),
    "deploy/a b,c\"d$e'.env": ("deploy/a b,c\"d$e'.env", "deploy/a b,c\"d$$e'.env"),
    "~/build $x.env": ("$HOME/build $x.env", "${HOME}/build $$x.env"),
}


def option(text: str) -> list[str]:
    """Return the fields of the option --secret in the command that builds the image."""
    line = next(line for line in text.splitlines() if "docker build " in line)
    words = shlex.split(line.lstrip("#/ ").partition(" && ")[0])
    assert words[words.index("build") + 1] == "--build-arg" and words.count("--secret") == 1
    (fields,) = csv.reader([words[words.index("--secret") + 1]], strict=True)
    return fields


@pytest.mark.parametrize("path", PATHS)
def test_each_build_gets_the_file(exported: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / path.removeprefix("~/")
    made = exported(build_env_file=path, files={str(file.relative_to(tmp_path)): "UV_INDEX_OWN_PASSWORD=c4nary\n"})
    shell, compose = PATHS[path]
    for name, written in BUILT.items():
        made.make(name)
        assert option(made.text(written)) == ["id=build_env", f"src={shell}"], name
        assert "c4nary" not in made.text(written) and str(tmp_path) not in made.text(written)
    made.make("compose")
    found = documents(made.text("compose.yaml"))[0]
    assert found["secrets"] == {"build_env": {"file": compose}}
    assert found["services"]["app"]["build"]["secrets"] == ["build_env"]
    assert "secrets" not in found["services"]["nginx"]


def test_the_path_is_relative_to_the_repository(exported: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made = exported(build_env_file="../other.env", repository="..", env_file="../production.env", files={"deploy/x": ""})
    (made.folder / "hosts.toml").rename(made.folder / "deploy/hosts.toml")
    monkeypatch.chdir(made.folder / "deploy")
    made.make("ecs")
    assert option(made.text("ecs.yaml")) == ["id=build_env", "src=other.env"]


@pytest.mark.parametrize("path", NOT_BUILT.values())
def test_a_platform_that_builds_by_itself_does_not_get_it_and_says_so(exported: Make, path: str) -> None:
    made = exported(build_env_file="build.env", files={"build.env": "A=1\n"})
    name = next(name for name, written in NOT_BUILT.items() if written == path)
    made.make(name)
    assert "Left out: app.build_env_file (" in made.text(path)


def test_without_the_setting_no_file_speaks_of_it(exported: Make) -> None:
    made = exported()
    for name, path in {**BUILT, **NOT_BUILT, "compose": "compose.yaml"}.items():
        made.make(name)
        assert "build_env" not in made.text(path)
        assert name != "compose" or "secrets" not in documents(made.text(path))[0]
