"""The audits: each runs a third-party tool with its default settings and reads the result from its output."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from pathlib import Path

from bench.audits import NAME, Audit, Result, Setup, output, tool
from selvedge.resources.metrics import EXPORTERS

POLICY = "Hardened Debian 12 (version 3)"
SCAN = """
import concurrent.futures, socket, sys
def reach(port):
    try:
        socket.create_connection((sys.argv[1], port), 4).close()
    except OSError:
        return
    print(port, flush=True)
with concurrent.futures.ThreadPoolExecutor(64) as pool:
    pool.map(reach, map(int, sys.argv[2:]))
"""


def ssh_audit(setup: Setup) -> list[Result]:
    """Audit sshd's algorithms (ssh-audit, from PyPI)."""
    program = tool("ssh-audit", "ssh-audit")
    report = output(program, "--no-colors", setup.server.address)
    fails, warnings = report.count("[fail]"), report.count("[warn]")
    policy = output(program, "--no-colors", "--policy", POLICY, setup.server.address)
    passed = "Passed" in policy
    reason = " ".join(line.strip() for line in policy.splitlines() if "did not match" in line)
    return [
        Result("ssh-audit", "fails", str(fails), "0", fails == 0),
        Result("ssh-audit", "warnings", str(warnings)),
        Result("ssh-audit", f"policy {POLICY}", "passed" if passed else f"failed {reason}", "passed", passed),
    ]


def gixy(setup: Setup) -> list[Result]:
    """Audit nginx's configuration (gixy-ng, from PyPI)."""
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder, "nginx.conf")
        dump.write_text(setup.server.run("nginx -T 2>/dev/null").stdout)
        report = Path(folder, "issues.json")
        output(tool("gixy-ng", "gixy"), "--format", "json", "--output", str(report), str(dump))
        issues = json.loads(report.read_text())
    found = [issue for issue in issues if issue["severity"] in ("MEDIUM", "HIGH")]
    named = "; ".join(f"{issue['severity']} {issue['plugin']}: {issue['summary']}" for issue in found)
    return [
        Result("gixy", "issues of severity MEDIUM or higher", named or "0", "0", not found),
        Result("gixy", "issues of lower severity", str(len(issues) - len(found))),
    ]


def lynis(setup: Setup) -> list[Result]:
    """Audit the whole server (lynis, from Debian)."""
    setup.server.run("apt-get install -qq -y --no-install-recommends lynis >/dev/null 2>&1")
    report = setup.server.run("lynis audit system --quick --no-colors 2>&1 || true").stdout
    index = int(re.findall(r"Hardening index : (\d+)", report)[-1])
    return [Result("lynis", "hardening index", str(index), "75 or more", index >= 75)]


def systemd(setup: Setup) -> list[Result]:
    """Audit the units of nginx and of the app with manager = "systemd" (systemd-analyze security)."""
    setup.deploy(manager="systemd")
    server = setup.server
    server.run("systemctl restart nginx")
    found = server.run("systemctl list-units --plain --no-legend --state=active 'hello.*.service' | cut -d ' ' -f 1")
    limits = {"nginx.service": 3.0, **dict.fromkeys(found.stdout.split(), 1.3)}
    results = []
    for unit, limit in limits.items():
        level = exposure(setup, unit)
        results.append(Result("systemd-analyze", unit, f"{level}", f"{limit} or less", level <= limit))
    if len(limits) == 1:
        results.append(Result("systemd-analyze", "the app's unit", "not found", "1.3 or less", False))
    if setup.more:
        # Of the distribution's units, Selvedge changes a few lines.
        units = [f"{package}.service" for package in ("prometheus", *EXPORTERS.values())]
        results += [Result("systemd-analyze", unit, f"{exposure(setup, unit)}") for unit in units]
    return results


def exposure(setup: Setup, unit: str) -> float:
    """Return how exposed a unit is: 0 to 10."""
    line = setup.server.run(f"systemd-analyze security --no-pager '{unit}' | tail -n 1").stdout
    return float(line.partition("service: ")[2].split()[0])


def testssl(setup: Setup) -> list[Result]:
    """Audit TLS, with pebble's root as a trusted authority (testssl.sh, $TESTSSL or from Debian).

    Grades need version 3.1 or later; the tool needs `host` or `dig`.
    """
    program = os.environ.get("TESTSSL") or shutil.which("testssl")
    if not program:
        return [Result("testssl.sh", "grade", "not installed: apt-get install testssl.sh", "A+", False)]
    report = output(
        program, "--color", "0", "--quiet", "--warnings", "batch", "--add-ca", str(setup.pebble.root),
        "--ip", setup.server.address, f"https://{NAME}/",
    )  # fmt: skip
    failed = re.findall(r"Fatal error: (.*)", report)
    grade = (re.findall(r"Overall Grade\s+(\S+)", report) or failed or ["none (version 3.1 or later gives one)"])[-1]
    cap = "; ".join(re.findall(r"Grade cap reasons?\s+(.*)", report))
    result = Result("testssl.sh", "grade", f"{grade} {cap}".strip(), "A+", grade == "A+")
    bad = re.findall(r"^.*(?:VULNERABLE \(NOT ok\)|NOT ok\)?).*$", report, re.MULTILINE)
    return [result, Result("testssl.sh", "lines with NOT ok", "; ".join(line.strip() for line in bad) or "0")]


def ports(setup: Setup) -> list[Result]:
    """Find the server's TCP ports that the other server reaches, of those up to 1024 and those at which something listens."""
    listening = {int(port) for port in setup.server.run("ss -Hltn | awk '{print $4}' | sed 's/.*://'").stdout.split()}
    asked = sorted({*range(1, 1025), *listening})
    script = f"python3 - {setup.server.address} {' '.join(map(str, asked))} <<'EOF'\n{SCAN}EOF\n"
    found = sorted(int(port) for port in setup.other.run(script).stdout.split())
    named = ", ".join(map(str, found))
    measure = f"open, of {len(asked)} TCP ports, {len(listening)} used"
    return [Result("from outside", measure, named, "22, 80, 443", found == [22, 80, 443])]


AUDITS: dict[str, Audit] = {
    "ssh-audit": ssh_audit, "gixy": gixy, "lynis": lynis, "systemd": systemd, "testssl": testssl, "ports": ports,
}  # fmt: skip
