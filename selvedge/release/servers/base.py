"""The interface between app servers and the steps. A server's shell functions are in selvedge/shell/lib/<name>.sh."""

from __future__ import annotations

from collections.abc import Callable

from selvedge.config.target import Target
from selvedge.value import Value


class AppServer(Value):
    """An app server, which runs the app in its worker processes.

    script: the template of the script that starts it. modules: what it imports, Python modules of selvedge/shell/server/, and
    templates of such (`.j2`). packages: returns the Python packages that an app needs besides its own requirements.
    notifies: whether it tells systemd when it is ready.
    """

    name: str
    script: str
    modules: tuple[str, ...]
    packages: Callable[[Target], tuple[str, ...]]
    notifies: bool
