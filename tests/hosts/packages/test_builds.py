"""What the build of an environment needs beside the list of packages: locks of other tools, variables, keys, libraries."""

from __future__ import annotations

import json
import time

import pytest
from websockets.sync.client import connect

from drills import QUICK
from lab import Lab, Project, Result
from sandbox import Server
from traffic import get

# A package index that wants a login, with one package; and its wheel, which Python alone can make.
INDEX = r"""
mkdir -p /root/index && cd /root/index && cat >serve.py <<'EOF'
import base64, http.server, io, zipfile
wheel = io.BytesIO()
with zipfile.ZipFile(wheel, "w") as archive:
    archive.writestr("own/__init__.py", "")
    archive.writestr("own-2.dist-info/METADATA", "Metadata-Version: 2.1\nName: own\nVersion: 2\n")
    archive.writestr("own-2.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    archive.writestr("own-2.dist-info/RECORD", "".join(f"{name},,\n" for name in archive.namelist()) + "own-2.dist-info/RECORD,,\n")
LOGIN = "Basic " + base64.b64encode(b"me:canary-token").decode()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        allowed = self.headers.get("Authorization") == LOGIN
        known = self.path in ("/simple/own/", "/own-2-py3-none-any.whl")
        self.send_response(401 if not allowed else 200 if known else 404)
        self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.send_header("Content-Type", "text/html" if self.path.startswith("/simple") else "application/octet-stream")
        self.end_headers()
        if allowed and known and self.command == "GET":
            page = b'<a href="/own-2-py3-none-any.whl">own-2-py3-none-any.whl</a>'
            self.wfile.write(page if self.path.startswith("/simple") else wheel.getvalue())
    do_HEAD = do_GET
http.server.HTTPServer(("127.0.0.1", 8099), Handler).serve_forever()
EOF
systemd-run -q --unit=index python3 /root/index/serve.py
"""
GIT = """
useradd -m -s /bin/sh depot
install -d -m 0700 -o depot -g depot /home/depot/.ssh && apt-get install -qq -y python3 >/dev/null
mkdir /root/dep && cd /root/dep && git init -q -b main
printf '[project]\\nname = "dep"\\nversion = "7"\\n' >pyproject.toml
printf '[build-system]\\nrequires = ["setuptools"]\\nbuild-backend = "setuptools.build_meta"\\n' >>pyproject.toml
echo 'x = 1' >dep.py
git add . && git -c user.name=t -c user.email=t@t.test commit -q -m dep
git clone -q --bare /root/dep /home/depot/dep.git && chown -R depot:depot /home/depot
grep -q '^AllowUsers' -r /etc/ssh && sed -i 's/^AllowUsers.*/& depot/' $(grep -l '^AllowUsers' -r /etc/ssh) || true
systemctl reload ssh
"""


@pytest.fixture(scope="module")
def server(lab: Lab) -> Server:
    return lab.server("deployed")


def use(project: Project, name: str, text: str = "", **settings: object) -> None:
    """Put a project of tests/projects in place of the app."""
    project.become(name)
    project.configure(text, **QUICK | {"health": "/", "migrate": None} | settings)


def deployed(server: Server, project: Project) -> tuple[Result, dict[str, str]]:
    """Deploy a new commit. Return the run, and the versions of the packages that the app answers with."""
    commit = project.commit(lambda app: (app / "changed").write_text(str(time.time())))
    result = project.must("-H", server.name, "deploy")
    answer = get(f"{server.url}/")
    assert (answer.headers["X-Release"] or "").startswith(commit[:12]), answer
    return result, {name.lower().replace("_", "-"): version for name, version in json.loads(answer.text).items()}


def test_websockets_work_with_fastapi_alone(server: Server, project: Project) -> None:
    use(project, "websocket")
    _, packages = deployed(server, project)
    assert {"uvloop", "httptools", "websockets", "uvicorn", "gunicorn"} <= packages.keys()
    with connect(f"ws{server.url.removeprefix('http')}/ws") as socket:
        socket.send("hello")
        assert socket.recv(timeout=10) == "hello"
    loaded = server.run("cat $(printf '/proc/%s/maps ' $(pgrep -u hello)) 2>/dev/null").stdout
    assert "/uvloop/" in loaded and "/httptools/" in loaded


def test_an_app_that_brings_uvicorn_keeps_it(server: Server, project: Project) -> None:
    use(project, "websocket")
    (project.app / "requirements.txt").write_text("fastapi\nuvicorn==0.30.6\nwebsockets==12.0\n")
    _, packages = deployed(server, project)
    assert (packages["uvicorn"], packages["websockets"]) == ("0.30.6", "12.0")
    assert "uvloop" not in packages


@pytest.mark.parametrize(
    ("name", "extras", "installer"),
    [
        ("poetry", ["server"], "uv"), pytest.param("poetry", ["server"], "pip", marks=pytest.mark.thorough),
        ("pdm", ["server"], "uv"), pytest.param("pipenv", [], "uv", marks=pytest.mark.thorough),
    ],
)  # fmt: skip
def test_the_lock_of_another_tool_counts(server: Server, project: Project, name: str, extras: list[str], installer: str) -> None:
    use(project, name, extras=extras, dependency_groups=["prod"], installer=installer)
    _, packages = deployed(server, project)
    assert packages["fastapi"] == "0.115.0"
    assert "iniconfig" in packages and "toml" not in packages
    assert ("six" in packages) == bool(extras)
    assert packages.get("common") == ("1, 1" if name == "poetry" else None)


def test_a_private_index_gets_its_login_from_the_build_variables(server: Server, project: Project) -> None:
    server.run(INDEX)
    use(project, "websocket")
    (project.app / "requirements.txt").write_text("--extra-index-url http://me:${OWN_TOKEN}@127.0.0.1:8099/simple\nfastapi\nown\n")
    project.commit()
    refused = project.fab("-H", server.name, "deploy")
    assert refused.status == 1 and "401" in refused.stderr and "app.build_env_file" in refused.stderr, refused
    (project.folder / "build.env").write_text("OWN_TOKEN=canary-token\n")
    use(project, "websocket", build_env_file="build.env")
    (project.app / "requirements.txt").write_text("--extra-index-url http://me:${OWN_TOKEN}@127.0.0.1:8099/simple\nfastapi\nown\n")
    result, packages = deployed(server, project)
    assert packages["own"] == "2"
    assert "canary" not in result.stdout + result.stderr
    places = "/srv/hello /var/log /var/cache/selvedge /run/selvedge /opt/selvedge /proc/[0-9]*/environ"
    assert server.run(f"grep -r -l canary-token {places} 2>/dev/null || true").stdout == ""
    assert server.run("stat -c '%a %U' /etc/selvedge/hello/build.env").stdout == "600 root\n"
    assert "deploy: nothing to change" in project.must("-H", server.name, "deploy").stdout
    use(project, "websocket")
    deployed(server, project)
    assert server.run("test ! -e /etc/selvedge/hello/build.env", check=False).returncode == 0


def test_a_git_dependency_is_fetched_with_the_deploy_key(server: Server, project: Project) -> None:
    server.run(GIT)
    use(project, "websocket")
    (project.app / "requirements.txt").write_text("fastapi\ndep @ git+ssh://depot@127.0.0.1/home/depot/dep.git\n")
    project.commit()
    refused = project.fab("-H", server.name, "deploy")
    assert refused.status == 1 and "Permission denied (publickey" in refused.stderr, refused
    key = server.run("cat /srv/hello/deploy_key.pub").stdout.strip()
    assert key in refused.stderr
    server.run("install -m 0600 -o depot -g depot /srv/hello/deploy_key.pub /home/depot/.ssh/authorized_keys")
    _, packages = deployed(server, project)
    assert packages["dep"] == "7"
    assert server.run("stat -c '%a %U' /srv/hello/deploy_key").stdout == "600 root\n"
    assert server.run("pgrep ssh-agent", check=False).stdout == ""


def test_a_missing_library_is_named_and_installed(server: Server, project: Project) -> None:
    use(project, "websocket")
    main = project.app / "main.py"
    text = main.read_text()
    main.write_text(f'import ctypes\nctypes.CDLL("libsodium.so.23")\n{text}')
    project.commit()
    refused = project.fab("-H", server.name, "deploy")
    assert refused.status == 1 and 'set server.packages = ["libsodium23"] in hosts.toml' in refused.stderr, refused
    project.configure('[server]\npackages = ["libsodium23"]\n', **QUICK, health="/", migrate=None)
    assert "install libsodium23" in deployed(server, project)[0].stdout
    project.configure('[server]\npackages = ["no-such-package"]\n', **QUICK, health="/", migrate=None)
    refused = project.fab("-H", server.name, "install")
    assert refused.status == 1 and "has no package no-such-package (server.packages)" in refused.stderr, refused


def test_a_module_of_an_extra_is_named(server: Server, project: Project) -> None:
    use(project, "poetry")
    main = project.app / "main.py"
    main.write_text(f"import six\n{main.read_text()}")
    project.commit()
    refused = project.fab("-H", server.name, "deploy")
    assert refused.status == 1 and 'set app.extras = ["server"] in hosts.toml' in refused.stderr, refused


def test_a_contradiction_is_refused_before_a_server_is_contacted(server: Server, project: Project) -> None:
    use(project, "poetry", extras=["nosuch"])
    project.commit()
    refused = project.fab("-H", server.name, "deploy")
    assert refused.status == 2 and "The project has no extra nosuch. It has server." in refused.stderr, refused
    use(project, "poetry", python="3.9")
    refused = project.fab("-H", server.name, "deploy")
    assert refused.status == 2 and "The app wants Python >=3.11,<4.0" in refused.stderr, refused
