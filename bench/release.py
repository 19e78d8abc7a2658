"""Compare the time until new code is served: `fab deploy`, and a tutorial's script that pulls and restarts."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence

from bench.common import Project, Server, deployed, show, ssh
from traffic import get

TUTORIAL = """
set -e
mkdir -p /opt/tutorial
git clone -q /srv/git/hello.git /opt/tutorial/hello
cd /opt/tutorial/hello
cp -aL /srv/hello/current/.venv .venv
cat >/etc/supervisor/conf.d/tutorial.conf <<'EOF'
[program:tutorial]
command=/opt/tutorial/hello/.venv/bin/python -m gunicorn main:app --workers 3
 --worker-class uvicorn_worker.UvicornWorker --bind 127.0.0.1:8100 --no-control-socket
directory=/opt/tutorial/hello
environment=APP_SHARED="/opt/tutorial"
autorestart=true
EOF
cat >/etc/nginx/sites-enabled/tutorial <<'EOF'
server { listen 8080; location / { proxy_pass http://127.0.0.1:8100; } }
EOF
ufw allow 8080/tcp >/dev/null
nginx -t -q
systemctl reload nginx
supervisorctl reread >/dev/null
supervisorctl update tutorial >/dev/null
"""
UPDATE = "set -e\ncd /opt/tutorial/hello\ngit pull -q\nsupervisorctl restart tutorial >/dev/null\n"


def seconds_until_served(site: str | Sequence[str], greeting: str, release: Callable[[], object]) -> float:
    """Return the seconds from the start of `release` until the site's response has the greeting, checked every 20 ms.

    site: one address, or those of several servers, which all must have it. Raises TimeoutError after 60 seconds.
    """
    waiting = [site] if isinstance(site, str) else list(site)
    began = time.monotonic()
    thread = threading.Thread(target=release)
    thread.start()
    try:
        while time.monotonic() - began < 60:
            with contextlib.suppress(OSError):
                while greeting in get(waiting[0], timeout=2).text:
                    waiting.pop(0)
                    if not waiting:
                        return time.monotonic() - began
            time.sleep(0.02)
        raise TimeoutError(f"{greeting} was not served within 60 s")
    finally:
        thread.join()


def install_tutorial(server: Server, project: Project, remote: str = "server", workers: int = 3) -> None:
    """Put the app's repository on the server, as a remote of the project, and deploy the app as in a tutorial."""
    server.run("git init -q --bare --initial-branch=main /srv/git/hello.git && chown -R deploy /srv/git")
    server.run("git config --system --add safe.directory '*'")
    *login, target = server.ssh_argv("deploy")
    project.git("config", "core.sshCommand", " ".join(login))
    project.git("remote", "add", remote, f"{target}:/srv/git/hello.git")
    project.git("push", "-q", remote, "main")
    ssh(server, TUTORIAL.replace("--workers 3", f"--workers {workers}"))


def main() -> None:
    """Print the times of both on one server, which also hosts the app's repository."""
    with deployed(migrate=None, workers=3) as ((server,), project):
        install_tutorial(server, project)
        project.configure(repository="file:///srv/git/hello.git", migrate=None, workers=3)
        project.must("-H", server.name, "deploy")
        deploy: list[float] = []
        pull: list[float] = []
        for number in range(9):
            project.commit(f"round {number}")
            project.git("push", "-q", "server", "main")
            greeting = f"round {number}"
            deploy.append(seconds_until_served(server.url, greeting, lambda: project.must("-H", server.name, "deploy")))
            pull.append(seconds_until_served(f"http://{server.address}:8080", greeting, lambda: ssh(server, UPDATE)))
        show({"fab deploy": deploy, "git pull and restart over one SSH connection": pull}, limit=1.0)
