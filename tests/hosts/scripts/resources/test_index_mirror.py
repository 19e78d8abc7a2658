"""`mirrors.pypi` and `mirrors.python`, with the real uv and pip, and indexes over HTTP."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selvedge.resources.code.python import UV_REQUIREMENT, Python
from selvedge.resources.code.tools import Tool
from tests.hosts.scripts.resources.environments import Builder
from tests.hosts.scripts.resources.website import Website

VERSION = "python -c 'from importlib.metadata import version as v; print(v(\"own\"))'"
BOTH = pytest.mark.parametrize("installer", ["uv", pytest.param("pip", marks=pytest.mark.thorough)])


class Site(Website):
    """An index with one version of the package `own`."""

    def __init__(self, folder: Path, version: str) -> None:
        place = folder / "simple/own"
        place.mkdir(parents=True)
        name = f"own-{version}-py3-none-any.whl"
        with zipfile.ZipFile(place / name, "w") as wheel:
            wheel.writestr("own.py", "")
            wheel.writestr(f"own-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: own\nVersion: {version}\n")
            wheel.writestr(f"own-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"own-{version}.dist-info/RECORD", "own.py,,\n")
        (place / "index.html").write_text(f"<a href='{name}'>{name}</a>")
        super().__init__(folder)
        self.url += "/simple"


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    """The mirror, which has version 1, and a private index, which has version 2."""
    found = Site(tmp_path / "mirror", "1"), Site(tmp_path / "private", "2")
    yield found
    for each in found:
        each.close()


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "requirements.txt").write_text("own\n")
    return folder


def builder(server: Any, installer: str) -> Builder:
    made = Builder(server, installer)
    made.before = "export PIP_RETRIES=0 UV_HTTP_RETRIES=0\n"
    return made


@BOTH
def test_a_build_takes_packages_from_the_mirror(server: Any, installer: str, sites: tuple[Site, Site], app: Path) -> None:
    made = builder(server, installer)
    assert made.must(app, pypi_mirror=sites[0].url) == "built"
    assert made.run(VERSION) == "1"
    assert made.must(app) == "shared", "the mirror is no part of the environment"


@BOTH
def test_an_index_in_the_requirements_wins(server: Any, installer: str, sites: tuple[Site, Site], app: Path) -> None:
    made = builder(server, installer)
    (app / "requirements.txt").write_text("-r more.txt\n")
    (app / "more.txt").write_text(f"--index-url {sites[1].url}\nown\n")
    assert made.must(app, pypi_mirror=sites[0].url) == "built"
    assert made.run(VERSION) == "2"


@BOTH
def test_an_index_in_the_builds_variables_wins(server: Any, installer: str, sites: tuple[Site, Site], app: Path) -> None:
    made = builder(server, installer)
    name = {"uv": "UV_DEFAULT_INDEX", "pip": "PIP_INDEX_URL"}[installer]
    server.path("/etc/selvedge").mkdir()
    server.path("/etc/selvedge/build.env").write_text(f"{name}='{sites[1].url}'\n")
    made.must(app, pypi_mirror=sites[0].url, build_env="/etc/selvedge/build.env")
    assert made.run(VERSION) == "2"


def test_an_index_in_pyproject_toml_wins(server: Any, sites: tuple[Site, Site], app: Path) -> None:
    made = builder(server, "uv")
    (app / "pyproject.toml").write_text(f'[[tool.uv.index]]\nurl = "{sites[1].url}"\ndefault = true\n')
    made.must(app, pypi_mirror=sites[0].url, requirements="requirements.txt")
    assert made.run(VERSION) == "2"


def test_the_mirror_wins_over_the_servers_own_files(server: Any, sites: tuple[Site, Site], app: Path) -> None:
    made = builder(server, "uv")
    server.path("/etc/uv").mkdir()
    server.path("/etc/uv/uv.toml").write_text(f'[[index]]\nurl = "{sites[1].url}"\ndefault = true\n')
    made.must(app, pypi_mirror=sites[0].url)
    assert made.run(VERSION) == "1"


LOCK = """\
version = 1
revision = 3
requires-python = ">=3.8"

[[package]]
name = "app"
version = "1"
source = { virtual = "." }
dependencies = [
    { name = "own" },
]

[package.metadata]
requires-dist = [{ name = "own"MORE }]

[[package]]
name = "own"
version = "1"
source = { registry = "https://index.example.com/simple" }
wheels = [
    { url = "https://files.example.com/own-1-py3-none-any.whl", hash = "sha256:HASH" },
]
"""


@pytest.mark.parametrize("current", [True, False])
def test_a_lock_that_was_made_with_another_index(server: Any, current: bool, sites: tuple[Site, Site], tmp_path: Path) -> None:
    made = builder(server, "uv")
    wheel = next((tmp_path / "mirror").rglob("*.whl"))
    app = tmp_path / "locked"
    app.mkdir()
    (app / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.8"\ndependencies = ["own"]\n[tool.uv]\npackage = false\n'
    )
    lock = LOCK.replace("HASH", hashlib.sha256(wheel.read_bytes()).hexdigest())
    (app / "uv.lock").write_text(lock.replace("MORE", "" if current else ', specifier = ">=2"'))
    done = made.build(app, pypi_mirror=sites[0].url)
    if current:
        assert done.status == 0, done.output
        assert made.run(VERSION) == "1" and "could not check" not in done.output
        assert made.must(app) == "shared"
    else:
        assert done.error.startswith("uv.lock is older than pyproject.toml"), done.output


def test_a_lock_with_two_indexes_is_current(server: Any, sites: tuple[Site, Site], tmp_path: Path) -> None:
    """Most packages are from the private index, whose address the project names."""
    app = tmp_path / "locked"
    app.mkdir()
    (app / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.8"\ndependencies = ["own", "x", "y"]\n'
        f'[tool.uv]\npackage = false\n[[tool.uv.index]]\nurl = "{sites[1].url}"\n'
    )
    lock = LOCK.replace("MORE", ' }, { name = "x" }, { name = "y"').replace("HASH", "0" * 64)
    lock = lock.replace('    { name = "own" },\n', '    { name = "own" },\n    { name = "x" },\n    { name = "y" },\n')
    for name in ("x", "y"):
        wheel = f"{{ url = \"{sites[1].url}/{name}-1-py3-none-any.whl\", hash = \"sha256:{'0' * 64}\" }}"
        lock += f'\n[[package]]\nname = "{name}"\nversion = "1"\nsource = {{ registry = "{sites[1].url}" }}\nwheels = [{wheel}]\n'
    (app / "uv.lock").write_text(lock)
    done = builder(server, "uv").build(app, pypi_mirror=sites[0].url)
    assert "Could not install" in done.error and "older" not in done.output and "could not check" not in done.output, done.output


def test_a_mirror_that_does_not_answer_is_named_with_the_setting(server: Any, app: Path) -> None:
    done = builder(server, "uv").build(app, pypi_mirror="http://127.0.0.1:9/simple")
    assert done.status == 1 and "http://127.0.0.1:9/simple/own/" in done.error, done.output
    assert "set pypi under [mirrors] in hosts.toml" in done.output


class TestTools:
    """uv and certbot by pip, and uv's builds of Python. Fakes print the variables that they got."""

    SHOW = 'echo "$PIP_INDEX_URL $PIP_TRUSTED_HOST $UV_PYTHON_INSTALL_MIRROR" >>/opt/calls; echo "error: 404" >&2; exit 1'

    @pytest.fixture(autouse=True)
    def programs(self, server: Any) -> None:
        make = f"for last; do :; done\nmkdir -p $last/bin\nprintf '%s\\n' '#!/bin/sh' '{self.SHOW}' >$last/bin/python\n"
        server.program("python3", f"case $1 in -c) exit 0 ;; esac\n{make}chmod +x $last/bin/python")

    @pytest.mark.parametrize(
        ("url", "trusted"), [("https://a.example.com/simple", ""), ("http://a.example.com:81/s/", "a.example.com:81")]
    )
    def test_a_tool_comes_from_the_mirror(self, server: Any, url: str, trusted: str) -> None:
        done = server.apply(server.plan(Tool("uv", UV_REQUIREMENT, url)))
        assert done.error == f"pip could not install {UV_REQUIREMENT} on the server from {url}: 404."
        assert server.path("/opt/calls").read_text() == f"{url} {trusted} \n"

    def test_a_build_of_python_comes_from_the_mirror(self, server: Any) -> None:
        uv = server.path("/opt/selvedge/uv/bin/uv")
        uv.parent.mkdir(parents=True)
        uv.write_text(f"#!/bin/sh\n{self.SHOW}\n")
        uv.chmod(0o755)
        server.path("/opt/selvedge/uv/.requirement").write_text(f"{UV_REQUIREMENT}\n")
        done = server.apply(server.plan(Python("3.12", "uv", "https://b.example.com/builds")))
        assert server.path("/opt/calls").read_text() == "  https://b.example.com/builds\n"
        assert done.error == (
            "uv could not install Python 3.12: 404. If https://b.example.com/builds does not have this build, set another python "
            'under [mirrors] in hosts.toml, or "" for none. Or choose another app.python.'
        )
