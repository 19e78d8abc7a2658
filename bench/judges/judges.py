"""The judges: each runs a tool as it comes, and reads its verdict out of what it prints."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from pathlib import Path

from bench.judges import NAME, Bench, Judge, Verdict, output, tool

POLICY = "Hardened Debian 12 (version 3)"


def ssh_audit(bench: Bench) -> list[Verdict]:
    """sshd's algorithms (ssh-audit, from PyPI)."""
    program = tool("ssh-audit", "ssh-audit")
    report = output(program, "--no-colors", bench.server.address)
    fails, warnings = report.count("[fail]"), report.count("[warn]")
    policy = output(program, "--no-colors", "--policy", POLICY, bench.server.address)
    passed = "Passed" in policy
    reason = " ".join(line.strip() for line in policy.splitlines() if "did not match" in line)
    return [
        Verdict("ssh-audit", "fails", str(fails), "0", fails == 0),
        Verdict("ssh-audit", "warnings", str(warnings)),
        Verdict("ssh-audit", f"policy {POLICY}", "passed" if passed else f"failed {reason}", "passed", passed),
    ]


def gixy(bench: Bench) -> list[Verdict]:
    """nginx's configuration (gixy-ng, from PyPI)."""
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder, "nginx.conf")
        dump.write_text(bench.server.run("nginx -T 2>/dev/null").stdout)
        found_in = Path(folder, "issues.json")
        output(tool("gixy-ng", "gixy"), "--format", "json", "--output", str(found_in), str(dump))
        issues = json.loads(found_in.read_text())
    found = [issue for issue in issues if issue["severity"] in ("MEDIUM", "HIGH")]
    named = "; ".join(f"{issue['severity']} {issue['plugin']}: {issue['summary']}" for issue in found)
    return [
        Verdict("gixy", "issues of MEDIUM or above", named or "0", "0", not found),
        Verdict("gixy", "issues below", str(len(issues) - len(found))),
    ]


def lynis(bench: Bench) -> list[Verdict]:
    """The whole server (lynis, from Debian)."""
    bench.server.run("apt-get install -qq -y --no-install-recommends lynis >/dev/null 2>&1")
    report = bench.server.run("lynis audit system --quick --no-colors 2>&1 || true").stdout
    index = int(re.findall(r"Hardening index : (\d+)", report)[-1])
    return [Verdict("lynis", "hardening index", str(index), "75 or more", index >= 75)]


def systemd(bench: Bench) -> list[Verdict]:
    """The boxes that nginx and the app run in (systemd-analyze security): the app's is that of manager = "systemd"."""
    bench.deploy(manager="systemd")
    server = bench.server
    server.run("systemctl restart nginx")
    found = server.run("systemctl list-units --plain --no-legend --state=active 'hello.*.service' | cut -d ' ' -f 1")
    limits = {"nginx.service": 3.0, **dict.fromkeys(found.stdout.split(), 1.3)}
    verdicts = []
    for unit, limit in limits.items():
        line = server.run(f"systemd-analyze security --no-pager '{unit}' | tail -n 1").stdout
        level = float(line.partition("service: ")[2].split()[0])
        verdicts.append(Verdict("systemd-analyze", unit, f"{level}", f"{limit} or less", level <= limit))
    if len(limits) == 1:
        verdicts.append(Verdict("systemd-analyze", "the app's unit", "not found", "1.3 or less", False))
    return verdicts


def testssl(bench: Bench) -> list[Verdict]:
    """TLS (testssl.sh, of $TESTSSL or Debian; grades came with version 3.1, and it needs `host` or `dig`), with pebble's root
    for an authority."""
    program = os.environ.get("TESTSSL") or shutil.which("testssl")
    if not program:
        return [Verdict("testssl.sh", "grade", "not installed: apt-get install testssl.sh", "A+", False)]
    report = output(
        program, "--color", "0", "--quiet", "--warnings", "batch", "--add-ca", str(bench.pebble.root),
        "--ip", bench.server.address, f"https://{NAME}/",
    )  # fmt: skip
    failed = re.findall(r"Fatal error: (.*)", report)
    grade = (re.findall(r"Overall Grade\s+(\S+)", report) or failed or ["none (version 3.1 or later gives one)"])[-1]
    cap = "; ".join(re.findall(r"Grade cap reasons?\s+(.*)", report))
    verdict = Verdict("testssl.sh", "grade", f"{grade} {cap}".strip(), "A+", grade == "A+")
    bad = re.findall(r"^.*(?:VULNERABLE \(NOT ok\)|NOT ok\)?).*$", report, re.MULTILINE)
    return [verdict, Verdict("testssl.sh", "lines with NOT ok", "; ".join(line.strip() for line in bad) or "0")]


def ports(bench: Bench) -> list[Verdict]:
    """Which TCP ports of the server another one reaches (bash alone, so that nothing need be installed)."""
    common = (*range(1, 1025), 2019, 3000, 3306, 5000, 5355, 5432, 6379, 8000, 8080, 8443, 9001, 9090)
    script = f"""printf '%s\\n' {" ".join(map(str, common))} | xargs -P 64 -n 16 bash -c '
        for port; do
            timeout 0.5 bash -c "exec 3<>/dev/tcp/{bench.server.address}/$port" 2>/dev/null && echo $port
        done; true' x"""
    found = sorted(int(port) for port in bench.other.run(script).stdout.split())
    named = ", ".join(map(str, found))
    return [Verdict("from outside", f"open, of {len(common)} TCP ports", named, "22, 80, 443", found == [22, 80, 443])]


JUDGES: dict[str, Judge] = {
    "ssh-audit": ssh_audit, "gixy": gixy, "lynis": lynis, "systemd": systemd, "testssl": testssl, "ports": ports,
}  # fmt: skip
