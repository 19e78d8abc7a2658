"""An app that is removed from a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from selvedge.config.target import Target
from selvedge.errors import SelvedgeError
from selvedge.operations.remove import NoStrangers, Removed, owned_paths
from selvedge.resources.base import Resource
from selvedge.resources.files import Directory, File, Link
from selvedge.task import Step
from tasks.chains import deploy
from tests.support.declared import SETTINGS
from tests.support.tables import check

OWNED = (
    "/etc/logrotate.d/hello",
    "/etc/logrotate.d/hello.app",
    "/etc/logrotate.d/hello.balancer",
    "/etc/nginx/conf.d/00-log-selvedge-metrics-hello.balancer.conf",
    "/etc/nginx/conf.d/00-log-selvedge-metrics-hello.conf",
    "/etc/nginx/conf.d/00-selvedge-hello.balancer.conf",
    "/etc/nginx/conf.d/00-selvedge-hello.conf",
    "/etc/nginx/selvedge/hello.balancer.html",
    "/etc/nginx/selvedge/hello.balancer.htpasswd",
    "/etc/nginx/selvedge/hello.drained-by-run",
    "/etc/nginx/selvedge/hello.drained.nft",
    "/etc/nginx/selvedge/hello.htpasswd",
    "/etc/nginx/selvedge/metrics/hello.conf",
    "/etc/nginx/sites-available/hello",
    "/etc/nginx/sites-available/hello-tls",
    "/etc/nginx/sites-available/hello.balancer",
    "/etc/nginx/sites-available/hello.balancer-tls",
    "/etc/nginx/sites-enabled/hello",
    "/etc/nginx/sites-enabled/hello-tls",
    "/etc/nginx/sites-enabled/hello.balancer",
    "/etc/nginx/sites-enabled/hello.balancer-tls",
    "/etc/nginx/snippets/hello-http.conf",
    "/etc/nginx/snippets/hello.balancer-http.conf",
    "/etc/nginx/snippets/hello.balancer.conf",
    "/etc/nginx/snippets/hello.balancer.include.conf",
    "/etc/nginx/snippets/hello.conf",
    "/etc/nginx/snippets/hello.include.conf",
    "/etc/selvedge/hello.balancer/acme-ca.pem",
    "/etc/selvedge/hello.balancer/certificate.pem",
    "/etc/selvedge/hello.balancer/dns-credentials",
    "/etc/selvedge/hello.balancer/notify-urls",
    "/etc/selvedge/hello.balancer/notify.json",
    "/etc/selvedge/hello.balancer/site-login",
    "/etc/selvedge/hello/acme-ca.pem",
    "/etc/selvedge/hello/build.env",
    "/etc/selvedge/hello/certificate.pem",
    "/etc/selvedge/hello/database.pem",
    "/etc/selvedge/hello/dns-credentials",
    "/etc/selvedge/hello/notify-urls",
    "/etc/selvedge/hello/notify.json",
    "/etc/selvedge/hello/site-login",
    "/etc/selvedge/metrics/apps/hello.balancer.sh",
    "/etc/selvedge/metrics/apps/hello.sh",
    "/etc/selvedge/metrics/targets/hello.json",
    "/etc/selvedge/redis/hello.conf",
    "/etc/supervisor/conf.d/hello.conf",
    "/etc/systemd/system/docker.service.d/50-selvedge-hello.conf",
    "/etc/systemd/system/docker.service.wants/selvedge-stop.hello.service",
    "/etc/systemd/system/multi-user.target.wants/selvedge-drained.hello.service",
    "/etc/systemd/system/multi-user.target.wants/selvedge-hello-boot.service",
    "/etc/systemd/system/multi-user.target.wants/selvedge-leave.hello.service",
    "/etc/systemd/system/prometheus-postgres-exporter.service.d/60-hello.conf",
    "/etc/systemd/system/prometheus-redis-exporter.service.d/60-hello.conf",
    "/etc/systemd/system/selvedge-drained.hello.service",
    "/etc/systemd/system/selvedge-hello-backup.service",
    "/etc/systemd/system/selvedge-hello-backup.timer",
    "/etc/systemd/system/selvedge-hello-boot.service",
    "/etc/systemd/system/selvedge-hello-rehearsal.service",
    "/etc/systemd/system/selvedge-hello-rehearsal.timer",
    "/etc/systemd/system/selvedge-leave.hello.service",
    "/etc/systemd/system/selvedge-metrics-private.socket.d/60-hello.conf",
    "/etc/systemd/system/selvedge-stop.hello.service",
    "/etc/systemd/system/supervisor.service.d/50-selvedge-hello.conf",
    "/etc/systemd/system/supervisor.service.wants/selvedge-stop.hello.service",
    "/etc/tmpfiles.d/hello.conf",
    "/run/hello",
    "/srv/hello/backup",
    "/srv/hello/current",
    "/srv/hello/deploy_key",
    "/srv/hello/deploy_key.pub",
    "/srv/hello/git_credentials",
    "/srv/hello/git_known_hosts",
    "/srv/hello/images",
    "/srv/hello/instances",
    "/srv/hello/live.sock",
    "/srv/hello/previous.sock",
    "/srv/hello/releases",
    "/srv/hello/repo.git",
    "/srv/hello/stop_processes.py",
    "/srv/hello/timers",
    "/srv/hello/venvs",
    "/var/cache/selvedge/hello",
    "/var/lib/nginx/cache-hello",
    "/var/lib/nginx/cache-hello.balancer",
    "/var/lib/selvedge/loaded/docker-order-hello",
    "/var/lib/selvedge/loaded/nginx-hello",
    "/var/lib/selvedge/loaded/nginx-hello.balancer",
    "/var/lib/selvedge/loaded/nginx-metrics-hello",
    "/var/lib/selvedge/loaded/nginx-tls-hello",
    "/var/lib/selvedge/loaded/nginx-tls-hello.balancer",
    "/var/lib/selvedge/loaded/prometheus-postgres-exporter-hello",
    "/var/lib/selvedge/loaded/prometheus-redis-exporter-hello",
    "/var/lib/selvedge/loaded/selvedge-hello-backup.timer",
    "/var/lib/selvedge/loaded/selvedge-hello-rehearsal.timer",
    "/var/lib/selvedge/loaded/selvedge-leave.hello.service",
    "/var/lib/selvedge/loaded/selvedge-metrics-private.socket-hello",
    "/var/lib/selvedge/loaded/selvedge-redis@hello",
    "/var/lib/selvedge/loaded/selvedge-stop.hello.service",
    "/var/lib/selvedge/loaded/supervisor-order-hello",
    "/var/lib/selvedge/metrics/hello.balancer.prom",
    "/var/lib/selvedge/metrics/hello.prom",
)
KEPT = "remove hello from the server, keep /srv/hello/shared and /var/log/hello"
ALL = "remove hello from the server, with its data and logs"


@pytest.mark.parametrize(
    ("data", "fact", "summary", "shell"),
    [
        (False, "", None, ""),
        (False, "/srv/hello/live.sock\n", KEPT, "app=hello\nbase=/srv/hello\ndata=''\nremove_app /etc/logrotate.d/hello …"),
        (True, "", None, ""),
        (True, "/srv/hello\nuser hello\n", ALL, "app=hello\nbase=/srv/hello\ndata=1\nremove_app /etc/logrotate.d/hello …"),
    ],
)
def test_removed_app(target: Callable[..., Target], data: bool, fact: str, summary: str | None, shell: str) -> None:
    check(Removed(target(), OWNED, data), fact, summary, shell)


def test_the_diff_lists_what_is_removed(target: Callable[..., Target]) -> None:
    change = Removed(target(), OWNED, True).plan("/srv/hello\nuser hello\n")
    assert change and change.diff == "-/srv/hello\n-user hello"


def test_other_databases_of_the_apps_role(target: Callable[..., Target]) -> None:
    """PostgreSQL would refuse to delete the role after everything else was removed."""
    with pytest.raises(SelvedgeError, match="owns the databases reports, old two, too, so nothing was removed") as error:
        Removed(target(), OWNED, True).plan("/srv/hello\nother reports\nother old two\n")
    assert "`sudo -u postgres dropdb reports`" in error.value.remedy


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_paths_of_an_app_are_those_of_its_resources(app: Callable[..., Target], settings: str) -> None:
    """Whatever the settings are now: an earlier release may have had others."""
    units = ("/etc/systemd/system/selvedge-timer-hello.", "/var/lib/selvedge/loaded/selvedge-timer-hello.")
    named = ("/etc/nginx/selvedge/sites/", *units)
    found = [path for path in owned_paths(deploy, app(settings)) if not path.startswith(named)]
    assert tuple(found) == OWNED


def test_a_file_of_a_step_of_your_own_is_removed_with_the_app(target: Callable[..., Target]) -> None:
    def backup(app: Target) -> Iterator[Resource]:
        yield File(f"/etc/cron.d/{app.name}", "x\n")
        yield File("/etc/cron.d/all-apps", "x\n")
        yield Link(f"{app.paths.shared}/link", "/srv")
        yield Directory(f"/data/{app.name}")

    paths = owned_paths(Step(backup, name="backup"), target())
    assert paths == ("/etc/cron.d/hello", "/srv/hello/shared/link")
    assert Removed(target(), paths, data=False)._places() == ("/etc/cron.d/hello", "/srv/hello/live.sock")
    kept = ("/srv/hello", "/var/log/hello", "/var/lib/selvedge-redis/hello")
    everything = ("/etc/cron.d/hello", "/srv/hello/shared/link", "/srv/hello/live.sock", *kept)
    assert Removed(target(), paths, data=True)._places() == everything


@pytest.mark.parametrize("path", ["/srv/hello", "/srv", "/srv/hello/shared", "/srv/hello/history", "/var/log/hello/x", "/var/log"])
def test_without_data_no_path_takes_the_data_with_it(target: Callable[..., Target], path: str) -> None:
    assert Removed(target(), (path,), data=False)._places() == ("/srv/hello/live.sock",)


def test_a_path_with_a_similar_name_is_removed(target: Callable[..., Target]) -> None:
    assert "/srv/hello/shared-cache" in Removed(target(), ("/srv/hello/shared-cache",), data=False)._places()


def test_steps_of_your_own_may_need_the_settings_of_this_app(target: Callable[..., Target], tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")

    def named(app: Target) -> Iterator[Resource]:
        yield File(f"/etc/named-{app.name}", app.domains[0])

    def local(app: Target) -> Iterator[Resource]:
        assert app.repository_path
        yield File(f"/etc/local-{app.name}", (app.repository_path / "a").read_text())

    def this_app_only(app: Target) -> Iterator[Resource]:
        yield File("/etc/shared", "x")
        yield File(f"/etc/{app.name}", str({"hello": 1}[app.name]))

    def steps(_app: Target) -> Iterator[Step]:
        yield from (Step(body, name=body.__name__) for body in (named, local, this_app_only))

    app = target(domains=["a.test"], repository=str(tmp_path))
    assert owned_paths(Step(steps, chain=True, name="all"), app) == ("/etc/local-hello", "/etc/named-hello")


@pytest.mark.parametrize(
    ("fact", "refused"),
    [
        ("\n--- processes\n12 sh\n", ""),
        ("/srv/hello/live.sock\n\n--- processes\n", ""),
        ("/srv/hello\n\n--- processes\n12 sh\n7 tmux: server\n", "nothing was removed: sh (pid 12), tmux: server (pid 7)."),
    ],
)
def test_processes_of_the_apps_user_matter_if_the_app_is_removed(target: Callable[[], Target], fact: str, refused: str) -> None:
    change = NoStrangers(Removed(target(), OWNED, data=False)).plan(fact)
    assert (change is None) == (not refused)
    assert change is None or (refused in change.shell and "`sudo kill 12 7`" in change.remedy)
