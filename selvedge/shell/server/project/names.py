"""The extras and dependency groups of a project, and which of them brings a module."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from .files import Refused, Tree, join, parsed, read_toml, table

MODULES = {
    "attr": "attrs", "bs4": "beautifulsoup4", "cv2": "opencv-python-headless", "dateutil": "python-dateutil",
    "dotenv": "python-dotenv", "jose": "python-jose", "jwt": "pyjwt", "magic": "python-magic", "multipart": "python-multipart",
    "MySQLdb": "mysqlclient", "PIL": "pillow", "psycopg2": "psycopg2-binary", "sklearn": "scikit-learn", "yaml": "pyyaml",
}  # fmt: skip
"""Modules whose package has another name."""


def normal(name: str) -> str:
    """Return a name in its normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def extras(tree: Tree, root: str) -> dict[str, list[str]]:
    """Return the requirements of each extra."""
    data = read_toml(tree, join(root, "pyproject.toml"))
    return {**table(data, "project", "optional-dependencies"), **table(data, "tool", "poetry", "extras")}


def groups(tree: Tree, root: str, lock: str) -> dict[str, list[str]]:
    """Return the requirements of each dependency group, development groups included."""
    data = read_toml(tree, join(root, "pyproject.toml"))
    found = {**table(data, "tool", "pdm", "dev-dependencies"), **table(data, "dependency-groups")}
    found = {name: [each for each in listed if isinstance(each, str)] for name, listed in found.items()}
    for name, group in table(data, "tool", "poetry", "group").items():
        found[name] = list(table(group, "dependencies"))
    for tool in ("uv", "poetry"):
        if listed := table(data, "tool", tool).get("dev-dependencies"):
            found["dev"] = list(listed)
    if lock.endswith("Pipfile.lock"):
        categories = pipfile(tree, join(root, lock)).items()
        found |= {name: list(packages) for name, packages in categories if name not in {"_meta", "default"}}
    return found


def pipfile(tree: Tree, path: str) -> dict[str, dict[str, dict[str, object]]]:
    """Return Pipfile.lock, empty if it is missing. Raises Refused as `read_toml`."""
    text = tree.read(path)
    return {} if text is None else parsed(path, "JSON", json.loads, text, "Run `pipenv lock`, and commit it.")


def check(tree: Tree, root: str, lock: str, wanted_extras: Sequence[str], wanted_groups: Sequence[str]) -> None:
    """Refuse extras and groups that the project does not have. lock: the file with its packages, relative to `root`."""
    root, lock = _place(root, lock)
    for setting, wanted, known in (
        ("extras", wanted_extras, None if _dynamic(tree, root) else extras(tree, root)),
        ("dependency_groups", wanted_groups, groups(tree, root, lock)),
    ):
        if wanted and (lock.endswith("requirements.lock") or not lock.endswith((".lock", ".toml"))):
            raise Refused(
                f"app.{setting} needs a lock or a pyproject.toml, but the app's packages are those of {lock}. Delete app.{setting} "
                "from hosts.toml, or name the other file with app.requirements."
            )
        if wanted and lock.endswith("Pipfile.lock") and setting == "extras":
            remedy = "Delete app.extras from hosts.toml; the categories of a Pipfile are app.dependency_groups."
            raise Refused(f"Pipfile.lock has no extras. {remedy}")
        if lock.endswith("pdm.lock"):
            _check_pdm(tree, join(root, lock), setting, wanted)
        for name in wanted if known is not None else ():
            if normal(name) not in map(normal, known):
                listed = f"It has {', '.join(sorted(known))}." if known else "It has none."
                problem = "The project has no extra" if setting == "extras" else "The project has no dependency group"
                raise Refused(f"{problem} {name}. {listed} Correct app.{setting} in hosts.toml.")


def _place(root: str, lock: str) -> tuple[str, str]:
    """Return the folder and the name of a lock, whose project is beside it. Requirements belong to the app's own project."""
    folder, _, name = join(root, lock).rpartition("/")
    return (folder, name) if name.endswith((".lock", ".toml")) else (root, lock)


def _check_pdm(tree: Tree, path: str, setting: str, wanted: Sequence[str]) -> None:
    """Refuse extras and groups that `pdm lock` has left out: PDM would ignore them."""
    locked = table(read_toml(tree, path), "metadata").get("groups", [])
    for name in wanted:
        if normal(name) not in map(normal, locked):
            remedy = "Lock it, too: `pdm lock --group :all`, and commit pdm.lock."
            raise Refused(f"pdm.lock does not have {name} of app.{setting}. {remedy}")


def _dynamic(tree: Tree, root: str) -> bool:
    return "optional-dependencies" in table(read_toml(tree, join(root, "pyproject.toml")), "project").get("dynamic", [])


def modules(tree: Tree, root: str, lock: str) -> Iterator[tuple[str, str]]:
    """Yield the modules that the extras and groups bring, each with its setting, e.g. `app.extras = ["server"]`.

    A package does not tell its modules before it is installed, so these are guesses by the names.
    """
    root, lock = _place(root, lock)
    for setting, known in (("extras", extras(tree, root)), ("dependency_groups", groups(tree, root, lock))):
        for name, requirements in known.items():
            for requirement in requirements:
                package = normal(re.split(r"[^A-Za-z0-9._-]", requirement.strip())[0])
                found = {package, re.sub(r"^(?:python-?|py)(?=[a-z])|-binary$", "", package)}
                found |= {module for module, other in MODULES.items() if other == package}
                yield from ((module.replace("-", "_"), f'app.{setting} = ["{name}"]') for module in sorted(found))
