"""`fab status`: the renewal that it asks about."""

from __future__ import annotations

from typing import Any

import pytest

from selvedge.operations.support.host_status import status_query


class TestStatus:
    @pytest.mark.parametrize(
        ("origin", "unit"), [("apt", "certbot"), ("snap", "snap.certbot.renew"), ("pip", "selvedge-certbot")]
    )
    def test_the_renewal_belongs_to_the_installed_certbot(self, target: Any, origin: str, unit: str) -> None:
        app = target(domains=["a.test"], tls={"certbot": origin})
        assert f"status_certificate /etc/letsencrypt/live/hello/fullchain.pem {unit}.service a.test" in status_query(app)
