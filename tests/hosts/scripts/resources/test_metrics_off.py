"""Parts of the metrics that a server no longer needs, for one app or for the last one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.resources.base import Resource
from selvedge.resources.files import File
from selvedge.resources.metrics import MetricsRemoved
from selvedge.resources.metrics_off import (
    ExporterRemoved,
    FormerMonitorsShutOut,
    OwnPrometheusOff,
    PrivateSocketRemoved,
)
from tests.support.declared import of

UNITS = "/etc/systemd/system"
SOCKET = f"{UNITS}/selvedge-metrics-private.socket"
REDIS = "prometheus-redis-exporter"
TWO = {"hosts": {"monitor": {"address": "10.0.0.1"}}, "metrics": {"enabled": True, "server": "monitor"}}
OWN = {"metrics": {"enabled": True}, "services": {"redis": True}}


@pytest.fixture(autouse=True)
def _programs(server: Any) -> None:
    """systemd and apt, which note what they are asked. Every unit is off."""
    server.program("systemctl", 'echo "$*" >>/var/log/asked\ncase $* in *is-active* | *is-enabled*) exit 1 ;; esac')
    server.program("apt-get", 'echo "$*" >>/var/log/asked\ncase $* in *-s*remove*) echo "Remv $4 [1]" ;; esac')
    server.program("dpkg-query", "echo installed")
    server.program("getent", "exit 2")


def asked(server: Any) -> str:
    path = server.path("/var/log/asked")
    return str(path.read_text()) if path.exists() else ""


def written(server: Any, app: Target, *parts: str) -> None:
    """Write the files of the step whose paths contain one of the parts."""
    for each in of("metrics", app, File):
        if any(part in each.path for part in parts):
            server.path(each.path).parent.mkdir(parents=True, exist_ok=True)
            server.path(each.path).write_text(each.text)


def installed(server: Any, *packages: str) -> None:
    server.path("/var/lib/selvedge").mkdir(parents=True, exist_ok=True)
    server.path("/var/lib/selvedge/metrics-packages").write_text("".join(f"{each}\n" for each in packages))
    server.path("/var/lib/dpkg/info").mkdir(parents=True, exist_ok=True)
    for each in packages:
        server.path(f"/var/lib/dpkg/info/{each}.list").touch()


def files(server: Any, folder: str = UNITS) -> list[str]:
    return sorted(str(each.relative_to(server.path(folder))) for each in server.path(folder).rglob("*") if each.is_file())


def test_the_socket_is_removed_with_the_last_app_that_needs_it(server: Any, target: Callable[..., Target]) -> None:
    for name in ("hello", "shop"):
        written(server, target(name=name, **TWO), "private")
    drop_ins = [f"selvedge-metrics-private.socket.d/60-{name}.conf" for name in ("hello", "shop")]
    units = ["selvedge-metrics-private.service", "selvedge-metrics-private.socket"]
    assert files(server) == [*units, *drop_ins]
    server.make(PrivateSocketRemoved("hello"))
    assert files(server) == [*units, drop_ins[1]] and "restart selvedge-metrics-private.socket" in asked(server)
    server.make(PrivateSocketRemoved("shop"))
    assert files(server) == [] and "disable --now selvedge-metrics-private.socket" in asked(server)


def test_the_firewall_knows_the_monitors_of_the_other_apps(server: Any, target: Callable[..., Target]) -> None:
    rule = "### tuple ### allow tcp 9180 0.0.0.0/0 any 10.0.0.1 in comment="
    server.path("/etc/ufw").mkdir(parents=True)
    server.path("/etc/ufw/user.rules").write_text(f"{rule}{b'selvedge-hello'.hex()}\n")
    for name in ("hello", "shop"):
        written(server, target(name=name, **TWO), "private")
    assert server.plan(FormerMonitorsShutOut(9180, "hello", "")).changes == []
    server.make(PrivateSocketRemoved("shop"))
    ((_, change),) = server.plan(FormerMonitorsShutOut(9180, "hello", "")).changes
    assert change.shell == "firewall_close_to 10.0.0.1 9180"


def test_an_exporter_is_removed_with_the_last_app_that_needs_it(server: Any, target: Callable[..., Target]) -> None:
    installed(server, REDIS)
    for name in ("hello", "shop"):
        written(server, target(name=name, **OWN), f"{REDIS}.service.d")
    server.make(ExporterRemoved(REDIS, "hello"))
    assert files(server) == [f"{REDIS}.service.d/50-selvedge.conf", f"{REDIS}.service.d/60-shop.conf"]
    assert f"restart {REDIS}" in asked(server) and "remove" not in asked(server)
    server.apply(server.plan(ExporterRemoved(REDIS, "shop")))
    assert files(server) == [] and f"remove {REDIS}\n" in asked(server)


def test_the_own_prometheus_is_turned_off_unless_another_app_needs_it(server: Any, target: Callable[..., Target]) -> None:
    installed(server, "prometheus")
    app: Target = target(**OWN)
    written(server, app, "alerts", "/prometheus.service.d/")
    folder = server.path("/etc/selvedge/metrics/targets")
    folder.mkdir(parents=True)
    (folder / "shop.json").write_text("[]")
    off: Resource = OwnPrometheusOff("hello")
    assert server.plan(off).changes == []
    (folder / "shop.json").unlink()
    server.make(off)
    assert files(server) == ["prometheus.service.d/50-selvedge.conf"]
    assert "disable --now prometheus.service" in asked(server) and "disable --now selvedge-alerts.timer" in asked(server)


def test_fab_metrics_remove_closes_the_socket_for_this_app_only(server: Any, target: Callable[..., Target]) -> None:
    for name in ("hello", "shop"):
        app = target(name=name, **TWO)
        written(server, app, "private")
        server.path("/etc/selvedge/metrics/apps").mkdir(parents=True, exist_ok=True)
        server.path(f"/etc/selvedge/metrics/apps/{name}.sh").touch()
    server.make(MetricsRemoved(target(**TWO)))
    assert "selvedge-metrics-private.socket.d/60-shop.conf" in files(server)
    assert "selvedge-metrics-private.socket.d/60-hello.conf" not in files(server)


@pytest.mark.parametrize("other", [OWN, {"metrics": {"enabled": True}}], ids=["needs it", "does not"])
def test_fab_metrics_remove_takes_the_app_from_the_exporter(
    server: Any, target: Callable[..., Target], other: dict[str, Any]
) -> None:
    installed(server, REDIS)
    for name, settings in (("hello", OWN), ("shop", other)):
        written(server, target(name=name, **settings), f"{REDIS}.service.d")
        server.path("/etc/selvedge/metrics/apps").mkdir(parents=True, exist_ok=True)
        server.path(f"/etc/selvedge/metrics/apps/{name}.sh").touch()
    server.make(MetricsRemoved(target(**OWN)))
    if other is OWN:
        assert files(server) == [f"{REDIS}.service.d/50-selvedge.conf", f"{REDIS}.service.d/60-shop.conf"]
        assert f"daemon-reload\nrestart {REDIS}\n" in asked(server)
    else:
        assert files(server) == [] and f"remove {REDIS}\n" in asked(server)
