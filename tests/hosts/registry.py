"""A second Docker engine on a server, which stands for that of the user's machine, and a registry with TLS and a password."""

from __future__ import annotations

import os
from pathlib import Path

from sandbox import Server

PASSWORD = 's3cr$t "pass" `id`'
LOGIN = {"SELVEDGE_DOCKER__USER": "robot", "SELVEDGE_DOCKER__PASSWORD": PASSWORD}
_ENGINE = """
set -eu
systemd-run --quiet --unit=here-engine --property=Delegate=yes dockerd --data-root /var/lib/docker/.here --exec-root /run/here \
  --pidfile /run/here.pid --host unix:///run/here.sock --iptables=false --bridge=none \
  --containerd /run/containerd/containerd.sock --containerd-namespace here --containerd-plugins-namespace here-plugins
n=0
until docker -H unix:///run/here.sock version >/dev/null 2>&1 || [ "$n" -ge 300 ]; do n=$((n + 1)); sleep 0.1; done
docker save base:1 | docker -H unix:///run/here.sock load
"""
_REGISTRY = """
set -eu
DEBIAN_FRONTEND=noninteractive apt-get -qq install -y docker-registry apache2-utils >/dev/null
mkdir -p /srv/registry/data /etc/docker/certs.d/ADDRESS:5443
cd /srv/registry
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=registry -addext subjectAltName=IP:ADDRESS \
  -keyout key.pem -out ca.crt 2>/dev/null
htpasswd -niB robot <<'EOF' >htpasswd
PASSWORD
EOF
cat >/etc/docker/registry/config.yml <<'EOF'
version: 0.1
storage: {filesystem: {rootdirectory: /srv/registry/data}}
http: {addr: ":5443", tls: {certificate: /srv/registry/ca.crt, key: /srv/registry/key.pem}}
auth: {htpasswd: {realm: registry, path: /srv/registry/htpasswd}}
EOF
chown -R docker-registry /srv/registry
cp ca.crt /etc/docker/certs.d/ADDRESS:5443/
systemctl restart docker-registry
"""


def engine(server: Server, folder: Path) -> dict[str, str]:
    """Start a second engine on a server with Docker, and return the variables with which fab uses it. folder: an empty one."""
    server.run(_ENGINE)
    root = Path(f"/proc/{server.pid}/root")
    (folder / "docker").symlink_to(root / "usr/bin/docker")
    return {"PATH": f"{folder}:{os.environ['PATH']}", "DOCKER_HOST": f"unix://{root}/run/here.sock"}


def registry(server: Server) -> str:
    """Start a registry on a server with Docker, which trusts its certificate. Return its address."""
    address = server.run("hostname -I").stdout.split()[0]
    server.run(_REGISTRY.replace("ADDRESS", address).replace("PASSWORD", PASSWORD))
    return f"{address}:5443"
