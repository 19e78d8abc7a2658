"""A word that stands in each place for a secret is sought in all that a run leaves: it must be nowhere but where it belongs."""

from __future__ import annotations

import base64
import http.server
import os
import re
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from drills import insert
from lab import Lab, Project, Result
from sandbox import Server

PASSWORD, VALUE, TOKEN = "c4nary-sudo-51", "c4nary-value-52", "c4nary-token-53"
CANARY = re.compile(r"c4nary-(?:sudo|value|token)")
# Where they belong, for root or the app's user alone.
KNOWN = {"/srv/hello/git_credentials": "600 root root"}


class Repository(http.server.SimpleHTTPRequestHandler):
    """A bare repository over HTTP, for whoever has the token."""

    def do_GET(self) -> None:
        """Files by git's oldest protocol (gitprotocol-http(5), "dumb")."""
        wanted = "Basic " + base64.b64encode(f"me:{TOKEN}".encode()).decode()
        if self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def repository(source: Path, folder: Path, address: str) -> Iterator[str]:
    """A copy of the repository at http://address:port/hello.git; gives "address:port/hello.git"."""
    bare = folder / "hello.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(source), str(bare)], check=True)
    subprocess.run(["git", "update-server-info"], cwd=bare, check=True)
    handler = partial(Repository, directory=str(folder))
    with socketserver.ThreadingTCPServer((address, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"{address}:{server.server_address[1]}/hello.git"
        server.shutdown()


@contextmanager
def processes() -> Iterator[set[str]]:
    """The command lines with the word in them, of all processes of this machine, its servers' included."""
    found: set[str] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.05):
            for each in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = each.read_bytes().replace(b"\0", b" ").decode(errors="replace")
                except OSError:
                    continue
                if CANARY.search(line):
                    found.add(line)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


class Place:
    """A project with a secret in each place, and its server."""

    def __init__(self, project: Project, server: Server, url: str, bare: Path) -> None:
        self.project, self.server, self.bare = project, server, bare
        self.env = {"SELVEDGE_SUDO_PASSWORD": PASSWORD, "SELVEDGE_APP__REPOSITORY": f"http://me:{TOKEN}@{url}"}

    def publish(self) -> None:
        """Bring the branch of the project's app to the repository."""
        self.project.git("push", "--quiet", "--force", str(self.bare), "main")
        self.project.git("update-server-info", cwd=self.bare)

    def fab(self, *words: str, **env: str) -> Result:
        with processes() as seen:
            result = self.project.fab(*words, env={**self.env, **env})
        assert not seen, seen
        assert not CANARY.search(result.stdout + result.stderr), result
        return result


@pytest.fixture(scope="module")
def place(lab: Lab, shared_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    server = lab.server("setup")
    route = server.run("ip route show default").stdout.split()
    (shared_project.folder / "production.env").write_text(f"API_TOKEN={VALUE}\n")
    shared_project.configure(env_file="production.env")
    server.run(f"echo deploy:{PASSWORD} | chpasswd; f=$(grep -l deploy /etc/sudoers.d/*); sed -i s/NOPASSWD:// $f; cat $f")
    folder = tmp_path_factory.mktemp("git")
    with repository(shared_project.app, folder, route[2]) as url:
        yield Place(shared_project, server, url, folder / "hello.git")


def readable(server: Server) -> str:
    """Files of the server with the word in them, with mode and owner; logs and the journal are among them."""
    return server.run(
        "journalctl --sync; journalctl --no-pager | grep -E 'c4nary-(sudo|value|token)' | sed 's/^/journal /'\n"
        "grep -rlIE --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev 'c4nary-(sudo|value|token)' "
        "/etc /srv /var /run /home /root /tmp /opt /usr/local 2>/dev/null | xargs -r stat -c '%n %a %U %G'; true"
    ).stdout


def assert_where_they_belong(server: Server) -> None:
    for row in readable(server).splitlines():
        path, *own = row.rsplit(" ", 3)
        belongs = KNOWN.get(path) or ("640 root hello" if re.fullmatch(r"/srv/hello/instances/[^/]+/env", path) else "")
        assert " ".join(own) == belongs, row


def test_before_anything_is_there(place: Place) -> None:
    for flags in (["--dry-run"], ["--script"]):
        assert place.fab("-H", place.server.name, "deploy", *flags).status == 0
    assert readable(place.server) == ""


def test_a_run_that_fails(place: Place) -> None:
    # The gate refuses, and shows the log of an app that reads its environment.
    place.project.configure(env_file="production.env", health="/no-such-path", health_attempts=2)
    failed = place.fab("-H", place.server.name, "deploy", "--script")
    failed = place.fab("-d", "-H", place.server.name, "deploy", SELVEDGE_DEBUG="1")
    place.project.configure(env_file="production.env")
    assert failed.status == 1 and "Traceback" in failed.stderr, "the flag does show more"
    assert_where_they_belong(place.server)


@pytest.mark.parametrize("line", ["raise RuntimeError(os.environ['API_TOKEN'])", "print(os.environ['API_TOKEN']); os._exit(3)"])
def test_an_app_that_tells_its_secret_while_it_fails(place: Place, line: str) -> None:
    """Its own log is its own; what the run shows and writes has nothing of it."""
    place.project.commit(insert("import asyncio", f"import os\n{line}\n"))
    place.publish()
    failed = place.fab("-H", place.server.name, "deploy")
    assert failed.status == 1 and "•••" in failed.stdout, failed
    place.server.run("rm -r /var/log/hello")
    assert_where_they_belong(place.server)
    place.project.git("reset", "--quiet", "--hard", "HEAD~1")
    place.publish()


def test_a_whole_run(place: Place) -> None:
    assert place.fab("-H", place.server.name, "deploy").status == 0
    assert_where_they_belong(place.server)
    found = readable(place.server)
    assert "/srv/hello/git_credentials" in found and "/env " in found, "the search finds what is there"


def test_every_way_to_ask_for_more(place: Place) -> None:
    name = place.server.name
    for words in (["--dry-run"], ["--script"], []):
        assert place.fab("-d", "-e", "-H", name, "deploy", *words, INVOKE_DEBUG="1").status == 0
    for task in ("status", "releases", "logs", "doctor"):
        place.fab("-d", "-H", name, task)
    assert "main of http" in place.fab("-H", name, "doctor").stdout, "the token is used all the same"
    assert_where_they_belong(place.server)


def test_wrong_secrets_are_not_shown_either(place: Place) -> None:
    wrong = place.fab("-d", "-H", place.server.name, "deploy", SELVEDGE_SUDO_PASSWORD="c4nary-sudo-wrong")
    assert wrong.status != 0 and "sudo refused the password" in wrong.stderr, wrong
    url = place.env["SELVEDGE_APP__REPOSITORY"].replace(TOKEN, "c4nary-token-wrong").replace("hello.git", "none.git")
    wrong = place.fab("-d", "-H", place.server.name, "deploy", SELVEDGE_APP__REPOSITORY=url)
    assert wrong.status != 0 and "none.git" in wrong.stderr, wrong
    url = url.replace("http://", "ftp://")
    assert place.fab("-H", place.server.name, "deploy", SELVEDGE_APP__REPOSITORY=url).status == 2


@pytest.mark.parametrize("mask", [0o077, 0o000])
def test_modes_do_not_depend_on_the_operators_umask(place: Place, mask: int) -> None:
    place.project.app.joinpath("note.txt").write_text(str(mask))
    before = os.umask(mask)
    try:
        (place.project.folder / "production.env").write_text(f"API_TOKEN={VALUE}\nMASK={mask}\n")
        assert place.fab("-H", place.server.name, "deploy").status == 0
    finally:
        os.umask(before)
    assert_where_they_belong(place.server)
    wide = place.server.run(
        "find /srv/hello /run/hello /etc/nginx /etc/supervisor -perm /o=w ! -type l ! -type s; "
        "stat -c '%a %U %G' $(ls -dt /srv/hello/instances/*/env | head -n 1)"
    ).stdout
    assert wide.splitlines()[0] == "640 root hello", wide
