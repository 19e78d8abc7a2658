"""Requirements from a Pipfile.lock, and the options of requirements files that name indexes."""

from __future__ import annotations

import json

import pytest

from selvedge.shell.server.project.exports import index_options, pipfile_requirements
from selvedge.shell.server.project.files import Refused
from tests.unit.shell.project.trees import texts


def lines(*groups: str, sources: list[dict[str, object]] | None = None, **packages: object) -> list[str]:
    data = {"_meta": {"sources": sources or []}, "default": packages, "docs": {"mkdocs": {"version": "==1.6"}}}
    return list(pipfile_requirements(texts({"Pipfile.lock": json.dumps(data)}), "", "Pipfile.lock", groups))


@pytest.mark.parametrize(
    ("package", "line"),
    [
        ({"version": "==0.115.0", "hashes": ["sha256:a", "sha256:b"]}, "x==0.115.0 --hash=sha256:a --hash=sha256:b"),
        ({"version": "==1", "extras": ["a", "b"], "markers": "os_name == 'nt'"}, "x[a,b]==1 ; os_name == 'nt'"),
        ({"version": "*"}, "x"),
        ({"git": "https://g.test/x.git", "ref": "abc", "subdirectory": "s"}, "x @ git+https://g.test/x.git@abc#subdirectory=s"),
        ({"git": "git@g.test:me/x.git", "ref": "abc"}, "x @ git+ssh://git@g.test/me/x.git@abc"),
        ({"git": "git+ssh://git@g.test/x.git", "ref": "abc"}, "x @ git+ssh://git@g.test/x.git@abc"),
        ({"path": "./libs/common", "editable": True}, "-e ./libs/common"),
        ({"path": "common"}, "./common"),
        ({"file": "https://h.test/x.whl"}, "x @ https://h.test/x.whl"),
    ],
)
def test_each_form_of_a_locked_package_is_a_requirement(package: dict[str, object], line: str) -> None:
    assert lines(x=package) == [line]


def test_hashes_are_left_out_where_a_package_has_none() -> None:
    packages = {"a": {"version": "==1", "hashes": ["sha256:a"]}, "b": {"path": "./b"}}
    assert lines(**packages) == ["a==1", "./b"]


def test_categories_are_groups() -> None:
    assert lines("docs", a={"version": "==1"}) == ["a==1", "mkdocs==1.6"]


def test_a_source_besides_the_default_one_is_an_index() -> None:
    default, private = {"name": "pypi", "url": "https://a.test/simple"}, {"name": "own", "url": "https://${USER}:${TOKEN}@b.test/simple"}
    assert lines(sources=[default]) == []
    assert lines(sources=[default, private]) == ["--extra-index-url https://${USER}:${TOKEN}@b.test/simple"]
    assert lines(sources=[private]) == ["--index-url https://${USER}:${TOKEN}@b.test/simple"]


def test_a_damaged_lock_is_refused() -> None:
    with pytest.raises(Refused, match=r"Pipfile.lock is not valid JSON: .* Run `pipenv lock`"):
        list(pipfile_requirements(texts({"Pipfile.lock": "{"}), "", "Pipfile.lock", ()))
    with pytest.raises(Refused, match="has no version of x"):
        lines(x={"index": "own"})


def test_options_that_name_indexes_are_found_in_included_files_too() -> None:
    files = {
        "requirements.txt": "-r deps/base.txt\n--extra-index-url=https://a.test/simple  # ours\nfastapi\n-i https://m.test\n",
        "deps/base.txt": "-r ../requirements.txt\n--find-links \\\n  ../wheels\n--pre\nflask --hash=x\n-e .\n",
    }
    files["wheels/x.whl"] = ""
    found = ["--find-links ./wheels", "--pre", "--extra-index-url=https://a.test/simple", "-i https://m.test"]
    assert [" ".join(line.split()) for line in index_options(texts(files), "", "requirements.txt")] == [
        " ".join(line.split()) for line in found
    ]


def test_folders_of_wheels_are_named_from_the_apps_folder() -> None:
    lines = "-f ../wheels\n--find-links=../../all\n-f https://a.test/x\n"
    files = {"web/sets/prod.txt": lines, "web/wheels/x.whl": "", "all/x.whl": ""}
    found = ["-f ./../web/wheels", "--find-links ./../all", "-f https://a.test/x"]
    assert list(index_options(texts(files), "web", "sets/prod.txt")) == found
