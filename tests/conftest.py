"""All tests run without the settings and servers of the user who runs them."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

# Shared modules contain assertions, too.
pytest.register_assert_rewrite("tests.support", "tests.hosts.scripts")

# On a busy machine, correct code may be slow. Each run has other examples; `make test-all` has more (tools/tests.py).
settings.register_profile("short", deadline=None, max_examples=20)
settings.register_profile("long", deadline=None, max_examples=100)
settings.load_profile("short")


def pytest_configure(config: pytest.Config) -> None:
    """Delete the variables that Selvedge reads, and hide the user's own sandbox."""
    for name in [name for name in os.environ if name.startswith("SELVEDGE_")]:
        del os.environ[name]
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # A background job of a shell ignores Ctrl-C, and so do its children: tests that press it would hang.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["SELVEDGE_SANDBOX_DIR"] = str(config.rootpath / "tests" / "no-sandbox")
