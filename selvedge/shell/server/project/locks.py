"""Which file lists the packages of an app: its lock, else its requirements. What cannot be built is refused, with a way on."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
from collections.abc import Iterator

from .files import LARGEST, Refused, Tree, join, parents, read_toml, table
from .names import normal, pipfile

ORDER = (
    "uv.lock",
    "pylock.toml",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
    "requirements.lock",
    "requirements.txt",
    "pyproject.toml",
    "setup.py",
)
"""The files in the order in which one is chosen: locks first. requirements.lock is Rye's, in the format of pip."""
PYLOCK = re.compile(r"pylock(?:\.[^.]+)?\.toml")
"""The names of a lock file in the standard format (PEP 751)."""
PRODUCTION = ("prod", "deploy", "live", "main", "base")
"""Words in the names of requirements files, the likeliest for a server first."""
_CONDA = "Selvedge does not install conda's packages. Commit a requirements.txt with the app's Python packages."
NO_LOCKS = {
    "Pipfile": "Run `pipenv lock`, and commit Pipfile.lock.",
    "requirements.in": "Run `uv pip compile requirements.in --output-file requirements.txt`, and commit requirements.txt.",
    "environment*.y*ml": _CONDA,
    "conda*.y*ml": _CONDA,
    "pixi.toml": _CONDA,
    "setup.cfg": "Commit a pyproject.toml with `[build-system]` and `requires = [\"setuptools\"]`.",
}
"""Names of files from which no environment is built, as patterns, with the remedy."""


def find(tree: Tree, root: str, requirements: str) -> tuple[str, list[str]]:
    """Return the file with the packages, relative to the folder `root`, and sentences for the user.

    requirements: the file that hosts.toml names, "" to find one. Raises Refused.
    """
    if requirements:
        if tree.read(join(root, requirements)) is None:
            remedy = "Commit it, or correct app.requirements in hosts.toml."
            raise Refused(f"This commit has no {requirements} in {_folder(root)}. {remedy}")
        if requirements.endswith("/uv.lock"):
            inner = join(root, requirements.rpartition("/")[0])
            remedy = f'Set app.root = "{inner}" in hosts.toml, or commit what `uv export` prints as a requirements file.'
            raise Refused(f"uv installs {requirements} only for the project in its own folder. {remedy}")
        return requirements, []
    names = set(tree.list(root))
    if workspace(tree, root):
        names.add("uv.lock")
    found = [name for name in ORDER if name in names and (name != "pyproject.toml" or _lists_packages(tree, root))]
    if not found:
        raise Refused(_nothing(tree, root, names))
    chosen = found[0]
    # A lock belongs to its pyproject.toml.
    others = [name for name in found[1:] if name in ORDER[:-2] or (name == "pyproject.toml" and chosen.startswith("requirements"))]
    others += sorted(name for name in names - {*ORDER} if PYLOCK.fullmatch(name))
    said = []
    if others:
        said.append(f"the packages are those of {chosen}; left out: {', '.join(others)} (app.requirements chooses another file)")
    if chosen == "Pipfile.lock" and _is_outdated(tree, root):
        said.append("Pipfile.lock is older than Pipfile: run `pipenv lock` on your machine, and commit it")
    if chosen == "pyproject.toml":
        _check_pyproject(tree, root)
        said.append("pyproject.toml has no lock file beside it, so the newest versions that it allows are installed")
    if chosen in {"poetry.lock", "pdm.lock"} and tree.read(join(root, "pyproject.toml")) is None:
        raise Refused(f"{chosen} has no pyproject.toml beside it. Commit both.")
    return chosen, said


def workspace(tree: Tree, root: str) -> str:
    """Return the path of the uv.lock in a parent folder that has the app's folder as a member, "" without one."""
    if tree.read(join(root, "uv.lock")) is not None:
        return ""
    for parent in parents(root)[1:]:
        text = tree.read(join(parent, "uv.lock"))
        if text is not None:
            member = root.removeprefix(f"{parent}/")
            sources = (f'{{ {kind} = "{member}" }}' for kind in ("editable", "virtual", "directory"))
            return join(parent, "uv.lock") if any(source in text for source in sources) else ""
    return ""


def check_readable(tree: Tree, root: str, name: str) -> None:
    """Refuse a file with the packages that `find` has chosen by its name, but that cannot be read."""
    path = (workspace(tree, root) if name == "uv.lock" else "") or join(root, name)
    if tree.read(path) is None:
        problem = f"{path} cannot be read: it is larger than {LARGEST >> 20} MB, or a link that leads to no file of the repository."
        raise Refused(f"{problem} Commit the file itself.")


def _is_outdated(tree: Tree, root: str) -> bool:
    """Return whether a Pipfile differs from the one that was locked, by Pipenv's hash. Newer versions normalize names first."""
    data = read_toml(tree, join(root, "Pipfile"))
    known = pipfile(tree, join(root, "Pipfile.lock")).get("_meta", {}).get("hash", {})
    # Without a source, the hash has Pipenv's own default.
    if not data.get("source") or "sha256" not in known:
        return False
    others = {"source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv", "default", "develop"}
    tables = {"default": table(data, "packages"), "develop": table(data, "dev-packages")}
    tables |= {name: each for name, each in data.items() if name not in others and isinstance(each, dict)}
    meta = {"_meta": {"sources": data["source"], "requires": data.get("requires", {})}}
    normalized = {name: {normal(package): each for package, each in packages.items()} for name, packages in tables.items()}
    texts = (json.dumps(meta | each, sort_keys=True, separators=(",", ":"), default=str) for each in (tables, normalized))
    return known["sha256"] not in [hashlib.sha256(text.encode()).hexdigest() for text in texts]


def _folder(root: str) -> str:
    return f"the folder {root}" if root else "the top folder"


def _lists_packages(tree: Tree, root: str) -> bool:
    data = read_toml(tree, join(root, "pyproject.toml"))
    return "project" in data or "build-system" in data or bool(table(data, "tool", "poetry"))


def _check_pyproject(tree: Tree, root: str) -> None:
    """Refuse a project of Poetry without its lock: Poetry alone reads its constraints as they are meant."""
    data = read_toml(tree, join(root, "pyproject.toml"))
    if table(data, "tool", "poetry", "dependencies") and not table(data, "project").get("dependencies"):
        problem = "pyproject.toml is written for Poetry, but this commit has no poetry.lock."
        raise Refused(f"{problem} Run `poetry lock`, and commit poetry.lock.")


def _nothing(tree: Tree, root: str, names: set[str]) -> str:
    """Return the message for a folder without any file of ORDER."""
    for name in [*sorted(filter(PYLOCK.fullmatch, names)), *_requirements_files(tree, root, names)]:
        problem = f"This commit has no requirements.txt in {_folder(root)}, but {name}."
        return f'{problem} Set app.requirements = "{name}" in hosts.toml.'
    for pattern, remedy in NO_LOCKS.items():
        for name in fnmatch.filter(sorted(names), pattern):
            return f"This commit has {name}, but no lock or requirements file that Selvedge installs. {remedy}"
    if "pyproject.toml" in names:
        problem = "pyproject.toml lists no packages: it has no [project] table."
        return f"{problem} Add one with `dependencies`, or commit a requirements.txt."
    missing = f"This commit lists no packages: {_folder(root)} has none of {', '.join(ORDER)}."
    for folder in sorted(name.rstrip("/") for name in names if name.endswith("/") and not name.startswith(".")):
        if set(tree.list(join(root, folder))) & set(ORDER):
            inner = join(root, folder)
            return f'{missing} The folder {inner} has one. If the app is there, set app.root = "{inner}" in hosts.toml.'
    return f"{missing} Commit one with the app's requirements."


def _requirements_files(tree: Tree, root: str, names: set[str]) -> Iterator[str]:
    """Yield the requirements files and locks of other names, the likeliest first."""
    patterns = ("requirements*.txt", "*requirements.txt", "pylock.*.toml")
    found = [name for name in sorted(names) if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]
    found += [f"requirements/{name}" for name in tree.list(join(root, "requirements")) if name.endswith(".txt")]
    for word in PRODUCTION:
        yield from (name for name in found if word in name)
    yield from (name for name in found if not any(word in name for word in ("dev", "test", "doc")))
