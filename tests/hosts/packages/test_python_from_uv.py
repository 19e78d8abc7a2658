"""A Python version that the server's Debian lacks: the real uv installs it from a local archive and list."""

from __future__ import annotations

import json
import subprocess

import pytest

from drills import QUICK, assert_consistent, drained
from lab import Lab, Project
from sandbox import Server

PACK = """
mkdir -p /root/python/bin /root/python/lib && cp /usr/bin/python3.11 /root/python/bin
cp -rL /usr/lib/python3.11 /root/python/lib && ln -s python3.11 /root/python/bin/python3
tar -C /root -cz python
"""
"""Pack Debian 12's Python. It finds its standard library relative to its own path."""


def copy_python(old: Server, new: Server, name: str) -> None:
    """Copy the Python of `old` to `new`, as the archive `name`."""
    with subprocess.Popen([*old.ssh_argv("deploy"), "sudo", "sh", "-c", f"'{PACK}'"], stdout=subprocess.PIPE) as packed:
        subprocess.run([*new.ssh_argv("deploy"), f"sudo tee {name} >/dev/null"], stdin=packed.stdout, check=True, timeout=120)
    assert packed.returncode == 0


@pytest.mark.thorough
def test_deploy_installs_a_python_that_debian_13_lacks(lab: Lab, project: Project) -> None:
    old, server = lab.server("setup"), lab.server("setup", "trixie")
    assert server.run("apt-cache policy python3.11").stdout == ""
    copy_python(old, server, "/srv/python.tar.gz")
    processor = server.run("uname -m").stdout.strip()
    exact = old.run("python3 -c 'import platform; print(platform.python_version())'").stdout.strip()
    major, minor, patch = map(int, exact.split("."))
    # The format of the list of Python builds that uv ships.
    known = {f"cpython-{exact}-linux-{processor}-gnu": {
        "name": "cpython", "arch": {"family": processor, "variant": None}, "os": "linux", "libc": "gnu",
        "major": major, "minor": minor, "patch": patch, "prerelease": "", "variant": None, "sha256": None,
        "url": "file:///srv/python.tar.gz", "build": "20260101",
    }}  # fmt: skip
    server.run(f"echo '{json.dumps(known)}' >/srv/pythons.json; mkdir -p /etc/uv; touch /etc/uv/uv.toml; umask 022\n"
               "{ echo 'python-downloads-json-url = \"/srv/pythons.json\"'; cat /etc/uv/uv.toml; } >/root/uv.toml\n"
               "mv /root/uv.toml /etc/uv/uv.toml")  # fmt: skip
    project.configure(python="3.11", **QUICK)
    first = project.must("-H", server.name, "deploy")
    assert "install Python 3.11" in first.stdout
    assert assert_consistent(server).startswith(project.head[:12])
    running = server.run("for each in $(pgrep -u hello); do readlink /proc/$each/exe; done").stdout.split()
    assert set(running) == {f"/opt/selvedge/pythons/uv/cpython-{exact}-linux-{processor}-gnu/bin/python3.11"}
    writable = "find /opt/selvedge ! -type l -perm /022"
    assert server.run(writable).stdout == "", "other users can write there"
    assert "deploy: nothing to change" in project.must("-H", server.name, "deploy").stdout
    # Without the setting, the project's own file decides.
    project.configure(**QUICK)
    for version, path in (("3.13", "/usr/bin/python3.13"), ("3.11", "/opt/selvedge/pythons/")):
        project.commit(lambda app, version=version: (app / ".python-version").write_text(f"{version}\n"))
        project.must("-H", server.name, "deploy")
        drained(server)
        running = server.run("for each in $(pgrep -u hello); do readlink /proc/$each/exe; done").stdout.split()
        assert running and all(each.startswith(path) for each in running), version
