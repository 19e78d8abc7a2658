"""`fab harden --check`: each security check of a server, with evidence, and with a remedy if it fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from selvedge.config.target import Target
from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError
from selvedge.operations.support.check_results import (
    CheckResult,
    ok,
    print_results,
    problem,
    problem_summaries,
    warning,
)
from selvedge.operations.support.each_host import on_each_host, raise_first_error
from selvedge.resources.access.firewall import Rule
from selvedge.resources.base import Ask, Resource, sections
from selvedge.run import Run
from selvedge.shell.library import call
from selvedge.task import Step

DAY = 86_400


def check(run: Run, steps: Sequence[Step]) -> None:
    """Print the score card of each server of the run; it changes nothing.

    steps: their resources are checked, too. Raises SelvedgeError at the end if a check fails.
    """
    found = on_each_host(run, lambda session: list(card(session, steps)))
    cards = {name: each for name, each in found.items() if not isinstance(each, SelvedgeError)}
    for name, results in cards.items():
        print_results(run.report, name, results)
        good = sum(each.level == "ok" for each in results)
        run.report.step(name, "score".ljust(11), f"  {good} of {len(results)} checks passed")
    raise_first_error(run, found)
    if problems := problem_summaries(cards):
        raise SelvedgeError(f"Hardening checks failed: {'; '.join(problems)}.", "Follow the lines with → above.")


def card(session: Session, steps: Sequence[Step]) -> Iterator[CheckResult]:
    """Yield the checks of one server, read in one exec. Raises UnreachableError or SelvedgeError."""
    app = session.app
    resources = [resource for step in steps for resource in step.resources(app)]
    facts = session.read([Ask(call("hardening_fact", app.host.user)), *resources])
    parts = sections(facts[0])
    yield from _ssh(app, parts, session.remote.user)
    yield from _firewall(app, parts)
    yield from _accounts(app, parts)
    yield from _upkeep(app, parts)
    yield from _kernel(app, parts)
    yield from _declared(app, zip(resources, facts[1:], strict=True))


def _ssh(app: Target, parts: Mapping[str, str], user: str) -> Iterator[CheckResult]:
    # Several values of a name: a Match block makes it another one for some users, addresses or ports.
    values: dict[str, list[str]] = {}
    for line in parts.get("sshd", "").splitlines():
        name, _, value = line.partition(" ")
        values.setdefault(name, []).append(value)
    remedy = f"Run `fab -H {app.host.name} harden`, which sets it or reports why it cannot."

    def holds(subject: str, **wanted: str) -> CheckResult:
        shown = ", ".join(f"{name} {' or '.join(values.get(name, ['(unknown)']))}" for name in wanted)
        wrong = [f"{name} {value}" for name, value in wanted.items() if values.get(name) != [value]]
        if wrong:
            return problem(subject, f"sshd -T: {shown}; expected: {', '.join(wrong)}", remedy)
        return ok(subject, f"sshd -T: {shown}")

    yield holds("root login", permitrootlogin="no")
    yield holds("passwords", passwordauthentication="no", kbdinteractiveauthentication="no", permitemptypasswords="no")
    yield holds("attempts", maxauthtries="4", logingracetime="30", maxstartups="10:30:60")
    forwarding = "no" if app.machine.allow_forwarding else "yes"
    yield holds("forwarding", disableforwarding=forwarding)
    if user == app.host.user:
        yield ok("login", f"{user} can log in with a key and become root with sudo")
    else:
        yield problem("login", f"{app.host.user} cannot log in; Selvedge logged in as {user}", remedy)
    keys = [line.split() for line in parts.get("hostkeys", "").splitlines() if line]
    weak = [words[-1] for words in keys if words[-1] not in ("(RSA)", "(ED25519)") or int(words[0]) not in (256, 4096)]
    shown = ", ".join(f"{words[-1].strip('()')} {words[0]} bits" for words in keys)
    if weak or not keys:
        yield problem("host keys", f"{shown or 'unknown'}; expected: only ED25519 and RSA with 4096 bits", remedy)
    else:
        yield ok("host keys", shown)


def _firewall(app: Target, parts: Mapping[str, str]) -> Iterator[CheckResult]:
    name = app.host.name
    if not app.machine.firewall:
        remedy = "Check that your provider's firewall opens only the ports that you need."
        yield warning("firewall", "off, because hosts.toml has server.firewall = false", remedy)
        return
    listening = parts.get("listening", "").split()
    if parts.get("state", "").split()[:1] != ["on"] or "live" not in parts.get("state", ""):
        remedy = f"Run `fab -H {name} harden`, which turns it on."
        yield problem("firewall", f"off, so all ports in use are reachable: {', '.join(listening)}", remedy)
        return
    inner = [app.nginx.http_port] if app.balancers else []
    asked = {*parts.get("ssh", "").split(), *map(str, [*app.open_ports, *inner])}
    rules = [rule for line in parts.get("rules", "").splitlines() if (rule := Rule.parse(line))]
    opened = {
        f"{port}/{rule.protocol}" for rule in rules if rule.action in ("allow", "limit") for port in rule.port.split(",")
    }
    extra = sorted(port for port in opened if not (port.endswith("/tcp") and port.removesuffix("/tcp") in asked))
    if extra:
        alone = any(extra[0] == f"{rule.port}/{rule.protocol}" for rule in rules)
        close = f"sudo ufw delete allow {extra[0]}" if alone else "sudo ufw status numbered` and `sudo ufw delete NUMBER"
        remedy = f"Close the port on the server (`{close}`), or add it to server.open_ports in hosts.toml."
        yield problem("open ports", f"{', '.join(extra)}: open, but not in server.open_ports of hosts.toml", remedy)
    else:
        yield ok("open ports", f"ufw allows only {', '.join(sorted(asked, key=int))}")
    reachable = [port for port in listening if f"{port}/tcp" in opened]
    yield ok("firewall", f"on; open ports in use: {', '.join(reachable) or 'none'}")
    limited = "limit rate" in parts.get("limit", "")
    remedy = f"Run `fab -H {name} harden`, which sets it if the kernel supports the limits of nftables."
    text = "one address can open 20 SSH connections at once, then 2 per second"
    yield ok("ssh limit", text) if limited else problem("ssh limit", "one address can open any number of SSH connections", remedy)


def _accounts(app: Target, parts: Mapping[str, str]) -> Iterator[CheckResult]:
    roots = parts.get("roots", "").split()
    empty = parts.get("empty", "").split()
    if roots != ["root"] or empty:
        names = [*(each for each in roots if each != "root"), *empty]
        remedy = f"Lock each of them on the server: `sudo passwd -l {' '.join(names[:1]) or 'NAME'}`."
        yield problem("accounts", f"with user ID 0 or without a password: {', '.join(names)}", remedy)
    else:
        yield ok("accounts", "only root has user ID 0, and every account is locked or has a password")
    if mode := parts.get("home", "").strip():
        closed = mode.endswith("0")
        remedy = f"Run `sudo chmod o-rwx ~{app.host.user}` on the server, unless a service needs access."
        text = f"mode {mode}: other users, such as the app's, {'cannot' if closed else 'can'} access it"
        yield ok("home", text) if closed else warning("home", text, remedy)
    ours = f"/etc/sudoers.d/90-selvedge-{app.host.user}:"
    lines = [line for line in parts.get("nopasswd", "").splitlines() if line]
    others = [line for line in lines if not line.startswith(ours)]
    if others:
        files = list(dict.fromkeys(line.partition(":")[0] for line in others))
        remedy = f"Check on the server who needs this: `sudo visudo -f {files[0]}`."
        yield warning("sudo", f"also allowed without a password by {', '.join(files)}", remedy)
    else:
        yield ok("sudo", f"only {app.host.user} needs no password" if lines else "everyone needs a password")


def _upkeep(app: Target, parts: Mapping[str, str]) -> Iterator[CheckResult]:
    if app.machine.fail2ban:
        lines = parts.get("fail2ban", "").splitlines()
        banned = next((line.split(":")[1].strip() for line in lines if "Currently banned" in line), None)
        jails = next((line.split(":")[1].strip() for line in lines if "Jail list" in line), "")
        remedy = f"Run `fab -H {app.host.name} harden`, and on the server `sudo systemctl status fail2ban`."
        yield (
            problem("fail2ban", "fail2ban does not answer", remedy)
            if banned is None
            else ok("fail2ban", f"addresses banned from SSH now: {banned}; active jails: {jails}")
        )
    times = [int(each) for each in parts.get("unattended", "").split()]
    if app.machine.unattended_upgrades and len(times) == 2:
        days = (times[1] - times[0]) / DAY
        if days > 3:
            remedy = "Find the reason on the server: `sudo systemctl status 'apt-daily*'`."
            yield warning("upgrades", f"last unattended run {days:.0f} days ago", remedy)
        else:
            yield ok("upgrades", f"last unattended run {days * 24:.0f} hours ago")
    if waiting := parts.get("reboot", "").split():
        yield warning("reboot", f"needed to finish upgrading {', '.join(waiting)}", "Run `sudo systemctl reboot` on the server.")
    yield _clock(app, parts.get("clock", "").split())


def _clock(app: Target, lines: Sequence[str]) -> CheckResult:
    """Return whether a service keeps the clock right. lines: the services, then `yes`, `no` or `container`."""
    *services, state = lines or [""]
    names = " and ".join(services)
    if not services:
        remedy = f"Run `fab -H {app.host.name} harden`, which installs systemd-timesyncd."
        return problem("clock", "no service sets the server's clock", remedy)
    if state == "container":
        return ok("clock", f"set by the host of this container; {names} is installed")
    if state != "yes":
        remedy = f"Find the reason on the server: `timedatectl status`, `sudo journalctl -u {services[0]} -n 20`."
        return warning("clock", f"{names} has not synchronized it yet", remedy)
    return ok("clock", f"synchronized by {names}")


def _kernel(app: Target, parts: Mapping[str, str]) -> Iterator[CheckResult]:
    size = parts.get("core", "").strip()
    remedy = f"Run `fab -H {app.host.name} harden`, which forbids them from the next login on."
    text = f"size limit for logins: {size or 'unknown'}"
    yield ok("core dumps", text) if size == "0" else problem("core dumps", text, remedy)
    if loaded := parts.get("modules", "").split():
        remedy = "Reboot the server to unload them. /etc/modprobe.d/50-selvedge.conf blocks them from then on."
        yield warning("modules", f"rarely used kernel modules are loaded: {', '.join(loaded)}", remedy)
    else:
        yield ok("modules", "no kernel module that harden blocks is loaded")


EVIDENCE = {
    "AuthorizedKeys": ("keys", "your keys may log in"),
    "Sshd": ("algorithms", "sshd uses every line of 00-selvedge.conf (sshd -T)"),
    "Moduli": ("algorithms", "Diffie-Hellman groups have 3071 bits or more"),
    "/etc/apt/apt.conf.d/52unattended-upgrades-selvedge": ("updates", "security updates are installed daily"),
    "Sysctl": ("kernel", "all settings of /etc/sysctl.d/90-selvedge.conf that this server supports are active"),
    "/etc/ufw/sysctl.conf": ("kernel", "ufw does not override them (/etc/ufw/sysctl.conf)"),
    "/etc/login.defs": ("hashes", "new passwords: SHA-512 with 65536 rounds, or yescrypt with cost 7 if PAM uses it"),
    "/etc/profile.d/50-selvedge.sh": ("idle logins", "a shell ends after 30 minutes without input (/etc/profile.d/50-selvedge.sh)"),
    "/etc/issue": ("banner", "warns other users, and does not show the system's version (/etc/issue)"),
}
"""Subject and evidence of the resources that have their own line, by the resource's class or path."""


def _declared(app: Target, read: Iterable[tuple[Resource, str]]) -> Iterator[CheckResult]:
    """Yield the checks of the resources that `update` and `harden` declare: keys, algorithms, kernel settings and the rest."""
    texts: dict[str, list[str]] = {}
    waiting: dict[str, list[str]] = {}
    for resource, fact in read:
        by_path = EVIDENCE.get(getattr(resource, "path", ""))
        subject, text = by_path or EVIDENCE.get(type(resource).__name__) or ("the rest", "")
        texts.setdefault(subject, []).append(text)
        if change := resource.plan(resource.complete(fact)):
            waiting.setdefault(subject, []).append(change.summary)
    remedy = f"Run `fab -H {app.host.name} update harden`. With `--dry-run` it only shows the changes."
    texts["the rest"] = texts.pop("the rest", [])  # comes last
    for subject, each in texts.items():
        if subject in waiting:
            more = f"; and {len(waiting[subject]) - 2} more" if len(waiting[subject]) > 2 else ""
            yield problem(subject, f"changes needed: {'; '.join(waiting[subject][:2])}{more}", remedy)
        elif subject != "the rest":
            yield ok(subject, "; ".join(dict.fromkeys(each)))
        else:
            yield ok(subject, f"all {len(each)} other settings of `update` and `harden` are in place")
