"""What an environment depends on: a change in any of it has an effect. With the real uv and pip."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.hosts.scripts.resources.environments import Builder, edit, project
from tests.hosts.scripts.resources.repository import commit, git

VALUE = "python -c 'import common; print(common.value)'"
VERSION = "python -c 'from importlib.metadata import version; print(version(\"blog\"))'"
COMMON = "common/common/__init__.py"
BUILD_ENV = "/etc/selvedge/hello/build.env"
PROJECT = '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["common"]\n'
MISSING = "ModuleNotFoundError: No module named 'common'"


@pytest.fixture
def builder(server: Any) -> Builder:
    return Builder(server)


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """An app with a folder "common", which its requirements name."""
    return project("local_folder", tmp_path / "app")


def wheel(folder: Path, version: str) -> None:
    """Write a wheel of the package "common", whose value is its version."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"common-{version}.dist-info"
    with zipfile.ZipFile(folder / f"common-{version}-py3-none-any.whl", "w") as file:
        file.writestr("common.py", f"value = {version}\n")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: common\nVersion: {version}\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "common.py,,\n")


def missing(builder: Builder) -> bool:
    return builder.run(f"{VALUE} 2>&1 | tail -n 1") == MISSING


def test_a_lock_that_is_added(builder: Builder, local: Path) -> None:
    builder.must(local)
    edit(local, {"requirements.lock": "# Nothing.\n"})
    assert builder.must(local) == "built" and missing(builder)


@pytest.mark.parametrize("installer", ["uv", pytest.param("pip", marks=pytest.mark.thorough)])
def test_a_linked_file_includes_those_beside_the_link(server: Any, installer: str, local: Path) -> None:
    builder = Builder(server, installer)
    edit(local, {"requirements.txt": None, "deploy/prod.txt": "-r base.txt\n"})
    (local / "requirements.txt").symlink_to("deploy/prod.txt")
    assert (builder.must(local), builder.run(VALUE)) == ("built", "1")
    edit(local, {"base.txt": "# Nothing.\n"})
    assert builder.must(local) == "built" and missing(builder)


def test_a_link_that_leads_to_another_file_or_folder(builder: Builder, local: Path) -> None:
    shutil.move(local / "common", local / "v1")
    shutil.copytree(local / "v1", local / "v2")
    edit(local, {"v2/common/__init__.py": "value = 2\n", "two.txt": "# Nothing.\n"})
    (local / "base.txt").rename(local / "one.txt")
    for name, target in (("common", "v1"), ("base.txt", "one.txt")):
        (local / name).symlink_to(target)
    assert (builder.must(local), builder.run(VALUE)) == ("built", "1")
    (local / "common").unlink()
    (local / "common").symlink_to("v2")
    assert (builder.must(local), builder.run(VALUE)) == ("renewed", "2")
    (local / "base.txt").unlink()
    (local / "base.txt").symlink_to("two.txt")
    assert builder.must(local) == "built" and missing(builder)


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": f'{PROJECT}[tool.uv]\nfind-links = ["./wheels"]\n'},
        {"pyproject.toml": PROJECT, "uv.toml": '[[index]]\nname = "own"\nurl = "wheels"\nformat = "flat"\n'},
        {"requirements.txt": "--find-links wheels\ncommon\n", "wheels/pyproject.toml": "[project]\nname = 'x'\nversion = '1'\n"},
    ],
)
def test_wheels_in_the_repository(builder: Builder, tmp_path: Path, files: dict[str, str]) -> None:
    app = tmp_path / "app"
    edit(app, files)
    wheel(app / "wheels", "1")
    assert (builder.must(app), builder.run(VALUE)) == ("built", "1")
    wheel(app / "wheels", "2")
    assert (builder.must(app), builder.run(VALUE)) == ("built", "2")


def test_a_file_that_a_variable_of_the_installer_names(builder: Builder, tmp_path: Path) -> None:
    for version in ("1", "2"):
        wheel(builder.server.path("/opt/wheels"), version)
    edit(tmp_path / "app", {"requirements.txt": "common\n", "limits.txt": "common<2\n"})
    builder.server.path(BUILD_ENV).parent.mkdir(parents=True)
    builder.server.path(BUILD_ENV).write_text('UV_CONSTRAINT="limits.txt"\n')
    assert (builder.must(tmp_path / "app", build_env=BUILD_ENV), builder.run(VALUE)) == ("built", "1")
    edit(tmp_path / "app", {"limits.txt": "common<3\n"})
    assert (builder.must(tmp_path / "app", build_env=BUILD_ENV), builder.run(VALUE)) == ("built", "2")


def test_the_source_of_a_package_in_the_repository(builder: Builder, local: Path) -> None:
    """It is in no metadata."""
    pyproject = (local / "common/pyproject.toml").read_text()
    backend = (local / "common/tiny_backend.py").read_text()
    shutil.copytree(local / "common", local / "other")

    def middle(path: str) -> str:
        sources = f"[tool.uv.sources]\ncommon = {{ path = '{path}' }}\n\n"
        return pyproject.replace('"common"', '"middle"').replace("[build", f'dependencies = ["common"]\n\n{sources}[build')

    files = {"libs/middle/pyproject.toml": middle("../../common"), "libs/middle/tiny_backend.py": backend}
    modules = {"libs/middle/middle/__init__.py": "", "other/common/__init__.py": "value = 2\n"}
    edit(local, {**files, **modules, "base.txt": "./libs/middle\n"})
    assert (builder.must(local), builder.run(VALUE)) == ("built", "1")
    edit(local, {"libs/middle/pyproject.toml": middle("../../other")})
    assert (builder.must(local), builder.run(VALUE)) == ("built", "2")


class TestVersionFromGit:
    @pytest.fixture
    def package(self, tmp_path: Path) -> Path:
        """A repository whose version is its newest tag."""
        folder = project("package", tmp_path / "app")
        text = (folder / "pyproject.toml").read_text().replace('version = "1.5"\ndynamic = [', 'dynamic = ["version", ')
        edit(folder, {"pyproject.toml": text + "\n[tool.setuptools-git-versioning]\n", "uploads/.keep": "", "web/a.js": "1"})
        git(folder, "init", "-q", "-b", "main")
        commit(folder)
        git(folder, "tag", "3.1")
        return folder

    def must(self, builder: Builder, package: Path) -> str:
        """Build the environment of the repository's newest commit, as `Builder.must`."""
        repo = builder.server.path("/srv/hello/repo.git")
        shutil.rmtree(repo, ignore_errors=True)
        git(package, "clone", "-q", "--bare", str(package), str(repo))
        folder = package.parent / f"release {builder.count}"
        shutil.copytree(package, folder, symlinks=True)
        shutil.rmtree(folder / ".git")
        return builder.must(folder, commit=git(package, "rev-parse", "HEAD"))

    def test_a_new_tag_on_the_same_files(self, builder: Builder, package: Path) -> None:
        assert (self.must(builder, package), builder.run(VERSION)) == ("built", "3.1")
        assert self.must(builder, package) == "shared"
        git(package, "commit", "-q", "--allow-empty", "-m", "Release")
        git(package, "tag", "4.0")
        assert (self.must(builder, package), builder.run(VERSION)) == ("renewed", "4.0")

    def test_what_a_release_has_in_place_of_files_is_no_local_change(self, builder: Builder, package: Path) -> None:
        shutil.rmtree(package / "uploads")
        (package / "uploads").symlink_to("/srv/hello/shared/uploads")
        (package / "web/a.js").write_text("carried")
        assert (self.must(builder, package), builder.run(VERSION)) == ("built", "3.1")


@pytest.mark.parametrize("line", [pytest.param("-e file:.", marks=pytest.mark.thorough), "-e file:common"])
def test_the_lock_of_rye(builder: Builder, local: Path, line: str) -> None:
    edit(local, {"requirements.lock": f"{line}\n"})
    if line.endswith("."):
        shutil.move(local / "common", local / "own")
        for path in (local / "own").iterdir():
            shutil.move(path, local / path.name)
    assert (builder.must(local), builder.run(VALUE)) == ("built", "1")


def test_an_editable_folder_that_is_missing_is_no_package_of_an_index(builder: Builder, local: Path) -> None:
    edit(local, {"base.txt": "-e extra-package\n"})
    done = builder.build(local)
    assert done.status == 1 and "extra-package" in done.error, done.output


@pytest.mark.parametrize("name", ["pylock.toml", pytest.param("pylock.prod.toml", marks=pytest.mark.thorough)])
def test_an_editable_folder_in_a_standard_lock(builder: Builder, local: Path, name: str) -> None:
    package = '[[packages]]\nname = "common"\ndirectory = { path = "common", editable = true }\n'
    edit(local, {name: f'lock-version = "1.0"\ncreated-by = "me"\nrequires-python = ">=3.9"\n{package}'})
    assert (builder.must(local, requirements=name), builder.run(VALUE)) == ("built", "1")
    edit(local, {COMMON: "value = 2\n"})
    assert (builder.must(local, requirements=name), builder.run(VALUE)) == ("renewed", "2")


def test_a_workspace_as_an_inline_table(builder: Builder, tmp_path: Path) -> None:
    app = project("workspace", tmp_path / "app", {"pyproject.toml": '[tool.uv]\nworkspace = { members = ["backend", "libs/*"] }\n'})
    assert (builder.must(app), builder.run(VALUE)) == ("built", "1")


@pytest.mark.parametrize("installer", ["uv", pytest.param("pip", marks=pytest.mark.thorough)])
def test_a_project_whose_dependencies_only_its_build_backend_knows(server: Any, installer: str, local: Path) -> None:
    """As setuptools with setup.cfg."""
    builder = Builder(server, installer)
    text = (local / "common/pyproject.toml").read_text()
    listed = '{"name": "common", "version": "1", "dependencies": ["extra-package"]}'
    backend = (local / "common/tiny_backend.py").read_text().replace('pyproject["project"]', listed)
    shutil.move(local / "common/common", local / "own")
    shutil.rmtree(local / "common")
    shutil.move(local / "own", local / "common")
    files = {"pyproject.toml": text[text.index("[build-system]") :], "tiny_backend.py": backend, "setup.cfg": "[metadata]\n"}
    edit(local, {**files, "requirements.txt": None})
    assert (builder.must(local), builder.run("python -c 'import common, extra_package; print(1)'")) == ("built", "1")


def test_a_folder_of_the_app_is_not_the_package_of_the_same_name(builder: Builder, local: Path) -> None:
    edit(local, {"extra_package/settings.py": ""})
    assert builder.must(local, extras=("extra-package",)) == "built"
    assert builder.run("cd /; python -c 'import extra_package; print(bool(extra_package.__file__))'") == "True"


def test_a_project_whose_settings_link_to_uvs_cache(builder: Builder, local: Path) -> None:
    edit(local, {"base.txt": "extra-package\n", "uv.toml": 'link-mode = "symlink"\n'})
    builder.must(local)
    links = [path for path in builder.environment().glob("lib/python*/site-packages/**/*") if path.is_symlink()]
    assert links == []


def test_links_in_circles(builder: Builder, local: Path) -> None:
    for name, target in (("loop", "loop"), ("up", ".."), ("self", ".")):
        (local / name).symlink_to(target)
    assert (builder.must(local), builder.run(VALUE)) == ("built", "1")
    assert builder.must(local) == "shared"


def test_a_project_in_another_folder_than_the_apps(builder: Builder, tmp_path: Path) -> None:
    package = project("package", tmp_path / "app" / "backend")
    builder.must(tmp_path / "app", requirements="backend/pyproject.toml")
    edit(package, {"needs.txt": "extra-package\n"})
    assert builder.must(tmp_path / "app", requirements="backend/pyproject.toml") == "built"
    assert builder.run("python -c 'import extra_package; print(1)'") == "1"
