"""Checks of the server itself and of the app on it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selvedge.config.target import Target
from selvedge.operations.doctor.facts import ServerFacts
from selvedge.operations.support.check_results import CheckResult, ok, problem, warning
from selvedge.operations.support.status_checks import check_status, is_accepted
from selvedge.operations.support.text import duration

TESTED = {"debian": ("12", "13"), "ubuntu": ("22.04", "24.04")}
"""The systems that Selvedge supports, by ID and VERSION_ID of os-release(5)."""
OLDEST_PYTHON = (3, 9)
"""The oldest Python for current releases of FastAPI and uvicorn, by their package metadata."""
SKEW_WARNING, SKEW_PROBLEM = 5.0, 120.0
"""Seconds. With a clock that is minutes off, certificates look invalid, and tokens and signatures are refused."""


def check_server(app: Target, facts: ServerFacts) -> Iterator[CheckResult]:
    """Check the server: login, system, clock, memory, services, app."""
    yield _login(app, facts)
    yield _system(facts)
    yield _python(app, facts)
    yield _clock(facts)
    yield from _memory(app, facts)
    yield from _configuration(facts)
    yield from _repository(app, facts)
    yield from check_status(app, facts.status)
    if facts.status.releases.live:
        yield from _socket(app, facts)
        yield from _site(app, facts)


def _login(app: Target, facts: ServerFacts) -> CheckResult:
    user, remedy = app.host.user, f"Run `fab -H {app.host.name} harden`."
    if facts.user == "root":
        return warning("login", f"root logs in, and {user} cannot yet", remedy)
    if facts.user != user:
        return warning("login", f"{facts.user} logs in with sudo, {user} not yet", remedy)
    return ok("login", f"{user} logs in, and sudo makes it root")


def _system(facts: ServerFacts) -> CheckResult:
    kind, version, title = [*facts.one("os").split(" ", 2), "", "", ""][:3]
    tested = ", ".join(f"{name.title()} {' and '.join(versions)}" for name, versions in TESTED.items())
    if kind not in TESTED:
        return problem("system", f"{title or 'an unknown system'} is not supported", f"Use one of {tested}.")
    if "yes" not in facts.lines.get("systemd", []):
        remedy = "Use a virtual machine, or a container that boots systemd."
        return problem("system", f"{title} runs without systemd", remedy)
    if version not in TESTED[kind]:
        return warning("system", f"{title} was not tried", f"Tried are {tested}.")
    return ok("system", title)


def _python(app: Target, facts: ServerFacts) -> CheckResult:
    version = facts.one("python")
    wanted = app.python and app.python_from == "system"
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if not version:
        return warning("python", "there is none yet", f"`fab -H {app.host.name} install` installs it.")
    if wanted and not version.startswith(app.python):
        remedy = 'Set app.python_from = "auto", which brings the wanted version.'
        return problem("python", f"the system's is {version}, and app.python asks for {app.python}", remedy)
    if numbers < OLDEST_PYTHON and not app.python:
        return warning("python", f"{version} is too old for current FastAPI", 'Set app.python = "3.12" (or newer).')
    return ok("python", f"the system's is {version}" + (f", the app gets {app.python}" if app.python else ""))


def _clock(facts: ServerFacts) -> CheckResult:
    late = f"{duration(abs(facts.skew))} {'ahead of' if facts.skew > 0 else 'behind'} this machine's"
    remedy = "Find out which is wrong; on the server: `timedatectl set-ntp true`."
    if abs(facts.skew) >= SKEW_PROBLEM:
        return problem("clock", late, remedy)
    if abs(facts.skew) >= SKEW_WARNING:
        return warning("clock", late, remedy)
    return ok("clock", "goes with this machine's")


def _memory(app: Target, facts: ServerFacts) -> Iterator[CheckResult]:
    memory = facts.status.numbers("memory", 3)
    if not memory:
        return
    free, swap = memory[0] / 1024, memory[2] / 1024
    # A new release starts beside the old one: for some seconds there are two sets of workers.
    needed = max(facts.status.memory / 1024, 150.0)
    text = f"{free:.0f} MB free, {swap:.0f} MB swap"
    if free + swap < needed and app.strategy == "beside":
        remedy = 'Add memory or swap, set fewer app.workers, or app.strategy = "restart" (which loses requests).'
        yield problem("memory", f"{text}; a release beside the old one needs {needed:.0f} MB", remedy)
    else:
        yield ok("memory", text)


def _configuration(facts: ServerFacts) -> Iterator[CheckResult]:
    nginx = facts.one("nginx")
    if nginx == "ok":
        yield ok("nginx", "nginx -t: its configuration is right")
    elif nginx:
        file = re.search(r" in (/[^ :]+):(\d+)", nginx)
        where = f"Mend line {file[2]} of {file[1]} on the server." if file else "Mend that on the server."
        yield problem("nginx", nginx, f"{where} Until then nothing can be released.")
    for manager, answer in facts.named("configuration").items():
        if answer == "ok":
            yield ok(manager, "its configuration is right")
        elif answer:
            remedy = f"Mend that file: {manager}, and every app with it, would not come back after a reboot."
            yield problem(manager, answer, remedy)
    for unit, state in facts.named("boot").items():
        if facts.status.releases.live and state not in ("enabled", "static", "alias", "indirect"):
            text = f"{unit} does not start at boot ({state or 'not there'})"
            yield problem("boot", text, f"`systemctl enable {unit}`")


def _repository(app: Target, facts: ServerFacts) -> Iterator[CheckResult]:
    kind, _, rest = facts.one("repository").partition(" ")
    shown, host = app.repository_shown, app.host.name
    if kind == "commit":
        yield ok("repository", f"the server can read it: {app.branch} is at {rest[:12]}")
    elif kind == "missing":
        remedy = "Check app.branch; has it been pushed?"
        yield problem("repository", f"{shown} has no branch or tag {app.branch}", remedy)
    elif kind == "changed":
        remedy = f"`fab -H {host} deploy` says what to do."
        yield problem("repository", f"the host key of the git server of {shown} has changed: {rest}", remedy)
    elif kind in ("refused", "silent"):
        said = rest.rpartition(" | ")[2]
        remedy = f"`fab -H {host} deploy` shows the server's key, which the repository has to accept."
        yield problem("repository", f"the server cannot read {shown}: {said}", remedy)


def _socket(app: Target, facts: ServerFacts) -> Iterator[CheckResult]:
    closed, reader = facts.one("closed"), facts.one("reader") or "nginx's user"
    if facts.one("open"):
        yield ok("socket", f"{reader} reaches {facts.one('open')}")
    elif closed:
        path, *rights = closed.split()
        if not rights:
            if facts.status.processes:
                yield problem("socket", f"there is no {path}", f"`fab -H {app.host.name} restart` makes it anew.")
            return
        mode, owner, group = (*rights, "", "", "")[:3]
        ours = path.startswith((app.paths.base, app.paths.run))
        remedy = f"`fab -H {app.host.name} deploy` sets it right." if ours else f"On the server: `chmod o+x {path}`."
        yield problem("socket", f"{reader} may not pass {path} ({mode} {owner}:{group}): nginx answers 502", remedy)


def _site(app: Target, facts: ServerFacts) -> Iterator[CheckResult]:
    host = app.host.name
    if facts.one("enabled") != "yes":
        yield problem("site", f"nginx has no site of {app.name} enabled", f"Run `fab -H {host} nginx`.")
        return
    code, release = [*facts.one("site").split(), "", ""][:2]
    if not (code.isdecimal() and is_accepted(app, int(code))):
        answer = f"answers {code}" if code.strip("0") else "does not answer"
        remedy = f"`fab -H {host} logs --nginx --errors` shows why."
        yield problem("site", f"through nginx, GET {app.health} {answer}", remedy)
    elif app.release_header and release != facts.status.releases.live:
        other = f"Another site may answer for {app.health_host_header}"
        remedy = f"{other}; `fab -H {host} nginx` loads the app's site again."
        yield problem("site", f"nginx answers with {release or 'no release'}, not with the live one", remedy)
    else:
        yield ok("site", f"through nginx, GET {app.health} answers {code}")
