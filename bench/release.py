"""How long until new code is served: `fab deploy` against a script that pulls and restarts, as the tutorials do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from bench.place import place, show, ssh
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
supervisorctl update >/dev/null
"""
UPDATE = "set -e\ncd /opt/tutorial/hello\ngit pull -q\nsupervisorctl restart tutorial >/dev/null\n"


def served(url: str, greeting: str, work: Callable[[], object]) -> float:
    """Seconds from the start of the work until the site answers with the new greeting, asked every 20 ms."""
    began = time.monotonic()
    worker = threading.Thread(target=work)
    worker.start()
    try:
        while time.monotonic() - began < 60:
            try:
                if greeting in get(url, timeout=2).text:
                    return time.monotonic() - began
            except OSError:
                pass
            time.sleep(0.02)
        raise TimeoutError(f"{greeting} was not served within 60 s")
    finally:
        worker.join()


def main() -> None:
    """Print both, in turn on one server; the app is fetched from a repository on the server itself."""
    with place(migrate=None, workers=3) as ((server,), project):
        server.run("git init -q --bare --initial-branch=main /srv/git/hello.git && chown -R deploy /srv/git")
        server.run("git config --system --add safe.directory '*'")
        *login, target = server.ssh_argv("deploy")
        project.git("config", "core.sshCommand", " ".join(login))
        project.git("remote", "add", "server", f"{target}:/srv/git/hello.git")
        project.git("push", "-q", "server", "main")
        ssh(server, TUTORIAL)
        project.configure(repository="file:///srv/git/hello.git", migrate=None, workers=3)
        project.must("-H", server.name, "deploy")
        deploy: list[float] = []
        pull: list[float] = []
        for number in range(9):
            project.commit(f"round {number}")
            project.git("push", "-q", "server", "main")
            greeting = f"round {number}"
            deploy.append(served(server.url, greeting, lambda: project.must("-H", server.name, "deploy")))
            pull.append(served(f"http://{server.address}:8080", greeting, lambda: ssh(server, UPDATE)))
        show({"fab deploy": deploy, "git pull and restart over one ssh": pull}, limit=1.0)
