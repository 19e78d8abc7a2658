"""`fab remove`; tests/hosts tries it on a real server, with a certificate and a second app."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

import tasks.operations
import tasks.remove
from selvedge.engine.fleet import Fleet
from selvedge.engine.script import script
from selvedge.errors import SelvedgeError, UsageError
from selvedge.shell.library import call
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

    def test_the_exporters_lose_the_group_before_it_is_deleted(self, fake: Callable[..., Fake]) -> None:
        found = fake("one")
        server = found.servers["one"]
        live(server, OLD)
        for name in ("systemctl", "supervisorctl", "userdel"):
            server.program(name, f'echo "{name} $*" >>/var/lib/asked')
        server.program("getent", '[ "$*" = "passwd hello" ] && ! grep -qs userdel /var/lib/asked')
        folder = server.path("/etc/systemd/system/prometheus-redis-exporter.service.d")
        folder.mkdir(parents=True)
        for name in ("hello", "shop"):
            (folder / f"60-{name}.conf").write_text(f"[Service]\nSupplementaryGroups={name}\n")
        tasks.remove.remove.operate(found.run, yes=True, data=True)
        assert [path.name for path in folder.iterdir()] == ["60-shop.conf"]
        asked = server.path("/var/lib/asked").read_text()
        restart = asked.index("systemctl daemon-reload\nsystemctl -q try-restart prometheus-redis-exporter.service")
        assert restart < asked.index("userdel hello") and "postgres-exporter" not in asked

    def test_the_log_the_copies_and_the_metrics_of_the_app_are_deleted_with_its_data(self, fake: Callable[..., Fake]) -> None:
        found = fake("one")
        server = found.servers["one"]
        live(server, OLD)
        for name in ("systemctl", "supervisorctl", "userdel"):
            server.program(name, f'echo "{name} $*" >>/var/lib/asked')
        copies, socket = "/var/backups/selvedge/etc/nginx/sites-available", "/etc/systemd/system/selvedge-metrics-private.socket"
        time_ = "20261130T030000Z"
        own = ("/var/log/selvedge/hello.log", "/var/log/selvedge/hello.log-20260101.gz", "/var/log/selvedge/hello.balancer.log")
        units = f"/var/backups/selvedge/etc/systemd/system/hello.0123456789ab-012345.service.{time_}"
        own += (f"{copies}/hello.{time_}", f"{copies}/hello.balancer.{time_}", units, f"{socket}.d/60-hello.conf")
        others = ("/var/log/selvedge/hello-2.log", f"{copies}/hello-2.{time_}", f"{socket}.d/60-shop.conf", socket)
        for path in (*own, *others):
            server.path(path).parent.mkdir(parents=True, exist_ok=True)
            server.path(path).write_text("text")
        tasks.remove.remove.operate(found.run, yes=True)
        assert not server.path(own[-1]).exists() and all(server.path(path).exists() for path in own[:-1])
        assert "restart selvedge-metrics-private.socket" in server.path("/var/lib/asked").read_text()
        tasks.remove.remove.operate(found.run, yes=True, data=True)
        assert [path for path in own if server.path(path).exists()] == []
        assert [path for path in others if not server.path(path).exists()] == []

    @pytest.mark.parametrize("data", [False, True])
    def test_processes_of_the_apps_user_that_are_no_release_are_named_first(self, fake: Callable[..., Fake], data: bool) -> None:
        found = fake("one")
        server = found.servers["one"]
        live(server, OLD)
        server.path(f"/srv/hello/instances/{OLD}").mkdir(parents=True, exist_ok=True)
        # The two cases run at the same time, on one machine.
        uid = 54321 + data
        server.program("id", f'[ "$*" = "-u hello" ] && echo {uid}')
        before = server.tree("/srv")
        command = ["setpriv", f"--reuid={uid}", "--clear-groups", "sh", "-c", "sleep 300 & : hunter2; sleep 302"]
        process = subprocess.Popen(command, start_new_session=True)
        try:
            time.sleep(0.3)
            server.program("supervisorctl", "echo 0")
            with pytest.raises(SelvedgeError) as caught:
                tasks.remove.remove.operate(found.run, yes=True, data=data)
            said = str(caught.value)
            assert "Other processes of the user hello run on this server, so nothing was removed: " in said
            assert f"sh (pid {process.pid})" in said and "sleep (pid " in said and "sudo kill" in said
            assert "hunter2" not in said + found.text
            # The history has the failed run.
            assert set(server.tree("/srv")) - set(before) == {"srv/hello/history"}
            # A release's own processes, and all that they have started, do not count.
            server.program("supervisorctl", f'[ "$1" = pid ] && echo {process.pid} || :')
            done = server.run(script(call("remove_strangers", given=found.run.fleet.sessions[0].target.shell_values)))
            assert done.stdout == b""
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

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
