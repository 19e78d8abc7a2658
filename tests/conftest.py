"""What holds for all tests: none of the settings or servers of whoever runs them."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

# Modules that tests share assert, too.
pytest.register_assert_rewrite("tests.support", "tests.hosts.scripts")

# A busy machine is no fault of the code that is tested.
settings.register_profile("calm", deadline=None)
settings.load_profile("calm")


def pytest_configure(config: pytest.Config) -> None:
    """Forget the variables that Selvedge reads; servers of the user's own sandbox are out of sight, and safe."""
    for name in [name for name in os.environ if name.startswith("SELVEDGE_")]:
        del os.environ[name]
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # A shell's background job ignores Ctrl-C, and what it starts would, too: the tests that press it wait in vain.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["SELVEDGE_SANDBOX_DIR"] = str(config.rootpath / "tests" / "no-sandbox")
