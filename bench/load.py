"""Requests lost in ten deploys and ten rollbacks in a row, under load with and without kept connections."""

from __future__ import annotations

from bench.place import place
from traffic import load


def main() -> None:
    """Print what was sent and what was lost."""
    with place() as ((server,), project), load(f"{server.url}/health", seconds=900) as result:
        for number in range(10):
            project.commit(f"round {number}")
            project.must("-H", server.name, "deploy")
            project.must("-H", server.name, "rollback")
            print(f"round {number + 1} of 10", flush=True)
    sent = result.requests + result.wrk_requests
    print(f"10 deploys and 10 rollbacks: {sent} requests, {result.lost} lost, the slowest took {result.slowest:.2f} s")
    for reason in sorted(set(result.failed)):
        print(f"  {result.failed.count(reason)} x {reason}")
