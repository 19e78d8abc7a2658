"""Run `make demo`: deploy the sample app to a sandbox server. With the argument `down`, remove the server."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
NAME = "sandbox"
FAB = ROOT / ".venv/bin/fab"
# Command → its effect.
NEXT = {
    "curl {url}/": "what the app answers; in a browser it is a page",
    f"fab -H {NAME} deploy": "again: nothing to change",
    f"fab -H {NAME} deploy --dry-run": "what would change, as diffs; edit a file in templates/ first",
    "git commit --all": "after a change in examples/hello; `deploy` makes it live",
    f"fab -H {NAME} rollback": "the release before is live again",
    f"fab -H {NAME} status": "what runs there",
    f"fab sandbox.ssh {NAME}": "log in and look around",
    "make demo-down": "take the server away",
}


def main(words: list[str]) -> int:
    """Run the demo or, with the word `down`, remove its server. Return the exit status."""
    os.chdir(ROOT)
    # The demo uses this checkout's hosts file, even if the terminal sets another.
    os.environ["SELVEDGE_HOSTS_FILE"] = str(ROOT / "hosts.toml")
    try:
        down() if words == ["down"] else demo()
    except Stopped as stopped:
        print(f"\n{stopped}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. `make demo` goes on from here; `make demo-down` takes the server away.", file=sys.stderr)
        return 1
    return 0


class Stopped(Exception):
    """The demo cannot continue. The text says why, and what to do now."""


def demo() -> None:
    """Start a server, deploy the app to it and show its response. Raises Stopped."""
    began = time.monotonic()
    if not commit("main"):
        # A clone of one commit, or of another branch, has no main.
        os.environ["SELVEDGE_APP__BRANCH"] = commit("HEAD") or no_commit()
    say(f"1/3  A throwaway Debian 12 server on this machine, named {NAME}")
    fab("sandbox.up")
    say("2/3  The sample app, examples/hello, from this checkout onto it")
    fab("-H", NAME, "setup", "deploy")
    url = server_url()
    say("3/3  Does it answer?")
    print(f"$ curl {url}/\n{get(url)}")
    say(f"Yes. The demo took {time.monotonic() - began:.0f} s; the app is at {url}/")
    say("What to try next, after `. .venv/bin/activate`")
    for command, effect in NEXT.items():
        print(f"  {command.format(url=url):<32} {effect}")
    print(flush=True)


def down() -> None:
    """Remove the demo's server. Raises Stopped."""
    if server_url():
        fab("sandbox.down", NAME)
    else:
        print(f"There is no server {NAME}; nothing is left of the demo.")


def commit(name: str) -> str:
    """Return the hash of the commit that git calls `name`; empty if there is none."""
    command = ["git", "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def no_commit() -> NoReturn:
    """Raise Stopped with git's own message."""
    message = subprocess.run(["git", "log", "-1"], capture_output=True, text=True, check=False).stderr.strip()
    raise Stopped(
        f"The demo releases a commit of this checkout, and git finds none: {message} Get the project by git clone."
    )


def fab(*words: str) -> None:
    """Print a fab command and run it. Raises Stopped if it fails."""
    print(f"$ fab {shlex.join(words)}", flush=True)
    status = subprocess.run([str(FAB), *words], stdin=subprocess.DEVNULL, check=False).returncode
    if status != 0:
        raise Stopped(f"`fab {shlex.join(words)}` ended with status {status}; why stands above. "
                      "`make demo` tries again from here, `make demo-down` takes the server away.")  # fmt: skip


def server_url() -> str:
    """Return the URL of the demo's server; empty if there is no server."""
    sys.path.insert(0, str(ROOT))
    import sandbox

    return next((server.url for server in sandbox.servers() if server.name == NAME), "")


def get(url: str) -> str:
    """Return the body of the app's response. Raises Stopped if there is none within 10 seconds."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/", timeout=10) as response:
            return str(response.read().decode())
    except OSError as error:
        raise Stopped(f"{url}/ does not answer as it should: {error}. Look inside: fab sandbox.ssh {NAME}") from None


def say(line: str) -> None:
    print(f"\n==> {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
