"""Compare the requests per second of an app behind Selvedge's nginx, gunicorn and uvicorn with those of a tutorial's set-up.

The app names `fastapi` alone in its requirements and answers 1 kB of JSON. The tutorial installs fastapi, gunicorn and
uvicorn[standard] in a virtual environment, and proxies to gunicorn's socket. Both run on one server, and wrk asks them in turn.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
from pathlib import Path

from bench.common import deployed, ssh

ROUNDS = 7
SECONDS = 8
WORKERS = 3
LIMIT = 0.95
"""Of the tutorial's requests per second."""
MAIN = """
from fastapi import FastAPI

app = FastAPI()
ANSWER = {"items": [{"number": number, "name": f"item {number:04}", "price": 9.5} for number in range(20)]}


@app.get("/")
async def items():
    return ANSWER
"""
TUTORIAL = f"""
set -e
mkdir -p /opt/serving
cd /opt/serving
cp /srv/hello/current/main.py .
python3 -m venv .venv
.venv/bin/pip install -q fastapi gunicorn 'uvicorn[standard]' uvicorn-worker
chown -R www-data /opt/serving
cat >/etc/supervisor/conf.d/serving.conf <<'EOF'
[program:serving]
command=/opt/serving/.venv/bin/gunicorn main:app --workers {WORKERS} --worker-class uvicorn_worker.UvicornWorker
 --bind unix:/opt/serving/gunicorn.sock --no-control-socket
directory=/opt/serving
user=www-data
EOF
cat >/etc/nginx/sites-enabled/serving <<'EOF'
upstream serving {{ server unix:/opt/serving/gunicorn.sock fail_timeout=0; }}
server {{
  listen 8080;
  access_log /var/log/nginx/serving.log;
  location / {{
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header Host $http_host;
    proxy_redirect off;
    proxy_pass http://serving;
  }}
}}
EOF
ufw allow 8080/tcp >/dev/null
nginx -t -q
systemctl reload nginx
supervisorctl reread >/dev/null
supervisorctl update serving >/dev/null
"""


def only_fastapi(app: Path) -> None:
    """Replace the sample app by one that names `fastapi` alone."""
    for each in app.iterdir():
        if each.name != ".git":
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    (app / "main.py").write_text(MAIN)
    (app / "requirements.txt").write_text("fastapi\n")


def requests_per_second(url: str) -> float:
    """Return what wrk measures over 16 connections. Raises AssertionError if an answer is no success."""
    command = ["wrk", "--threads=1", "--connections=16", f"--duration={SECONDS}s", url]
    report = subprocess.run(command, capture_output=True, text=True, check=True, timeout=SECONDS + 30).stdout
    assert "Non-2xx" not in report, report
    found = re.search(r"Requests/sec:\s*([\d.]+)", report)
    assert found, report
    return float(found[1])


def main() -> None:
    """Print the medians of both set-ups and their ratio."""
    with deployed(migrate=None, workers=WORKERS, health="/", release_header=True) as ((server,), project):
        project.commit(only_fastapi)
        project.must("-H", server.name, "deploy")
        ssh(server, TUTORIAL)
        compare({"Selvedge": f"{server.url}/", "the tutorial's set-up": f"http://{server.address}:8080/"})


def compare(urls: dict[str, str]) -> None:
    """Ask each address in turn, after one round that is not counted."""
    rates: dict[str, list[float]] = {name: [] for name in urls}
    for number in range(ROUNDS + 1):
        for name, url in urls.items():
            rate = requests_per_second(url)
            if number:
                rates[name].append(rate)
    for name, values in rates.items():
        print(f"{name:<24} median {statistics.median(values):7.0f} requests/s   from {min(values):.0f} to {max(values):.0f}")
    ours, theirs = (statistics.median(values) for values in rates.values())
    print(f"ratio {ours / theirs:.2f} (limit {LIMIT:g}: {'met' if ours / theirs >= LIMIT else 'MISSED'})")
