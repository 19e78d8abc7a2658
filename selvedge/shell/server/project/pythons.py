"""The Python that a project asks for. Versions are pairs or triples of numbers; pre-releases do not matter here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from operator import eq, ge, gt, le, lt, ne

from .files import Refused, Tree, join, parents, read_toml, table
from .locks import PYLOCK, workspace

Version = tuple[int, ...]
MINORS = range(8, 31)
"""The versions 3.x that are tried when none is named."""
NEWEST = 999
"""A patch version above all real ones, in place of the newest, which is unknown here."""
_COMPARISONS = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_CLAUSE = re.compile(r"\s*(===|==|!=|<=|>=|~=|<|>|\^|~|=)?\s*v?([0-9]+(?:\.[0-9]+)*)(\.\*|\.x)?[a-z0-9.+-]*\s*")
_SEPARATOR = re.compile(r",|\s+(?=[<>=!~^])")
_PIN = re.compile(r"(?:c?python)?[-@]?([0-9]+(?:\.[0-9]+){0,2})(?:-.*|\.\*)?")
_OTHER = re.compile(
    r"(?:pypy|graalpy|pyston|jython|micropython|miniconda|anaconda|miniforge|mambaforge).*|.*[0-9]t(?:-.*)?|"
    r".*\+(?:freethreaded|debug)\b.*"
)


class Want:
    """What one file says: a constraint on the version, and where it is. law: it holds even if hosts.toml names a version."""

    def __init__(self, text: str, where: str, *, law: bool) -> None:
        self.text, self.where, self.law = text.strip(), where, law
        parts = [_SEPARATOR.split(part) for part in self.text.split("||")]
        self.unions = [[each for clause in part if clause.strip() for each in _bounds(clause)] for part in parts]

    def takes(self, version: Version) -> bool:
        """Return whether this version satisfies it."""
        full = (*version, 0, 0)[:3]
        return any(all(_holds(operator, full, bound) for operator, bound in part) for part in self.unions)

    def named(self) -> set[Version]:
        """Return the versions that it names with a patch number, and the ones after these."""
        bounds = [bound for part in self.unions for _, bound in part if len(bound) == 3]
        return {*bounds} | {(*bound[:2], bound[2] + 1) for bound in bounds}

    def __str__(self) -> str:
        return f"{self.text} ({self.where})"


def _bounds(clause: str) -> list[tuple[str, Version]]:
    """Return a clause of PEP 440 or Poetry as comparisons. Raises Refused for anything else."""
    if clause.strip() == "*":
        return []
    found = _CLAUSE.fullmatch(clause)
    if not found:
        remedy = "Correct it, or set app.python in hosts.toml."
        raise Refused(f"The Python version {clause.strip()!r} of the project cannot be understood. {remedy}")
    operator, version = found[1] or "==", tuple(int(part) for part in found[2].split("."))
    after = (*version[:-1], version[-1] + 1)
    if found[3] or (operator in {"==", "="} and len(version) < 3):
        return [("!=.*", version)] if operator == "!=" else [(">=", version), ("<", after)]
    if operator == "^":
        return [(">=", version), ("<", (version[0] + 1,))]
    if operator == "~":
        return [(">=", version), ("<", (version[0], version[1] + 1) if len(version) > 1 else (version[0] + 1,))]
    if operator == "~=" and len(version) > 1:
        return [(">=", version), ("<", (*version[:-2], version[-2] + 1))]
    return [({"=": "==", "===": "=="}.get(operator, operator), version)]


def _holds(operator: str, version: Version, bound: Version) -> bool:
    full = (*bound, 0, 0)[:3]
    if operator == "!=.*":
        return version[: len(bound)] != bound
    return _COMPARISONS[operator](version, full)


def laws(tree: Tree, root: str, lock: str) -> Iterator[Want]:
    """Yield the constraints on the Python of a project. lock: the file with its packages, relative to `root`."""
    inner = lock.rpartition("/")[0]
    for name in dict.fromkeys(("pyproject.toml", join(inner, "pyproject.toml"))):
        data = read_toml(tree, join(root, name))
        yield from _law(table(data, "project").get("requires-python"), f"requires-python in {name}")
        python = table(data, "tool", "poetry", "dependencies").get("python")
        yield from _law(python.get("version") if isinstance(python, dict) else python, f"[tool.poetry.dependencies] in {name}")
    path = workspace(tree, root) if lock == "uv.lock" else ""
    path = path or join(root, lock)
    if path.endswith("uv.lock") or PYLOCK.fullmatch(path.rpartition("/")[2]):
        yield from _law(read_toml(tree, path).get("requires-python"), f"requires-python in {path}")
    requires = table(read_toml(tree, join(root, "Pipfile")), "requires")
    yield from _law(requires.get("python_full_version") or requires.get("python_version"), "[requires] in Pipfile")
    cfg = re.search(r"^python_requires\s*=\s*(\S.*)$", tree.read(join(root, "setup.cfg")) or "", re.MULTILINE)
    yield from _law(cfg[1] if cfg else None, "python_requires in setup.cfg")


def _law(text: object, where: str) -> Iterator[Want]:
    if isinstance(text, str) and text.strip():
        yield Want(text, where, law=True)


def pins(tree: Tree, root: str) -> Iterator[Want]:
    """Yield the version of the nearest .python-version, .tool-versions or runtime.txt. Raises Refused for another Python."""
    for folder in parents(root):
        for name, prefix in ((".python-version", ""), (".tool-versions", "python "), ("runtime.txt", "python-")):
            path = join(folder, name)
            lines = [line.partition("#")[0].strip() for line in (tree.read(path) or "").splitlines()]
            found = [line.removeprefix(prefix).split()[0] for line in lines if line.startswith(prefix) and line != prefix.strip()]
            if found:
                yield from _pin(found[0], path)
                return


def _pin(text: str, path: str) -> Iterator[Want]:
    """Yield the version of a pin; nothing if it names none, such as the name of a virtual environment of pyenv."""
    if _OTHER.fullmatch(text):
        remedy = 'Set app.python in hosts.toml, for example to "3.13".'
        raise Refused(f"{path} asks for {text}, but Selvedge runs apps with the standard build of CPython. {remedy}")
    number = _PIN.fullmatch(text)
    if number or text[0] in "<>=~!":
        yield Want(number[1] if number else text, path, law=False)


def choose(wanted: Sequence[Want], have: Version = ()) -> list[str]:
    """Return the version next to the present one that satisfies them all, as "3.13"; and as "3.13.2", if not every 3.13 does.

    have: the present version, () if it is not known: then the lowest. Raises Refused.
    """
    start = have[1] if len(have) > 1 else MINORS.start
    exact = sorted(each for want in wanted for each in want.named() if each[0] == 3 and all(other.takes(each) for other in wanted))
    for minor in sorted(MINORS, key=lambda minor: abs(minor - start)):
        if all(want.takes((3, minor, NEWEST)) for want in wanted):
            patches = [each for each in exact if each[:2] == (3, minor)]
            whole = all(want.takes((3, minor, 0)) for want in wanted)
            return [_text((3, minor)), *([] if whole else map(_text, patches[:1]))]
    if exact:
        return [_text(exact[0])]
    listed = " and ".join(str(want) for want in wanted)
    raise Refused(f"No version of Python 3 is {listed}. Correct the project's files, or set app.python in hosts.toml.")


def _text(version: Version) -> str:
    return ".".join(map(str, version))


def decide(tree: Tree, root: str, lock: str, chosen: str, version: str) -> tuple[list[str], str]:
    """Return the versions to try in place of the present Python, none if it fits; and why, as the beginning of a sentence.

    chosen: app.python, "" if it is not set; it overrides a pin, but no constraint. version: that of the present Python, "" if
    it is not known. Raises Refused.
    """
    wanted = list(laws(tree, root, lock))
    have = tuple(int(part) for part in re.findall("[0-9]+", version or chosen)[:3])
    if have and len(have) < 3:
        have = (*have[:2], NEWEST)
    if chosen:
        for want in wanted:
            if not want.takes(have):
                better = next((each for each in choose(wanted, have) if each != chosen), chosen)
                exactly = f" ({version})" if version and version != chosen else ""
                raise Refused(
                    f'The app wants Python {want}, but hosts.toml sets app.python = "{chosen}"{exactly}. '
                    f'Set app.python = "{better}" in hosts.toml, or correct the project.'
                )
        return [], ""
    wanted += pins(tree, root)
    missed = [want for want in wanted if not have or not want.takes(have)]
    return (choose(wanted, have), f"the app wants Python {missed[0]}") if missed else ([], "")
