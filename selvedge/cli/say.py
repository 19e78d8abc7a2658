"""The type of the function with which a command of `selvedge` prints."""

from collections.abc import Callable

Say = Callable[[str], None]
