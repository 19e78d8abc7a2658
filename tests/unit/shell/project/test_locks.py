"""Which file lists the packages of an app, and its extras and groups."""

from __future__ import annotations

import json

import pytest

from selvedge.shell.server.project.files import Refused
from selvedge.shell.server.project.locks import ORDER, find
from selvedge.shell.server.project.names import check, modules
from tests.unit.shell.project.trees import texts

PROJECT = """
[project]
name = "x"
dependencies = ["fastapi"]
[project.optional-dependencies]
server = ["psycopg[binary]>=3", "PyYAML"]
[dependency-groups]
prod = ["python-dotenv==1.0"]
dev = ["pytest", {include-group = "prod"}]
"""
PIPFILE = """
[[source]]
name = "own"
url = "https://a.test/simple"
verify_ssl = true
[requires]
python_version = "3.11"
[prod]
Own_Package = "*"
[packages]
"""
POETRY = """
[tool.poetry.dependencies]
python = "^3.11"
fastapi = "*"
[tool.poetry.extras]
pg = ["psycopg2-binary"]
[tool.poetry.group.prod.dependencies]
sentry-sdk = "*"
"""


def all_files(*names: str) -> dict[str, str]:
    return {name: PROJECT if name == "pyproject.toml" else "{}" if name == "Pipfile.lock" else "" for name in names}


def test_locks_come_before_looser_files() -> None:
    for number, name in enumerate(ORDER[:-1]):
        chosen, said = find(texts(all_files(*ORDER[number:])), "", "")
        assert chosen == name
        if number < len(ORDER) - 3:
            assert f"left out: {', '.join(ORDER[number + 1 : -2])}" in said[0]


def test_the_absence_of_a_lock_is_said() -> None:
    chosen, said = find(texts(all_files("pyproject.toml")), "", "")
    assert chosen == "pyproject.toml"
    assert said == ["pyproject.toml has no lock file beside it, so the newest versions that it allows are installed"]


def test_a_lock_alone_needs_no_word() -> None:
    assert find(texts(all_files("uv.lock", "pyproject.toml")), "", "") == ("uv.lock", [])
    assert find(texts(all_files("requirements.txt") | {"pyproject.toml": "[tool.ruff]\n"}), "", "") == ("requirements.txt", [])


def test_a_lock_of_another_name_is_named() -> None:
    said = find(texts(all_files("pyproject.toml") | {"pylock.prod.toml": ""}), "", "")[1]
    assert said[0] == "the packages are those of pyproject.toml; left out: pylock.prod.toml (app.requirements chooses another file)"


def test_a_pipfile_lock_that_is_older_than_its_pipfile_is_named() -> None:
    """The hash is Pipenv's."""
    digest = "72bf0b7f586f9a6e5c76a1d590a0f911a9d2bfe57baaba96d8f0fae0bc0f65ec"
    lock = json.dumps({"_meta": {"hash": {"sha256": digest}}})
    assert find(texts({"Pipfile": PIPFILE, "Pipfile.lock": lock}), "", "") == ("Pipfile.lock", [])
    newer = {"Pipfile": f'{PIPFILE}fastapi = "*"\n', "Pipfile.lock": lock}
    assert find(texts(newer), "", "")[1] == ["Pipfile.lock is older than Pipfile: run `pipenv lock` on your machine, and commit it"]


def test_a_project_is_known_by_its_build_system_too() -> None:
    files = {"pyproject.toml": "[build-system]\nrequires = []\n", "setup.cfg": ""}
    assert find(texts(files), "", "")[0] == "pyproject.toml"


def test_extras_and_groups_are_those_of_the_project_beside_the_lock() -> None:
    files = {"backend/pyproject.toml": PROJECT, "backend/uv.lock": ""}
    check(texts(files), "", "backend/pyproject.toml", ["server"], ["prod"])
    with pytest.raises(Refused, match=r'uv installs backend/uv.lock only .* Set app.root = "backend" in hosts.toml'):
        find(texts(files), "", "backend/uv.lock")


def test_hosts_toml_chooses_another_file() -> None:
    files = all_files("uv.lock", "pyproject.toml") | {"deploy/poetry.lock": ""}
    assert find(texts(files), "", "deploy/poetry.lock") == ("deploy/poetry.lock", [])
    with pytest.raises(Refused, match=r"no other.txt in the top folder. Commit it, or correct app.requirements"):
        find(texts(files), "", "other.txt")


def test_a_member_of_a_workspace_has_the_lock_at_the_top() -> None:
    lock = '[[package]]\nname = "web"\nsource = { editable = "backend" }\n'
    files = {"uv.lock": lock, "backend/pyproject.toml": PROJECT, "other/pyproject.toml": PROJECT}
    assert find(texts(files), "backend", "")[0] == "uv.lock"
    assert find(texts(files), "other", "")[0] == "pyproject.toml"


@pytest.mark.parametrize(
    ("files", "remedy"),
    [
        ({"Pipfile": ""}, "Run `pipenv lock`"),
        ({"environment.yml": ""}, "does not install conda's packages"),
        ({"pixi.toml": "", "pixi.lock": ""}, "does not install conda's packages"),
        ({"environment-prod.yaml": "", "Pipfile.toml": ""}, "has environment-prod.yaml"),
        ({"conda.yml": ""}, "does not install conda's packages"),
        ({"dev-requirements.txt": "", "prod-requirements.txt": ""}, 'Set app.requirements = "prod-requirements.txt"'),
        ({"pylock.prod.toml": ""}, 'Set app.requirements = "pylock.prod.toml"'),
        ({"requirements.in": ""}, "Run `uv pip compile requirements.in"),
        ({"setup.cfg": ""}, "Commit a pyproject.toml with `[build-system]`"),
        ({"requirements-dev.txt": "", "requirements-prod.txt": ""}, 'Set app.requirements = "requirements-prod.txt"'),
        ({"requirements/test.txt": "", "requirements/base.txt": ""}, 'Set app.requirements = "requirements/base.txt"'),
        ({"pyproject.toml": "[tool.ruff]\n"}, "Add one with `dependencies`"),
        ({"pyproject.toml": POETRY}, "Run `poetry lock`"),
        ({"backend/pyproject.toml": PROJECT}, 'set app.root = "backend"'),
        ({"pylock.prod.toml": ""}, 'Set app.requirements = "pylock.prod.toml"'),
        ({"poetry.lock": ""}, "poetry.lock has no pyproject.toml beside it"),
        ({"pyproject.toml": "[project\n"}, "pyproject.toml is not valid TOML"),
        ({"main.py": ""}, "Commit one with the app's requirements."),
    ],
)
def test_what_cannot_be_built_is_refused_with_a_way_on(files: dict[str, str], remedy: str) -> None:
    with pytest.raises(Refused) as error:
        find(texts(files), "", "")
    assert remedy in str(error.value)


@pytest.mark.parametrize(
    ("project", "extras", "groups"),
    [(PROJECT, ["Server"], ["prod"]), (PROJECT, [], ["dev"]), (POETRY, ["pg"], ["prod"]), (PROJECT, [], [])],
)
def test_known_extras_and_groups_pass(project: str, extras: list[str], groups: list[str]) -> None:
    check(texts({"pyproject.toml": project}), "", "pyproject.toml", extras, groups)


@pytest.mark.parametrize(
    ("lock", "extras", "groups", "problem"),
    [
        ("uv.lock", ["pg"], [], "The project has no extra pg. It has server. Correct app.extras in hosts.toml."),
        ("uv.lock", [], ["x"], "The project has no dependency group x. It has dev, prod. Correct app.dependency_groups"),
        ("requirements.txt", ["server"], [], "app.extras needs a lock or a pyproject.toml"),
        ("requirements.lock", [], ["prod"], "app.dependency_groups needs a lock"),
        ("Pipfile.lock", ["server"], [], "Pipfile.lock has no extras."),
    ],
)
def test_unknown_extras_and_groups_are_refused(lock: str, extras: list[str], groups: list[str], problem: str) -> None:
    with pytest.raises(Refused) as error:
        check(texts({"pyproject.toml": PROJECT}), "", lock, extras, groups)
    assert str(error.value).startswith(problem)


def test_extras_that_a_build_computes_are_not_checked() -> None:
    project = '[project]\nname = "x"\ndynamic = ["optional-dependencies"]\n'
    check(texts({"pyproject.toml": project}), "", "pyproject.toml", ["any"], [])


@pytest.mark.parametrize(
    ("project", "module", "setting"),
    [
        (PROJECT, "psycopg", 'app.extras = ["server"]'),
        (PROJECT, "yaml", 'app.extras = ["server"]'),
        (PROJECT, "dotenv", 'app.dependency_groups = ["prod"]'),
        (POETRY, "psycopg2", 'app.extras = ["pg"]'),
        (POETRY, "sentry_sdk", 'app.dependency_groups = ["prod"]'),
    ],
)
def test_the_setting_that_brings_a_module_is_known(project: str, module: str, setting: str) -> None:
    assert dict(modules(texts({"pyproject.toml": project}), "", "uv.lock"))[module] == setting
