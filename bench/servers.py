"""Compare the app servers: requests per second, latency at half of that load, and memory, on one server.

The app answers 1 kB of JSON. In each round every app server is deployed in turn, and wrk asks it through nginx.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
from dataclasses import dataclass, field

from bench.common import Project, Server, deployed
from bench.serving import only_fastapi
from drills import drained

NAMES = ("gunicorn", "uvicorn", "hypercorn")
ROUNDS = 3
SECONDS = 8
CONNECTIONS = 16
WORKERS = 3
MEMORY = (
    "cat $(ps -u hello -o pid= | sed 's#[^0-9]##g; s#.*#/proc/&/smaps_rollup#') 2>/dev/null"
    " | awk '/^Pss:/ { sum += $2 } END { print sum }'"
)
"""Prints the memory of the app's processes in kB; what they share counts once."""
MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass
class Measured:
    """The figures of an app server, a value for each round. rates: requests/s. median, slow: milliseconds. memory: MB."""

    rates: list[float] = field(default_factory=list)
    median: list[float] = field(default_factory=list)
    slow: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


def wrk(url: str, pause: float = 0.0) -> tuple[float, float, float]:
    """Return requests/s, and the median and the 99th percentile of the latency in milliseconds.

    pause: seconds that each connection waits before a request. Raises AssertionError if an answer is no success.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f"function delay() return {pause * 1000:.3f} end\n" if pause else "")
        script.flush()
        options = [f"--connections={CONNECTIONS}", f"--duration={SECONDS}s", "--latency", f"--script={script.name}"]
        report = subprocess.run(["wrk", "--threads=1", *options, url], capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in report, report
    rate = re.search(r"Requests/sec:\s*([\d.]+)", report)
    found = [re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", report) for share in (50, 99)]
    assert rate and all(found), report
    median, slow = (float(each[1]) * MILLISECONDS[each[2]] for each in found if each)
    return float(rate[1]), median, slow


def measure(server: Server, project: Project, name: str) -> tuple[float, float, float, float]:
    """Deploy with an app server. Return its requests/s, both latencies at half of that, and the memory in MB."""
    project.configure(migrate=None, workers=WORKERS, health="/", server=name)
    project.must("-H", server.name, "deploy")
    drained(server)
    url = f"{server.url}/"
    wrk(url)
    rate, *_ = wrk(url)
    _, median, slow = wrk(url, CONNECTIONS / (rate / 2))
    return rate, median, slow, int(server.run(MEMORY).stdout) / 1024


def main() -> None:
    """Print a table as the docs have it: the medians of all rounds."""
    found = {name: Measured() for name in NAMES}
    with deployed(migrate=None, workers=WORKERS, health="/") as ((server,), project):
        project.commit(only_fastapi)
        for _ in range(ROUNDS):
            for name, figures in found.items():
                rate, median, slow, memory = measure(server, project, name)
                figures.rates.append(rate)
                figures.median.append(median)
                figures.slow.append(slow)
                figures.memory.append(memory)
    print(f"| `app.server` | requests/s, {CONNECTIONS} connections | latency at half load: median, 99 % | memory |")
    print("|---|---|---|---|")
    for name, each in found.items():
        rate, median, slow, memory = (statistics.median(values) for values in vars(each).values())
        print(f"| `{name}` | {rate:.0f} | {median:.1f} ms, {slow:.1f} ms | {memory:.0f} MB |")
