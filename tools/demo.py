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
    "curl {url}/": "Read the app's answer; a browser shows a page.",
    f"fab -H {NAME} status": "Show the state of the server and the app.",
    f"fab -H {NAME} deploy": "Deploy again: there is nothing to change.",
    f"fab -H {NAME} deploy --dry-run": "Show the changes after an edit in templates/.",
    "git commit --all": "Commit an edit in examples/hello to deploy it.",
    f"fab -H {NAME} rollback": "Roll back to the previous release.",
    f"fab sandbox.ssh {NAME}": "Log in to the server and look around.",
    "make demo-down": "Delete the server.",
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
        print("\nInterrupted. `make demo` continues from here; `make demo-down` deletes the server.", file=sys.stderr)
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
    say(f"1/3  Starting a throwaway Debian 12 server named {NAME} on this machine")
    fab("sandbox.up")
    say("2/3  Setting up the server and deploying the sample app, examples/hello")
    fab("-H", NAME, "setup", "deploy")
    url = server_url()
    say("3/3  Requesting the app's page")
    print(f"$ curl {url}/\n{get(url)}")
    say(f"Done in {time.monotonic() - began:.0f} s. The app is live at {url}/")
    say("Try next (first activate the virtual environment: `. .venv/bin/activate`)")
    for command, effect in NEXT.items():
        print(f"  {command.format(url=url):<32} {effect}")
    print(flush=True)


def down() -> None:
    """Remove the demo's server. Raises Stopped."""
    if server_url():
        fab("sandbox.down", NAME)
    else:
        print(f"The demo has no server {NAME}, so there is nothing to delete.")


def commit(name: str) -> str:
    """Return the hash of the commit that git calls `name`; empty if there is none."""
    command = ["git", "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def no_commit() -> NoReturn:
    """Raise Stopped with git's own message."""
    message = subprocess.run(["git", "log", "-1"], capture_output=True, text=True, check=False).stderr.strip()
    raise Stopped(
        f"The demo deploys a commit of this checkout, but git finds none: {message} Get the project with `git clone`."
    )


def fab(*words: str) -> None:
    """Print a fab command and run it. Raises Stopped if it fails."""
    print(f"$ fab {shlex.join(words)}", flush=True)
    status = subprocess.run([str(FAB), *words], stdin=subprocess.DEVNULL, check=False).returncode
    if status != 0:
        raise Stopped(f"`fab {shlex.join(words)}` failed with status {status}; its message is above. "
                      "`make demo` tries again from here; `make demo-down` deletes the server.")  # fmt: skip


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
        raise Stopped(f"The app does not answer at {url}/: {error}. Look for errors with `fab -H {NAME} doctor`.") from None


def say(line: str) -> None:
    print(f"\n==> {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
