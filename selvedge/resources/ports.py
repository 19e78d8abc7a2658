"""Ports that a program will listen on."""

from __future__ import annotations

import re

from selvedge.resources.base import Change, Resource
from selvedge.shell.quoting import quote

_CONTAINERS = {"docker-proxy": "docker", "rootlessport": "podman", "conmon": "podman"}
"""Programs that listen for a container, with the tool that manages it."""


class Port(Resource):
    """A TCP port that is free, or used by `program` (the name of its systemd service and process).

    The change only fails, and never stops another program: a step that begins with this resource changes nothing.
    """

    number: int
    program: str

    def probe(self) -> str:
        return f"probe_port {self.number}"

    def plan(self, fact: str) -> Change | None:
        if "LISTEN" not in fact:
            return None
        found = [(name, int(pid)) for name, pid in re.findall(r'\("([^"]+)",pid=([0-9]+)', fact)]
        # The lowest process id of each program: the process that started the workers.
        holders = dict(sorted(found, reverse=True))
        if self.program in holders:
            return None
        named = " and ".join(f"{name} (process {pid})" for name, pid in holders.items()) or "an unknown program"
        units = dict(re.findall(r"^unit ([0-9]+) (\S+)$", fact, re.MULTILINE))
        stop = "".join(self._stop(name, pid, units.get(str(pid), "")) for name, pid in [*holders.items()][:1])
        problem = f"Port {self.number}, which {self.program} needs, is in use by {named}. Nothing was changed."
        return Change.refused(
            f"check that port {self.number} is free for {self.program}",
            problem,
            remedy=f"{stop or 'Free the port on the server.'} Then run the same command again.",
        )

    def _stop(self, name: str, pid: int, unit: str) -> str:
        """Return how to stop a program. unit: the last part of its control group."""
        container = _CONTAINERS.get(name) or next((tool for tool in ("docker", "podman") if unit.startswith(f"{tool}-")), "")
        if container:
            show = f"`sudo {container} ps --filter publish={self.number}` shows it"
            return f"A container publishes the port: {show}. Stop it, or publish it at another port."
        if name == "sshd":
            return "You log in through it: choose another port with http_port or https_port under [nginx] in hosts.toml."
        if name == "systemd":
            return "systemd listens for another program: `systemctl list-sockets` names its unit. Disable that, unless it is ssh."
        service = unit.removesuffix(".service")
        if unit.endswith(".service") and not unit.startswith("user@"):
            return f"If you do not need {name}, stop it on the server: `sudo systemctl disable --now {quote(service)}`."
        return f"If you do not need {name}, stop it on the server: `sudo kill {pid}`, and whatever starts it at boot."
