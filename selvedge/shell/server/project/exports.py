"""Requirements in pip's format: those of a Pipfile.lock, and the options of a requirements file that name indexes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .files import Refused, Tree, join, read_toml, table
from .names import normal, pipfile

_INDEX = re.compile(r"(?:--(?:index-url|extra-index-url|find-links|trusted-host|no-index|pre)|-i|-f)(?![\w-]).*")
_FOLDER = re.compile(r"(--find-links|-f)[\s=]+(?!/|\w+:)(\S+)")
_INCLUDE = re.compile(r"(?:-r|-c|--requirement|--constraint)[\s=]*(\S.*)")


def pipfile_requirements(tree: Tree, root: str, lock: str, groups: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a requirements file with the packages of Pipfile.lock. Raises Refused."""
    data = pipfile(tree, join(root, lock))
    sources = data.get("_meta", {}).get("sources", [])
    # The source that Pipenv names pypi is the default one: the server may have a mirror of it.
    urls = [source["url"] for source in sources if isinstance(source, dict) and source.get("url") and source.get("name") != "pypi"]
    if urls and not any(source.get("name") == "pypi" for source in sources):
        yield f"--index-url {urls.pop(0)}"
    yield from (f"--extra-index-url {url}" for url in urls)
    packages: dict[str, object] = {}
    for category in ("default", *groups):
        packages |= data.get(category, {})
    lines = [_pipfile_line(name, package) for name, package in packages.items() if isinstance(package, dict)]
    hashed = all("--hash" in line for line in lines)
    # pip refuses a file in which some requirements have hashes, and others none.
    yield from (line if hashed else line.partition(" --hash=")[0] for line in lines)


def _pipfile_line(name: str, package: dict[str, object]) -> str:
    extras = f"[{','.join(map(str, package['extras']))}]" if package.get("extras") else ""  # type: ignore[call-overload]
    marker = f" ; {package['markers']}" if package.get("markers") else ""
    fragment = f"#subdirectory={package['subdirectory']}" if package.get("subdirectory") else ""
    path = package.get("path") or package.get("file")
    if package.get("git"):
        reference = f"@{package['ref']}" if package.get("ref") else ""
        address = str(package["git"])
        # The form git@host:path has no scheme.
        address = re.sub(r"^([^/@]+@[^/:]+):(?!//)", r"ssh://\1/", address)
        return f"{name}{extras} @ git+{address.removeprefix('git+')}{reference}{fragment}{marker}"
    if path:
        editable = "-e " if package.get("editable") else ""
        # A path without a slash would be the name of a package.
        path = path if "/" in str(path) or str(path).startswith(".") else f"./{path}"
        return f"{editable}{path}{extras}{marker}" if "://" not in str(path) else f"{name}{extras} @ {path}{marker}"
    if not package.get("version"):
        raise Refused(f"Pipfile.lock has no version of {name}. Run `pipenv lock`, and commit it.")
    version = "" if package["version"] == "*" else package["version"]
    hashes = "".join(f" --hash={each}" for each in package.get("hashes") or ())  # type: ignore[attr-defined]
    return f"{name}{extras}{version}{marker}{hashes}"


def dependencies(tree: Tree, root: str, extras: Sequence[str], groups: Sequence[str]) -> Iterator[str]:
    """Yield the requirements of a pyproject.toml with those of some extras and dependency groups. Raises Refused."""
    data = read_toml(tree, join(root, "pyproject.toml"))
    project, tables = table(data, "project"), {normal(name): each for name, each in table(data, "dependency-groups").items()}
    optional = {normal(name): each for name, each in table(data, "project", "optional-dependencies").items()}
    own = re.compile(rf"{re.escape(normal(str(project.get('name', ''))))}\[(.*)\]\s*")
    todo: list[object] = [*project.get("dependencies", [])]
    todo += [each for name in extras for each in optional.get(normal(name), [])]
    todo += [{"include-group": name} for name in groups]
    seen: set[str] = set()
    for each in todo:
        if isinstance(each, dict):
            name = normal(str(each.get("include-group")))
            todo += [] if name in seen else tables.get(name, [])
            seen.add(name)
        elif found := own.fullmatch(normal(str(each)).replace(" ", "")):
            # An extra may name others of the project itself: blog[server].
            todo += [other for name in found[1].split(",") if f"[{name}]" not in seen for other in optional.get(normal(name), [])]
            seen |= {f"[{name}]" for name in found[1].split(",")}
        else:
            yield str(each)


def index_options(tree: Tree, root: str, name: str) -> Iterator[str]:
    """Yield the options of a requirements file, and of the files that it includes, that say where packages come from.

    Paths become relative to `root`.
    """
    yield from _options(tree, root, _normal(join(root, name)), set())


def _options(tree: Tree, root: str, path: str, seen: set[str]) -> Iterator[str]:
    if path in seen:
        return
    seen.add(path)
    folder = path.rpartition("/")[0]
    for line in re.sub(r"\\\r?\n", " ", tree.read(path) or "").splitlines():
        line = line.partition(" #")[0].strip()
        if included := _INCLUDE.fullmatch(line):
            yield from _options(tree, root, _normal(join(folder, included[1].strip("\"'"))), seen)
        elif found := _FOLDER.fullmatch(line):
            inside = _normal(join(folder, found[2]))
            up = "../" * len(list(filter(None, root.split("/"))))
            yield f"{found[1]} ./{up}{inside}" if tree.list(inside) else line
        elif _INDEX.fullmatch(line):
            yield line


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)
