"""The command line of the program `selvedge`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from selvedge.version import VERSION


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    program = argparse.ArgumentParser(prog="selvedge", description="Put a FastAPI app on your own Linux servers.")
    program.add_argument("--version", action="version", version=f"selvedge-deploy {VERSION}")
    return program


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program. Return its exit status: 0, 1 if it failed, 2 for wrong usage."""
    parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    return 0
