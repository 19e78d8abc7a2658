"""`fab remove`; tests/hosts tries it on a real server, with a certificate and a second app."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

import tasks.operations
import tasks.remove
from selvedge.engine.fleet import Fleet
from selvedge.errors import SelvedgeError, UsageError
from tests.hosts.scripts.operations.fakes import Fake, live
from tests.support.releases import OLD


class TestRemove:
    @pytest.fixture(autouse=True)
    @staticmethod
    def no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Fleet, "lock", lambda *_: False)

    def test_nothing_happens_without_yes(self, fake: Callable[..., Fake]) -> None:
        found = fake("one")
        live(found.servers["one"], OLD)
        before = found.servers["one"].tree("/srv")
        with pytest.raises(UsageError, match="--dry-run"):
            tasks.remove.remove.operate(found.run)
        tasks.remove.remove.operate(found.run, dry_run=True)
        assert "-/srv/hello/live.sock" in found.text and "keep /srv/hello/shared and /var/log/hello" in found.text
        assert found.servers["one"].tree("/srv") == before

    def test_data_of_the_app_stays_without_the_flag(self, fake: Callable[..., Fake]) -> None:
        found = fake("one")
        server = found.servers["one"]
        live(server, OLD)
        for name in ("nginx", "systemctl", "supervisorctl", "userdel"):
            server.program(name, f'echo "{name} $*" >>/var/lib/asked')
        server.path(f"/srv/hello/instances/{OLD}").mkdir(parents=True, exist_ok=True)
        site, theirs = "/etc/nginx/sites-enabled/hello", "/srv/other/shared/upload"
        for path in ("/srv/hello/shared/upload", "/var/log/hello/old.log", site, theirs):
            server.path(path).parent.mkdir(parents=True, exist_ok=True)
            server.path(path).write_text("text")
        tasks.remove.remove.operate(found.run, yes=True)
        assert sorted(path.name for path in server.path("/srv/hello").iterdir()) == ["history", "shared"]
        assert f"\tremove\t{OLD}\t-\tgood\n" in server.path("/srv/hello/history").read_text()
        assert not server.path(site).exists()
        asked = server.path("/var/lib/asked").read_text()
        assert asked.index("nginx -t") < asked.index("systemctl reload nginx") < asked.index("supervisorctl")
        assert server.path("/var/log/hello/old.log").exists() and "userdel" not in asked
        tasks.remove.remove.operate(found.run, yes=True, data=True)
        assert not server.path("/srv/hello").exists() and not server.path("/var/log/hello").exists()
        assert server.path(theirs).exists()

    def test_the_site_is_restored_if_nginx_fails_without_it(self, fake: Callable[..., Fake]) -> None:
        found = fake("one")
        server = found.servers["one"]
        live(server, OLD)
        server.path("/etc/nginx/sites-enabled").mkdir(parents=True)
        server.path("/etc/nginx/sites-enabled/hello").write_text("site")
        server.program("nginx", "echo 'nginx: [emerg] no such zone' >&2; exit 1")
        with pytest.raises(SelvedgeError, match="no such zone"):
            tasks.remove.remove.operate(found.run, yes=True)
        assert server.path("/etc/nginx/sites-enabled/hello").read_text() == "site"
        assert os.path.lexists(server.path("/srv/hello/live.sock"))
