"""Metrics and messages of an app in a container, and a server from which both are removed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

import containers
from https_site import gateway
from lab import Lab, Project, until
from observe import count_execs
from sandbox import Server
from tests.hosts.metrics.conftest import APP, Watched
from tests.support.webhook import webhook
from traffic import get

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1200)]
SETTINGS = """
[metrics]
enabled = true
[notify]
from_servers = true
[timers.flaky]
command = "test -e good"
schedule = "yearly"
[processes.worker]
command = "sleep 86399"
"""
LEFT = r"""
find /etc /usr/local /opt /var/lib /var/log /srv /run -xdev \( -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/log/apt \
  -o -path /var/log/journal -o -path /var/cache -o -path /var/lib/docker -o -path /var/lib/containerd -o -path /etc/fail2ban \
  -o -path /run/docker -o -path /run/selvedge -o -path /var/log/selvedge \) -prune -o \
  \( -iname '*prometheus*' -o -iname '*mtail*' -o -iname '*metrics*' -o -iname '*selvedge-alerts*' -o -iname '*selvedge-notify*' \
  -o -iname '*apprise*' -o -iname '*hello*' -o -path '/usr/local/lib/selvedge*' -o -path '/var/lib/selvedge/messages*' \) -print
systemctl list-units --all --plain --no-legend --type=service,timer,socket,path '*selvedge*' '*hello*' '*prometheus*' 'mtail*'
systemctl list-timers --all --no-legend '*selvedge*'
docker ps -a -q; docker images -q hello; docker network ls -q --filter name=selvedge-hello
getent passwd hello prometheus
"""
"""/run/selvedge has files for locks, which the next boot deletes, and /var/log/selvedge the output of the runs."""


class Contained(Watched):
    """The app is in a container."""

    def configure(self, text: str = SETTINGS) -> None:
        self.project.configure(text, **containers.DOCKER, migrate=None, workers=2)


@pytest.fixture(scope="module")
def contained(lab: Lab, shared_project: Project) -> Iterator[Contained]:
    server, project = lab.server("deployed"), shared_project
    containers.install(server, project, "prometheus-client")
    project.commit(containers.dockerfile("RUN rm -f /bin/mkdir /bin/rm\n"))
    project.commit(lambda folder: (folder / "main.py").write_text(APP))
    with webhook(address=gateway(server)) as (address, got):
        found = Contained(server, project, {"SELVEDGE_NOTIFY__URLS": f"json://{address}/"}, got)
        found.configure()
        found.fab("deploy")
        got.clear()
        yield found


def own_metrics(server: Server) -> float:
    """Return the visits that the app has counted, as Prometheus gets them."""
    text = server.run("curl -s 127.0.0.1:9180/app/hello").stdout
    return float((re.findall(r"^hello_visits_total (\S+)$", text, re.MULTILINE) or ["0"])[0])


def test_the_metrics_of_all_workers_are_added_up(contained: Contained) -> None:
    """The image has no programs to make a folder with."""
    workers = {get(f"{contained.server.url}/").text for _ in range(40)}
    assert len(workers) == 2
    assert [own_metrics(contained.server) for _ in range(6)] == [40] * 6
    assert get(f"{contained.server.url}/metrics").status == 404


def test_the_next_release_begins_with_none(contained: Contained) -> None:
    contained.project.commit(lambda folder: (folder / "news.txt").write_text("news"))
    contained.fab("deploy")
    assert own_metrics(contained.server) == 0
    get(f"{contained.server.url}/")
    assert own_metrics(contained.server) == 1


def test_restarts_and_the_health_check_are_measured(contained: Contained) -> None:
    run = contained.server.run
    run("docker ps -q --filter name=worker | xargs docker top | awk '/86399/ { print $2 }' | xargs kill -9")

    def collected() -> str:
        run("systemctl start selvedge-metrics.service")
        return re.sub('selvedge_host="[^"]+",', "", run("cat /var/lib/selvedge/metrics/hello.prom").stdout)

    until(lambda: 'selvedge_process_restarts_total{app="hello",process="worker"} 1' in collected(), 60, "the restart is counted")
    assert 'selvedge_app_up{app="hello"} 1\nselvedge_app_enabled{app="hello"} 1\n' in collected()
    assert f'selvedge_release_info{{app="hello",release="{contained.project.head[:12]}",branch="main"}} 1' in collected()


def test_a_second_run_changes_nothing_and_status_is_good(contained: Contained) -> None:
    with count_execs(contained.server) as execs:
        assert "deploy: nothing to change on" in contained.fab("setup", "deploy").stdout
    assert execs.count == 1
    assert "metrics      ✓ all programs run" in contained.fab("status").stdout


def test_a_timer_in_a_container_tells_of_its_failure(contained: Contained) -> None:
    contained.got.clear()
    assert contained.project.fab("-H", contained.server.name, "timers", "--run", "flaky").status == 1
    until(lambda: contained.got, 60, "the message")
    (found,) = contained.got
    assert (found["title"], found["type"]) == ("hello: the timer flaky failed", "failure")


def test_the_removal_of_the_app_and_of_the_metrics_leaves_nothing(contained: Contained) -> None:
    """In this order, the metrics are removed after their app."""
    contained.fab("remove", "--yes", "--data")
    kept = contained.server.run("ls -d /usr/local/lib/selvedge/* /etc/selvedge/*", check=False).stdout.split()
    assert set(kept) <= {"/usr/local/lib/selvedge/alerts.py", "/etc/selvedge/metrics"}, kept
    contained.fab("metrics", "--remove")
    # The run of `fab metrics` is in a new history.
    assert contained.server.run(f"{LEFT}ls /srv/hello", check=False).stdout == "/srv/hello\nhistory\n"


def test_the_removal_of_the_metrics_and_of_the_app_leaves_nothing(contained: Contained) -> None:
    contained.fab("deploy")
    contained.fab("metrics", "--remove")
    assert get(f"{contained.server.url}/").status == 200
    contained.configure(SETTINGS.replace("enabled = true", "enabled = false"))
    contained.fab("deploy")
    contained.fab("remove", "--yes", "--data")
    assert contained.server.run(LEFT, check=False).stdout == ""
