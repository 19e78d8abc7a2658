"""A connection through `fab tunnel` that ends with its SSH connection."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any, cast

import pytest

from selvedge.operations.tunnel import Tunnel


@pytest.mark.parametrize(("ended", "said"), [(False, 1), (True, 0)])
def test_only_a_lost_connection_is_an_error(ended: bool, said: int) -> None:
    printed: list[Any] = []
    link = SimpleNamespace(carry=lambda _local: False, is_lost=True)
    tunnel: Any = SimpleNamespace(
        _name="web", _links=SimpleNamespace(ended=ended), _open=lambda: link, _print=printed.append, _error=""
    )
    with socket.socket() as local:
        Tunnel.serve(cast(Tunnel, tunnel), local)
    assert len(printed) == said
