"""The removal of a server's metrics, with fakes of systemd and apt."""

from __future__ import annotations

from tests.hosts.scripts.release.managed import Managed
from tests.support.libraries import functions


def test_what_was_told_of_alerts_is_forgotten_and_the_rest_is_kept(managed: Managed) -> None:
    managed.server.program("systemctl", "exit 0")
    folder = managed.server.path("/var/lib/selvedge/messages")
    for path in ("hello/alert.1", "hello/timer.alert.x", ".server/alert.2", ".server/certbot"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("{}")
    fakes = "metrics_role_fact() { :; }; metrics_purge() { :; }"
    managed.run(f"{functions('metrics', 'stamp', 'service')}\n{fakes}\nmetrics_remove_server")
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert left == {"hello/timer.alert.x", ".server/certbot"}
