"""Checks of the connection from visitors to the server: DNS, ports, firewall, certificate."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence

from selvedge.config.site import concrete
from selvedge.config.target import Target
from selvedge.operations.doctor.addresses import may_be_translated, reachable
from selvedge.operations.doctor.facts import ServerFacts
from selvedge.operations.support.check_results import CheckResult, ok, problem, warning
from selvedge.resources.access.firewall import Rule


def check_network(app: Target, facts: ServerFacts) -> Iterator[CheckResult]:
    """Check whether requests reach the server. A server that has only the database gets none."""
    if app.has_only_database:
        return
    if not app.tls.upstream:
        yield from _dns(app, facts)
    for port in app.ports if facts.status.certificate else app.ports[:1]:
        yield from _port(app, facts, port)
    if app.has_tls:
        yield from _certificate(app, facts)


def _dns(app: Target, facts: ServerFacts) -> Iterator[CheckResult]:
    own = {*facts.lines.get("address", []), *facts.addresses}
    for domain in app.names:
        # The server's /etc/hosts often has its own name at 127.0.1.1, which says nothing about the DNS.
        seen = reachable(facts.named("domain").get(concrete(domain), "").split()) or reachable(facts.domains.get(domain, ()))
        wrong = sorted(set(seen) - own)
        if not seen:
            addresses = sorted(reachable(facts.addresses) or reachable(own))
            records = ", ".join(f"{'AAAA' if ':' in each else 'A'} {each}" for each in addresses)
            yield problem("dns", f"{domain} has no address", f"Add these records for {domain} to your DNS: {records}.")
        elif wrong and all(_proxied(each, app) for each in wrong):
            yield ok("dns", f"{domain} resolves to a proxy in nginx.trusted_proxies ({', '.join(sorted(seen))})")
        elif not wrong:
            yield ok("dns", f"{domain} resolves to this server ({', '.join(sorted(seen))})")
        elif may_be_translated(wrong, own):
            text = f"{domain} resolves to {', '.join(wrong)}, but the server knows only its private addresses"
            remedy = f"Compare with the server's public address at your provider, and open {app.url}."
            yield warning("dns", text, remedy)
        else:
            text = f"{domain} resolves to {', '.join(wrong)}, not to this server"
            yield problem("dns", text, " ".join(_records(wrong, [reachable(facts.addresses), reachable(own)])))


def _proxied(address: str, app: Target) -> bool:
    """Return whether an address belongs to a proxy in `nginx.trusted_proxies`."""
    found = ipaddress.ip_address(address)
    return any(found in ipaddress.ip_network(network) for network in app.nginx.proxy_networks)


def _records(wrong: Sequence[str], own: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the correction of each wrong DNS record. own: lists of the server's addresses, the preferred list first."""
    for record, separator in (("A", "."), ("AAAA", ":")):
        if any(separator in each for each in wrong):
            right = next(filter(None, (sorted(each for each in some if separator in each) for some in own)), [])
            yield f"Set its {record} record to {' or '.join(right)}." if right else f"Delete its {record} record."


def _port(app: Target, facts: ServerFacts, port: int) -> Iterator[CheckResult]:
    holders = dict(re.findall(r'\("([^"]+)",pid=([0-9]+)', facts.named("port").get(str(port), "")))
    if "nginx" in holders:
        yield _firewall(app, facts, port)
    elif holders:
        names = " and ".join(f"{name} (process {pid})" for name, pid in holders.items())
        pid = next(iter(holders.values()))
        remedy = f"Find its service on the server with `sudo systemctl status {pid}`, and disable the service."
        yield problem("port", f"{port} is used by {names}, but nginx needs it", remedy)
    elif facts.status.releases.live or app.backends:
        step = "balancer" if app.backends else "nginx" if port == app.nginx.http_port else "certbot"
        yield problem("port", f"no program listens on {port}", f"Run `fab -H {app.host.name} {step}`.")


def _firewall(app: Target, facts: ServerFacts, port: int) -> CheckResult:
    closed_by = _closed_by(facts, port, app.balancers)
    if closed_by:
        remedy = f"Run `fab -H {app.host.name} harden`."
        remedy += "" if app.balancers else f" Or run `sudo ufw allow {port}/tcp` on the server."
        return problem("firewall", f"{closed_by} blocks port {port}", remedy)
    # A backend answers its balancers alone.
    tried = "" if app.balancers else facts.ports.get(port, "")
    if tried and tried != "open":
        remedy = f"Open port {port} in your provider's firewall (security group)."
        result = "the connection is refused" if tried == "refused" else "there is no answer"
        return problem("firewall", f"nginx listens on {port}, but from your machine {result}", remedy)
    return ok("port", f"nginx listens on {port}{', and your machine can connect' if tried else ''}")


def _closed_by(facts: ServerFacts, port: int, sources: Sequence[str]) -> str:
    """Return the program on the server whose rules close the port to all, or to one of these addresses; "" if none does."""
    state = " ".join(facts.lines.get("ufw", [])).split()
    if "on" in state and "live" in state:
        ufw = list(filter(None, map(Rule.parse, facts.lines.get("ufw-rule", []))))
        opened = all(any(rule.opens(str(port), source) for rule in ufw) for source in sources or [""])
        return "" if "deny" not in state or opened else "ufw"
    chain = facts.lines.get("input", [])
    if not {"-P INPUT DROP", "-P INPUT REJECT"} & set(chain):
        return ""
    rules = (re.search(r"--dports? ([0-9,:]+)", line) for line in chain)
    return "" if _is_listed(port, (rule[1] for rule in rules if rule)) else "iptables"


def _is_listed(port: int, lists: Iterable[str]) -> bool:
    """Return whether a list of ports such as "22,80,8000:8100" has the port."""
    pairs = [each.partition(":") for ports in lists for each in ports.split(",") if each.strip(":")]
    return any(int(first) <= port <= int(last or first) for first, _, last in pairs)


def _certificate(app: Target, facts: ServerFacts) -> Iterator[CheckResult]:
    names = set(facts.lines.get("name", []))
    missing = sorted(set(app.certificate_names) - names)
    if names and missing:
        yield problem("certificate", f"does not cover {', '.join(missing)}", f"Run `fab -H {app.host.name} certbot`.")
