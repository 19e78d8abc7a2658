"""The step `metrics`: what listens, what Prometheus asks, and what an app without it does not get."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from selvedge.config.target import Target
from selvedge.errors import UsageError
from selvedge.release import preconditions
from selvedge.resources.access.firewall import Firewall, PortAllowed
from selvedge.resources.files import Absent, Directory, File
from selvedge.resources.metrics import CollectScript, MetricsFree, MetricsInstalled, MetricsRemoved, metrics_targets
from selvedge.resources.nginx.sites import DebianDefaultSiteDisabled
from selvedge.resources.packages import Packages
from tests.support.declared import every, file, of

UNITS = "/etc/systemd/system"
TWO = {"hosts": {"monitor": {"address": "10.0.0.1"}}, "metrics": {"enabled": True, "server": "monitor"}}


def files(settings: Target) -> dict[str, str]:
    return {each.path: each.text for _, each in every(settings) if isinstance(each, File)}


def test_an_app_without_metrics_has_nothing_of_them(app: Callable[..., Target]) -> None:
    settings = app("everything")
    found = files(settings)
    assert not [path for path in found if "prometheus" in path or "/metrics" in path or "selvedge-alerts" in path]
    assert not [path for path, text in found.items() if "selvedge_metrics" in text or "PROMETHEUS_MULTIPROC_DIR" in text]
    assert "location = \"/metrics\"" not in found["/etc/nginx/snippets/hello.conf"]


def test_every_program_listens_on_loopback_before_its_package_is_there(app: Callable[..., Target]) -> None:
    settings = app("metrics")
    resources = [each for name, each in every(settings) if name == "metrics"]
    install = next(index for index, each in enumerate(resources) if isinstance(each, MetricsInstalled))
    packages = resources[install].names  # type: ignore[attr-defined]
    assert packages == (
        "prometheus", "prometheus-node-exporter", "prometheus-nginx-exporter", "mtail", "prometheus-postgres-exporter",
        "prometheus-redis-exporter",
    )  # fmt: skip
    before = {each.path: each.text for each in resources[:install] if isinstance(each, File)}
    for package in packages:
        text = before[f"{UNITS}/{package}.service.d/50-selvedge.conf"]
        assert "\nExecStart=\nExecStart=/usr/bin/" in text
        assert re.search(r"--(web\.listen-address=127\.0\.0\.1:\d+|address 127\.0\.0\.1)\b", text), text
    assert "listen 127.0.0.1:9180;" in before["/etc/nginx/conf.d/selvedge-metrics.conf"]


def test_prometheus_asks_the_app_through_its_live_socket(app: Callable[..., Target]) -> None:
    text = file("metrics", app("metrics"), "/etc/nginx/selvedge/metrics/hello.conf").text
    assert "proxy_pass http://unix:/srv/hello/live.sock:/metrics;" in text
    assert "proxy_set_header Host a.test;" in text and "location = /app/hello/mounted {" in text


def test_visitors_get_no_metrics(app: Callable[..., Target]) -> None:
    text = file("nginx", app("metrics"), "/etc/nginx/snippets/hello.conf").text
    assert 'location = "/metrics" { return 404; } # [metrics]\nlocation ^~ "/metrics/" { return 404; } # [metrics]\n' in text
    public = app("nothing set", metrics={"enabled": True, "public": True})
    assert "return 404; } # [metrics]" not in file("nginx", public, "/etc/nginx/snippets/hello.conf").text
    below = app("nothing set", metrics={"enabled": True}, nginx={"path": "/api"})
    assert 'location = "/api/metrics" { return 404; }' in file("nginx", below, below.location_file).text
    routes = {"nginx": {"path": "/api", "strip_path": False}, "health": "/api/health"}
    outside = app("nothing set", metrics={"enabled": True}, **routes)
    assert "return 404; } # [metrics]" not in file("nginx", outside, outside.location_file).text
    inside = app("nothing set", metrics={"enabled": True, "path": "/api/metrics/"}, **routes)
    assert 'location = "/api/metrics" { return 404; }' in file("nginx", inside, inside.location_file).text


def test_nginx_reads_the_format_of_the_log_before_the_sites(app: Callable[..., Target]) -> None:
    for name in ("domains", "a path", "a path by address", "a backend that balances"):
        settings = app(name, metrics={"enabled": True})
        texts = {path: text for path, text in files(settings).items() if path.startswith("/etc/nginx/conf.d/")}
        for site in filter(None, (settings, settings.balancer_site)):
            (path,) = (path for path, text in texts.items() if f"log_format selvedge_metrics_{site.nginx_id} " in text)
            assert path == site.paths.metrics_format and path < min(path for path in texts if "/00-log" not in path)
            assert path < site.paths.path_site < site.paths.site_enabled


def test_a_change_that_opens_the_metrics_to_visitors_says_so(app: Callable[..., Target]) -> None:
    path = "/etc/nginx/snippets/hello.conf"
    closed, opened = (file("nginx", app("domains", metrics={"enabled": on}), path) for on in (True, False))
    fact = "file 644 root root\n0\n"
    change = opened.plan(f"{fact}{closed.text}")
    assert change and change.summary == f"write {path}, which opens the path of the app's metrics to visitors"
    for found in (closed.plan(f"{fact}{opened.text}"), closed.plan(f"{fact}{closed.text}x\n")):
        assert found and found.summary == f"write {path}"


def test_the_lines_of_the_metrics_can_be_deleted_from_a_site(app: Callable[..., Target]) -> None:
    for name in ("domains", "a path"):
        with_metrics, without = app(name, metrics={"enabled": True}), app(name)
        for path in (f"/etc/nginx/snippets/{without.name}.conf", without.paths.site, without.location_file):
            texts = files(with_metrics).get(path), files(without).get(path)
            if texts[0] is not None and texts[1] is not None:
                lines = [line for line in texts[0].split("\n") if not line.endswith("# [metrics]")]
                assert "\n".join(lines) == texts[1]


def test_one_server_asks_the_others(app: Callable[..., Target]) -> None:
    settings = app("nothing set", **TWO)
    found = files(settings)
    assert not [path for path in found if "/prometheus.service.d/" in path or "alerts" in path or "/targets/" in path]
    own = "ListenStream=203.0.113.10:9180\nIPAddressAllow=10.0.0.1\n"
    assert own in found[f"{UNITS}/selvedge-metrics-private.socket.d/60-hello.conf"]
    unit = found[f"{UNITS}/selvedge-metrics-private.socket"]
    assert "IPAddressDeny=any\n" in unit and "IPAddressAllow" not in unit and "ListenStream" not in unit
    assert of("harden", settings, Firewall)[0].inner == (("10.0.0.1", 9180),)
    assert of("metrics", settings, PortAllowed)[0].sources == ("10.0.0.1",)
    kinds = [type(each) for name, each in every(settings) if name == "metrics"]
    assert kinds.index(PortAllowed) < min(kinds.index(File), kinds.index(Directory)), "a refusal after the first change"
    other = settings.model_copy(update={"host": settings.host.model_copy(update={"name": "w", "private_address": "10.0.0.2"})})
    monitor = app("nothing set", metrics={"enabled": True}).model_copy(update={"asked": {"w": other}})
    groups = json.loads(metrics_targets(monitor))
    assert {(each["targets"][0], each["labels"]["instance"]) for each in groups} == {
        ("127.0.0.1:9090", "server"), ("127.0.0.1:9180", "server"), ("10.0.0.2:9180", "w"),
    }  # fmt: skip


@pytest.mark.parametrize(("name", "workers", "found"), [("domains", None, True), ("systemd", 2, True), ("uvicorn", 1, False)])
def test_a_release_with_several_workers_adds_up_their_metrics(
    app: Callable[..., Target], name: str, workers: int | None, found: bool
) -> None:
    settings = app(name, metrics={"enabled": True}, workers=workers)
    text = next(text for path, text in files(settings).items() if path.endswith("_start"))
    assert ("export PROMETHEUS_MULTIPROC_DIR" in text) is found


@pytest.mark.parametrize(("workers", "found"), [(2, True), (1, False)])
def test_an_image_without_programs_can_make_that_folder(app: Callable[..., Target], workers: int, found: bool) -> None:
    settings = app("docker", metrics={"enabled": True}, workers=workers)
    text = next(text for path, text in files(settings).items() if path.endswith("/container"))
    assert ["dst=/.selvedge/mkdir" in text, "dst=/.selvedge/rm" in text] == [found, found]


def test_a_prometheus_of_someone_else_stays(app: Callable[..., Target]) -> None:
    names = ("prometheus", "mtail")
    assert MetricsFree(names).plan("mtail own\n") is None and MetricsFree(names).plan("") is None
    change = MetricsFree(names).plan("prometheus other\nmtail own\n")
    assert change and "has prometheus already" in change.shell
    installed = MetricsInstalled(names)
    assert installed.plan("prometheus own\nmtail own\n") is None
    found = installed.plan("mtail own\n")
    assert found and found.shell == "metrics_install prometheus"
    with pytest.raises(UsageError, match="has no metrics"):
        preconditions.metrics(app("domains"))


def test_the_last_app_takes_the_server_s_metrics_with_it(app: Callable[..., Target]) -> None:
    removed = MetricsRemoved(app("metrics"))
    assert removed.plan("--- others\n--- server\n") is None
    alone = removed.plan("/a (lines)\n--- others\n--- server\n/etc/selvedge/metrics\n")
    assert alone and alone.summary == "remove the metrics of hello and of the server" and "/etc/selvedge/metrics" in alone.diff
    other = removed.plan("/a\n--- others\nshop\n--- server\n/etc/selvedge/metrics\n")
    assert other and other.summary == "remove the metrics of hello, but keep those of the server for shop" and other.diff == "-/a"
    assert removed.plan("--- others\nshop\n--- server\n/etc/selvedge/metrics\n") is None


def test_a_server_that_has_only_the_database_gets_nginx_for_its_metrics(app: Callable[..., Target]) -> None:
    shared = {
        "hosts": {"web": {"address": "203.0.113.11"}}, "groups": {"web": ["web"]},
        "services": {"postgres": True, "hosts": ["server"], "clients": "web"},
        "passwords": {"SELVEDGE_SERVICES__PASSWORD": "0123456789abcdef"},
    }  # fmt: skip
    settings, without = app("nothing set", metrics={"enabled": True}, **shared), app("nothing set", **shared)
    assert settings.has_only_database and of("install", without) == []
    (packages,) = of("install", settings, Packages)
    assert "nginx" in packages.names and "git" not in packages.names
    steps = [name for name, _ in every(settings)]
    assert steps.index("install") < steps.index("metrics")
    assert of("metrics", settings, DebianDefaultSiteDisabled) and not of("metrics", app("metrics"), DebianDefaultSiteDisabled)


def test_a_balancer_collects_the_metrics_of_its_site(app: Callable[..., Target]) -> None:
    both = app("a backend that balances", metrics={"enabled": True})
    lb, alone, backend = both.balancer_site, app("metrics"), app("a backend", metrics={"enabled": True})
    assert lb
    only = ["hello"]
    for settings, names in ((both, ["hello", "hello.balancer"]), (lb, ["hello.balancer"]), (alone, only), (backend, only)):
        scripts = {each.path.rpartition("/")[2]: each.text for each in of("metrics", settings, CollectScript)}
        assert list(scripts) == [f"{name}.sh" for name in names]
        assert all(("collect_site\n" in text) is name.endswith(".balancer.sh") for name, text in scripts.items())
        absent = {each.path for each in of("metrics", settings, Absent)}
        other = {"hello", "hello.balancer"} - set(names)
        assert {path for path in absent if "/apps/" in path} == {f"/etc/selvedge/metrics/apps/{name}.sh" for name in other}
        assert {path for path in absent if path.endswith(".prom")} == {f"/var/lib/selvedge/metrics/{name}.prom" for name in other}
