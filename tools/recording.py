"""Record a session on a sandbox server: `make recording` writes docs/terminal.cast (asciicast v2) and docs/terminal.svg.

The commands run in a pseudo terminal, as a user with the home folder /home/me would run them. Typing is simulated, and a
long command is sped up: its own last line says how long it took. termtosvg renders the animation.
"""

from __future__ import annotations

import codecs
import fcntl
import json
import os
import pty
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CAST, PICTURE = ROOT / "docs/terminal.cast", ROOT / "docs/terminal.svg"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "selvedge/recording"
RENDERER = "termtosvg-ng>=1.4,<2"
COLUMNS, ROWS = 100, 26
KEY = 0.03
"""Seconds between two typed characters."""
FRAME = 0.15
"""Seconds between two frames at least: fewer frames make a smaller file."""
MOST = 400_000
"""Bytes that the picture may have."""
IDENTITY = {"GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@example.com", "GIT_COMMITTER_NAME": "Ann",
            "GIT_COMMITTER_EMAIL": "ann@example.com", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}  # fmt: skip
SETTINGS = """[app]
name = "blog"
repository = "."
"""


@dataclass(frozen=True)
class Scene:
    """A command of the recording.

    status: the exit status that it must have. seconds: how long its output may take; it is sped up if it takes longer.
    pause: seconds to read its result. before: a change of the app's folder that is not shown.
    """

    command: str
    seconds: float
    pause: float
    status: int = 0
    before: Callable[[Path], object] | None = None


def new_headline(app: Path) -> None:
    """Change a line of the app's settings."""
    replace(app / "settings.py", 'greeting: str = "', 'greeting: str = "News: ')


def missing_bracket(app: Path) -> None:
    """Remove the bracket that closes the app's definition."""
    replace(app / "main.py", "lifespan=lifespan)", "lifespan=lifespan")


def replace(path: Path, old: str, new: str) -> None:
    """Replace a text that occurs in a file. Raises ValueError if it does not."""
    text = path.read_text()
    if old not in text:
        raise ValueError(f"{path.name} does not contain: {old}")
    path.write_text(text.replace(old, new, 1))


SCENES = (
    Scene("fab -H server setup deploy", 11, 2),
    Scene("fab -H server setup deploy", 1.5, 2),
    Scene("git commit -qam 'A new headline' && fab -H server deploy", 4, 1.5, before=new_headline),
    Scene("git commit -qam 'Tidy up' && fab -H server deploy", 3, 4, status=1, before=missing_bracket),
    Scene("fab -H server rollback", 3, 2.5),
)


@dataclass
class Recording:
    """The events of an asciicast: seconds since the start, and output. `now` is the time of the next event."""

    now: float = 0.0
    events: list[tuple[float, str]] = field(default_factory=list)

    def add(self, text: str, after: float = 0.0) -> None:
        """Add output, `after` seconds after the last event."""
        self.now += after
        self.events.append((self.now, text))

    def type(self, command: str) -> None:
        """Add the characters of a command as if someone typed them."""
        for character in command:
            self.add(character, KEY)
        self.add("\r\n", 0.4)

    def play(self, output: list[tuple[float, str]], seconds: float) -> None:
        """Add the output of a command, sped up so that it takes at most `seconds`. Merge outputs that are close in time."""
        took = output[-1][0] if output else 0.0
        speed = max(1.0, took / seconds)
        began, last, pending = self.now, 0.0, ""
        for moment, text in output:
            pending += text
            if moment / speed - last >= FRAME:
                self.events.append((began + moment / speed, pending))
                last, pending = moment / speed, ""
        self.now = began + took / speed
        self.add(pending)

    def text(self) -> str:
        """Return the recording in the form of asciicast v2."""
        header = {"version": 2, "width": COLUMNS, "height": ROWS}
        lines: list[object] = [header, *([round(moment, 3), "o", text] for moment, text in self.events if text)]
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def run(command: str, folder: Path, environment: dict[str, str]) -> tuple[int, list[tuple[float, str]]]:
    """Run a command in a pseudo terminal. Return its exit status, and its outputs with their seconds since the start."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    began = time.monotonic()
    with subprocess.Popen(["sh", "-c", command], cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs,
                          start_new_session=True) as process:  # fmt: skip
        os.close(theirs)
        output = [(time.monotonic() - began, text) for text in chunks(ours)]
    os.close(ours)
    return process.returncode, output


def chunks(terminal: int) -> Iterator[str]:
    """Yield what arrives at a terminal, until the last program closes it."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    while True:
        select.select([terminal], [], [])
        try:
            data = os.read(terminal, 1 << 16)
        except OSError:  # Linux reports the end of a pseudo terminal as an error.
            return
        if not data:
            return
        yield decoder.decode(data)


def prepare(home: Path) -> dict[str, str]:
    """Make the user's folders: this checkout's commit in place of an installed Selvedge, and the app. Return the environment."""
    from selvedge.cli.written import FABFILE, FABRIC

    subprocess.run(["git", "clone", "--quiet", ROOT, home / ".selvedge"], check=True)
    app = home / "blog"
    shutil.copytree(ROOT / "examples/hello", app, ignore=shutil.ignore_patterns("__pycache__", ".venv", ".env", "*.sqlite3*"))
    environment = {"PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}", "HOME": str(home), "LANG": "C.UTF-8", "USER": "me",
                   "TERM": "xterm-256color", "SELVEDGE_SANDBOX_DIR": os.environ["SELVEDGE_SANDBOX_DIR"],
                   "PYTHONPATH": str(home / ".selvedge"), **IDENTITY}  # fmt: skip
    for name, text in {"hosts.toml": SETTINGS, "fabfile.py": FABFILE, "fabric.yaml": FABRIC}.items():
        (app / name).write_text(text)
    for command in ("init --quiet --initial-branch=main", "add --all", "commit --quiet --message=Begin"):
        subprocess.run(["git", *command.split()], cwd=app, env=environment, check=True)
    return environment


def record(home: Path) -> Recording:
    """Run all scenes on a new server and return their recording. Raises RuntimeError if a command ends unexpectedly."""
    sys.path.insert(0, str(ROOT))
    import sandbox

    environment = prepare(home)
    sandbox.up("server", say=print)
    recording = Recording()
    try:
        recording.add("$ ")
        for scene in SCENES:
            if scene.before:
                scene.before(home / "blog")
            print(f"$ {scene.command}", flush=True)
            status, output = run(scene.command, home / "blog", environment)
            if status != scene.status:
                raise RuntimeError(f"{scene.command}: status {status}\n{''.join(text for _, text in output)}")
            recording.type(scene.command)
            recording.play([(moment, text.replace(str(home), "/home/me")) for moment, text in output], scene.seconds)
            recording.add("$ ")
            recording.now += scene.pause
    finally:
        sandbox.down_all()
    recording.add("\x1b[K")
    return recording


def render() -> None:
    """Render the recording as an animation. Install the renderer first, in its own virtual environment."""
    program = CACHE / "bin/termtosvg"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", CACHE], check=True)
        subprocess.run([CACHE / "bin/pip", "install", "--quiet", "--disable-pip-version-check", RENDERER], check=True)
    template = ROOT / "tools/terminal.svg"
    milliseconds = str(round(1000 * FRAME))
    subprocess.run([program, "render", CAST, PICTURE, "-t", template, "-m", milliseconds, "-D", "4000"], check=True)


def private(text: str, home: Path) -> list[str]:
    """Return the names of this machine that a text contains: its host name, its user's name, its folders."""
    words = {f"@{socket.gethostname()}", str(home), str(ROOT), str(Path.home())}
    return sorted(word for word in words if word in text)


def main() -> int:
    """Record and render. Return the exit status."""
    with tempfile.TemporaryDirectory(prefix="recording") as folder:
        home = Path(folder)
        os.environ["SELVEDGE_SANDBOX_DIR"] = str(home / ".sandbox")
        recording = record(home)
        text = recording.text()
        if found := private(text, home):
            print(f"The recording contains {', '.join(found)}. It is in /tmp/terminal.cast and was not kept.", file=sys.stderr)
            Path("/tmp/terminal.cast").write_text(text)
            return 1
    CAST.write_text(text)
    render()
    size = PICTURE.stat().st_size
    print(f"{PICTURE.relative_to(ROOT)}: {recording.now:.0f} s, {size // 1000} kB (at most {MOST // 1000})")
    return int(size > MOST)


if __name__ == "__main__":
    sys.exit(main())
