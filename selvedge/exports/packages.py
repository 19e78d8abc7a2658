"""How an image installs the app's packages with uv: the same files and locks as on the servers (selvedge/shell/lib/uv.sh)."""

from __future__ import annotations

import configparser
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from selvedge.cli.repository import Repository
from selvedge.exports.facts import Facts
from selvedge.resources.code.git_over_ssh import ADDRESS
from selvedge.shell.quoting import quote
from selvedge.shell.server.checkout import can_be_built, items
from selvedge.shell.server.project.files import Checkout, join, parents, table
from selvedge.shell.server.project.locks import workspace
from selvedge.shell.server.project.names import pipfile
from selvedge.value import Value

LIST = "/tmp/requirements.txt"
UV = ("uv.toml", "pyproject.toml")
"""Files with settings of uv."""
_LOCAL = re.compile(
    r"^\s*(?:-e|--editable\b|-f|--find-links\b|\.{1,2}/|/|[\w.-]+/|file:|\$\{)"
    r"|^\s*(?:-i|--index-url|--extra-index-url)[\s=]*(?!\S+://(?<!file://))\S"
    # A name with a path, or an archive.
    r"|^\s*[\w.\[\], -]+@\s*(?:file:|(?!\S+?://)\S)"
    r"|^[^\n:#]*\.(?:whl|zip|tgz|tar\.\w+)(?=[\s;#\[]|$)",
    re.MULTILINE,
)
"""A line of a requirements file that needs other files of the repository."""
_COMMENT = re.compile(r"#.*|(?:description|keywords)\s*=\s*(['\"]).*?\1")
"""Text of a setup.py that names no package."""
_INDEX = re.compile(r"^\s*(?:-i|--index-url)(?:[\s=]|(?=\w+://))", re.MULTILINE)
_GIT_VERSION = re.compile(r"scm|vcs|versioningit|dunamai|dynamic.versioning|git.versioning|versioneer|\bpbr\b", re.IGNORECASE)
"""The names of packages that take the version of another package from git."""
_INCLUDE = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[\s=]*([^\s#]+)", re.MULTILINE)
_LOCAL_IN_LOCK = re.compile(
    r'^type = "(?:directory|file)"|^path = "|"(?:path|file)": "|'  # Poetry, PDM, Pipenv
    r"(?:directory|archive) = \{ ?path|^\[packages\.(?:directory|archive)",  # pylock.toml
    re.MULTILINE,
)


class Install(Value):
    """The installation of the packages.

    files: what the first commands read, in the repository; empty if they need all of it. first: commands that install what the
    lock or the requirements name. then: commands that install the app's own package; they need the whole repository.
    """

    files: tuple[str, ...]
    first: tuple[str, ...]
    then: tuple[str, ...] = ()

    @property
    def builds(self) -> bool:
        """Whether packages of the repository are built."""
        return bool(self.then) or not self.files

    @property
    def folders(self) -> dict[str, list[str]]:
        """The files by their folders: each is one instruction COPY."""
        found: dict[str, list[str]] = {}
        for path in self.files:
            found.setdefault(str(PurePosixPath(path).parent), []).append(path)
        return found


def install(facts: Facts) -> Install:
    """Return how the image of a project installs its packages.

    What uv has built of a folder, it uses again until the folder's pyproject.toml changes, and all images of a machine share its
    cache. So a command that may build such a folder refreshes it: else an image would have the code of an older commit.
    """
    found = _install(facts)
    if found.files:
        return found
    return Install((), tuple(each.replace("uv pip install ", "uv pip install --refresh ") for each in found.first), found.then)


def _install(facts: Facts) -> Install:
    name = PurePosixPath(facts.lock).name
    options = _options(facts, "--extra", "--group")
    own = _own(facts)
    if name == "uv.lock":
        return _uv(facts)
    if name in ("poetry.lock", "pdm.lock", "Pipfile.lock"):
        files = [facts.lock, str(PurePosixPath(facts.lock).parent / ("Pipfile" if name == "Pipfile.lock" else "pyproject.toml"))]
        whole = _LOCAL_IN_LOCK.search(_text(facts, facts.lock) or "")
        commands = (_exported(facts, name), f"uv pip install --requirement {LIST}")
        return Install(() if whole else _existing(facts, files), commands, own)
    command = f"uv pip install --requirement {quote(facts.lock)}{options}"
    if name == "pyproject.toml" or name.startswith("pylock"):
        return Install(() if _needs_code(facts) else _existing(facts, [facts.lock]), (command,), own)
    if name.endswith(".py"):
        return Install((), (command,), own)
    return Install(_with_settings(facts, _existing(facts, sorted(_included(facts, facts.lock)))), (command,), own)


def versions_from_git(facts: Facts) -> bool:
    """Return whether a package of the repository may take its version from git, as setuptools-scm does."""
    tools: dict[str, Callable[[str], str]] = {
        "pyproject.toml": _project_tools, "setup.cfg": _setup_tools, "setup.py": partial(_COMMENT.sub, ""),
    }  # fmt: skip
    found = ((tools.get(PurePosixPath(each).name), each) for each in Repository(facts.top).files)
    return any(_GIT_VERSION.search(of(_tree(facts).read(path) or "")) for of, path in found if of)


def _project_tools(text: str) -> str:
    """Return the names in a pyproject.toml of the packages that may compute a version, one a line."""
    try:
        data: Any = tomllib.loads(text)
    except (ValueError, RecursionError):
        return ""
    tools = table(data, "tool")
    names = [re.split(r"[^\w.-]", str(each).strip())[0] for each in _items(table(data, "build-system").get("requires"))]
    if "version" in _items(table(data, "project").get("dynamic")):
        names += [*tools, *(str(table(tools, each, "version").get("source")) for each in ("hatch", "pdm"))]
    return "\n".join(names)


def _setup_tools(text: str) -> str:
    """Return the parts of a setup.cfg that name packages which may compute a version."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return text
    return "\n".join([*parser.sections(), parser.get("options", "setup_requires", fallback="")])


def over_ssh(facts: Facts) -> list[str]:
    """Return the files with packages that name a git repository over SSH, for which the build of an image has no key."""
    included = _included(facts, facts.lock) if facts.lock.endswith(".txt") else ()
    return [path for path in sorted({facts.lock, "pyproject.toml", *included}) if ADDRESS.search(_text(facts, path) or "")]


def _with_settings(facts: Facts, files: tuple[str, ...]) -> tuple[str, ...]:
    """Return the files, and those with settings of uv such as an index; nothing if all of the repository is needed anyway."""
    folders = parents(facts.app.root)
    projects = (join(folder, "pyproject.toml") for folder in folders)
    paths = [join(folder, "uv.toml") for folder in folders]
    paths += [path for path in projects if "[tool.uv" in (_tree(facts).read(path) or "")]
    return tuple(dict.fromkeys([*files, *_existing(facts, paths, top=True)])) if files else ()


def _own(facts: Facts) -> tuple[str, ...]:
    """Return the command that installs the app's own package, if it is one. With a list or lock, the code alone is enough."""
    if not can_be_built(str(facts.code)):  # type: ignore[no-untyped-call]
        return ()
    if facts.lock in ("pyproject.toml", "setup.py"):
        return ("uv pip install --no-deps .",)
    return ("{ uv pip install --no-deps . || echo 'The app is not installed as a package; PYTHONPATH has its code.'; }",)


def _options(facts: Facts, extra: str, group: str) -> str:
    names = [f"{extra} {name}" for name in facts.app.extras] + [f"{group} {name}" for name in facts.app.dependency_groups]
    return "".join(f" {each}" for each in names)


def _uv(facts: Facts) -> Install:
    """Return the installation from a uv.lock: its own, or that of the workspace around it. Members belong to the workspace."""
    root = facts.app.root
    lock = workspace(_tree(facts), root) or f"{root}/uv.lock".lstrip("/")
    member = root if str(PurePosixPath(lock).parent) not in (root, ".") or (root and "/" not in lock) else ""
    text = _tree(facts).read(lock) or ""
    # The option would win over the group.
    development = "" if "dev" in facts.app.dependency_groups else " --no-dev"
    everything = " --all-packages" if not member and re.search(r"^members = \[", text, re.MULTILINE) else ""
    sync = f"uv sync --frozen --inexact --no-editable{development}{everything}{_options(facts, '--extra', '--group')}"
    folder = PurePosixPath(lock).parent
    projects = [str(folder / "pyproject.toml"), *([f"{root}/pyproject.toml"] if member else [])]
    projects += [str(folder / each / "pyproject.toml") for each in _members(text)]
    first = f"{sync} --no-install-project --no-install-workspace --no-install-local"
    return Install(_with_settings(facts, _existing(facts, [*projects, lock], top=True)), (first,), (f"{sync} --refresh",))


def _members(lock: str) -> Iterator[str]:
    """Yield the folders of a uv.lock's workspace members and local packages: uv reads their pyproject.toml."""
    for package in tomllib.loads(lock).get("package", []):
        source = table(package, "source")
        yield from (str(source[kind]) for kind in ("editable", "virtual", "directory") if source.get(kind, ".") != ".")


def _exported(facts: Facts, name: str) -> str:
    """Return the command with which the lock's own program writes a list of requirements."""
    folder = quote(str(PurePosixPath(facts.lock).parent))
    inside = folder != "."
    if name == "poetry.lock":
        tool = "uv tool run --from 'poetry>=2,<3' --with 'poetry-plugin-export>=1.9,<2' poetry"
        tool += f" --directory {folder}" if inside else ""
        return f"{tool} export --output {LIST}{_options(facts, '--extras', '--with')}"
    if name == "pdm.lock":
        tool = "PDM_IGNORE_SAVED_PYTHON=1 uv tool run --from 'pdm[locked]>=2.18,<3' pdm export"
        tool += f" --project {folder}" if inside else ""
        extras = "".join(f" --group {each}" for each in facts.app.extras)
        groups = "".join(f" --group {each}" for each in facts.app.dependency_groups)
        # PDM takes extras and groups by the same option, in two runs.
        more = f" && {tool} --dev --no-default{groups} >>{LIST}" if groups else ""
        return f"{tool} --prod{extras} >{LIST}{more}"
    categories = ",".join(["packages", *facts.app.dependency_groups])
    # The source that Pipenv names pypi is the default index, which a build may have elsewhere.
    usual = " && sed -i '/^-i /d' " + LIST if _first_source(facts) == "pypi" else ""
    file = f"PIPENV_PIPFILE={folder}/Pipfile " if inside else ""
    return f"{file}uv tool run 'pipenv>=2024' requirements --categories {categories} >{LIST}{usual}"


def _first_source(facts: Facts) -> str:
    """Return the name of the first source of a Pipfile.lock, "" without one."""
    tree, inside = _tree(facts), f"{facts.app.root}/{facts.lock}".lstrip("/")
    sources: Any = pipfile(tree, inside).get("_meta", {}).get("sources", [])
    return str(sources[0].get("name", "")) if sources else ""


def _needs_code(facts: Facts) -> bool:
    """Return whether a pyproject.toml or pylock.toml needs more than itself: local packages, or what its build backend computes."""
    text = _text(facts, facts.lock) or ""
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError):
        return True
    computed = _items(table(data, "project").get("dynamic"))
    dynamic = "dependencies" in computed or "optional-dependencies" in computed
    sources = table(data, "tool", "uv", "sources")
    listed = "packages" in data
    return bool((not listed and "project" not in data) or dynamic or sources or _LOCAL_IN_LOCK.search(text) or "file:" in text)


def _items(value: object) -> list[Any]:
    """Return a list of a TOML file, with one item if the value is no list."""
    return list(items(value))  # type: ignore[no-untyped-call]


def _included(facts: Facts, path: str, seen: frozenset[str] = frozenset()) -> set[str]:
    """Return a requirements file and those that it includes; nothing if one of them needs other files of the repository."""
    text = _text(facts, path)
    if text is None or _LOCAL.search(text) or ".." in PurePosixPath(path).parts:
        return set()
    found = {path}
    for name in _INCLUDE.findall(text):
        other = str(PurePosixPath(path).parent / name)
        if other in seen or "://" in name:
            continue
        more = _included(facts, other, seen | {path})
        if not more:
            return set()
        found |= more
    return found


def names_index(facts: Facts) -> bool:
    """Return whether the project names an index in place of the default one: in its requirements, or as a setting of uv.

    A variable of uv would come before it, and the image would get public packages in place of private ones.
    """
    settings = [join(folder, name) for folder in parents(facts.app.root) for name in UV]
    return _has_index(facts, facts.lock) or any(_uv_index(facts, path) for path in settings)


def _has_index(facts: Facts, path: str, seen: frozenset[str] = frozenset()) -> bool:
    """Return whether a requirements file, or one that it includes, names an index in place of the default one."""
    text = _text(facts, path) if path.endswith((".txt", ".in", ".lock")) else None
    if text is None or path in seen:
        return False
    others = (posixpath.normpath(PurePosixPath(path).parent / name) for name in _INCLUDE.findall(text) if "://" not in name)
    return bool(_INDEX.search(text)) or any(_has_index(facts, each, seen | {path}) for each in others)


def _uv_index(facts: Facts, path: str) -> bool:
    """Return whether uv.toml or pyproject.toml names a default index."""
    try:
        data: Any = tomllib.loads(_tree(facts).read(path) or "")
    except (ValueError, RecursionError):
        return False
    data = data if path.endswith("uv.toml") else table(data, "tool", "uv")
    return "index-url" in data or any(table(each).get("default") for each in _items(data.get("index")))


def _text(facts: Facts, path: str) -> str | None:
    """Return the text of a file in the app's folder, None without one."""
    return _tree(facts).read(f"{facts.app.root}/{path}".lstrip("/"))


def _tree(facts: Facts) -> Checkout:
    return Checkout(str(facts.top))


def _existing(facts: Facts, paths: list[str], *, top: bool = False) -> tuple[str, ...]:
    """Return the paths that exist, relative to the repository. top: they are that already."""
    inside = paths if top or not facts.app.root else [f"{facts.app.root}/{path}" for path in paths]
    found = dict.fromkeys(str(PurePosixPath(each)) for each in inside)
    return tuple(each for each in found if (facts.top / each).is_file() and ".." not in PurePosixPath(each).parts)
