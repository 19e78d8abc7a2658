"""Servers by a Docker engine: a privileged container with systemd as process 1, its ports published on loopback.

For machines without root, and for a Mac. The container is the server's disk: it is kept when the server is off.
"""

from __future__ import annotations

import json
import shutil
import socket
import tarfile
import tempfile
from pathlib import Path

from sandbox import disk, images, machine
from sandbox.shell import SandboxError, Say, attempt, run
from sandbox.state import Record, tag

NAME = "docker"
REPOSITORY = "selvedge-sandbox"


def missing() -> str:
    """What this machine lacks for this driver, as a clause of a sentence; empty when nothing."""
    if not shutil.which("docker"):
        return "Docker is not installed"
    if attempt(["docker", "version", "--format", "{{.Server.Version}}"]).returncode != 0:
        return "no Docker engine answers (start Docker, then type the command again)"
    return "" if shutil.which("ssh-keygen") else "ssh-keygen is not installed"


def prepare(release: str, image: str, say: Say) -> None:
    """Build the image unless it is there; may take some minutes the first time. Raises SandboxError."""
    images.check(release, image)
    if attempt(["docker", "image", "inspect", _tag(release, image)]).returncode == 0:
        return
    say(f"Building a {images.RELEASES[release]} ({release}) image with Docker. This happens once; a few minutes.")
    with tempfile.TemporaryDirectory() as name:
        context = Path(name)
        (context / "ca").mkdir()
        for number, block in enumerate(machine.certificates()):
            (context / f"ca/machine-{number}.crt").write_text(block + "\n")
        (context / "apt.conf").write_text("".join(f"{line}\n" for line in machine.apt_options()))
        (context / "keep.conf").write_text(images.KEEP)
        (context / "Dockerfile").write_text(dockerfile(release, image))
        run(["docker", "build", "--quiet", "--tag", _tag(release, image), name])


def dockerfile(release: str, image: str) -> str:
    """The image as a Dockerfile. Docker's own apt settings, which delete each package after use, go first."""
    install = f"apt-get -qq install -y --no-install-recommends {' '.join(images.BARE)}"
    lines = [
        f"FROM debian:{release}-slim",
        "ENV container=docker",
        "COPY apt.conf /etc/apt/apt.conf.d/80machine",
        "COPY ca/ /usr/local/share/ca-certificates/",
        "RUN rm -f /etc/apt/apt.conf.d/docker-* && apt-get -qq update"
        f" && DEBIAN_FRONTEND=noninteractive {install} && apt-get clean && rm -rf /var/lib/apt/lists/*",
        _run(images.SETUP),
    ]
    if image == "ready":
        lines += ["COPY keep.conf /etc/apt/apt.conf.d/90keep-packages", _run(images.DOWNLOAD, *images.READY)]
    # systemd shuts down cleanly on this signal, not on TERM (systemd(1), "Signals").
    return "\n".join([*lines, "STOPSIGNAL SIGRTMIN+3", 'CMD ["/sbin/init"]', ""])


def create(name: str, release: str, image: str, directory: Path) -> Record:
    """Make the container with its own host keys and ports. The caller holds the lock. Raises SandboxError."""
    directory.mkdir(parents=True, exist_ok=True)
    ssh, http, https = _free_ports(3)
    record = Record(name, release, image, NAME, "127.0.0.1", ssh, http, https, directory)
    attempt(["docker", "rm", "--force", "--volumes", container(name)])  # left by a run that died before `save`
    run(create_argv(record))
    with tempfile.TemporaryDirectory() as folder:
        files, archive = Path(folder, "files"), Path(folder, "files.tar")
        files.mkdir(0o755)
        keys = disk.seed(files, {})
        # As an archive of root's: `docker cp` would give them the number of the user here, and sshd trusts no such file.
        with tarfile.open(archive, "w") as tar:
            tar.add(files, ".", filter=_of_root)
        run(["sh", "-c", 'docker cp - "$1" <"$2"', "sh", f"{container(name)}:/", str(archive)])
    return Record(name, release, image, NAME, "127.0.0.1", ssh, http, https, directory, keys)


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def copy(original: Record, name: str, directory: Path) -> Record:  # noqa: ARG001
    """Not done here: the copy would need an image of its own, which somebody has to delete again."""
    raise SandboxError(f"{original.name} cannot be copied: Docker makes it. Only servers of systemd-nspawn can be.")


def create_argv(record: Record) -> list[str]:
    """The command that makes the container: systemd needs the privileges, its own cgroups, and /run in memory."""
    inside = {22: record.port, 80: record.http_port, 443: record.https_port}
    publish = [f"--publish=127.0.0.1:{outer}:{inner}" for inner, outer in inside.items()]
    return ["docker", "create", f"--name={container(record.name)}", f"--hostname={record.name}", "--privileged",
            "--cgroupns=private", "--tmpfs=/run", "--tmpfs=/run/lock", *publish,
            _tag(record.release, record.image)]  # fmt: skip


def start(record: Record) -> None:
    """Boot the server. The caller holds the lock; the server is off. Raises SandboxError."""
    run(["docker", "start", container(record.name)])


def leader(record: Record) -> int | None:
    """The server's process 1 by the number that the engine's machine gives it; None when the server is off."""
    told = attempt(["docker", "inspect", "--format", "{{.State.Pid}}", container(record.name)])
    return int(told.stdout) or None if told.returncode == 0 else None


def running(record: Record) -> bool:
    """Whether the server is on."""
    return leader(record) is not None


def exec_argv(record: Record, script: str) -> list[str]:
    """The command that runs a shell script as root in the running server, past its sshd."""
    return ["docker", "exec", container(record.name), "/bin/sh", "-c", script]


def console(record: Record) -> str:
    """The command that shows what the server printed while it booted."""
    return f"docker logs {container(record.name)}"


def kill(record: Record) -> None:
    """Cut the power: every process of the server dies at once."""
    attempt(["docker", "kill", container(record.name)])


def remove(record: Record) -> None:
    """Cut the power and delete the container with its disk. Raises SandboxError."""
    run(["docker", "rm", "--force", "--volumes", container(record.name)])


def remove_images() -> None:
    """Delete the images that were built here. Raises SandboxError when a server still stands on one."""
    if missing():
        return
    if found := run(["docker", "image", "ls", "--quiet", REPOSITORY]).split():
        run(["docker", "rmi", *dict.fromkeys(found)])


def container(name: str) -> str:
    """The container's name, which must differ from those of another state directory on this machine."""
    return f"{REPOSITORY}-{tag()[:4]}-{name}"


def _tag(release: str, image: str) -> str:
    return f"{REPOSITORY}:{release}-{image}-{images.digest()}"


def _run(script: str, *words: str) -> str:
    """A RUN line in the form that no shell reads first."""
    return f"RUN {json.dumps(['/bin/sh', '-c', script, 'sh', *words])}"


def _free_ports(count: int) -> list[int]:
    """Ports of loopback that nothing listens on now: a published port that the engine chose changes at each start."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    except OSError as error:
        raise SandboxError(f"No free port on 127.0.0.1: {error}") from None
    finally:
        for each in sockets:
            each.close()
