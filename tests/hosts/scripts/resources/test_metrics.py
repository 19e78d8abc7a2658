"""The metrics of a server that is a backend and a balancer: the balancer's own, and the removal."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.resources.files import File
from selvedge.resources.metrics import CollectScript, MetricsRemoved
from tests.support.declared import SETTINGS, of

SERVER = "/etc/nginx/conf.d/selvedge-metrics.conf"
LOG = "/var/log/selvedge-metrics"
NGINX = f"""grep -rqs selvedge_release /etc/nginx/sites-available && [ ! -e {SERVER} ] && {{
  echo 'nginx: [emerg] unknown "selvedge_release" variable' >&2
  exit 1
}}
echo "$*" >>/var/log/nginx-asked"""
"""nginx refuses a site whose log's format has a variable that no file defines."""


@pytest.fixture
def both(target: Callable[..., Target], server: Any) -> Target:
    """A server that is a backend and a balancer, with the files that its steps write for nginx."""
    settings = target(**{**SETTINGS["a backend that balances"], "metrics": {"enabled": True}})
    found = dict(_files(settings))
    for path in ("/etc/nginx/sites-available/hello", "/etc/nginx/sites-available/hello.balancer", SERVER):
        assert path in found
    for path, text in found.items():
        server.path(path).parent.mkdir(parents=True, exist_ok=True)
        server.path(path).write_text(text)
    server.path(LOG).mkdir(parents=True)
    server.program("nginx", NGINX)
    server.program("systemctl", "case $1 in is-active) exit 3 ;; esac")
    server.program("getent", "exit 2")
    return settings


def _files(app: Target) -> list[tuple[str, str]]:
    found = [each for step in ("metrics", "nginx", "balancer") for each in of(step, app, File)]
    return [(each.path, each.text) for each in found if each.path.startswith("/etc/nginx/")]


def test_the_balancer_s_site_loses_its_lines_too(server: Any, both: Target) -> None:
    server.make(MetricsRemoved(both))
    for folder in ("sites-available", "snippets", "conf.d"):
        for path in server.path(f"/etc/nginx/{folder}").iterdir():
            assert "selvedge_metrics" not in path.read_text() and "[metrics]" not in path.read_text(), path
    assert not server.path(SERVER).exists() and not server.path(LOG).exists()
    assert server.path("/var/log/nginx-asked").read_text() == "-t -q\n"


def test_nothing_is_removed_if_nginx_refuses(server: Any, both: Target) -> None:
    own = server.path("/etc/nginx/sites-available/own")
    own.write_text("log_format own '$selvedge_release';\n")
    before = {path: path.read_text() for path in server.path("/etc/nginx").rglob("*") if path.is_file()}
    done = server.apply(server.plan(MetricsRemoved(both)))
    assert done.status == 1 and 'unknown "selvedge_release" variable' in done.error and "not removed" in done.error
    assert {path: path.read_text() for path in server.path("/etc/nginx").rglob("*") if path.is_file()} == before
    assert server.path(LOG).exists()
    own.unlink()
    server.make(MetricsRemoved(both))


def test_the_balancer_s_site_has_limits_and_a_certificate_for_the_alerts(server: Any, both: Target) -> None:
    chain = server.path("/etc/letsencrypt/live/hello.balancer/fullchain.pem")
    chain.parent.mkdir(parents=True)
    own = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 -subj /CN=a.test -keyout /dev/null"
    subprocess.run([*own.split(), "-out", str(chain)], check=True, capture_output=True)
    server.path("/var/lib/selvedge/metrics").mkdir(parents=True)
    scripts = {each.path: each.text for each in of("metrics", both, CollectScript)}
    assert list(scripts) == [f"/etc/selvedge/metrics/apps/{name}.sh" for name in ("hello", "hello.balancer")]
    done = server.run(scripts["/etc/selvedge/metrics/apps/hello.balancer.sh"])
    assert done.returncode == 0, done
    found = server.path("/var/lib/selvedge/metrics/hello.balancer.prom").read_text()
    labels = 'selvedge_host="server",app="hello.balancer"'
    limits = [f'selvedge_limit{{{labels},name="{name}"}} {value}' for name, value in (("slow", 2), ("errors", 5))]
    times = [f"selvedge_certificate_{name}_seconds{{{labels}}}" for name in ("expiry", "start")]
    *measured, names = found.splitlines()
    assert measured[:2] == limits and sorted(line.split()[0] for line in measured[2:]) == times
    assert names == 'selvedge_server_info{app="hello.balancer",host="server"} 1'
