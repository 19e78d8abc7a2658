"""Checks of the server itself and of the app on it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selvedge.config.target import Target
from selvedge.operations.doctor.facts import ServerFacts
from selvedge.operations.doctor.procfile import check_procfile
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
    yield from _sources(app, facts)
    yield from _configuration(facts)
    yield from _image(app, facts)
    yield from _repository(app, facts)
    yield from check_procfile(app, "\n".join(facts.lines.get("procfile", [])))
    yield from check_status(app, facts.status)
    if facts.status.releases.live:
        yield from _socket(app, facts)
        yield from _site(app, facts)


def _login(app: Target, facts: ServerFacts) -> CheckResult:
    user, remedy = app.host.user, f"Run `fab -H {app.host.name} harden`."
    if facts.user == "root":
        return warning("login", f"root can log in, but {user} cannot", remedy)
    if facts.user != user:
        return warning("login", f"{facts.user} can log in, but {user} cannot", remedy)
    return ok("login", f"{user} can log in and become root with sudo")


def _system(facts: ServerFacts) -> CheckResult:
    kind, version, title = [*facts.one("os").split(" ", 2), "", "", ""][:3]
    tested = ", ".join(f"{name.title()} {' or '.join(versions)}" for name, versions in TESTED.items())
    if kind not in TESTED:
        return problem("system", f"{title or 'an unknown system'} is not supported", f"Install {tested}.")
    if "yes" not in facts.lines.get("systemd", []):
        remedy = "Use a virtual machine, or a container that runs systemd."
        return problem("system", f"{title} runs without systemd", remedy)
    if version not in TESTED[kind]:
        return warning("system", f"{title} is not tested", f"Tested systems: {tested}.")
    return ok("system", title)


def _python(app: Target, facts: ServerFacts) -> CheckResult:
    version = facts.one("python")
    wanted = app.python and app.python_from == "system"
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if not version:
        return warning("python", "not installed", f"Run `fab -H {app.host.name} install`.")
    if wanted and not version.startswith(app.python):
        remedy = f'Set app.python_from = "auto" in hosts.toml, which installs Python {app.python}.'
        return problem("python", f"the system has {version}, but app.python is {app.python}", remedy)
    if numbers < OLDEST_PYTHON and not app.python:
        return warning("python", f"{version} is too old for current FastAPI", 'Set app.python = "3.12" or newer in hosts.toml.')
    return ok("python", f"the system has {version}" + (f", the app uses {app.python}" if app.python else ""))


def _clock(facts: ServerFacts) -> CheckResult:
    late = f"{duration(abs(facts.skew))} {'fast' if facts.skew > 0 else 'slow'}, compared with your machine's clock"
    remedy = "Find out which clock is wrong. To correct the server's, run `sudo timedatectl set-ntp true` there."
    if abs(facts.skew) >= SKEW_PROBLEM:
        return problem("clock", late, remedy)
    if abs(facts.skew) >= SKEW_WARNING:
        return warning("clock", late, remedy)
    return ok("clock", "agrees with your machine's clock")


def _memory(app: Target, facts: ServerFacts) -> Iterator[CheckResult]:
    memory = facts.status.numbers("memory", 3)
    if not memory:
        return
    free, swap = memory[0] / 1024, memory[2] / 1024
    # A new release starts beside the old one: for some seconds there are two sets of workers.
    needed = max(facts.status.memory_of_all / 1024, 150.0)
    text = f"{free:.0f} MB free, {swap:.0f} MB swap"
    if free + swap < needed and app.strategy == "beside":
        remedy = 'Add memory or swap, or set fewer app.workers. Or set app.strategy = "restart", which loses requests at a deploy.'
        yield problem("memory", f"{text}; a new release beside the live one needs {needed:.0f} MB", remedy)
    else:
        yield ok("memory", text)


def _sources(app: Target, facts: ServerFacts) -> Iterator[CheckResult]:
    """Report package sources of third parties that failed: `fab update` only names them once a day."""
    for line in facts.lines.get("source", []):
        place, source, reason = [*line.split("|"), "", ""][:3]
        remedy = f"Correct or delete that entry on the server, then run `fab -H {app.host.name} update`."
        yield warning("packages", f"{source} could not be fetched: {reason} ({place})", remedy)


def _configuration(facts: ServerFacts) -> Iterator[CheckResult]:
    nginx = facts.one("nginx")
    if nginx == "ok":
        yield ok("nginx", "the configuration is valid (nginx -t)")
    elif nginx:
        file = re.search(r" in (/[^ :]+):(\d+)", nginx)
        where = f"Correct line {file[2]} of {file[1]} on the server." if file else "Correct this on the server."
        yield problem("nginx", nginx, f"{where} Until then, no app can be deployed there.")
    for manager, answer in facts.named("configuration").items():
        if answer == "ok":
            yield ok(manager, "the configuration is valid")
        elif answer:
            remedy = f"Correct this file on the server. Until then, {manager} and its apps do not start after a reboot."
            yield problem(manager, answer, remedy)
    for unit, state in facts.named("boot").items():
        if facts.status.releases.live and state not in ("enabled", "enabled-runtime", "static", "alias", "indirect"):
            text = f"{unit} does not start at boot ({state or 'not installed'})"
            yield problem("boot", text, f"Run `sudo systemctl enable {unit}` on the server.")


def _image(app: Target, facts: ServerFacts) -> Iterator[CheckResult]:
    """Report what the start script of the newest image does, and a release does not."""
    if app.manager == "docker":
        for line in facts.lines.get("image", []):
            text, _, remedy = line.partition("|")
            yield warning("image", text, remedy)


def _repository(app: Target, facts: ServerFacts) -> Iterator[CheckResult]:
    kind, _, rest = facts.one("repository").partition(" ")
    shown, host = app.repository_shown, app.host.name
    if kind == "commit":
        yield ok("repository", f"the server can read it: {app.branch} is at {rest[:12]}")
    elif kind == "missing":
        remedy = f"Correct app.branch in hosts.toml, or push the branch: `git push origin {app.branch}`."
        yield problem("repository", f"{shown} has no branch or tag {app.branch}", remedy)
    elif kind == "changed":
        remedy = f"Run `fab -H {host} deploy`, which shows how to accept the new key."
        yield problem("repository", f"the host key of the git server of {shown} has changed: {rest}", remedy)
    elif kind in ("refused", "silent"):
        said = rest.partition("\t")[0]
        remedy = f"Run `fab -H {host} deploy`, which prints the server's deploy key. Add this key to the repository."
        yield problem("repository", f"the server cannot read {shown}: {said}", remedy)


def _socket(app: Target, facts: ServerFacts) -> Iterator[CheckResult]:
    closed, reader = facts.one("closed"), facts.one("reader") or "nginx's user"
    if facts.one("open"):
        yield ok("socket", f"{reader} can connect to {facts.one('open')}")
    elif closed:
        path, *rights = closed.split()
        if not rights:
            if facts.status.processes:
                yield problem("socket", f"{path} is missing", f"Run `fab -H {app.host.name} restart`, which creates it.")
            return
        mode, owner, group = (*rights, "", "", "")[:3]
        ours = path.startswith((app.paths.base, app.paths.run))
        remedy = f"Run `fab -H {app.host.name} deploy`, which corrects it."
        if not ours:
            remedy = f"Run `sudo chmod o+x {path}` on the server."
        yield problem("socket", f"{reader} cannot access {path} ({mode} {owner}:{group}), so nginx answers 502", remedy)


def _site(app: Target, facts: ServerFacts) -> Iterator[CheckResult]:
    host = app.host.name
    if facts.one("enabled") != "yes":
        yield problem("site", f"{app.name} has no enabled site in nginx", f"Run `fab -H {host} nginx`.")
        return
    code, release = [*facts.one("site").split(), "", ""][:2]
    if code == "503" and facts.status.maintenance:
        return
    # An app that accepts other names only (app.health_host) may refuse its address.
    refuses = bool(app.health_host) and not app.domains and release == facts.status.releases.live
    if not (code.isdecimal() and (is_accepted(app, int(code)) or refuses)):
        answer = f"answers {code}" if code.strip("0") else "does not answer"
        remedy = f"Run `fab -H {host} logs --nginx --errors` to see why."
        yield problem("site", f"through nginx, GET {app.health_url} {answer}", remedy)
    elif app.release_header and release != facts.status.releases.live:
        remedy = f"Run `fab -H {host} nginx`. If that does not help, another site on the server has {app.site_host}."
        yield problem("site", f"nginx answers from {release or 'another site'}, not from the live release", remedy)
    else:
        yield ok("site", f"through nginx, GET {app.health_path} answers {code}")
