"""How `app.migrate` calls alembic, so that alembic is asked about the same database with the same options."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from selvedge.shell import library
from selvedge.shell.quoting import unquoted, words

PROGRAM = (Path(library.__file__).parent / "server" / "revisions.py").read_text(encoding="utf-8")
"""The program that runs with the app's Python in place of alembic."""

_TOKEN = re.compile(
    r"(?P<word>(?:\$\((?:[^()]|\([^()]*\))*\)|`[^`]*`|\\.|'[^']*'|\"(?:\\.|[^\"\\])*\"|[^\s;&|()<>'\"\\`])+)"
    r"|(?P<end>[;&|()<>\n])",
    re.DOTALL,
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=", re.ASCII)
_BEFORE = frozenset({"{", "!", "if", "then", "else", "elif", "do", "while", "until", "exec", "time"})
"""Words of the shell that may stand before a command."""
_KEPT = frozenset({"cd", "export", "set", "unset", ".", "source", "umask"})
"""Commands that alembic may depend on. Other commands before it do their own work, and are left out."""
_SHELLS = frozenset({"sh", "bash", "dash"})
_LOOP = re.compile(r"\bfor\s+(\w+)\s+in\b|\bread((?:\s+-?\w+)+)")
_VARIABLE = re.compile(r"\$\{?(\w+)")
_CHOICE = re.compile(r"\b(else|elif|case)\b")


def alembic_command(migrate: str, verb: str, needed: Sequence[str] = ()) -> str:
    """Return shell that runs PROGRAM as `migrate` runs `alembic upgrade`; "" if `migrate` does not call alembic itself.

    verb: read, sql or downgrade. needed: the revisions that a release needs. The shell has the same folder, variables and
    options (`cd db && alembic -c alembic.ini -x tenant=a upgrade head`), and none of the other commands of `migrate`. It is ""
    also where those decide which database alembic is called for: a loop over several, or an `else`.
    """
    arguments = words("-c", PROGRAM, verb, ",".join(needed))
    shell = " && ".join(_parts(migrate, arguments))
    return "" if arguments not in shell or _depends(migrate, shell.split(arguments)) else shell


def _depends(migrate: str, around: Sequence[str]) -> bool:
    """Return whether other commands of `migrate` choose the options of alembic. around: the shell before and after each call."""
    loops = {name for found in _LOOP.findall(migrate) for name in " ".join(found).split()}
    used = set(_VARIABLE.findall(" ".join(around)))
    return bool(loops & used) or (len(around) > 2 and _CHOICE.search(migrate) is not None)


def _parts(text: str, arguments: str) -> list[str]:
    """Return the commands that alembic depends on, and those that call it, with PROGRAM in its place."""
    groups: list[list[str]] = [[]]
    for command, end in _commands(text):
        groups[-1].extend(_part(command, arguments))
        if end == "(":
            groups.append([])
        elif end == ")" and len(groups) > 1:
            inner = groups.pop()
            groups[-1].extend(_group(inner, arguments))
    return [part for group in groups for part in group]


def _group(parts: Sequence[str], arguments: str) -> list[str]:
    """Return the parts as one, in a shell of its own. It is left out if it does not call alembic: its folder ends with it."""
    return [f"({' && '.join(parts)})"] if any(arguments in part for part in parts) else []


def _part(command: list[str], arguments: str) -> Iterator[str]:
    while command and command[0] in _BEFORE:
        command.pop(0)
    named = [word for word in command if not _ASSIGNMENT.match(word)]
    if not named:
        yield from [" ".join(command)] if command else []
    elif inner := _inner(named):
        variables = command[: command.index(named[0])]
        exported = [f"export {' '.join(variables)}"] if variables else []
        yield from _group([*exported, *_parts(inner, arguments)], arguments)
    elif called := "" if _is_shell(named[0]) else _called(command, arguments):
        yield called
    elif named[0] in _KEPT:
        yield " ".join(command)


def _commands(text: str) -> Iterator[tuple[list[str], str]]:
    """Yield the words of each command, as they are written, and the operator after it."""
    command: list[str] = []
    for found in _TOKEN.finditer(text.replace("\\\n", " ")):
        if found["word"]:
            command.append(found["word"])
        else:
            yield command, found["end"]
            command = []
    yield command, ""


def _is_shell(word: str) -> bool:
    return word.rpartition("/")[2] in _SHELLS


def _inner(named: Sequence[str]) -> str:
    """Return the script of `sh -c SCRIPT`, "" for other commands."""
    if not _is_shell(named[0]) or len(named) < 3 or not re.fullmatch(r"-[a-z]*c", named[1]):
        return ""
    return unquoted(named[2])


def _called(command: Sequence[str], arguments: str) -> str:
    """Return the command with PROGRAM in place of `alembic … upgrade …`, "" if it does not call alembic."""
    for number, word in enumerate(command):
        before, after = command[:number], command[number + 1 :]
        if word == "-m" and after[:1] == ["alembic"]:
            python, after = [], after[1:]
        elif found := re.fullmatch(r"(.*?)alembic([\"']?)", word):
            if found[1] and not found[1].endswith(("/", '"', "'")):
                continue
            # An image may have Python only as python3. A virtual environment has both.
            python = [f"{found[1]}python3{found[2]}"]
        else:
            continue
        plain = [unquoted(each) for each in after]
        if "upgrade" in plain:
            return " ".join([*before, *python, arguments, *after[: plain.index("upgrade")]])
    return ""
