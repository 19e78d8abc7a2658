"""Measure the time that each trick for speed saves: a run with nothing to change, with the trick and without it, in turn.

`startup.py`, `value.py` and the others say why each trick works; docs/explanation/how-selvedge-works.md has the figures.
"""

from __future__ import annotations

import copy
import shutil
import statistics

from bench.common import alternate, deployed
from bench.latency import delayed_port, far_host, near_host
from lab import Project

RUN = ("setup", "deploy")
ROUNDS = 9
# Each trick: its file, a text in it, and the text that switches the trick off.
TRICKS = {
    "two processes share the probes": (
        "selvedge/shell/lib/read.sh",
        "read_second </dev/null | { read_first </dev/null; cat; }",
        "read_first </dev/null; read_second </dev/null",
    ),
    "the login begins while modules load": (
        "selvedge/ssh/connection.py", "self._ahead = in_background(self._log_in_ahead)", "pass",
    ),
    "the next shell opens while a script runs": ("selvedge/ssh/shells.py", "self._next = in_background(self._open)", "pass"),
    "small packets are sent at once": ("selvedge/ssh/tcp.py", "socket.TCP_NODELAY, 1)", "socket.TCP_NODELAY, 0)"),
    "packets are acknowledged at once": ("selvedge/ssh/tcp.py", "socket.TCP_QUICKACK, 1)", "socket.TCP_QUICKACK, 0)"),
    "compiled modules are kept": ("selvedge/startup.py", "= bool(sys.flags.dont_write_bytecode)", "= True"),
    "garbage is not collected while modules load": (
        "selvedge/startup.py", "    gc.disable()\n    atexit.register(gc.freeze)\n", "    atexit.register\n",
    ),
    "compiled templates are kept": ("selvedge/project/render.py", "bytecode_cache=_bytecode_cache()", "bytecode_cache=None"),
    "values have no compiled methods": (
        "selvedge/value.py", "(repr=False, eq=False, match_args=False)", "(repr=False, frozen=True)",
    ),
}  # fmt: skip


def without(project: Project, name: str) -> Project:
    """Return a copy of the project in which a trick is switched off."""
    path, text, instead = TRICKS[name]
    other = copy.copy(project)
    other.folder = project.folder.parent / name.replace(" ", "-")
    shutil.copytree(project.folder, other.folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", ".git"))
    module = other.folder / path
    content = module.read_text()
    assert content.count(text) == 1, f"{path} no longer has: {text}"
    module.write_text(content.replace(text, instead))
    return other


def main() -> None:
    """Print the time that each trick saves on a near server, and at a round trip of 50 ms."""
    with deployed() as ((server,), project), delayed_port(server.address, server.port) as port:
        project.configure(far_host(server, project, port) + near_host(server))
        others = {name: without(project, name) for name in TRICKS}
        for host in (server.name, "far"):
            print(f"\nfab -H {host} {' '.join(RUN)}, nothing to change:", flush=True)
            measure({"all": project, **others}, host)


def measure(projects: dict[str, Project], host: str) -> None:
    """Print the time of a run with all tricks, and the median of the time that each trick saves."""
    commands = {name: (lambda project=project: project.must("-H", host, *RUN)) for name, project in projects.items()}
    alternate(commands, rounds=2)  # These runs compile modules and templates.
    times = alternate(commands, rounds=ROUNDS)
    base = times.pop("all")
    print(f"{'with all of them':<46} {statistics.median(base):6.3f} s")
    for name, slower in times.items():
        saved = statistics.median(off - on for off, on in zip(slower, base, strict=True))
        print(f"{name:<46} {saved * 1000:+6.0f} ms")
