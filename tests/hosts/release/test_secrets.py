"""Secrets in runs: a marker in each secret must not appear in output, logs, processes or files of other users."""

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
BUILD, VISITOR = "c4nary-build-54", "c4nary-visitor-55"
KINDS = "c4nary-(sudo|value|token|build|visitor)"
CANARY = re.compile(KINDS)
# The files that may contain a secret, with their modes and owners.
ALLOWED = {"/srv/hello/git_credentials": "600 root root", "/etc/selvedge/hello/build.env": "600 root root"}


class Repository(http.server.SimpleHTTPRequestHandler):
    """A bare repository over HTTP that requires the token."""

    def do_GET(self) -> None:
        """Serve files by git's "dumb" protocol (gitprotocol-http(5))."""
        wanted = "Basic " + base64.b64encode(f"me:{TOKEN}".encode()).decode()
        if self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@contextmanager
def repository(source: Path, folder: Path, address: str) -> Iterator[str]:
    """Serve a copy of the repository over HTTP, and give its URL without "http://"."""
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
    """Collect the command lines with a marker while the block runs, of this machine and its servers."""
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


class Deployment:
    """A project with three secrets, and its server."""

    def __init__(self, project: Project, server: Server, url: str, bare: Path) -> None:
        self.project, self.server, self.bare = project, server, bare
        self.env = {"SELVEDGE_SUDO_PASSWORD": PASSWORD, "SELVEDGE_APP__REPOSITORY": f"http://me:{TOKEN}@{url}",
                    "SELVEDGE_APP__ENV_FILE": "production.env", "SELVEDGE_APP__BUILD_ENV_FILE": "build.env",
                    "SELVEDGE_NGINX__BASIC_AUTH": '["me"]', "SELVEDGE_BASIC_AUTH_ME": VISITOR}  # fmt: skip

    def publish(self) -> None:
        """Push the app's main branch to the repository."""
        self.project.git("push", "--quiet", "--force", str(self.bare), "main")
        self.project.git("update-server-info", cwd=self.bare)

    def fab(self, *words: str, **env: str) -> Result:
        with processes() as seen:
            result = self.project.fab(*words, env={**self.env, **env})
        assert not seen, seen
        assert not CANARY.search(result.stdout + result.stderr), result
        return result


@pytest.fixture(scope="module")
def deployment(lab: Lab, shared_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    server = lab.server("setup")
    route = server.run("ip route show default").stdout.split()
    (shared_project.folder / "production.env").write_text(f"API_TOKEN={VALUE}\n")
    (shared_project.folder / "build.env").write_text(f"UV_INDEX_PRIVATE_PASSWORD={BUILD}\n")
    shared_project.configure()
    server.run(f"echo deploy:{PASSWORD} | chpasswd; f=$(grep -l deploy /etc/sudoers.d/*); sed -i s/NOPASSWD:// $f; cat $f")
    folder = tmp_path_factory.mktemp("git")
    with repository(shared_project.app, folder, route[2]) as url:
        yield Deployment(shared_project, server, url, folder / "hello.git")


def files_with_secrets(server: Server) -> str:
    """Return the files of the server and the lines of its journal with a marker, files with mode and owner."""
    return server.run(
        f"journalctl --sync; journalctl --no-pager | grep -E '{KINDS}' | sed 's/^/journal /'\n"
        f"grep -rlIE --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev '{KINDS}' "
        "/etc /srv /var /run /home /root /tmp /opt /usr/local 2>/dev/null | xargs -r stat -c '%n %a %U %G'; true"
    ).stdout


def assert_only_allowed_files(server: Server) -> None:
    for row in files_with_secrets(server).splitlines():
        path, *own = row.rsplit(" ", 3)
        belongs = ALLOWED.get(path) or ("640 root hello" if re.fullmatch(r"/srv/hello/instances/[^/]+/env", path) else "")
        assert " ".join(own) == belongs, row


def test_dry_run_and_script_before_the_first_deploy(deployment: Deployment) -> None:
    for flags in (["--dry-run"], ["--script"]):
        assert deployment.fab("-H", deployment.server.name, "deploy", *flags).status == 0
    assert files_with_secrets(deployment.server) == ""


def test_a_failing_run(deployment: Deployment) -> None:
    # The health check fails, so the run shows the app's log.
    deployment.project.configure(health="/no-such-path", health_attempts=2)
    failed = deployment.fab("-H", deployment.server.name, "deploy", "--script")
    failed = deployment.fab("-d", "-H", deployment.server.name, "deploy", SELVEDGE_DEBUG="1")
    deployment.project.configure()
    assert failed.status == 1 and "Traceback" in failed.stderr, "the flag shows more"
    assert_only_allowed_files(deployment.server)


@pytest.mark.parametrize("line", ["raise RuntimeError(os.environ['API_TOKEN'])", "print(os.environ['API_TOKEN']); os._exit(3)"])
def test_a_failing_app_that_prints_its_secret(deployment: Deployment, line: str) -> None:
    """The app's own log may contain the secret; the output of the run and all other files may not."""
    deployment.project.commit(insert("import asyncio", f"import os\n{line}\n"))
    deployment.publish()
    failed = deployment.fab("-H", deployment.server.name, "deploy")
    assert failed.status == 1 and "•••" in failed.stdout, failed
    deployment.server.run("rm -r /var/log/hello")
    assert_only_allowed_files(deployment.server)
    deployment.project.git("reset", "--quiet", "--hard", "HEAD~1")
    deployment.publish()


def test_a_successful_run(deployment: Deployment) -> None:
    assert deployment.fab("-H", deployment.server.name, "deploy").status == 0
    assert_only_allowed_files(deployment.server)
    found = files_with_secrets(deployment.server)
    assert "/srv/hello/git_credentials" in found and "/env " in found, "the search finds secrets"


def test_every_option_for_more_output(deployment: Deployment) -> None:
    name = deployment.server.name
    for words in (["--dry-run"], ["--script"], []):
        assert deployment.fab("-d", "-e", "-H", name, "deploy", *words, INVOKE_DEBUG="1").status == 0
    for task in ("status", "releases", "logs", "doctor", "history", "restart", "stop", "start", "rollback"):
        deployment.fab("-d", "-H", name, task)
    deployment.fab("-d", "-H", name, "run", "--command", "false")
    assert "main of http" in deployment.fab("-H", name, "doctor").stdout, "the token works"
    assert_only_allowed_files(deployment.server)


def test_wrong_secrets_are_not_shown(deployment: Deployment) -> None:
    wrong = deployment.fab("-d", "-H", deployment.server.name, "deploy", SELVEDGE_SUDO_PASSWORD="c4nary-sudo-wrong")
    assert wrong.status != 0 and "sudo rejected the password" in wrong.stderr, wrong
    url = deployment.env["SELVEDGE_APP__REPOSITORY"].replace(TOKEN, "c4nary-token-wrong").replace("hello.git", "none.git")
    wrong = deployment.fab("-d", "-H", deployment.server.name, "deploy", SELVEDGE_APP__REPOSITORY=url)
    assert wrong.status != 0 and "none.git" in wrong.stderr, wrong
    url = url.replace("http://", "ftp://")
    assert deployment.fab("-H", deployment.server.name, "deploy", SELVEDGE_APP__REPOSITORY=url).status == 2


def test_a_start_that_fails_shows_no_secret(deployment: Deployment) -> None:
    """The app has printed one, and is not healthy any more."""
    name = deployment.server.name
    live = deployment.server.run("readlink /srv/hello/live.sock").stdout.strip().rpartition("/")[2].removesuffix(".sock")
    deployment.fab("-H", name, "stop")
    deployment.server.run(f"sed -i '/^APP_SHARED=/i echo started with \"$API_TOKEN\" >&2' /srv/hello/instances/{live}/run")
    failed = deployment.fab("-H", name, "start", SELVEDGE_APP__HEALTH="/no-such-path", SELVEDGE_APP__HEALTH_ATTEMPTS="3")
    assert failed.status == 1 and "started with •••" in failed.stdout, failed
    deployment.server.run(f"sed -i '/started with/d' /srv/hello/instances/{live}/run; rm -r /var/log/hello")
    assert_only_allowed_files(deployment.server)


@pytest.mark.parametrize("mask", [0o077, 0o000])
def test_file_modes_do_not_depend_on_the_umask(deployment: Deployment, mask: int) -> None:
    deployment.project.app.joinpath("note.txt").write_text(str(mask))
    before = os.umask(mask)
    try:
        (deployment.project.folder / "production.env").write_text(f"API_TOKEN={VALUE}\nMASK={mask}\n")
        assert deployment.fab("-H", deployment.server.name, "deploy").status == 0
    finally:
        os.umask(before)
    assert_only_allowed_files(deployment.server)
    wide = deployment.server.run(
        "find /srv/hello /run/hello /etc/nginx /etc/supervisor -perm /o=w ! -type l ! -type s; "
        "stat -c '%a %U %G' $(ls -dt /srv/hello/instances/*/env | head -n 1)"
    ).stdout
    assert wide.splitlines()[0] == "640 root hello", wide
