"""Compare a release by Selvedge with one by a script, Fabric, Ansible and pyinfra, which pull the code and restart the app.

The other tools do the two things that the usual tutorials tell you to do for an update. Each tool has its defaults.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.audits import tool
from bench.common import Project, Server, alternate, deployed
from bench.latency import DELAY, delayed_port, far_host, near_host
from bench.release import UPDATE, install_tutorial, seconds_until_served
from traffic import get, load

ROUNDS = 5
Place = tuple[str, int]
"""The address and the port of a server."""
FILES = {
    "update.py": """
import sys
from fabric import Connection
port, key = int(sys.argv[1]), sys.argv[2]
with Connection(sys.argv[3], "deploy", port, connect_kwargs={"key_filename": key}) as server:
    server.sudo("git -C /opt/tutorial/hello pull -q")
    server.sudo("supervisorctl restart tutorial", hide=True)
""",
    "update.yml": """
- hosts: all
  become: true
  tasks:
    - ansible.builtin.git: {repo: /srv/git/hello.git, dest: /opt/tutorial/hello, version: main}
      notify: restart
  handlers:
    - name: restart
      ansible.builtin.command: supervisorctl restart tutorial
""",
    "deploy.py": """
from pyinfra.operations import git, server
code = git.repo(src="/srv/git/hello.git", dest="/opt/tutorial/hello", branch="main", _sudo=True)
server.shell(commands=["supervisorctl restart tutorial"], _sudo=True, _if=code.did_change)
""",
}


@dataclass(frozen=True)
class Tool:
    """A tool and the site that it releases to.

    release: runs the tool on the near server. far: the same over the delayed connection. Both return the exit status.
    """

    name: str
    url: str
    release: Callable[[], int]
    far: Callable[[], int]


class Others:
    """The commands of the other tools, with their files in a folder."""

    def __init__(self, folder: Path, key: Path) -> None:
        """folder: for the files. key: the private key of the deploy user."""
        self.folder, self.key = folder, key
        for name, text in FILES.items():
            (folder / name).write_text(text)
        self.ansible = tool("ansible-core", "ansible-playbook")
        self.pyinfra = tool("pyinfra", "pyinfra")

    def run(self, *command: str, **more: str) -> int:
        """Run a command in the folder; return its exit status. The home folder is empty."""
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.folder), **more}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        (self.folder / "last.log").write_text(done.stdout + done.stderr)
        return done.returncode

    def script(self, address: str, port: int) -> int:
        """Run a shell script over one SSH connection."""
        target = f"ssh://deploy@{address}:{port}"
        options = ("-i", str(self.key), "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR")
        return self.run("ssh", *options, target, f"sudo -n sh -c '{UPDATE}'")

    def fabric(self, address: str, port: int) -> int:
        """Run a script with Fabric's own connection."""
        return self.run(sys.executable, "update.py", str(port), str(self.key), address)

    def playbook(self, places: Sequence[Place], **more: str) -> int:
        """Run a playbook. Each run logs in, because it has its own folder of kept connections. more: environment variables."""
        values = {"user": "deploy", "ssh_private_key_file": self.key}
        lines = [{"host": address, "port": port, **values} for address, port in places]
        hosts = [" ".join(f"ansible_{name}={value}" for name, value in line.items()) for line in lines]
        (self.folder / "inventory").write_text("".join(f"server{number} {host}\n" for number, host in enumerate(hosts)))
        with tempfile.TemporaryDirectory(prefix="cp") as kept:
            settings = {"ANSIBLE_SSH_CONTROL_PATH_DIR": kept, "ANSIBLE_HOST_KEY_CHECKING": "0", **more}
            return self.run(self.ansible, "-i", "inventory", "update.yml", **settings)

    def operations(self, places: Sequence[Place]) -> int:
        """Run pyinfra's operations."""
        data = {"ssh_user": "deploy", "ssh_key": str(self.key), "ssh_strict_host_key_checking": "no"}
        lines = [{"ssh_hostname": address, "ssh_port": port, **data} for address, port in places]
        hosts = [(f"server{number}", line) for number, line in enumerate(lines)]
        (self.folder / "inventory.py").write_text(f"hosts = {hosts!r}\n")
        return self.run(self.pyinfra, "-y", "inventory.py", "deploy.py")


def tools(project: Project, server: Server, folder: Path, port: int) -> list[Tool]:
    """Return all tools, Selvedge first. `port` is the local end of the delayed connection."""
    others = Others(folder, server.key)
    site = f"http://{server.address}:8080"

    def other(name: str, command: Callable[[str, int], int]) -> Tool:
        return Tool(name, site, lambda: command(server.address, server.port), lambda: command("127.0.0.1", port))

    def selvedge(host: str) -> Callable[[], int]:
        return lambda: project.fab("-H", host, "deploy").status

    return [
        Tool("Selvedge: fab deploy", server.url, selvedge(server.name), selvedge("far")),
        other("a script over one SSH connection", others.script),
        other("Fabric, two commands", others.fabric),
        other("Ansible playbook", lambda *place: others.playbook([place])),
        other("pyinfra deploy", lambda *place: others.operations([place])),
    ]


class Comparison:
    """Commits and releases of the app, and the results of each tool."""

    def __init__(self, project: Project) -> None:
        self.project, self.number = project, 0

    def push(self, change: str | Callable[[Path], object] | None = None) -> str:
        """Commit a change, by default of the greeting on `/`, and push it to the server. Return the greeting."""
        self.number += 1
        self.project.commit(change or f"round {self.number}")
        self.project.git("push", "-q", "server", "main")
        return f"round {self.number}"

    def served(self, each: Tool) -> float:
        """Return the seconds until a new commit is served."""
        return seconds_until_served(each.url, self.push(), each.release)

    def lost(self, each: Tool) -> tuple[int, int]:
        """Release a new commit under load; return the numbers of lost and of all requests."""
        greeting = self.push()
        with load(f"{each.url}/") as traffic:
            seconds_until_served(each.url, greeting, each.release)
            time.sleep(1)
        return traffic.lost, traffic.requests + traffic.wrk_requests

    def broken(self, each: Tool) -> str:
        """Release a commit with a syntax error; return what the site answers then, and the tool's exit status. Mend it."""
        self.push(lambda app: (app / "main.py").write_text((app / "main.py").read_text() + "\napp = FastAPI(\n"))
        status = each.release()
        time.sleep(5)
        answer = get(f"{each.url}/").status
        self.project.git("revert", "--no-edit", "HEAD")
        seconds_until_served(each.url, self.push(), each.release)
        return f"status {status}, the site answers {answer}"


def second_run(each: Tool) -> tuple[float, float]:
    """Return the seconds of a run with nothing to change on the near server, and its round trips."""
    for run in (each.release, each.far):
        assert run() == 0, each.name
    times = alternate({"near": each.release, "far": each.far}, ROUNDS)
    near, far = (statistics.median(values) for values in times.values())
    return near, (far - near) / (2 * DELAY)


def main() -> None:
    """Print the results of each tool on one server, which also hosts the app's repository."""
    with deployed(migrate=None, workers=3) as ((server,), project), tempfile.TemporaryDirectory(prefix="tools") as folder:
        install_tutorial(server, project)
        with delayed_port(server.address, server.port) as port:
            hosts = far_host(server, project, port) + near_host(server)
            project.configure(hosts, repository="file:///srv/git/hello.git", migrate=None, workers=3)
            compare(project, tools(project, server, Path(folder), port))


def compare(project: Project, all_tools: list[Tool]) -> None:
    """Measure all tools and print the results."""
    comparison = Comparison(project)
    for each in all_tools:
        comparison.served(each)
    served = alternate_values({each.name: (lambda each=each: comparison.served(each)) for each in all_tools})
    for each in all_tools:
        counts = [comparison.lost(each) for _ in range(ROUNDS)]
        lost, sent = (sum(numbers) for numbers in zip(*counts, strict=True))
        seconds, trips = second_run(each)
        print(f"{each.name}: served after {statistics.median(served[each.name]):.1f} s; {lost} of {sent} requests lost "
              f"in {ROUNDS} releases; second run {seconds:.2f} s, {trips:.0f} round trips", flush=True)  # fmt: skip
        print(f"{'':<8}a syntax error: {comparison.broken(each)}", flush=True)


def alternate_values(measures: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Take each measure in turn, ROUNDS times."""
    rounds = [{name: measure() for name, measure in measures.items()} for _ in range(ROUNDS)]
    return {name: [each[name] for each in rounds] for name in measures}
