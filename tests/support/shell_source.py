"""The functions of lib/ as text: what each assigns, reads and calls. It knows the style that lib/ is written in, no more."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from selvedge.shell.library import library, names

_FUNCTION = re.compile(r"^([a-z]\w*)\(\) (?:\{ ([^\n]*) \}|([{(])\n(.*?)\n[})])$", re.MULTILINE | re.DOTALL)
_HERE_DOCUMENT = re.compile(r"<<-?'?(\w+)'?.*?^\1$", re.MULTILINE | re.DOTALL)
_DISPATCH = re.compile(r'"(?:\$\((?:manager|appserver)_of "\$1"\)|\$\{\w+\})_(\w+)"|\bunit_each (\w+)')
_START = r"(?m)(?:^\s*|[;&|{(!]\s*|\b(?:do|then|else|while|until|if)\s+)"
# Set by the shell, by sudo, by sshd or by os-release(5).
ENVIRONMENT = frozenset(
    ["HOME", "PATH", "PPID", "IFS", "LC_ALL", "SUDO_USER", "SSH_CONNECTION", "ID", "VERSION_ID", "PRETTY_NAME"]
)


@dataclass(frozen=True)
class Function:
    """A function of lib/: its file, and the variables that it declares local, assigns and reads."""

    name: str
    file: str
    body: str

    @functools.cached_property
    def code(self) -> str:
        """The body without comments, here-documents and text in single quotes."""
        text = _HERE_DOCUMENT.sub("", self.body)
        text = re.sub(r"\\['\"]", "", text)
        text = re.sub(r"(?m)(^|\s)#.*$", r"\1", text)
        return re.sub(r"'[^']*'", "''", text)

    @functools.cached_property
    def locals(self) -> frozenset[str]:
        found = re.findall(r"(?m)^\s*local ([a-z_][\w ]*)$", self.code)
        return frozenset(name for line in found for name in line.split())

    @functools.cached_property
    def assigned(self) -> frozenset[str]:
        found = re.findall(r"(?:^|(?<!-[ov])[\s;&|({`!])([a-z_]\w+|[a-z])=", self.code, re.MULTILINE)
        found += re.findall(_START + r"for ([a-z_]\w*)\b", self.code)
        for line in re.findall(_START + r"(?:IFS=\S* )?read (?:-r )?([a-z_ \w]*)", self.code):
            found += line.split()
        return frozenset(found) - set("_ugo")

    @functools.cached_property
    def read(self) -> frozenset[str]:
        found = re.findall(r"\$\{?#?([A-Za-z_]\w*)", self.code)
        for arithmetic in re.findall(r"\$\(\(([^()]*)\)\)", self.code):
            found += re.findall(r"(?<![\w$])([a-z_]\w*)", arithmetic)
        return frozenset(found)

    @functools.cached_property
    def dispatched(self) -> frozenset[str]:
        """The ends of the names of functions that each process manager, or each app server, has."""
        return frozenset(one or other for one, other in _DISPATCH.findall(self.body))

    @functools.cached_property
    def calls(self) -> frozenset[str]:
        words = set(re.findall(r"(?<![\w/.=$-])[a-z]+_\w+\b(?!=)", self.code)) & functions().keys()
        for suffix in self.dispatched:
            words |= {f"{file}_{suffix}" for file in needed(self.file)} & functions().keys()
        return frozenset(words) - {self.name}


@functools.cache
def functions() -> dict[str, Function]:
    """Return all functions of lib/ by their names."""
    found = {}
    for file in sorted(names()):
        for name, line, _, body in _FUNCTION.findall(library(file)):
            found[name] = Function(name, file, line or body)
    return found


def needed(file: str) -> list[str]:
    """Return the files that a file lists in its line `# Needs:`."""
    return " ".join(re.findall(r"^# Needs: (.*)$", library(file), re.MULTILINE)).split()


def shared(file: str) -> frozenset[str]:
    """Return the variables that the functions of a file set for each other: its line `# Shared:`, and top-level assignments."""
    listed = " ".join(re.findall(r"^# Shared: (.*)$", library(file), re.MULTILINE)).split()
    return frozenset([*listed, *re.findall(r"^([a-z_]\w*)=", library(file), re.MULTILINE)])


def closure(name: str) -> set[str]:
    """Return a function and all functions that it calls, directly or not."""
    found: set[str] = set()
    todo = {name}
    while todo:
        found |= todo
        todo = set().union(*(functions()[each].calls for each in todo)) - found
    return found


def free(name: str) -> set[str]:
    """Return the variables that a function, or one that it calls, reads of its caller.

    A variable that a function declares local, or assigns, is its own, also while a function that it calls reads it.
    """
    called = closure(name)
    found = {each: functions()[each].read - functions()[each].locals - functions()[each].assigned for each in called}
    before: dict[str, frozenset[str]] = {}
    while found != before:
        before = dict(found)
        for each in called:
            function = functions()[each]
            below = frozenset().union(*(before[callee] for callee in function.calls))
            found[each] |= below - function.locals - function.assigned
    frame = set().union(*(shared(functions()[each].file) for each in called)) | {"mark", "undo", "nl"}
    if functions()[name].file != "step":
        frame.add("step_by")
    return set(found[name]) - frame - ENVIRONMENT
