"""Changes to Fabric and Invoke that no setting of theirs makes, applied when the fabfile is loaded.

`fab --list` shows the tasks in groups instead of in alphabetical order. Wrong usage ends with status 2 instead of 1. Fabric
does not read ssh's configuration.
"""

from __future__ import annotations

import difflib
import itertools
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import invoke.parser.parser
from fabric import Config
from fabric.main import Fab, program
from invoke.collection import Collection
from invoke.exceptions import Exit
from invoke.parser.argument import Argument

from selvedge import fabric_errors
from selvedge.startup import stop_collecting_garbage

Groups = Mapping[str, Sequence[str]]
"""Heading → the names of its tasks and collections, in the order of the list."""
Row = tuple[str, str | None]
"""A row of the list: the name of a task or collection, and its help line."""
LONGEST = 20
"""The longest name that decides the width of the first column; a longer one widens the column of its own group only."""
LISTED = {
    "timers --run": "timers", "logs --timer": "timers", "logs --process": "processes", "restart --process": "processes",
    "rollback --to": "releases", "restore --snapshot": "backups",
}  # fmt: skip
"""Flags that take a name from the server → what has these names."""
LISTS = {"timers": "timers", "processes": "status", "releases": "releases", "backups": "backups"}
"""What has names → the task that shows them."""
OWN = "Your own tasks"
"""The heading of all tasks that no group names."""


def install(groups: Groups) -> None:
    """Make `fab --list` show these groups, and make wrong usage end as `wrong_usage` says."""
    stop_collecting_garbage()
    # `ssh -G` reads ssh's configuration; paramiko's reader, which Fabric uses, ends with a traceback where it knows less.
    Config._load_ssh_files = lambda _self: None
    if "--complete" in sys.argv:
        _complete_quietly()
        return
    parser: Any = invoke.parser.parser
    parser.ParseError = wrong_usage
    argument: Any = Argument
    argument.set_value = _checked_value(argument.set_value)
    Fab.display_with_columns = _in_groups(Fab.display_with_columns, groups)
    fabric_errors.install()


def _complete_quietly() -> None:
    """Print no errors: a shell that completes a line would show them in the middle of it.

    Invoke's own errors stay as they are: from them, its completion learns which task a half-typed flag belongs to.
    """
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115


def _in_groups(display: Callable[..., None], groups: Groups) -> Callable[..., None]:
    """Print the list of tasks with a heading for each group. The list of one collection (`fab --list NAME`) has none."""

    def displayed(self: Fab, pairs: Sequence[Row], extra: str = "") -> None:
        if self.list_root:
            display(self, pairs, extra=extra)
            return
        print(f"{self.task_list_opener(extra=extra)}:\n")
        pairs = [(short_name(name), line) for name, line in pairs]
        common = max((len(name) for name, _ in pairs if len(name) <= LONGEST), default=0)
        for heading, rows in grouped(pairs, groups):
            print(heading)
            width = max(common, *(len(name) for name, _ in rows))
            self.print_columns([(name.ljust(width), line) for name, line in rows])
        if default := self.scoped_collection.default:
            print(f"Default task: {default}\n")

    return displayed


def short_name(name: str) -> str:
    """Return the name of a row as it is typed: "image" for "image.image (image)", the default task of a collection."""
    return re.sub(r"^(\w+)\.\1 \(\1\)$", r"\1", name)


def grouped(rows: Sequence[Row], groups: Groups) -> Iterator[tuple[str, list[Row]]]:
    """Yield each heading that has rows, with its rows in the order of its group. The last one has the user's own tasks.

    A row belongs to the task or collection that its first word names: "sandbox.up" and "sandbox [4 tasks]" to `sandbox`.
    In the nested list, rows such as ".up" belong to the collection above them.
    """
    of_name: dict[str, list[Row]] = {}
    name = ""
    for row in rows:
        name = row[0].split()[0].rstrip("*").partition(".")[0] or name
        of_name.setdefault(name, []).append(row)
    for heading, names in groups.items():
        # The default task of a collection has the collection's name, and comes before the others.
        if found := [row for each in names for row in sorted(of_name.pop(each, []), key=lambda row: "." in row[0])]:
            yield heading, found
    if own := [row for found in of_name.values() for row in found]:
        yield OWN, own


def _checked_value(set_value: Callable[..., None]) -> Callable[..., None]:
    """Make an empty value of a flag wrong usage, and one that is not a number, for which Invoke raises ValueError."""

    def checked(self: Argument, value: Any, cast: bool = True) -> None:
        if cast and is_empty(value):
            raise Exit(empty_flag(self), 2)
        try:
            set_value(self, value, cast)
        except ValueError:
            raise wrong_usage(f"{flag_name(self)} takes a number, not {value!r}.") from None

    return checked


def flag_name(argument: Argument) -> str:
    """Return a flag as it is typed, e.g. --commit or --hosts."""
    return f"--{max(argument.names, key=len).replace('_', '-')}"


def is_empty(value: Any) -> bool:
    """Return whether the value of a flag is text without a visible character."""
    return isinstance(value, str) and not value.strip()


def empty_flag(argument: Argument) -> str:
    """Return the message for a flag without a value. Without it, `--commit "$SHA"` would release another commit."""
    return (
        f"{flag_name(argument)} is empty.\nGive it a value, or leave it out. If the value comes from a variable, such as one of a "
        "CI job, that variable is not set."
    )


def _given_twice(message: str) -> str:
    """Return the message for a flag that was given twice, "" for another mistake. Invoke takes its second value for a task."""
    words = sys.argv[1:]
    for flag, value in itertools.pairwise(words):
        if flag.startswith("-") and "=" not in flag and words.count(flag) > 1 and message == f"No idea what {value!r} is!":
            several = flag in ("-H", "--hosts")
            how = "Separate several servers by commas: `-H one,two`." if several else "Give it once."
            return f"{flag} is given twice.\n{how}"
    return ""


def _tasks() -> Collection:
    """Return all tasks; none as long as the program has not loaded the fabfile."""
    return getattr(program, "collection", None) or Collection()


def _similar(word: str, flags: Iterable[str]) -> str:
    """Return the flag or task that was probably meant, "" if none is similar."""
    if word.startswith("-"):
        return next(iter(difflib.get_close_matches(word, [name for name in flags if name.startswith("--")], n=1)), "")
    names = list(_tasks().task_names)
    group, dot, rest = word.partition(".")
    if dot and group in _tasks().collections:
        # Tasks of one group are similar by its name alone.
        names = [name.partition(".")[2] for name in names if name.startswith(f"{group}.")]
        return next((f"{group}.{name}" for name in difflib.get_close_matches(rest, names, n=1)), "")
    return next(iter(difflib.get_close_matches(word, names, n=1)), "")


def wrong_usage(message: str, context: Any = None) -> Exit:
    """Return the end of the program for wrong usage. It has the signature of Invoke's ParseError.

    context: Invoke's parser of the task before the wrong word.
    """
    hint = "`fab --list` shows all tasks. `fab --help TASK` shows the flags of a task."
    if found := re.fullmatch(r"Flag <Argument: ([\w-]+).*> needed value and was not given one!", message):
        flag = f"--{found[1].replace('_', '-')}"
        message = f"{flag} needs a value."
        if names := LISTED.get(f"{getattr(context, 'name', '')} {flag}"):
            hint = f"`fab {LISTS[names]}` shows the {names}."
        if found[1] == "config" and {"logs", "-f"} <= {*sys.argv}:  # as with tail, journalctl and docker
            return Exit("-f is short for --config, which needs a file.\nTo print new lines as they come: `fab logs --follow`.", 2)
    if twice := _given_twice(message):
        return Exit(twice, 2)
    if message.startswith("No idea what "):
        quoted = message.removeprefix("No idea what ").removesuffix(" is!")
        word = quoted.strip("'\"")
        message = f"There is no task or flag {quoted}."
        task = getattr(context, "name", None)
        if task in ("run", "psql") and not word.startswith("-"):
            return Exit(f"{message}\n`fab {task}` takes its command with a flag: `fab {task} --command {quoted}`.", 2)
        group = word.partition(".")[0]
        if group in _tasks().collections:
            hint = f"`fab --list {group}` shows the tasks of `{group}`."
        if word in _tasks().collections:
            return Exit(f"`{word}` is a group of tasks, not a task.\n{hint}", 2)
        if close := _similar(word, getattr(context, "flags", ())):
            message = f"{message} Did you mean `{close}`?"
    return Exit(f"{message}\n{hint}", 2)
