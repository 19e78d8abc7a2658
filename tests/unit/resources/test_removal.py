"""An app that is removed from a server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from selvedge.config.target import Target
from selvedge.operations.remove import Removed
from tests.support.tables import check

KEPT = "remove hello from the server, /srv/hello/shared and /var/log/hello stay"
ALL = "remove hello from the server, with all that it has written"


@pytest.mark.parametrize(
    ("data", "fact", "summary", "shell"),
    [
        (False, "", None, ""),
        (False, "/srv/hello/live.sock\n", KEPT, "app=hello\nbase=/srv/hello\ndata=''\nremove_app"),
        (True, "", None, ""),
        (True, "/srv/hello\nuser hello\n", ALL, "app=hello\nbase=/srv/hello\ndata=1\nremove_app"),
    ],
)
def test_removed_app(target: Callable[..., Target], data: bool, fact: str, summary: str | None, shell: str) -> None:
    check(Removed(target(), data), fact, summary, shell)


def test_the_diff_lists_what_is_removed(target: Callable[..., Target]) -> None:
    change = Removed(target(), True).plan("/srv/hello\nuser hello\n")
    assert change and change.diff == "-/srv/hello\n-user hello"
