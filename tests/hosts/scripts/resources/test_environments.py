"""What environments are built from, with the real uv and pip."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.hosts.scripts.resources.environments import Builder, edit, project
from tests.hosts.scripts.resources.repository import commit, git

# Each build takes seconds. The short tests have one of several that are alike, and tests/unit/shell/test_checkout.py has all forms.
THOROUGH = pytest.mark.thorough
VALUE = "python -c 'import common; print(common.value)'"
COMMON = "common/common/__init__.py"


@pytest.fixture
def builder(server: Any) -> Builder:
    return Builder(server)


@pytest.fixture(params=["uv", pytest.param("pip", marks=THOROUGH)])
def either(server: Any, request: Any) -> Builder:
    """Each builder. pip takes ten times as long."""
    return Builder(server, request.param)


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """An app with a folder "common", which its requirements name."""
    return project("local_folder", tmp_path / "app")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """An app that is a package itself."""
    return project("package", tmp_path / "app")


@pytest.mark.parametrize("installer", ["uv", pytest.param("pip", marks=THOROUGH)])
def test_a_change_in_a_local_folder_is_installed(server: Any, installer: str, local: Path) -> None:
    either = Builder(server, installer)
    assert (either.must(local), either.run(VALUE)) == ("built", "1")
    one = either.last
    assert either.must(local) == "shared"
    edit(local, {COMMON: "value = 2\n"})
    assert (either.must(local), either.run(VALUE)) == ("renewed", "2")
    either.last = one
    assert either.run(VALUE) == "1", "rollback"


@pytest.mark.parametrize("line", [
    "-e common",
    *(pytest.param(line, marks=THOROUGH) for line in ("--editable=./common", "-e ./common[fast]", '-e "./common"')),
    pytest.param("./common ; python_version > '3'", marks=THOROUGH),
])  # fmt: skip
def test_each_way_to_name_a_folder(builder: Builder, local: Path, line: str) -> None:
    edit(local, {"base.txt": f"{line}\n"})
    assert (builder.must(local), builder.run(VALUE)) == ("built", "1")
    edit(local, {COMMON: "value = 2\n"})
    assert (builder.must(local), builder.run(VALUE)) == ("renewed", "2")


@pytest.mark.parametrize("encoding", [
    "utf-16", *(pytest.param(name, marks=THOROUGH) for name in ("utf-8-sig", "utf-16-be with a mark", "latin-1", "crlf")),
])  # fmt: skip
def test_requirements_in_any_encoding(builder: Builder, local: Path, encoding: str) -> None:
    def encoded(text: str) -> bytes:
        if encoding == "crlf":
            return text.replace("\n", "\r\n").encode()
        name, _, mark = encoding.partition(" ")
        declared = f"# -*- coding: {name} -*-\n" if name == "latin-1" else ""
        return (b"\xfe\xff" if mark else b"") + (declared + text).encode(name)

    files = {"requirements.txt": "-r base.txt\n", "base.txt": "-r more.txt\n", "more.txt": "# Größe\n./common\n"}
    edit(local, {name: encoded(text) for name, text in files.items()})
    assert (builder.must(local), builder.run(VALUE)) == ("built", "1")
    edit(local, {"more.txt": encoded("# None.\n")})
    assert builder.must(local) == "built", "only an included file changed"
    assert "ModuleNotFoundError" in builder.run(VALUE)


def test_a_file_that_includes_itself(builder: Builder, local: Path) -> None:
    requirements = "-r base.txt\n-r base.txt\n-c limits.txt\n"
    edit(local, {"base.txt": "-r requirements.txt\n./common\n", "requirements.txt": requirements, "limits.txt": "-c limits.txt\n"})
    assert (builder.must(local), builder.run(VALUE)) == ("built", "1")
    edit(local, {"limits.txt": "-c limits.txt\nother<2\n"})
    assert builder.must(local) == "built"


def test_what_pip_cannot_read_counts_as_a_whole(builder: Builder, local: Path) -> None:
    edit(local, {"base.txt": "./${NOSUCH-}common\n", "requirements.txt": "--nosuch-option\n"})
    done = builder.build(local)
    assert done.status == 1 and "requirements.txt" in done.error


def test_roots_have_environments_of_their_own(builder: Builder, tmp_path: Path) -> None:
    both = tmp_path / "both"
    for value, name in enumerate("ab", 1):
        project("local_folder", both / name, {COMMON: f"value = {value}\n"})
    assert (builder.must(both, root="a"), builder.run(VALUE)) == ("built", "1")
    assert (builder.must(both, root="b"), builder.run(VALUE)) == ("built", "2")


def test_links_lead_to_what_counts(builder: Builder, local: Path) -> None:
    edit(local, {"shared/code.py": "value = 1\n", COMMON: None, "sets/base.in": "./common\n"})
    (local / COMMON).symlink_to("../../shared/code.py")
    (local / "base.txt").unlink()
    (local / "base.txt").symlink_to("sets/base.in")
    assert (builder.must(local), builder.run(VALUE)) == ("built", "1")
    edit(local, {"shared/code.py": "value = 2\n"})
    assert (builder.must(local), builder.run(VALUE)) == ("renewed", "2")
    edit(local, {"sets/base.in": "# None.\n"})
    assert builder.must(local) == "built"


def test_an_app_that_is_a_package(builder: Builder, package: Path) -> None:
    version = "python -c 'from importlib.metadata import version; print(version(\"blog\"))'; blog-title"
    assert (builder.must(package), builder.run(version)) == ("built", "1.5\none")
    one, first = builder.last, builder.environment()
    edit(package, {"src/blog/__init__.py": 'def title():\n    print("two")\n'})
    assert (builder.must(package), builder.run(version)) == ("renewed", "1.5\ntwo")
    assert str(first) not in (builder.environment() / "bin/blog-title").read_text()
    second = builder.last
    builder.last = one
    assert builder.run(version) == "1.5\none", "a copy shares files with its original"
    builder.server.run(f"rm -rf /srv/hello/venvs/{first.name}")
    builder.last = second
    assert builder.run(version) == "1.5\ntwo", "the original is not needed"


def test_an_apps_dependencies_may_be_dynamic(builder: Builder, package: Path) -> None:
    builder.must(package)
    edit(package, {"needs.txt": "extra-package\n"})
    assert (builder.must(package), builder.run("python -c 'import extra_package; print(1)'")) == ("built", "1")


def test_requirements_of_an_app_that_is_a_package(either: Builder, package: Path) -> None:
    edit(package, {"requirements.txt": "-e .\n", "needs.txt": "extra-package\n"})
    assert (either.must(package), either.run("blog-title; python -c 'import extra_package'")) == ("built", "one")
    edit(package, {"src/blog/__init__.py": 'def title():\n    print("two")\n'})
    assert (either.must(package), either.run("blog-title; python -c 'import extra_package'")) == ("renewed", "two")
    edit(package, {"requirements.txt": "# Nothing.\n"})
    assert (either.must(package), either.run("blog-title; python -c 'import extra_package' 2>&1 | tail -n 1")) == (
        "built",
        "two\nModuleNotFoundError: No module named 'extra_package'",
    )


def test_an_app_that_cannot_be_built(either: Builder, package: Path) -> None:
    broken = 'raise SystemExit("the backend is broken")\n'
    good = (package / "tiny_backend.py").read_text()
    edit(package, {"requirements.txt": "extra-package\n", "tiny_backend.py": broken})
    done = either.build(package)
    assert done.status == 0 and any("could not build the app's own package" in said for said in done.said), done.output
    edit(package, {"main.py": "# A comment.\n"})
    assert either.must(package) == "shared"
    edit(package, {"tiny_backend.py": good})
    assert (either.must(package), either.run("blog-title")) == ("built", "one")
    edit(package, {"requirements.txt": None, "tiny_backend.py": broken})
    done = either.build(package)
    assert done.status == 1 and "the backend is broken" in done.error, done.output


@pytest.mark.parametrize("locked", [pytest.param(False, marks=THOROUGH), True])
def test_path_sources_of_uv(builder: Builder, local: Path, locked: bool) -> None:
    """They are editable in the project, and one of them leads to the next."""
    sources = "[tool.uv.sources]\n{0} = {{ path = '{1}', editable = true }}\n"
    head = '[project]\nname = "{0}"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["{1}"]\n\n'
    build = "[build-system]" + (local / "common/pyproject.toml").read_text().partition("[build-system]")[2]
    middle = head.format("middle", "common") + sources.format("common", "../../common") + build
    edit(
        local,
        {
            "requirements.txt": None,
            "pyproject.toml": head.format("shop", "middle") + sources.format("middle", "libs/middle"),
            "libs/middle/pyproject.toml": middle,
            "libs/middle/tiny_backend.py": (local / "common/tiny_backend.py").read_text(),
            "libs/middle/middle/__init__.py": "from common import value  # noqa: F401\n",
        },
    )
    if locked:
        command = [str(builder.uv), "lock", "--offline", "--quiet", "--python", "/usr/bin/python3"]
        subprocess.run(command, cwd=local, check=True)
    seen = "python -c 'import middle; print(middle.value)'"
    assert (builder.must(local), builder.run(seen)) == ("built", "1")
    edit(local, {COMMON: "value = 2\n"})
    assert (builder.must(local), builder.run(seen)) == ("renewed", "2")


def test_a_package_may_take_its_version_from_git(builder: Builder, package: Path) -> None:
    """As setuptools-scm and hatch-vcs do."""
    text = (package / "pyproject.toml").read_text().replace('version = "1.5"\ndynamic = [', 'dynamic = ["version", ')
    edit(package, {"pyproject.toml": text + "\n[tool.setuptools_scm]\n"})
    git(package, "init", "-q", "-b", "main")
    git(package, "commit", "-q", "--allow-empty", "-m", "Before")
    commit(package)
    git(package, "tag", "3.1")
    git(package, "clone", "-q", "--bare", str(package), str(builder.server.path("/srv/hello/repo.git")))
    builder.server.path("/srv/hello/repo.git").chmod(0o700)
    shutil.rmtree(package / ".git")
    assert builder.must(package) == "built"
    assert builder.run("python -c 'from importlib.metadata import version; print(version(\"blog\"))'") == "3.1"


class TestWorkspace:
    """A workspace of uv: its lock is at the top, and the app is the member "backend"."""

    @pytest.fixture
    def workspace(self, tmp_path: Path) -> Path:
        return project("workspace", tmp_path / "app")

    @pytest.mark.parametrize("root", ["backend", pytest.param("", marks=THOROUGH)])
    def test_a_member_has_the_packages_of_the_lock(self, builder: Builder, workspace: Path, root: str) -> None:
        seen = "python -c 'import backend; print(backend.value)'"
        assert (builder.must(workspace, root=root), builder.run(seen)) == ("built", "1")
        edit(workspace, {"libs/common/common/__init__.py": "value = 2\n"})
        assert (builder.must(workspace, root=root), builder.run(seen)) == ("renewed", "2")
        edit(workspace, {"libs/common/needs.txt": "extra-package\n"})
        done = builder.build(workspace, root=root)
        assert done.status == 0, done.output

    def test_a_folder_that_is_no_member_has_no_lock(self, builder: Builder, workspace: Path) -> None:
        edit(workspace, {"other/requirements.txt": "# Nothing.\n"})
        done = builder.build(workspace, root="other")
        assert "uv installs requirements.txt for Python" in done.said[0]

    def test_a_lock_that_is_older_than_the_project(self, builder: Builder, workspace: Path) -> None:
        path = workspace / "backend/pyproject.toml"
        path.write_text(path.read_text().replace('["common"]', '["common", "extra-package"]'))
        done = builder.build(workspace, root="backend")
        assert done.status == 1
        assert done.error == (
            "uv.lock is older than pyproject.toml: The lockfile at `uv.lock` needs to be updated, but `--check` was provided. "
            "Run `uv lock` on your machine and commit uv.lock."
        )
