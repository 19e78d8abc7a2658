"""Files of a project with values of wrong types: each gives a sentence with the file and the key, or is read as if it had none."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selvedge.shell.server import checkout
from selvedge.shell.server.project import exports, locks, names, pythons
from selvedge.shell.server.project.files import Checkout, Refused, read_toml
from selvedge.shell.server.project.shapes import FILES
from tests.unit.shell.project.trees import Texts, texts

VALUES = ["1", "true", '"x"', "[]", "[1]", "[[]]", "[{ x = 1 }]", "{}", "{ x = 1 }", "{ x = [1] }", "1.5", "1979-05-27"]
"""One of these has another type than any key that is read."""
CASES = [
    ("tool = 1", "tool must be a table, not a number"),
    ("project = []", "project must be a table, not a list"),
    ('[project]\nrequires-python = 3.11', "project.requires-python must be a string, not a number"),
    ('[project]\ndependencies = "fastapi"', "project.dependencies must be a list, not a string"),
    ('[project]\ndependencies = ["fastapi", 1]', "project.dependencies, item 2, must be a string, not a number"),
    ('[dependency-groups]\ndev = "pytest"', "dependency-groups.dev must be a list, not a string"),
    ("[tool.poetry.group]\ndev = 1", "tool.poetry.group.dev must be a table, not a number"),
    ('[tool.uv]\npackage = "no"', "tool.uv.package must be true or false, not a string"),
]
EXTRA_KEYS = {"pyproject.toml": ["tool.uv.index", "tool.uv.pip", "tool.uv.pip.find-links", "tool.uv.sources", "tool.uv.find-links",
                                 "tool.pdm.distribution", "tool.poetry.package-mode", "tool.fastapi", "build-system"],
              "Pipfile": ["packages.x", "own.x", "packages.x.y"]}  # fmt: skip
"""Keys that are read in any form."""


def paths(shape: Any, key: str = "") -> Iterator[str]:
    """Yield the names of all keys of a shape."""
    shape = shape[0] if isinstance(shape, list) else shape
    for name, inner in shape.items() if isinstance(shape, dict) else ():
        yield f"{key}.{name.replace('*', 'default')}".lstrip(".")
        yield from paths(inner, f"{key}.{name.replace('*', 'default')}".lstrip("."))


def read_all(tree: Any, name: str) -> None:
    """Ask everything that a release and an export ask of a project."""
    lock = name if name in locks.ORDER else "pyproject.toml"
    lock = {"Pipfile": "Pipfile.lock"}.get(name, lock)
    for ask in (
        lambda: locks.find(tree, "", ""),
        lambda: names.check(tree, "", lock, ["default"], ["default"]),
        lambda: list(names.modules(tree, "", lock)),
        lambda: pythons.decide(tree, "", lock, "", "3.13.1"),
        lambda: list(exports.dependencies(tree, "", ["default"], ["default"])),
        lambda: list(exports.pipfile_requirements(tree, "", "Pipfile.lock", ["default"])),
    ):
        with contextlib.suppress(Refused):
            ask()


@pytest.mark.parametrize(("text", "said"), CASES)
def test_the_message_names_file_and_key(text: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        read_toml(texts({"api/pyproject.toml": text}), "api/pyproject.toml")
    assert str(refused.value) == f"api/pyproject.toml has a value of the wrong type: {said}. Correct it, and commit."


def test_a_lock_of_pipenv_says_how_to_renew_it() -> None:
    with pytest.raises(Refused, match=r"Pipfile.lock has .*: default.fastapi must be a table, not a string\. Run `pipenv lock`"):
        names.pipfile(texts({"Pipfile.lock": json.dumps({"default": {"fastapi": "*"}})}), "Pipfile.lock")


@pytest.mark.parametrize("text", ["x = " + 5000 * "[", "x = " + 5000 * "[" + 5000 * "]", "\0", "x = 1\n[x]\n"])
def test_a_file_that_no_parser_takes(text: str) -> None:
    with pytest.raises(Refused, match=r"pyproject.toml (has too many tables|is not valid TOML)"):
        read_toml(texts({"pyproject.toml": text}), "pyproject.toml")


@pytest.mark.parametrize("name", FILES)
def test_no_value_ends_in_a_traceback(name: str, tmp_path: Path) -> None:
    others = {"Pipfile.lock": '{"_meta": {"hash": {"sha256": "x"}}}', "Pipfile": "[[source]]\nurl = 'https://example.com'\n"}
    for key in [*paths(FILES[name]), *EXTRA_KEYS.get(name, [])]:
        for value in VALUES:
            text = f"{key} = {value}\n{others['Pipfile'] if name == 'Pipfile' and not key.startswith('source') else ''}"
            if name == "Pipfile.lock":
                text = json.dumps(read_toml(texts({"x": text}), "x"), default=str)
            read_all(texts({**others, name: text, "pyproject.toml": text if name == "pyproject.toml" else ""}), name)
            (tmp_path / name).write_text(text)
            checkout.can_be_built(str(tmp_path))
            list(checkout.packages_of(str(tmp_path)))


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").mkdir()
    (tmp_path / "uv.lock").symlink_to("uv.lock")
    (tmp_path / "Pipfile").write_text("")
    tree = Checkout(str(tmp_path))
    assert tree.read("pyproject.toml") is None
    assert tree.read("uv.lock") is None

    def refused(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(Refused, match="Pipfile cannot be read: Permission denied"):
        tree.read("Pipfile")


def test_usual_files_are_taken() -> None:
    usual = """
    [project]
    name = "blog"
    requires-python = ">=3.11"
    dynamic = ["version"]
    dependencies = ["fastapi"]
    optional-dependencies = { server = ["uvicorn"] }
    scripts = { blog = "blog:main" }
    [dependency-groups]
    dev = ["pytest", { include-group = "lint" }]
    lint = ["ruff"]
    [tool.uv]
    package = false
    index = [{ name = "own", url = "https://example.com/simple" }]
    [tool.poetry.dependencies]
    python = "^3.11"
    httpx = [{ version = "1", python = "<3.12" }]
    [tool.poetry.group.dev]
    optional = true
    dependencies = { pytest = "*" }
    [tool.pdm.dev-dependencies]
    test = ["-e file:///x"]
    """
    tree: Texts = texts({"pyproject.toml": usual})
    assert names.groups(tree, "", "pyproject.toml").keys() == {"dev", "lint", "test"}
