"""`fab harden --check`: each security measure of a server, with evidence, and with a remedy if it does not hold."""

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

    steps: their resources are measures, too. Raises SelvedgeError at the end if a measure does not hold.
    """
    found = on_each_host(run, lambda session: list(card(session, steps)))
    cards = {name: each for name, each in found.items() if not isinstance(each, SelvedgeError)}
    for name, results in cards.items():
        print_results(run.report, name, results)
        good = sum(each.level == "ok" for each in results)
        run.report.step(name, "score".ljust(11), f"  {good} of {len(results)} measures hold")
    raise_first_error(run, found)
    if problems := problem_summaries(cards):
        raise SelvedgeError(f"Not as it should be: {'; '.join(problems)}.", "Each line with → says what to do.")


def card(session: Session, steps: Sequence[Step]) -> Iterator[CheckResult]:
    """Yield the measures of one server, read in one exec. Raises UnreachableError or SelvedgeError."""
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
    remedy = f"`fab -H {app.host.name} harden` sets it, and says what is in the way."

    def holds(subject: str, **wanted: str) -> CheckResult:
        shown = ", ".join(f"{name} {' or '.join(values.get(name, ['is unknown']))}" for name in wanted)
        wrong = [f"{name} {value}" for name, value in wanted.items() if values.get(name) != [value]]
        if wrong:
            return problem(subject, f"sshd -T: {shown}; wanted: {', '.join(wrong)}", remedy)
        return ok(subject, f"sshd -T: {shown}")

    yield holds("root login", permitrootlogin="no")
    yield holds("passwords", passwordauthentication="no", kbdinteractiveauthentication="no", permitemptypasswords="no")
    yield holds("attempts", maxauthtries="4", logingracetime="30", maxstartups="10:30:60")
    forwarding = "no" if app.server.allow_forwarding else "yes"
    yield holds("forwarding", disableforwarding=forwarding)
    if user == app.host.user:
        yield ok("login", f"{user} logged in with a key just now, and became root by sudo")
    else:
        yield problem("login", f"{app.host.user} cannot log in; {user} can", remedy)
    keys = [line.split() for line in parts.get("hostkeys", "").splitlines() if line]
    weak = [words[-1] for words in keys if words[-1] not in ("(RSA)", "(ED25519)") or int(words[0]) not in (256, 4096)]
    shown = ", ".join(f"{words[-1].strip('()')} {words[0]} bits" for words in keys)
    yield problem("host keys", shown or "unknown", remedy) if weak or not keys else ok("host keys", shown)


def _firewall(app: Target, parts: Mapping[str, str]) -> Iterator[CheckResult]:
    name = app.host.name
    if not app.server.firewall:
        yield warning(
            "firewall", "none of ours: server.firewall is off", "See that your provider's lets in no other ports."
        )
        return
    listening = parts.get("listening", "").split()
    if parts.get("state", "").split()[:1] != ["on"] or "live" not in parts.get("state", ""):
        remedy = f"`fab -H {name} harden` turns it on."
        yield problem("firewall", f"off: whatever listens is reachable: {', '.join(listening)}", remedy)
        return
    asked = {*parts.get("ssh", "").split(), "80", "443", *map(str, app.server.open_ports)}
    rules = [rule for line in parts.get("rules", "").splitlines() if (rule := Rule.parse(line))]
    opened = {
        f"{port}/{rule.protocol}" for rule in rules if rule.action in ("allow", "limit") for port in rule.port.split(",")
    }
    extra = sorted(port for port in opened if not (port.endswith("/tcp") and port.removesuffix("/tcp") in asked))
    if extra:
        alone = any(extra[0] == f"{rule.port}/{rule.protocol}" for rule in rules)
        close = f"ufw delete allow {extra[0]}" if alone else "ufw status numbered` and `ufw delete NUMBER"
        remedy = f"Close it (`{close}` on the server), or name it: server.open_ports."
        yield problem("open ports", f"{', '.join(extra)} beside those asked for", remedy)
    else:
        yield ok("open ports", f"ufw lets in {', '.join(sorted(asked, key=int))} and nothing else")
    reachable = [port for port in listening if f"{port}/tcp" in opened]
    yield ok("firewall", f"on; open ports that something listens on: {', '.join(reachable) or 'none'}")
    limited = "limit rate" in parts.get("limit", "")
    remedy = f"The kernel must know nftables' limits; `fab -H {name} harden` sets it."
    text = "new ssh connections of one address: 20 at once, then 2 a second"
    yield ok("ssh limit", text) if limited else problem("ssh limit", "there is none", remedy)


def _accounts(app: Target, parts: Mapping[str, str]) -> Iterator[CheckResult]:
    roots = parts.get("roots", "").split()
    empty = parts.get("empty", "").split()
    if roots != ["root"] or empty:
        names = ", ".join([*(each for each in roots if each != "root"), *empty])
        yield problem("accounts", f"{names}: root's rights, or no password at all", "On the server: `passwd -l NAME`.")
    else:
        yield ok("accounts", "only root has root's number, and nobody an empty password")
    if mode := parts.get("home", "").strip():
        closed, remedy = mode.endswith("0"), f"On the server: `chmod o-rwx ~{app.host.user}`, unless a service reads there."
        text = f"mode {mode}: {'closed' if closed else 'open'} to other users, the app's among them"
        yield ok("home", text) if closed else warning("home", text, remedy)
    ours = f"/etc/sudoers.d/90-selvedge-{app.host.user}:"
    lines = [line for line in parts.get("nopasswd", "").splitlines() if line]
    others = [line for line in lines if not line.startswith(ours)]
    if others:
        files = ", ".join(dict.fromkeys(line.partition(":")[0] for line in others))
        yield warning("sudo", f"without a password by {files}", "See who that is for: `visudo -f FILE` on the server.")
    else:
        yield ok("sudo", f"without a password: {app.host.user if lines else 'nobody'}")


def _upkeep(app: Target, parts: Mapping[str, str]) -> Iterator[CheckResult]:
    if app.server.fail2ban:
        lines = parts.get("fail2ban", "").splitlines()
        banned = next((line.split(":")[1].strip() for line in lines if "Currently banned" in line), None)
        jails = next((line.split(":")[1].strip() for line in lines if "Jail list" in line), "")
        remedy = f"`fab -H {app.host.name} harden`; on the server: `systemctl status fail2ban`."
        yield (
            problem("fail2ban", "does not answer", remedy)
            if banned is None
            else ok("fail2ban", f"{banned} shut out from ssh now; it watches {jails}")
        )
    times = [int(each) for each in parts.get("unattended", "").split()]
    if app.server.unattended_upgrades and len(times) == 2:
        days = (times[1] - times[0]) / DAY
        late = warning(
            "upgrades", f"last by themselves {days:.0f} days ago", "On the server: `systemctl status apt-daily*`."
        )
        yield late if days > 3 else ok("upgrades", f"last by themselves {days * 24:.0f} hours ago")
    if waiting := parts.get("reboot", "").split():
        yield warning("restart", f"needed for {', '.join(waiting)}", "On the server: `systemctl reboot`.")
    services, _, synchronized = parts.get("clock", "").strip().rpartition("\n")
    text = f"kept by {services.replace(chr(10), ', ') or 'nobody'}; in step: {synchronized or 'unknown'}"
    remedy = f"`fab -H {app.host.name} harden` installs systemd-timesyncd."
    yield ok("clock", text) if services else problem("clock", text, remedy)


def _kernel(app: Target, parts: Mapping[str, str]) -> Iterator[CheckResult]:
    size = parts.get("core", "").strip()
    remedy = f"`fab -H {app.host.name} harden` forbids them; it holds from the next login on."
    text = f"the largest that a login may write: {size or 'unknown'}"
    yield ok("core dumps", text) if size == "0" else problem("core dumps", text, remedy)
    if loaded := parts.get("modules", "").split():
        remedy = "They go with the next restart, unless something needs them: /etc/modprobe.d/50-selvedge.conf."
        yield warning("modules", f"loaded in the kernel: {', '.join(loaded)}", remedy)
    else:
        yield ok("modules", "none of the rare ones that harden keeps out of the kernel is loaded")


EVIDENCE = {
    "AuthorizedKeys": ("keys", "yours stand among those that may log in"),
    "Sshd": ("algorithms", "sshd has loaded 00-selvedge.conf, and `sshd -T` shows each line of it"),
    "Moduli": ("algorithms", "Diffie-Hellman groups have 3071 bits or more"),
    "/etc/apt/apt.conf.d/52unattended-upgrades-selvedge": ("updates", "security updates are installed every day"),
    "Sysctl": ("kernel", "settings of /etc/sysctl.d/90-selvedge.conf are in force, as far as they can be set here"),
    "/etc/ufw/sysctl.conf": ("kernel", "ufw leaves them so (/etc/ufw/sysctl.conf)"),
    "/etc/login.defs": ("hashes", "of new passwords: SHA-512 in 65536 rounds; yescrypt at cost 7 where PAM heeds it"),
    "/etc/profile.d/50-selvedge.sh": ("idle logins", "end after half an hour at the prompt (/etc/profile.d/50-selvedge.sh)"),
    "/etc/issue": ("banner", "says for whom the server is, and not what it runs (/etc/issue)"),
}
"""Subject and evidence of the resources that have their own line, by the resource's class or path."""


def _declared(app: Target, read: Iterable[tuple[Resource, str]]) -> Iterator[CheckResult]:
    """Yield the measures that `update` and `harden` declare as resources: keys, algorithms, kernel settings and the rest."""
    texts: dict[str, list[str]] = {}
    waiting: dict[str, list[str]] = {}
    for resource, fact in read:
        by_path = EVIDENCE.get(getattr(resource, "path", ""))
        subject, text = by_path or EVIDENCE.get(type(resource).__name__) or ("the rest", "")
        texts.setdefault(subject, []).append(text)
        if change := resource.plan(resource.complete(fact)):
            waiting.setdefault(subject, []).append(change.summary)
    remedy = f"`fab -H {app.host.name} update harden` does it; with --dry-run it only shows what it would do."
    texts["the rest"] = texts.pop("the rest", [])  # comes last
    for subject, each in texts.items():
        if subject in waiting:
            more = f"; and {len(waiting[subject]) - 2} more" if len(waiting[subject]) > 2 else ""
            yield problem(subject, f"to do: {'; '.join(waiting[subject][:2])}{more}", remedy)
        elif subject != "the rest":
            yield ok(subject, "; ".join(dict.fromkeys(each)))
        else:
            yield ok(subject, f"all {len(each)} other things that `update` and `harden` declare are so")
