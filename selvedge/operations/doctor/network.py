"""What `fab doctor` makes of the way to the server: names, ports, firewall, certificate."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence

from selvedge.config.target import Target
from selvedge.operations.check_results import Finding, ok, problem, warning
from selvedge.operations.doctor.facts import ServerFacts, public


def reach(app: Target, found: ServerFacts) -> Iterator[Finding]:
    """Whether requests find the way."""
    if not app.tls.upstream:
        yield from _names(app, found)
    for port in (80, 443) if found.vitals.certificate else (80,):
        yield from _port(app, found, port)
    if app.has_tls:
        yield from _certificate(app, found)


def _names(app: Target, found: ServerFacts) -> Iterator[Finding]:
    own = {*found.lines.get("address", []), *found.here}
    for domain in app.domains:
        # The server's own /etc/hosts often has its name at 127.0.1.1, which says nothing about the DNS.
        seen = public(found.named("domain").get(domain, "").split()) or public(found.resolved.get(domain, ()))
        wrong = sorted(set(seen) - own)
        shown = ", ".join(sorted(public(found.here) or public(own)))
        if not seen:
            yield problem("dns", f"{domain} has no address", f"Add an A record to the DNS that leads it to {shown}.")
        elif not wrong:
            yield ok("dns", f"{domain} leads here ({', '.join(sorted(seen))})")
        elif _hidden(wrong, own):
            text = f"whether {domain} ({', '.join(wrong)}) leads here cannot be seen behind address translation"
            remedy = f"Compare with the server's public address at the provider, and open http://{domain}/."
            yield warning("dns", text, remedy)
        else:
            text = f"{domain} leads to {', '.join(wrong)}, not to this server"
            yield problem("dns", text, " ".join(_records(wrong, [public(found.here), public(own)])))


def _records(wrong: Sequence[str], own: Sequence[Sequence[str]]) -> Iterator[str]:
    """What to do about the record of each family of addresses that leads elsewhere. own: lists, the better ones first."""
    for record, family in (("A", "."), ("AAAA", ":")):
        if any(family in each for each in wrong):
            right = next(filter(None, (sorted(each for each in some if family in each) for some in own)), [])
            yield f"Make its {record} record {' or '.join(right)}." if right else f"Remove its {record} record."


def _hidden(wrong: Sequence[str], own: set[str]) -> bool:
    """Whether the addresses may be those of a router before the server, which has none of its own on the Internet."""
    ours, theirs = _parsed(own), _parsed(wrong)
    return not any(each.is_global for each in ours) and all(each.is_global and each.version == 4 for each in theirs)


def _parsed(addresses: Iterable[str]) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    found = []
    for each in addresses:
        with contextlib.suppress(ValueError):
            found.append(ipaddress.ip_address(each.partition("%")[0]))
    return found


def _port(app: Target, found: ServerFacts, port: int) -> Iterator[Finding]:
    holders = dict(re.findall(r'\("([^"]+)",pid=([0-9]+)', found.named("port").get(str(port), "")))
    deployed = bool(found.vitals.releases.live)
    step = "nginx" if port == 80 else "certbot"
    if holders and "nginx" not in holders:
        names = " and ".join(f"{name} (process {pid})" for name, pid in holders.items())
        stop = f"`systemctl status {next(iter(holders.values()))}` on the server names its service: disable that if it may go."
        yield problem("port", f"{port} is held by {names}, and nginx needs it", stop)
        return
    if not holders:
        if deployed:
            yield problem("port", f"nobody listens on {port}", f"Run `fab -H {app.host.name} {step}`.")
        return
    closed = _firewall(found, port)
    knock = found.knocks.get(port, "")
    if closed:
        yield problem(
            "firewall", closed, f"Run `fab -H {app.host.name} harden`, or `ufw allow {port}/tcp` on the server."
        )
    elif knock and knock != "open":
        remedy = f"Open port {port} at the provider's firewall (its security group), too."
        yield problem("firewall", f"nginx listens on {port}, but from this machine it is {knock}", remedy)
    else:
        reached = ", and this machine reaches it" if knock else ""
        yield ok("port", f"nginx listens on {port}{reached}")


def _firewall(found: ServerFacts, port: int) -> str:
    """What keeps connections to the port out, "" where nothing on the server does."""
    ufw = found.lines.get("ufw", [])
    if "Status: active" in ufw:
        if any(line.startswith("Default: allow (incoming)") for line in ufw):
            return ""
        rules = (re.match(r"([0-9,:]+)(/tcp)?( \([^)]*\))? +(ALLOW|LIMIT) IN +Anywhere", line) for line in ufw)
        return "" if any(rule and _within(port, rule[1]) for rule in rules) else f"ufw does not let port {port} in"
    rules_in = found.lines.get("input", [])
    if not any(line in ("-P INPUT DROP", "-P INPUT REJECT") for line in rules_in):
        return ""
    ports = (re.search(r"--dports? ([0-9,:]+)", line) for line in rules_in)
    return "" if any(each and _within(port, each[1]) for each in ports) else f"iptables does not let port {port} in"


def _within(port: int, ports: str) -> bool:
    """Whether a list such as "22,80,8000:8100" has the port."""
    pairs = [each.partition(":") for each in ports.split(",") if each.strip(":")]
    return any(int(first) <= port <= int(last or first) for first, _, last in pairs)


def _certificate(app: Target, found: ServerFacts) -> Iterator[Finding]:
    names = set(found.lines.get("name", []))
    remedy = f"Run `fab -H {app.host.name} certbot`."
    missing = sorted(set(app.domains) - names)
    if names and missing:
        yield problem("certificate", f"it is not for {', '.join(missing)}", remedy)
