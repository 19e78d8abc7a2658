"""Which Python a project asks for."""

from __future__ import annotations

import pytest

from selvedge.shell.server.project.files import Refused
from selvedge.shell.server.project.pythons import Want, choose, decide
from tests.unit.shell.project.trees import texts

PROJECT = '[project]\nname = "x"\nrequires-python = "{}"\n'
POETRY = '[tool.poetry.dependencies]\npython = "{}"\n'


def versions(text: str) -> list[tuple[int, ...]]:
    return [tuple(map(int, each.split("."))) for each in text.split()]


@pytest.mark.parametrize(
    ("text", "taken", "refused"),
    [
        (">=3.11", "3.11.2 3.13.0", "3.10.9"),
        (">= 3.11 <3.13", "3.12.1", "3.13.1 3.10.9"),
        ("^3.11", "3.11.0 3.13.1", "3.10.1"),
        ("~3.11", "3.11.4", "3.12.0"),
        ("~=3.11", "3.12.1", "3.10.0"),
        ("~=3.11.2", "3.11.9", "3.12.0 3.11.1"),
        ("3.11.*", "3.11.3", "3.12.0"),
        ("==3.11.*", "3.11.3", "3.12.0"),
        ("3.12", "3.12.3", "3.11.1"),
        ("3", "3.9.0 3.14.1", ""),
        (">=3.10,<3.13", "3.12.9", "3.13.0"),
        ("~3.11 || ^3.13", "3.11.1 3.13.0", "3.12.0"),
        (">=3.8,!=3.9.*", "3.8.1 3.10.0", "3.9.2"),
        (">3.11", "3.11.1", "3.11.0"),
        ("==3.12.4", "3.12.4", "3.12.5"),
        ("*", "3.9.1", ""),
    ],
)
def test_a_constraint_takes_the_versions_that_its_author_means(text: str, taken: str, refused: str) -> None:
    want = Want(text, "x", law=True)
    assert [version for version in versions(taken) if not want.takes(version)] == []
    assert [version for version in versions(refused) if want.takes(version)] == []


@pytest.mark.parametrize(
    ("constraints", "chosen"),
    [
        ([">=3.13"], ["3.13"]),
        ([">=3.11.4"], ["3.11", "3.11.4"]),
        (["==3.12.4"], ["3.12.4"]),
        (["3.12", ">=3.10"], ["3.12"]),
        ([">=3.10,!=3.10.*,!=3.11.*"], ["3.12"]),
    ],
)
def test_the_lowest_version_that_fits_is_chosen(constraints: list[str], chosen: list[str]) -> None:
    assert choose([Want(each, "x", law=True) for each in constraints]) == chosen


@pytest.mark.parametrize(
    ("constraint", "chosen"),
    [
        ("<3.12", ["3.11"]), (">=3.9,<3.13", ["3.12"]), (">=3.8,!=3.13.*", ["3.12"]), (">=3.14", ["3.14"]),
        (">=3.13.9", ["3.13", "3.13.9"]),
    ],
)
def test_the_version_next_to_the_present_one_is_chosen(constraint: str, chosen: list[str]) -> None:
    assert decide(texts({"pyproject.toml": PROJECT.format(constraint)}), "", "requirements.txt", "", "3.13.1")[0] == chosen


@pytest.mark.parametrize(
    ("files", "wanted", "why"),
    [
        ({"pyproject.toml": PROJECT.format(">=3.13")}, ["3.13"], ">=3.13 (requires-python in pyproject.toml)"),
        ({"pyproject.toml": POETRY.format("^3.12")}, ["3.12"], "^3.12 ([tool.poetry.dependencies] in pyproject.toml)"),
        ({".python-version": "3.13\n3.12\n3.11\n"}, ["3.13"], "3.13 (.python-version)"),
        ({".python-version": "# ours\ncpython-3.12.4\n"}, ["3.12.4"], "3.12.4 (.python-version)"),
        ({".tool-versions": "nodejs 20\npython 3.12.1\n"}, ["3.12.1"], "3.12.1 (.tool-versions)"),
        ({"runtime.txt": "python-3.12.1\n"}, ["3.12.1"], "3.12.1 (runtime.txt)"),
        ({"Pipfile": '[requires]\npython_version = "3.12"\n'}, ["3.12"], "3.12 ([requires] in Pipfile)"),
        ({"setup.cfg": "[options]\npython_requires = >=3.12\n"}, ["3.12"], ">=3.12 (python_requires in setup.cfg)"),
        ({"pylock.prod.toml": 'requires-python = ">=3.12"\n'}, ["3.12"], ">=3.12 (requires-python in pylock.prod.toml)"),
        (
            {"web/poetry.lock": "", "web/pyproject.toml": POETRY.format("^3.12")}, ["3.12"],
            "^3.12 ([tool.poetry.dependencies] in web/pyproject.toml)",
        ),
        ({"uv.lock": 'version = 1\nrequires-python = ">=3.12"\n'}, ["3.12"], ">=3.12 (requires-python in uv.lock)"),
    ],
)
def test_each_file_that_names_a_python_counts(files: dict[str, str], wanted: list[str], why: str) -> None:
    lock = next((name for name in ("uv.lock", "pylock.prod.toml", "web/poetry.lock") if name in files), "requirements.txt")
    assert decide(texts(files), "", lock, "", "3.11.2") == (wanted, f"the app wants Python {why}")


@pytest.mark.parametrize("text", ["", "system\n", "blog-env\n", "3.11\n", "3.11.2\n", "3\n", ">=3.10\n"])
def test_the_present_python_stays_if_it_fits(text: str) -> None:
    files = {".python-version": text, "pyproject.toml": PROJECT.format(">=3.9")}
    assert decide(texts(files), "", "requirements.txt", "", "3.11.2") == ([], "")


def test_a_pin_is_looked_for_in_the_folders_around_the_app() -> None:
    assert decide(texts({".python-version": "3.13\n"}), "apps/web", "requirements.txt", "", "3.11.2")[0] == ["3.13"]
    nearest = {".python-version": "3.13\n", "apps/.python-version": "3.12\n"}
    assert decide(texts(nearest), "apps/web", "requirements.txt", "", "3.11.2")[0] == ["3.12"]


@pytest.mark.parametrize("text", ["pypy3.10", "pypy@3.10", "3.13t", "3.13+freethreaded", "graalpy-24.1", "miniconda3-24.1"])
def test_another_implementation_is_refused_unless_hosts_toml_names_a_version(text: str) -> None:
    tree = texts({".python-version": f"{text}\n"})
    with pytest.raises(Refused, match=f"asks for {text.replace('+', '.')}, but .* Set app.python in hosts.toml"):
        decide(tree, "", "requirements.txt", "", "3.11.2")
    assert decide(tree, "", "requirements.txt", "3.12", "3.12.4") == ([], "")


def test_hosts_toml_cannot_contradict_the_project() -> None:
    tree = texts({"pyproject.toml": PROJECT.format(">=3.13")})
    with pytest.raises(Refused) as error:
        decide(tree, "", "requirements.txt", "3.11", "3.11.2")
    assert str(error.value) == (
        'The app wants Python >=3.13 (requires-python in pyproject.toml), but hosts.toml sets app.python = "3.11" (3.11.2). '
        'Set app.python = "3.13" in hosts.toml, or correct the project.'
    )


def test_a_version_without_its_patch_fits_before_the_server_is_known() -> None:
    tree = texts({"pyproject.toml": PROJECT.format(">=3.11.4")})
    assert decide(tree, "", "requirements.txt", "3.11", "") == ([], "")
    with pytest.raises(Refused, match=r'"3.11" .3.11.2.. Set app.python = "3.11.4"'):
        decide(tree, "", "requirements.txt", "3.11", "3.11.2")


def test_files_that_contradict_each_other_are_named() -> None:
    files = {".python-version": "3.11\n", "pyproject.toml": PROJECT.format(">=3.12")}
    with pytest.raises(Refused, match=r"No version of Python 3 is >=3.12 \(requires-python .*\) and 3.11 \(.python-version\)"):
        decide(texts(files), "", "requirements.txt", "", "3.11.2")


def test_a_constraint_that_is_none_is_refused() -> None:
    with pytest.raises(Refused, match="'latest' of the project cannot be understood"):
        decide(texts({"pyproject.toml": PROJECT.format("latest")}), "", "requirements.txt", "", "3.11.2")
