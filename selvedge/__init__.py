"""Selvedge: a FastAPI app from a git repository to a Debian or Ubuntu server, as a Fabric task runner."""

import atexit
import gc
import sys

# Invoke switches the keeping of compiled modules off (its --write-pyc), for tasks that are a file. Here each run would compile
# a hundred, a tenth of a run with nothing to change; Python's own -B and PYTHONDONTWRITEBYTECODE still hold.
sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)

# A run makes few cycles of objects. To look for them while modules load, and once more at the exit, among all that the
# libraries have made, costs a sixth of a run with nothing to change (`python -m bench nochange`).
gc.set_threshold(50_000)
atexit.register(gc.freeze)

__version__ = "0.1.0"
