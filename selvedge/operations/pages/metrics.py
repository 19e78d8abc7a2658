"""What `fab dashboard` asks Prometheus, and how its answers are read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from selvedge.errors import SelvedgeError
from selvedge.value import Value

DAY, WEEK = 86_400, 7 * 86_400
Points = tuple[float | None, ...]


class Window(Value):
    """The time of a page. seconds: its length. step: seconds between two points. rate: the time over which Prometheus counts."""

    seconds: int
    step: int
    rate: str

    @property
    def fine(self) -> int:
        """The seconds between two points of the series that has the times of the releases."""
        return max(60, self.seconds // 1440)

    @property
    def count(self) -> int:
        """The number of points, both ends included."""
        return self.seconds // self.step + 1


ONE_DAY = Window(DAY, 300, "10m")
ONE_WEEK = Window(WEEK, 1800, "1h")


class Series(Value):
    """A line of a chart: its labels, and a value for each point of time, None where there is none."""

    labels: Mapping[str, str]
    points: Points

    @property
    def last(self) -> float | None:
        return next((point for point in reversed(self.points) if point is not None), None)


def promql(text: str) -> str:
    """Return a text as a string of PromQL."""
    return json.dumps(text)


def selector(**labels: str) -> str:
    """Return what selects the series with these labels, without the braces; labels that are "" select all."""
    return ", ".join(f"{name}={promql(value)}" for name, value in labels.items() if value)


def range_queries(app: str, window: Window, instance: str = "") -> dict[str, str]:
    """Return the queries of the charts by name.

    instance: the host's name, if its Prometheus asks several hosts ([metrics] server).
    """
    own, rate = selector(app=app, instance=instance), window.rate
    # Another project of the server may have named it for Prometheus. This metric has both names.
    here = f" and on (instance) selvedge_server_info{{{selector(app=app, host=instance)}}}" if instance else ""
    buckets = f"sum by (le) (rate(selvedge_request_seconds_bucket{{{own}}}[{rate}]))"
    real = 'fstype!~"tmpfs|ramfs|squashfs", mountpoint="/"'
    cards = 'device!~"lo|veth.*|docker.*|br-.*"'
    classes = f"sum by (status) (rate(selvedge_requests_total{{{own}}}[{rate}]))"
    return {
        "requests": f'sum by (class) (label_replace({classes}, "class", "${{1}}xx", "status", "([1-5]).*"))',
        "p50": f"histogram_quantile(0.5, {buckets})",
        "p95": f"histogram_quantile(0.95, {buckets})",
        "p99": f"histogram_quantile(0.99, {buckets})",
        "up": f"min(avg_over_time(selvedge_app_up{{{own}}}[{window.step}s]))",
        "cpu": f'100 * (1 - avg(rate(node_cpu_seconds_total{{mode="idle"}}[{rate}]){here}))',
        "memory": f"max(node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes{here})",
        "memory_size": f"max(node_memory_MemTotal_bytes{here})",
        "disk": f"100 * (1 - min(node_filesystem_avail_bytes{{{real}}} / node_filesystem_size_bytes{{{real}}}{here}))",
        "received": f"sum(rate(node_network_receive_bytes_total{{{cards}}}[{rate}]){here})",
        "sent": f"sum(rate(node_network_transmit_bytes_total{{{cards}}}[{rate}]){here})",
        "restarts": f"sum by (process) (increase(selvedge_process_restarts_total{{{own}}}[{window.step}s]))",
        "releases": f"selvedge_release_info{{{own}}}",
    }


def now_queries(app: str, window: Window, instance: str = "") -> dict[str, str]:
    """Return the queries of single numbers by name. instance: as for `range_queries`."""
    own = selector(app=app, instance=instance)
    return {
        "total": f"sum(increase(selvedge_requests_total{{{own}}}[{window.seconds}s]))",
        "errors": f'sum(increase(selvedge_requests_total{{{own}, status=~"5.*"}}[{window.seconds}s]))',
        "certificate": f"min(selvedge_certificate_expiry_seconds{{{own}}})",
        "backup": f"max(selvedge_backup_last_seconds{{{own}}})",
        "timers": f"selvedge_timer_failed{{{own}}} > 0",
    }


def switches_query(app: str, instance: str = "") -> str:
    """Return the query of the times at which a release became live. instance: as for `range_queries`."""
    return f"max(selvedge_release_start_seconds{{{selector(app=app, instance=instance)}}})"


def answer(host: str, fact: str) -> Any:
    """Return the data of an answer. Raises SelvedgeError if Prometheus does not answer, or not with data."""
    try:
        found = json.loads(fact)
        if found["status"] == "success":
            return found["data"]
        said = str(found.get("error", "no reason"))
    except (ValueError, KeyError, TypeError):
        if "\ncurl 7" in fact:
            raise SelvedgeError(
                f"{host}: there are no metrics, because Prometheus does not run there: nothing listens at 127.0.0.1:9090.",
                f"Write `enabled = true` below `[metrics]` in hosts.toml, then run `fab -H {host} metrics`.",
            ) from None
        lines = [line for line in fact.strip().splitlines() if line]
        said = lines[0] if lines else "an empty answer"
    raise SelvedgeError(f"{host}: Prometheus could not answer: {said[:300]}.", "Its log: `journalctl -u prometheus` on the server.")


def grid(data: Any, window: Window, end: int) -> list[Series]:
    """Return the series of a range, each with a value for every point from the beginning of the window to `end`."""
    found = []
    for each in data["result"]:
        points: list[float | None] = [None] * window.count
        for at, text in each["values"]:
            index = round((float(at) - end) / window.step) + window.count - 1
            value = float(text)
            if 0 <= index < window.count and math.isfinite(value):
                points[index] = value
        found.append(Series(each["metric"], tuple(points)))
    return found


def end_of(answers: Sequence[Any], fallback: int) -> int:
    """Return the last point of time of all ranges; the fallback if they are empty."""
    times = [float(each["values"][-1][0]) for data in answers for each in data["result"] if each["values"]]
    return int(max(times, default=fallback))


def number(data: Any) -> float | None:
    """Return the only value of an instant query, None without one."""
    for each in data["result"]:
        value = float(each["value"][1])
        return value if math.isfinite(value) else None
    return None
