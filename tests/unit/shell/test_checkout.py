"""Which files the requirements of an app consist of: the program that prepares a checkout, and the one that compares records."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from selvedge.shell.server import checkout, environment
from selvedge.shell.server.project import locks

pytestmark = pytest.mark.programs

FILES = ["requirements.txt", "base.txt", "sets/more.txt", "sets/limits.in", "other.txt"]
INCLUDES = ["-r {}", "-r{}", "--requirement {}", "--requirement={}", "-c {}", "--constraint={}  # limits", "-r \\\n  {}", "  -r {}"]
OTHERS = ["fastapi", "# -r other.txt", "httpx[http2]>=0.27; python_version > '3'", "idna \\\n  --hash=sha256:" + 64 * "0", ""]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]


@pytest.fixture(autouse=True)
def _restored_path() -> Any:
    """The program adds Python's own copy of pip to the path."""
    before = list(sys.path)
    yield
    sys.path[:] = before


class Server:
    """Releases, and environments whose records the programs write."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self.venvs = folder / "venvs"
        self.venvs.mkdir()

    def release(self, files: dict[str, bytes]) -> Path:
        self.count += 1
        release = self.folder / str(self.count)
        for name, content in files.items():
            (release / name).parent.mkdir(parents=True, exist_ok=True)
            (release / name).write_bytes(content)
        return release

    def build(self, release: Path, path: str = "requirements.txt", root: str = "") -> Path:
        """Make an environment as venv_make does, without packages, and return the copy of the checkout."""
        venv, work = self.venvs / release.name, self.folder / f"work-{release.name}"
        (venv / "bin").mkdir(parents=True)
        (venv / "bin/python").symlink_to(sys.executable)
        work.mkdir()
        checkout.copy(str(release), str(work), root, path)
        code = work / "source" / root
        checkout.read(str(work), str(code), str(code / path))
        environment.record(str(venv), str(work), str(release), root, "3.12.4", "request", "c1")
        (venv / ".selvedge").touch()
        return work / "source"

    def fits(self, release: Path, capsys: Any) -> bool:
        capsys.readouterr()
        environment.find(str(release), str(self.venvs), "3.12.4", "request", "c1")
        return str(capsys.readouterr().out).startswith("same ")


@st.composite
def projects(draw: Any) -> tuple[dict[str, bytes], set[str]]:
    """Five files of requirements that include each other, also in circles; and those that requirements.txt leads to."""
    graph = {name: draw(st.lists(st.sampled_from(FILES), max_size=3)) for name in FILES}
    files = {}
    for name, included in graph.items():
        up = "../" if "/" in name else ""
        lines = [draw(st.sampled_from(INCLUDES)).format(up + target) for target in included]
        lines += draw(st.lists(st.sampled_from(OTHERS), max_size=3))
        text = draw(st.sampled_from(["\n", "\r\n"])).join(draw(st.permutations(lines))) + "\n"
        files[name] = text.encode(draw(st.sampled_from(ENCODINGS)))
    reached, todo = set(), ["requirements.txt"]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += graph[name]
    return files, reached


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(project=projects(), changed=st.sampled_from([*FILES, "main.py"]), removed=st.booleans())
def test_an_environment_fits_if_no_file_that_it_was_built_from_has_changed(
    tmp_path_factory: Any, capsys: Any, project: Any, changed: str, removed: bool
) -> None:
    files, reached = project
    server = Server(tmp_path_factory.mktemp("server"))
    first = server.release(files | {"main.py": b"x = 1\n"})
    server.build(first)
    assert server.fits(first, capsys)
    edited = files | {"main.py": b"x = 1\n"}
    edited[changed] += "# Edited.\n".encode("utf-16-le" if b"\0" in edited[changed] else "utf-8")
    if removed:
        del edited[changed]
    assert server.fits(server.release(edited), capsys) == (changed not in reached)


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("-e .", "."),
        ("-e ./lib[fast]", "./lib[fast]"),
        ("--editable=./lib", "./lib"),
        ("-e lib", "./lib"),
        ("--editable 'a b'", "./a b"),
        ("-e git+https://git.example.com/x.git@v1#egg=x", "git+https://git.example.com/x.git@v1#egg=x"),
        ("-e ./lib ; python_version > '3'", "./lib ; python_version > '3'"),
        ("-e file:.", "."),
        ("-e file:lib", "./lib"),
        ("-e missing", "./missing"),
    ],
)
def test_editable_lines_become_ordinary_ones(tmp_path: Path, line: str, written: str) -> None:
    server = Server(tmp_path)
    files = {f"{folder}/pyproject.toml": b"" for folder in ("lib", "a b")}
    source = server.build(server.release({"requirements.txt": f"fastapi\n\n{line}\nidna\n".encode(), **files}))
    assert (source / "requirements.txt").read_text() == f"fastapi\n\n{written}\nidna\n", "the numbers of the lines stay"


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("--find-links wheels", "wheels/x.whl"),
        ("./wheels/x.whl", "wheels/x.whl"),
        ("x @ file:wheels/x.whl", "wheels/x.whl"),
        ("--extra-index-url ./wheels", "wheels/x.whl"),
        ("./${FOLDER}/x.whl", "main.py"),
        ("--nosuch-option", "main.py"),
        ("", "uv.toml"),
        ("", "pyproject.toml"),
        ("", ".python-version"),
        ("", "requirements.lock"),
    ],
)
def test_other_files_that_count(tmp_path: Path, capsys: Any, line: str, path: str) -> None:
    server = Server(tmp_path)
    files = {"requirements.txt": f"{line}\n".encode(), "wheels/x.whl": b"1", "main.py": b"1", "notes.md": b"1"}
    server.build(server.release(files))
    assert server.fits(server.release(files), capsys)
    assert not server.fits(server.release(files | {path: b"2"}), capsys)
    assert server.fits(server.release(files | {"notes.md": b"2"}), capsys) == (path != "main.py")


def test_each_file_that_lists_packages_counts() -> None:
    assert set(locks.ORDER) < set(checkout.NAMES)


def test_files_of_an_earlier_build_are_no_part_of_the_code(tmp_path: Path) -> None:
    """setuptools installs them in place of the code, unless they are older."""
    files = {"setup.py": b"", "build/lib/x.py": b"", "build/lib.linux/x.py": b"", "build/app.py": b"", "web/build/lib/x.js": b""}
    server = Server(tmp_path)
    source = server.build(server.release({**files, "requirements.txt": b""}))
    found = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    assert found == {"setup.py", "build/app.py", "web/build/lib/x.js", "requirements.txt"}


def test_what_lies_above_the_apps_folder_counts(tmp_path: Path, capsys: Any) -> None:
    server = Server(tmp_path)
    files = {"a/b/requirements.txt": b"fastapi\n", "c/main.py": b""}
    server.build(server.release(files), root="a/b")
    assert server.fits(server.release(files | {"c/uv.lock": b""}), capsys)
    for path in ("uv.lock", "a/uv.toml", "a/b/pyproject.toml"):
        assert not server.fits(server.release(files | {path: b""}), capsys), path


def test_a_file_on_the_network_may_change_at_any_time(tmp_path: Path, capsys: Any) -> None:
    server = Server(tmp_path)
    release = server.release({"requirements.txt": b"-c https://example.com/constraints.txt\n"})
    server.build(release)
    assert not server.fits(release, capsys)


@pytest.mark.parametrize(
    ("pyproject", "package"),
    [
        ("[project]\nname = 'x'\n", False),
        ("[project]\nname = 'x'\ndynamic = ['dependencies']\n", True),
        ("[build-system]\nrequires = []\n", True),
        ("[build-system]\nrequires = []\n[tool.uv]\npackage = false\n", False),
        ("[tool.uv]\npackage = true\n", True),
        ("[build-system]\nrequires = []\n[tool.poetry]\npackage-mode = false\n", False),
        ("[build-system]\nrequires = []\n[tool.pdm]\ndistribution = false\n", False),
        ("[build-system\n", False),
    ],
)
def test_which_apps_are_packages(tmp_path: Path, pyproject: str, package: bool) -> None:
    (tmp_path / "pyproject.toml").write_text(pyproject)
    assert checkout.can_be_built(str(tmp_path)) is package


def test_an_environment_must_not_lead_to_the_checkout(tmp_path: Path) -> None:
    server = Server(tmp_path)
    release = server.release({"requirements.txt": b""})
    server.build(release)
    packages = server.venvs / release.name / "lib/python3.12/site-packages"
    packages.mkdir(parents=True)
    work = tmp_path / f"work-{release.name}"
    arguments = [str(each) for each in (server.venvs / release.name, work, release, "", "3.12.4", "request", "c1")]
    (packages / "_common.pth").write_text(f"{work}/source/common\n")
    with pytest.raises(SystemExit, match=r"_common\.pth"):
        environment.record(*arguments)
    (packages / "_common.pth").unlink()
    (packages / "common-1.dist-info").mkdir()
    (packages / "common-1.dist-info/METADATA").touch()
    origin = {"url": f"file://{release}", "dir_info": {"editable": True}}
    (packages / "common-1.dist-info/direct_url.json").write_text(json.dumps(origin))
    with pytest.raises(SystemExit, match=r"common-1\.dist-info"):
        environment.record(*arguments)


def test_selvedges_own_marks_are_no_part_of_the_code(tmp_path: Path) -> None:
    """Only root reads them, and they change when a release becomes live."""
    server = Server(tmp_path)
    files = {"requirements.txt": b"./lib\n", "lib/pyproject.toml": b"[project]\nname = 'lib'\nversion = '1'\n"}
    release = server.release({**files, ".selvedge-live": b"one\n"})
    assert not (server.build(release) / ".selvedge-live").exists()
    assert environment.Tree(str(release)).digest("") == environment.Tree(str(server.release(files))).digest("")
