"""Generate docs/reference/commands.md from the tasks: `python -m tools.commands_reference > docs/reference/commands.md`."""

from __future__ import annotations

import inspect
from argparse import ArgumentParser
from collections.abc import Iterator
from functools import cache

from invoke.parser.argument import Argument
from invoke.tasks import Task

import fabfile
from selvedge.cli.main import parser
from selvedge.task import Operation, Step
from tasks.groups import COLLECTIONS, GROUPS

INTRODUCTION = """\
# Commands

This page lists every task of `fab` with its flags. `fab --list` and `fab --help TASK` show the same in a terminal. It is
generated from the program: `python -m tools.commands_reference`. What a run prints is in [output](output.md).

## The command line

```text
fab [-H HOSTS] [FLAGS OF FAB] TASK [ITS FLAGS] [TASK [ITS FLAGS] …]
```

| rule | meaning |
|---|---|
| `-H` | Takes names and groups of hosts.toml, addresses (`203.0.113.10`, `ubuntu@203.0.113.10`, `[2001:db8::10]:2222`) \
and names from `~/.ssh/config`, with commas between them. |
| no `-H` | The only host of hosts.toml, or every host with `default = true`. Otherwise the command lists the names and \
exits with status 2. |
| several tasks | Steps and chains that follow each other run as one chain, each step once: `fab setup deploy`. |
| `--dry-run`, `--script` | Apply to all tasks of the command line. A task that does not have the flag is an error \
(status 2). They cannot be combined. |
| other flags | A flag belongs to the task before it. `--commit` and `--branch` reach all steps of a chain. |
| which folder | `fab` finds `fabfile.py` and hosts.toml in the current folder or a folder above it. \
`SELVEDGE_HOSTS_FILE` names another hosts.toml. |

## Flags of steps and chains

Each task below names those of these flags that it takes.

"""

FABRIC = """\
## Flags of fab itself

They come before the first task. `fab --help` lists all of them.

| flag | takes | what it does |
|---|---|---|
| `-H`, `--hosts` | names | The servers of the run, see [above](#the-command-line). |
| `-l`, `--list` | | List all tasks. |
| `-h`, `--help` | a task | Show the flags of a task; without a task, those of `fab`. |
| `--prompt-for-sudo-password` | | Ask for the login user's sudo password once, at the start. `SELVEDGE_SUDO_PASSWORD` \
is the alternative. |
| `--prompt-for-passphrase` | | Ask for the passphrase of an encrypted SSH key that no agent holds. |
| `--prompt-for-login-password` | | Ask for the SSH password of the login user, on a server that does not have your key yet. |
| `-i`, `--identity` | a path | A private key; only for a host without `key` in hosts.toml. |
| `-S`, `--ssh-config` | a path | Another file than `~/.ssh/config`. |
| `-d`, `--debug` | | Show the traceback of an error, and the debug output of Fabric and paramiko. `SELVEDGE_DEBUG=1` \
shows the traceback alone. |
| `-R`, `--dry` | | The same as `--dry-run` after a task. |
| `-V`, `--version` | | Show the versions of Fabric, Invoke and paramiko. `fab version` shows more. |

`-e`, `-p`, `-w`, `--hide`, `-t` and `-T` change only plain Fabric tasks that you add yourself.
"""

PROGRAM = """\
## The program `selvedge`

It writes and merges the files of a project that uses the [installed package](../how-to/your-own-repository.md). It contacts
no server. Its exit statuses are [those of fab](output.md).

"""

COMMON = {option.name for option in fabfile.namespace["setup"].options}
KINDS = {bool: "a switch", int: "a number", str: "text", list: "text, repeatable"}


def commands_reference() -> str:
    """Return the page as Markdown."""
    common = table([argument for argument in flags(fabfile.namespace["setup"]) if is_common(argument)])
    return "\n".join([f"{INTRODUCTION}{common}", *sections(), f"{PROGRAM}{program()}", FABRIC])


def program() -> str:
    """Return the commands of `selvedge` with their flags, from its parser."""
    rows = ["| command | takes | what it does |", "|---|---|---|"]
    for name, command, line in commands_of(parser()):
        rows.append(f"| **`selvedge {name}`** | | {line} |")
        for action in command._actions:
            if action.dest != "help":
                flag = action.option_strings[0] if action.option_strings else action.dest.upper()
                takes = "text" if action.nargs != 0 and action.option_strings else "names" if not action.option_strings else ""
                rows.append(f"| `{flag}` | {takes} | {action.help} |")
    return "\n".join([*rows, ""])


def commands_of(whole: ArgumentParser) -> Iterator[tuple[str, ArgumentParser, str]]:
    """Yield the name of each command, its parser and its help line."""
    for action in whole._actions:
        lines = {each.dest: each.help for each in getattr(action, "_choices_actions", [])}
        for name, command in (action.choices or {}).items() if lines else ():
            yield name, command, lines[name]


def groups() -> Iterator[tuple[str, list[tuple[str, Task]]]]:
    """Yield the title of each group of `fab --list`, and its tasks by their names on the command line."""
    for title, tasks in GROUPS.items():
        yield title, [(full_name(task), task) for task in tasks]
    for title, module in COLLECTIONS.items():
        prefix = f"{module.__name__.rpartition('.')[2]}."
        names = sorted(name for name in fabfile.namespace.task_names if name.startswith(prefix))
        yield title, [(name, fabfile.namespace[name]) for name in names]


def full_name(task: Task) -> str:
    """Return the name of a task on the command line: that of its collection for a default task."""
    known = fabfile.namespace.task_names.items()
    return min(next([name, *aliases] for name, aliases in known if fabfile.namespace[name] is task), key=len)


def sections() -> Iterator[str]:
    """Yield a section for each group."""
    for title, tasks in groups():
        yield "\n".join([f"## {title}\n", *(section(name, flags(task), task) for name, task in tasks)])


def section(name: str, arguments: list[Argument], task: Task) -> str:
    """Return the section of a task: its help line, and its flags."""
    own = [argument for argument in arguments if not is_common(argument)]
    shared = ", ".join(f"`--{option(argument)}`" for argument in arguments if is_common(argument))
    text = f"### `{name}`\n\n{inspect.getdoc(task)}\n"
    return "\n".join(filter(None, [text, shared and f"Flags of steps: {shared}.\n", own and table(own)]))


def option(argument: Argument) -> str:
    """Return the name of a flag without its dashes."""
    return (argument.name or "").replace("_", "-")


@cache
def flags(task: Task) -> list[Argument]:
    """Return the flags of a task; those of a step or an operation in the order of its options.

    Invoke's `get_arguments` gives the help texts only once.
    """
    found: list[Argument] = task.get_arguments()
    if not isinstance(task, Step | Operation):
        return found
    order = [option.name for option in task.options]
    return sorted(found, key=lambda argument: order.index(argument.attr_name or argument.name or ""))


def is_common(argument: Argument) -> bool:
    """Return whether the flag is one of those that all steps have."""
    return (argument.attr_name or argument.name) in COMMON


def table(arguments: list[Argument]) -> str:
    """Return the table of the flags."""
    rows = ["| flag | takes | default | what it does |", "|---|---|---|---|"]
    rows += [row(argument) for argument in arguments]
    return "\n".join(rows) + "\n"


def row(argument: Argument) -> str:
    """Return the line of a flag."""
    names = ", ".join(f"`{'--' if len(name) > 1 else '-'}{name}`" for name in sorted(argument.names, key=len, reverse=True))
    shown = names.replace("_", "-")
    if argument.positional:
        shown = f"{shown}, or a word after the task"
    # -1: the number depends on other flags.
    number = argument.kind is int and argument.default != -1
    default = f"`{argument.default}`" if number or (argument.kind is str and argument.default) else ""
    if argument.positional and argument.kind is not list:
        default = "**required**"
    text = (argument.help or "").replace("|", "\\|")
    return f"| {shown} | {KINDS[argument.kind]} | {default} | {text} |"


if __name__ == "__main__":
    print(commands_reference(), end="")
