"""The responses that nginx has kept, at a switch."""

from __future__ import annotations

from tests.hosts.scripts.server import Server
from tests.support.libraries import functions
from tests.support.releases import NEW, OLD


def test_a_release_that_was_live_before_begins_without_responses(server: Server) -> None:
    cache = server.path("/var/lib/nginx/cache-hello")
    for name, release in (("a/1", NEW), ("a/2", OLD), ("b/3", NEW)):
        (cache / name).parent.mkdir(parents=True, exist_ok=True)
        (cache / name).write_bytes(b"\x05\0\0" + f"\nKEY: {release} GET http://x/ /\nHTTP/1.1 200 OK\r\n\r\n".encode())
    script = f"{functions('switch')}\nnew={NEW}\n"
    assert server.run(f"{script}site_cache=/var/lib/nginx/cache-hello\nswitch_forget").stdout == b""
    assert [each.name for each in cache.rglob("*") if each.is_file()] == ["2"]
    assert server.run(f"{script}site_cache=/var/lib/nginx/none\nswitch_forget").returncode == 0
