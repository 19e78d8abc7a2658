"""`[metrics]` on real servers: what listens, what is measured, alerts that were made true, and the removal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import Project, until
from observe import count_execs
from prometheus import ask
from sandbox import Server
from selvedge.exports.grafana import DASHBOARDS, RELEASES
from selvedge.resources import metrics
from selvedge.resources.metrics import metrics_port
from tests.hosts.metrics.conftest import ON, SERVICES
from traffic import get

SYSTEMS = ["bookworm", "trixie"]
WATCH = """rm -f /run/watched
setsid sh -c 'while [ ! -e /run/watched ]; do ss -Hltn; sleep 0.3; done' </dev/null >/root/listening 2>&1 &
"""
"""Notes which addresses programs listen at, until there is a file."""
NOTIFY = '#!/bin/sh\nprintf "%s %s\\n" "$1" "$2" >>/root/said\ncat >/dev/null\n'
LEFT = r"""
find /etc /usr/local /var /run /srv -xdev \( -path /var/lib/dpkg -o -path /var/cache -o -path /var/log/journal \
  -o -path /var/log/apt -o -path /var/lib/apt -o -path /srv/hello/venvs -o -path /srv/hello/shared/.tmp \
  -o -path /srv/hello/instances \) -prune -o \
  \( -iname '*prometheus*' -o -iname '*mtail*' -o -iname '*metrics*' -o -iname '*selvedge-alerts*' \) -print
grep -rl -e metrics -e prometheus /etc/nginx /etc/systemd/system /etc/passwd /etc/group 2>/dev/null
"""


def said(server: Server) -> str:
    return server.run("cat /root/said", check=False).stdout


@pytest.fixture(scope="class")
def packages(server: Server, project: Project) -> Iterator[list[str]]:
    """The packages before the metrics, PostgreSQL and Redis among them. The last test of another server turns the metrics off."""
    project.configure(ON + SERVICES, migrate=None, workers=2)
    project.must("-H", server.name, "postgres", "redis")
    yield server.run("dpkg-query -W -f '${Package}\\n' | sort").stdout.split()


@pytest.mark.thorough
@pytest.mark.parametrize("server", SYSTEMS, indirect=True)
@pytest.mark.timeout(1200)
class TestMetrics:
    def test_nothing_listens_for_other_machines_at_any_moment(
        self, server: Server, project: Project, packages: list[str]
    ) -> None:
        server.run(WATCH)
        project.must("-H", server.name, "deploy")
        server.run("touch /run/watched")
        places = set(re.findall(r"\s(\S+):(\d+)\s+\S+:\*", server.run("cat /root/listening").stdout))
        outside = {port for address, port in places if not address.startswith(("127.", "[::1]"))}
        assert outside <= {"22", "80", "443"} and ("127.0.0.1", "9090") in places, places
        assert "prometheus" not in packages

    def test_a_second_run_changes_nothing_and_needs_one_exec(self, server: Server, project: Project) -> None:
        with count_execs(server) as execs:
            result = project.must("-H", server.name, "setup", "deploy")
        assert "deploy: nothing to change" in result.stdout, result
        assert execs.count == 1

    def test_all_of_it_needs_less_than_200_mb(self, server: Server) -> None:
        names = [metrics_port(name)[1] for name in metrics.PORTS]
        rss = server.run(f"ps -C {','.join(names)} -o rss=").stdout.split()
        # An exporter for each database, too.
        assert len(rss) == len(names) == 6 and sum(map(int, rss)) < 200 * 1024, rss

    def test_prometheus_asks_everything(self, server: Server) -> None:
        wanted = {"prometheus", "node", "nginx", "requests", "app", "postgres", "redis"}
        until(lambda: {each["metric"]["job"] for each in ask(server, "up == 1")} == wanted, 90, "all targets are up")

    def test_requests_are_counted_by_release_and_status(self, server: Server, project: Project) -> None:
        for path in ("/", "/", "/broken", "/missing"):
            get(f"{server.url}{path}")
        release = project.head[:12]
        counted = {"200", "404", "500"}

        def found() -> bool:
            series = ask(server, f'selvedge_requests_total{{app="hello",release="{release}"}}')
            return counted <= {each["metric"]["status"] for each in series}

        until(found, 90, "the requests are counted")
        assert ask(server, f'selvedge_request_seconds_count{{release="{release}"}}')
        until(lambda: ask(server, "selvedge_release_info"), 90, "the release, which is collected each minute")
        info = ask(server, "selvedge_release_info")
        assert [(each["metric"]["release"], each["metric"]["branch"]) for each in info] == [(release, "main")]
        assert ask(server, "selvedge_app_up")[0]["value"][1] == "1"

    def test_the_metrics_of_all_workers_are_added_up(self, server: Server) -> None:
        workers = {get(f"{server.url}/").text for _ in range(40)}
        assert len(workers) > 1, "both workers have answered"
        for _ in range(4):
            text = server.run("curl -s 127.0.0.1:9180/app/hello").stdout
            # The two requests of the test before count, too.
            assert float(re.findall(r"^hello_visits_total (\S+)$", text, re.MULTILINE)[0]) >= 42

    @pytest.mark.parametrize("path", ["/metrics", "/metrics/", "//metrics", "/%6detrics"])
    def test_visitors_get_no_metrics(self, server: Server, path: str) -> None:
        assert get(f"{server.url}{path}").status == 404

    def test_each_query_of_the_dashboards_is_answered(self, server: Server) -> None:
        queries = [query for _, panels, _ in DASHBOARDS.values() for _, _, targets in panels for query, _ in targets]
        for query in (RELEASES, *queries):
            asked = query.replace("$app", "hello").replace("$instance", server.name)
            if not re.search("certificate|backup|timer|5[.][.]", query):
                # Those of a release are collected each minute, and a rate needs two.
                until(lambda asked=asked: ask(server, asked), 90, query)  # type: ignore[misc]

    def test_each_rule_fires_when_it_should(self, server: Server) -> None:
        rules = (Path(__file__).parent / "rules_test.yml").read_text()
        server.run(f"cat >/root/rules_test.yml <<'EOF'\n{rules}EOF\n")
        config = "/etc/selvedge/metrics/prometheus.yml"
        checked = server.run(f"promtool check config {config} && promtool test rules /root/rules_test.yml")
        assert "12 rules found" in checked.stdout and "FAILED" not in checked.stdout

    def test_alerts_that_become_true_are_passed_on_once(self, server: Server) -> None:
        server.run(f"cat >/usr/local/lib/selvedge/notify <<'EOF'\n{NOTIFY}EOF\nchmod 0755 /usr/local/lib/selvedge/notify")
        # Minutes become seconds.
        server.run(
            "cd /etc/selvedge/metrics && sed -i 's/for: [0-9]*m/for: 1s/; s/\\[5m\\]/[1m]/g; s/\\[10m\\]/[1m]/g' rules.yml &&"
            "sed -i 's/: 30s/: 5s/; s/: 10s/: 5s/' prometheus.yml && systemctl restart prometheus"
        )
        server.run("systemctl start selvedge-timer-hello.broken.service", check=False)
        for _ in range(10):
            get(f"{server.url}/broken")
            get(f"{server.url}/slow")
        wanted = ("TimerFailed", "ServerErrors", "SlowRequests")

        def passed_on() -> bool:
            get(f"{server.url}/broken")
            get(f"{server.url}/slow")
            server.run("systemctl start selvedge-metrics.service; systemctl start selvedge-alerts.service")
            return all(f"failure {name}: hello on {server.name}" in said(server) for name in wanted)

        until(passed_on, 90, "three alerts")
        server.run("pkill -STOP -u hello")

        def down() -> bool:
            server.run("systemctl start selvedge-metrics.service; systemctl start selvedge-alerts.service")
            return f"failure AppDown: hello on {server.name}" in said(server)

        until(down, 90, "AppDown")
        server.run("pkill -CONT -u hello")

        def ended() -> bool:
            server.run("systemctl start selvedge-metrics.service; systemctl start selvedge-alerts.service")
            return f"success Ended: AppDown: hello on {server.name}" in said(server)

        until(ended, 90, "the end of AppDown")
        lines = said(server).splitlines()
        assert len(lines) == len(set(lines)), lines

    def test_the_removal_leaves_nothing(self, server: Server, project: Project, packages: list[str]) -> None:
        server.run("rm -f /usr/local/lib/selvedge/notify")
        dry = project.must("-H", server.name, "metrics", "--remove", "--dry-run")
        assert "Dry run: nothing was changed." in dry.stdout and "-/var/lib/prometheus" in dry.stdout
        assert server.run("systemctl is-active prometheus").stdout == "active\n"
        removed = project.must("-H", server.name, "metrics", "--remove").stdout
        assert removed.splitlines()[-1].startswith("Visitors can now reach /metrics, if the app answers there: nginx closed")
        assert server.run("dpkg-query -W -f '${Package}\\n' | sort").stdout.split() == packages
        assert server.run(LEFT, check=False).stdout == ""
        units = server.run("systemctl list-units --all --plain --no-legend").stdout.splitlines()
        assert not [unit for unit in units if re.search("prometheus|mtail|selvedge-alerts|selvedge-metrics", unit)]
        assert get(f"{server.url}/").status == 200 and get(f"{server.url}/metrics").status == 200
        again = project.must("-H", server.name, "metrics", "--remove")
        assert "metrics: nothing to change" in again.stdout
        project.configure(SERVICES, migrate=None, workers=2)
        off = project.must("-H", server.name, "deploy")
        assert "metrics" not in off.stdout
