"""The site of a balancer, as `fab status` reads it on the server."""

from __future__ import annotations

import pytest

from tests.hosts.scripts.server import Server
from tests.support.libraries import functions

VALUES = "app=hello.balancer site_enabled=/etc/nginx/sites-enabled/hello.balancer site_login=/none site_host=lb.test health=/up"


@pytest.mark.parametrize(("enabled", "answer", "fact"), [
    (False, "HTTP/1.1 200 OK\\r\\n", "balancer no"),
    (True, "HTTP/1.1 200 OK\\r\\n", "balancer yes 200"),
    (True, "HTTP/1.1 503 x\\r\\n", "balancer yes 503"),
    (True, "", "balancer yes 0"),
])  # fmt: skip
def test_one_request_through_the_balancers_site(server: Server, enabled: bool, answer: str, fact: str) -> None:
    site = server.path("/etc/nginx/sites-enabled/hello.balancer")
    site.parent.mkdir(parents=True)
    if enabled:
        site.write_text("server {\n    listen 8080;\n}\n")
    server.program("curl", f"echo \"$*\" >>/var/log/asked; printf '{answer}'")
    done = server.run(f"{functions('status')}\n{VALUES} health_timeout=1\nstatus_balancer")
    assert done.stdout.decode().strip() == fact
    asked = server.path("/var/log/asked")
    assert asked.exists() is enabled
    assert not enabled or asked.read_text().strip().endswith("-- http://lb.test:8080/up")
