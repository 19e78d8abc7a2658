"""Apps that do not start, crash or answer wrongly, by name, with what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from drills import HEALTH, at_start, insert
from refusals import Fault

TIMER = "import os, threading; threading.Timer(2, os._exit, [7]).start()"


def first_line(text: str) -> Callable[[Path], object]:
    return insert('"""A small FastAPI app', f"{text}\n")


def last_line(text: str) -> Callable[[Path], object]:
    def change(app: Path) -> None:
        with (app / "main.py").open("a") as main:
            main.write(f"\n{text}\n")

    return change


def setting(line: str) -> Callable[[Path], object]:
    def change(app: Path) -> None:
        file = app / "settings.py"
        file.write_text(file.read_text().replace("    greeting: str", f"    {line}\n    greeting: str", 1))

    return change


FAULTS = {
    "syntax error": Fault(first_line("def broken(:"), ["SyntaxError", "main.py", "line 1"]),
    "import that ends the process": Fault(first_line("raise SystemExit(3)"), ["The app exits while it is imported"]),
    "health redirects": Fault(
        insert(HEALTH, "    from fastapi.responses import RedirectResponse\n    return RedirectResponse('/')\n"),
        ["answered 307", "accepted: 200-299"],
        {"health_status": ["200-299"], "health_attempts": 5},
    ),
    "missing module": Fault(first_line("import nosuchmodule"), ["No module named 'nosuchmodule'"]),
    "import that hangs": Fault(
        first_line("import time; time.sleep(600)"),
        ["The import of main:app did not end within 15 s"],
        {"start_timeout": 15},
    ),
    "attribute missing": Fault(last_line("application = app\ndel app"), ["The module main has no attribute app"]),
    "no ASGI app": Fault(last_line("app = 'not an app'"), ["main:app is not an ASGI app"]),
    "lifespan raises": Fault(at_start("raise RuntimeError('no warehouse')"), ["start-up code (its lifespan) failed"]),
    "health 500": Fault(
        insert(HEALTH, "    raise RuntimeError('ill')\n"),
        ["GET /health (Host: localhost)", "answered 500", "accepted: 200-399"],
        {"health_attempts": 12},
    ),
    "health too slow": Fault(
        insert(HEALTH, "    import time; time.sleep(5)\n"),
        ["GET /health (Host: localhost) on the new release got no answer", "within 25 s of its start (app.start_timeout)"],
        {"start_timeout": 25, "health_timeout": 1.0},
    ),
    # The process may crash while it answers a request.
    "crash after two seconds": Fault(at_start(TIMER), ["exited before it had settled (app.settle: 4 s)"], {"settle": 4.0}, lost=1),
    "ends itself": Fault(
        at_start("import os; os._exit(9)"), ["processes of the new release exited", "times while it started"]
    ),
    # The gate loads the settings before it starts a process.
    "missing variable": Fault(
        setting("payment_key: str\n    retries: int = 3"),
        ["PAYMENT_KEY (missing); RETRIES: Input should be a valid integer", "app.env_file"],
        {"env_file": "production.env", "migrate": None, "settings": "settings:Settings"},
        started=False,
    ),
    # Selvedge finds the class by its name, so only the app itself decides.
    "missing variable of a class that was found": Fault(
        setting("payment_key: str"),
        ["PAYMENT_KEY (missing)", "app.env_file"],
        {"env_file": "production.env", "migrate": None},
    ),
    "start that takes longer than the gate waits": Fault(
        at_start("import asyncio; await asyncio.sleep(600)"),
        ["The app's start-up code (its lifespan) did not end within 12 s", "app.start_timeout"],
        {"start_timeout": 12, "health_timeout": 1.0, "stop_timeout": 1},
    ),
}
MANAGED = ["import that hangs", "lifespan raises", "health too slow", "crash after two seconds", "ends itself"]
"""The faults that the process manager notices."""
