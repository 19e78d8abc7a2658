"""Run groups of tests: `tests.py unit hosts`. The last line sums up all groups, like pytest's own summary."""

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
MEMORY, NEEDED = "/dev/shm", 2 * 10**9
"""Where Linux keeps files in memory, and the bytes that must be free there."""

# Many tests wait, so four processes keep two cores busy. The tests of a class, or of a file without classes, share servers, so
# one process runs them all. A failed test runs once more, because a busy machine may miss a deadline; the summary reports it.
PROCESSES = f"--numprocesses={max(4, os.cpu_count() or 1)}"
ON_SERVERS = [
    *("tests/hosts", f"--ignore={SCRIPTS}", "-vv", "--numprocesses=4", "--dist=loadscope"),
    *("--no-loadscope-reorder", "--durations=10", "--reruns=1"),
]
IN_FOLDERS = [SCRIPTS, PROCESSES]
SHORT, LONG = ["-m", "not thorough"], ["-m", "thorough"]
RUNS = {
    "unit": ("Unit tests, which need no server and no root (half a minute)", ["tests/unit", PROCESSES, "-m", "not programs"]),
    "programs": ("Tests of programs on this machine: fab, git, shells (a minute)", ["tests/unit", PROCESSES, "-m", "programs"]),
    "scripts": ("Tests of the shell scripts, as root in folders of this machine (minutes)", [*IN_FOLDERS, *SHORT]),
    "servers": ("Tests on real servers in the sandbox (half an hour)", [*ON_SERVERS, *SHORT]),
    "long scripts": ("Long tests of the shell scripts (minutes)", [*IN_FOLDERS, *LONG]),
    "long servers": ("Long tests on real servers (over an hour)", [*ON_SERVERS, *LONG]),
}
GROUPS = {"unit": ["unit"], "programs": ["programs"], "hosts": ["scripts", "servers"], "thorough": ["long scripts", "long servers"]}
"""What `tests.py NAME` runs. Only tests/hosts may have tests that are marked `thorough`."""


def main(names: list[str]) -> int:
    """Run the named groups in order, and stop after one that fails. Return the exit status."""
    began = time.monotonic()
    totals: Counter[str] = Counter()
    # Each process of the tests, and each copy of the project that one works with, need not be compiled again: that, and
    # pytest's own rewriting of assertions (of the tests, and of all of hypothesis), takes 2 seconds in each.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for part in ("selvedge", "sandbox", "tasks"):
        compileall.compile_dir(ROOT / part, quiet=1)
    examples = ["--hypothesis-profile=long"] if "thorough" in names else []
    for name in [name for group in names for name in GROUPS[group]]:
        title, arguments = RUNS[name]
        print(f"\n==> {title}", flush=True)
        if name.endswith("servers") and not prepare():
            status = 1
            break
        status, counts = run([arguments[0], *examples, *arguments[1:]])
        totals += counts
        if status != 0:
            break
    counted = ", ".join(f"{totals[word]} {word}" for word in ("failed", "passed", "skipped", "errors") if totals[word])
    print(f"=== {counted or 'no tests ran'} in {time.monotonic() - began:.0f}s ===", flush=True)
    return status


def prepare() -> bool:
    """Build the images of the servers. Return False, after a message, if this machine cannot run servers."""
    sys.path.insert(0, str(ROOT))
    import sandbox

    try:
        driver = sandbox.choose()
        for release in ("bookworm", "trixie"):
            driver.prepare(release, "ready", lambda line: print(line, flush=True))
    except sandbox.SandboxError as error:
        print(f"{error}\nYou can still run `make lint` and `make unit`, which need no servers.", flush=True)
        return False
    return True


def run(arguments: list[str]) -> tuple[int, Counter[str]]:
    """Run pytest. Return its exit status and the number of tests by outcome."""
    with tempfile.TemporaryDirectory(dir=MEMORY if in_memory() else None) as folder:
        report = Path(folder, "report.xml")
        # A short path: the sockets of gpg and ssh have at most 107 bytes.
        command = [sys.executable, "-m", "pytest", *arguments, f"--junitxml={report}", f"--basetemp={folder}/t"]
        status = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode
        return status, count(report) if report.is_file() else Counter()


def in_memory() -> bool:
    """Return whether the tests' folders can be in memory: a quarter of the unit tests' time is spent on a disk's files."""
    if not os.access(MEMORY, os.W_OK):
        return False
    found = os.statvfs(MEMORY)
    return not found.f_flag & os.ST_NOEXEC and found.f_bavail * found.f_frsize > NEEDED


def count(report: Path) -> Counter[str]:
    """Return the number of tests in a JUnit report by outcome: failed, errors, skipped, passed."""
    totals: Counter[str] = Counter()
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        attributes = {"failed": "failures", "errors": "errors", "skipped": "skipped"}
        found = {word: int(suite.get(name, "0")) for word, name in attributes.items()}
        totals.update(found, passed=int(suite.get("tests", "0")) - sum(found.values()))
    return totals


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["unit", "programs", "hosts"]))
