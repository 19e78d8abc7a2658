"""The start of a run: its streams, and how it gets faster. The figures: nothing to change, 336 ms (`python -m bench tricks`)."""

from __future__ import annotations

import atexit
import gc
import os
import sys


def open_closed_streams() -> None:
    """Connect standard input, output and error to /dev/null where the caller has closed them, as in `fab deploy >&-`.

    Otherwise a connection would get the free number, and a command on this machine would print into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, os.O_RDWR)
            if handle != number:
                os.dup2(handle, number)
                os.close(handle)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def keep_compiled_modules() -> None:
    """Let Python write compiled modules: compiling the hundred modules of a run again takes 51 ms.

    Invoke switches this off (its --write-pyc), for tasks that are a single file. Python's own -B and
    PYTHONDONTWRITEBYTECODE still hold.
    """
    sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)


def stop_collecting_garbage() -> None:
    """Turn garbage collection off while modules load, and at exit: 7 ms for a search that finds nothing."""
    gc.disable()
    atexit.register(gc.freeze)


def collect_garbage() -> None:
    """Turn garbage collection on again, for objects made from now on.

    A run makes few cycles of objects, so a collection after 50,000 new objects is soon enough.
    """
    gc.freeze()
    gc.set_threshold(50_000)
    gc.enable()
