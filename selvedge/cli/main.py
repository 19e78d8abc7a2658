"""The command line of the program `selvedge`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from selvedge.errors import SelvedgeError, UsageError
from selvedge.report.text import printable
from selvedge.version import VERSION


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    program = argparse.ArgumentParser(prog="selvedge", description="Put a FastAPI app on your own Linux servers.")
    program.add_argument("--version", action="version", version=f"selvedge-deploy {VERSION}")
    program.add_argument("--debug", action="store_true", help="Print Python's traceback of an error, too.")
    commands = program.add_subparsers(dest="command", metavar="COMMAND", required=True)
    init = commands.add_parser("init", help="Write hosts.toml, fabfile.py and fabric.yaml into the app's repository.")
    init.add_argument("--address", help="The server's host name or IP address.")
    init.add_argument("--user", help="The user that can log in to it now (default: root).")
    init.add_argument("--domain", help="The app's domain, for HTTPS.")
    init.add_argument("--module", help="The ASGI app, e.g. app.main:app. By default it is found.")
    init.add_argument("--yes", action="store_true", help="Ask nothing.")
    eject = commands.add_parser("eject", help="Copy tasks or templates of Selvedge into the project, to edit them there.")
    eject.add_argument("name", nargs="*", help="A task or template, e.g. nginx or nginx/site.conf.j2. Without it: list them.")
    upgrade = commands.add_parser("upgrade", help="Merge the changes of a new version into the files that eject copied.")
    upgrade.add_argument("--markers", action="store_true", help="Write conflicts into the files, to be resolved there.")
    upgrade.add_argument("--yes", action="store_true", help="Write without asking.")
    return program


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program. Return its exit status: 0, 1 if it failed, 2 for wrong usage."""
    options = parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    try:
        _run(options)
    except (SelvedgeError, OSError) as error:
        if options.debug:
            raise
        failure = error if isinstance(error, SelvedgeError) else _of_the_system(error)
        print(printable("\n".join(filter(None, (failure.message, failure.remedy)))), file=sys.stderr)
        return failure.status
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again.", file=sys.stderr)
        return 1
    return 0


def _of_the_system(error: OSError) -> SelvedgeError:
    """Return the error for a file that cannot be read, or an output that cannot be written."""
    if error.filename is None and sys.stdout:
        _end_output()
        return SelvedgeError(f"The output cannot be written: {error.strerror or error}.", "Run the same command again.")
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(error.filename)
    return SelvedgeError(f"{name}: {error.strerror or error}.", "Correct that, then run the same command again.")


def _say(text: str) -> None:
    """Print a text. The work continues if the reader has ended, as in `selvedge init | head`."""
    try:
        print(printable(text), flush=True)
    except BrokenPipeError:
        _end_output()


def _end_output() -> None:
    """Discard further output, also the rest that Python writes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _here() -> Path:
    """Return the working directory. Raises UsageError if it was deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("The folder that you are in was deleted.", "Change to your project's folder: `cd …`.") from None


def _run(options: argparse.Namespace) -> None:
    """Load only what the command needs."""
    here = _here()
    if options.command == "init":
        from selvedge.cli.init import Options, init

        given = {key: getattr(options, key) for key in ("address", "user", "domain", "module")}
        init(here, Options(given, yes=options.yes), _say)
    elif options.command == "eject":
        from selvedge.cli.eject import eject

        eject(here, options.name, _say)
    else:
        from selvedge.cli.upgrade import upgrade

        upgrade(here, markers=options.markers, confirm=lambda: options.yes or _confirmed(), say=_say)


def _confirmed() -> bool:
    """Ask whether to write the changes. Raises UsageError where no one can answer."""
    if not sys.stdin.isatty():
        raise UsageError("Nothing was changed, because no one can confirm it here.", "Write the changes: `selvedge upgrade --yes`.")
    try:
        answer = input("Write these changes? [y/N] ").strip().lower()
    except EOFError:
        answer = ""
    if answer not in ("y", "yes"):
        print("Nothing was changed.")
    return answer in ("y", "yes")
