"""The command of a process as its shell gets it: the program takes the place of the shell, so that it gets the signals."""

from __future__ import annotations

import re

# Words that `exec` cannot precede: sh's reserved words, and builtins that are no programs (POSIX.1-2017, XCU 2.4, 2.14).
_WORDS = """
    ! { } case do done elif else esac fi for if in then until while . : break continue eval exec exit export readonly return set
    shift times trap unset alias bg cd command fg getopts hash jobs read type ulimit umask unalias wait local
"""
_OWN_WORDS = frozenset(_WORDS.split())
_QUOTED = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*"|\$\{[^{}'"]*\}""", re.DOTALL)
_OTHER_SHELL = re.compile(r"(?<!\S)#|[|&(){}`\n]|<<")
_TRAP = re.compile(r"(?:^|&&|;)\s*trap\b")
_ASSIGNMENTS = re.compile(r"(?:[A-Za-z_]\w*=\S*\s+)*")


def replacing_shell(command: str) -> str:
    """Return the command with `exec` before its last program, so that no shell stays between it and the process manager.

    dash keeps running while the last program of `sh -c` does. A signal would end that shell, and not reach the program. Pipelines,
    loops, traps and other commands in which the last program cannot take the place of the shell are returned unchanged.
    """
    # What is in quotes has no meaning for the shell: it is hidden, at the same length, while the last program is looked for.
    hidden = _QUOTED.sub(lambda found: "_" * len(found[0]), command).rstrip("; ")
    start = max((found.end() for found in re.finditer(r"&&|;", hidden)), default=0)
    rest = hidden[start:]
    if _OTHER_SHELL.search(re.sub(r"&&|[<>]&", "  ", hidden)) or _TRAP.search(hidden) or not rest.strip():
        return command
    start += len(rest) - len(rest.lstrip())
    start += len(_ASSIGNMENTS.match(hidden[start:])[0])  # type: ignore[index]
    word = hidden[start:].split(maxsplit=1)
    if not word or word[0] in _OWN_WORDS or re.match(r"[<>]|[0-9]+[<>]|[A-Za-z_]\w*=", word[0]):
        return command
    return f"{command[:start]}exec {command[start:]}"
