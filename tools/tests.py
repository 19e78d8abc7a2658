"""Run the tests: `tests.py unit hosts`. Ends with one summary line, that of pytest, over all that ran."""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = "tests/hosts/scripts"
# Tests on servers wait more than they compute: four at a time keep two cores busy. The tests of a class, or of a file
# without classes, share servers, so they stay together. One that fails is run once more, and the summary says so: a
# machine that is busy elsewhere misses a deadline now and then.
RUNS = {
    "unit": ("Unit tests: no server, no root, seconds", ["tests/unit", "--numprocesses=auto"]),
    "scripts": ("Tests of scripts, as root in folders of this machine: half a minute", [SCRIPTS, "--numprocesses=auto"]),
    "hosts": (
        "Tests on real servers, which the sandbox makes: some minutes",
        [
            *("tests/hosts", f"--ignore={SCRIPTS}", "-vv", "--numprocesses=4", "--dist=loadscope"),
            *("--no-loadscope-reorder", "--durations=10", "--reruns=1"),
        ],
    ),
}


def main(names: list[str]) -> int:
    """Run the named groups in order, and stop after one that fails. Return the exit status."""
    began = time.monotonic()
    totals: Counter[str] = Counter()
    # Each process of the tests, and each copy of the project that one works with, need not be compiled again: that, and
    # pytest's own rewriting of assertions (of the tests, and of all of hypothesis), takes 2 seconds in each.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for part in ("selvedge", "sandbox", "tasks"):
        compileall.compile_dir(ROOT / part, quiet=1)
    for name in groups(names):
        title, arguments = RUNS[name]
        print(f"\n==> {title}", flush=True)
        if name == "hosts" and not prepare():
            status = 1
            break
        status, counts = run(arguments)
        totals += counts
        if status != 0:
            break
    counted = ", ".join(f"{totals[word]} {word}" for word in ("failed", "passed", "skipped", "errors") if totals[word])
    print(f"=== {counted or 'no tests ran'} in {time.monotonic() - began:.0f}s ===", flush=True)
    return status


def groups(names: list[str]) -> list[str]:
    """Return the groups to run: the tests of scripts come before those on servers."""
    return [group for name in names for group in (["scripts", "hosts"] if name == "hosts" else [name])]


def prepare() -> bool:
    """Make the images of the servers, once, and say so; where no server can be made, say what is missing."""
    sys.path.insert(0, str(ROOT))
    import sandbox

    try:
        driver = sandbox.choose()
        for release in ("bookworm", "trixie"):
            driver.prepare(release, "ready", lambda line: print(line, flush=True))
    except sandbox.SandboxError as error:
        print(f"{error}\nWithout servers there are `make lint` and `make unit`.", flush=True)
        return False
    return True


def run(arguments: list[str]) -> tuple[int, Counter[str]]:
    """Run pytest; its exit status, and how many tests passed, failed, were skipped, or met an error."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", *arguments, f"--junitxml={report}"]
        status = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode
        return status, count(report) if report.is_file() else Counter()


def count(report: Path) -> Counter[str]:
    """The tests of a JUnit report by how they ended."""
    totals: Counter[str] = Counter()
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        found = {word: int(suite.get(key, "0")) for word, key in
                 (("failed", "failures"), ("errors", "errors"), ("skipped", "skipped"))}  # fmt: skip
        totals.update(found, passed=int(suite.get("tests", "0")) - sum(found.values()))
    return totals


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["unit", "hosts"]))
