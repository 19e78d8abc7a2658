"""Docker on a server: its package, and the settings of its engine."""

from __future__ import annotations

import json
from typing import Any

from selvedge.config.masks import MASK
from selvedge.resources.base import Change, Resource
from selvedge.resources.files import diff
from selvedge.shell.quoting import with_input

CLIENT = "/usr/bin/docker"
SETTINGS = "/etc/docker/daemon.json"
NEEDED = {"live-restore": True}
"""Containers keep running while the engine is restarted, for example by an upgrade."""
USUAL = {"ip": "127.0.0.1"}
"""Ports that other containers publish without an address are not open to the Internet, unless someone has decided otherwise.

An engine that was on the server before does not get it: its containers may have users on the Internet, and would lose them at
their next restart.
"""


def _shown(settings: dict[str, Any]) -> str:
    """Return the settings as text, without the values of others: they may be the login of a proxy or a log's token."""
    own = {name: value if name in (*NEEDED, *USUAL) else MASK for name, value in settings.items()}
    return json.dumps(own, indent=2, ensure_ascii=False) + "\n"


class DockerInstalled(Resource):
    """The server has Docker: a package of the distribution or of Docker, which someone may have installed before."""

    def probe(self) -> str:
        return "dockerengine_fact"

    def plan(self, fact: str) -> Change | None:
        path, summary = fact.strip(), "install Docker (docker.io)"
        if path in ("", CLIENT):
            return None if path else Change(summary, "dockerengine_install")
        # Two engines would need the same socket.
        if path.startswith("/snap/"):
            problem = "Docker on this server is that of snap, which has no access to the files of apps in /srv."
            remedy = "Remove it, with its containers and images: `sudo snap remove docker` on the server. Or use another server."
        else:
            problem = f"Docker on this server is {path}, and Selvedge needs that of a Debian package, {CLIENT}."
            remedy = "Remove it, with its service, on the server. Then the same command installs Debian's."
        return Change.refused(summary, problem, remedy=remedy)


class EngineSettings(Resource):
    """The engine's settings have those of Selvedge. Others in the file stay, and are not shown: some are secrets."""

    def paths(self) -> tuple[str, ...]:
        return (SETTINGS,)

    def probe(self) -> str:
        return "dockerengine_settings"

    def plan(self, fact: str) -> Change | None:
        state, _, text = fact.partition("\n")
        before = text.rstrip("\n") + "\n" if text.strip() else ""
        summary = f"set live-restore in {SETTINGS}"
        try:
            found: Any = json.loads(before or "{}")
        except ValueError:
            found = None
        if not isinstance(found, dict):
            return Change.refused(summary, f"{SETTINGS} is not a JSON object.", remedy="Correct the file on the server.")
        wanted = {**({} if "stranger" in state.split() else USUAL), **found, **NEEDED}
        if wanted == found:
            return None
        if "swarm" in state.split():
            problem = "Docker on this server is part of a swarm, which excludes its setting live-restore."
            return Change.refused(summary, problem, remedy="Run `docker swarm leave` on the server, or use another server.")
        after = json.dumps(wanted, indent=2) + "\n"
        shown = diff(SETTINGS, _shown(found) if before else "", _shown(wanted))
        if not before:
            return Change(summary, with_input(f"file_put {SETTINGS} 0644 root root", after), diff=shown)
        data = after.encode()
        return Change(summary, f"dockerengine_put {len(data)}", diff=shown, payload=data)

    def unchanged(self, fact: str) -> str:
        state, _, text = fact.partition("\n")
        if "stranger" not in state.split() or '"ip"' in text:
            return ""
        return "Docker was here before, so the ports that its containers publish stay open to the Internet"
