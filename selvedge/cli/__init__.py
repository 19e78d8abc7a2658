"""The program `selvedge`: it writes the files of a project, and brings them up to date. The tasks are `fab`'s."""

from selvedge.cli.main import main

__all__ = ["main"]
