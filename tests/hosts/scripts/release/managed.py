"""An app under a fake process manager."""

from __future__ import annotations

from selvedge.engine.script import HEAD
from selvedge.shell.quoting import assign
from tests.hosts.scripts.server import Server
from tests.support.libraries import functions
from tests.support.releases import NEW, OLD

CONF = "/etc/supervisor/conf.d/{app}.conf"


class Managed:
    """A server with an app under a fake process manager. `told` has the commands that the manager got, one a line.

    gates: the layers of the gate that began or passed in all calls of `run`, which leaves them out of its output.
    """

    def __init__(self, server: Server, app: str = "hello") -> None:
        self.server, self.app = server, app
        self.gates: list[str] = []
        self.conf = server.path(CONF.format(app=app))
        for folder in ("/etc/supervisor/conf.d", "/etc/tmpfiles.d", "/run/undo", f"/var/log/{app}"):
            server.path(folder).mkdir(parents=True, exist_ok=True)
        for name in (OLD, NEW):
            self.instance(name)
        server.path(f"/srv/{app}/live.sock").symlink_to(f"/run/{app}/{OLD}.sock")
        self.conf.write_text(self.section(OLD))
        # The app's user does not exist on this machine, so owners are dropped, and its processes belong to root.
        server.program("id", "echo 0")
        server.program(
            "install",
            'kind=$1\nwhile [ $# -gt 2 ]; do shift; done\n[ "$kind" = -d ] && exec mkdir -p "$2"\nexec cp "$1" "$2"',
        )
        server.program("ss", "cat /run/sockets 2>/dev/null; exit 0")
        self.answers("")

    def section(self, name: str) -> str:
        return f"[program:{self.app}.{name}]\ncommand=/srv/start\nautostart=true\n"

    def instance(self, name: str) -> None:
        folder = self.server.path(f"/srv/{self.app}/instances/{name}")
        folder.mkdir(parents=True)
        (folder / "program.conf").write_text(self.section(name))
        (folder / "state").write_text("good\n" if name == OLD else "building\n")

    def listens(self, *names: str) -> None:
        lines = "".join(f"u_str LISTEN 0 2048 /run/{self.app}/{name}.sock 1 * 0\n" for name in names)
        self.server.path("/run/sockets").write_text(lines)

    def answers(self, text: str) -> None:
        """Make supervisorctl answer `update` with this text; it keeps a copy of the file at that moment."""
        self.server.program(
            "supervisorctl",
            'echo "$*" >>/var/log/told\n'
            f'case $1 in update) cp {CONF.format(app=self.app)} /var/log/then 2>/dev/null; echo "{text}" ;; '
            'start) [ -e "/run/known.$2" ] ;; esac',
        )

    def run(self, shell: str) -> str:
        """Run shell as a change runs, and return its output."""
        names = assign(
            mark="@test", app=self.app, base=f"/srv/{self.app}", run_dir=f"/run/{self.app}", log_dir=f"/var/log/{self.app}",
            live_socket=f"/srv/{self.app}/live.sock", supervisor_conf=CONF.format(app=self.app), undo="/run/undo", why="deploy",
        )  # fmt: skip
        libraries = functions("switch")
        done = self.server.run(f"{HEAD}{names}\n{libraries}\nset -eu\n{shell}\n")
        lines = done.stdout.decode().splitlines(keepends=True)
        self.gates += [line.removeprefix("@test gate ").rstrip("\n") for line in lines if line.startswith("@test gate ")]
        return "".join(line for line in lines if not line.startswith("@test gate "))

    @property
    def told(self) -> list[str]:
        log = self.server.path("/var/log/told")
        return log.read_text().splitlines() if log.exists() else []

    def boots(self, path: str = "") -> dict[str, bool]:
        """Return the programs of supervisor's file, and whether a boot starts them."""
        text = (self.server.path(path) if path else self.conf).read_text()
        parts = [part.partition("]") for part in text.split("[program:")[1:]]
        return {name.removeprefix(f"{self.app}."): "autostart=true" in rest for name, _, rest in parts}
