"""The Docker driver: a server is a privileged container with systemd as process 1 and its ports on loopback.

It serves users without root, and macOS. The container holds the server's disk, so it stays when the server is off.
"""

from __future__ import annotations

import json
import shutil
import socket
import tarfile
import tempfile
from pathlib import Path

from . import disk, images, machine
from .shell import SandboxError, Say, attempt, run
from .state import Record, tag

NAME = "docker"
REPOSITORY = "selvedge-sandbox"


def missing() -> str:
    """Return why this driver cannot work on this machine, as a clause of a sentence; empty if it can."""
    if not shutil.which("docker"):
        return "Docker is not installed"
    if attempt(["docker", "version", "--format", "{{.Server.Version}}"]).returncode != 0:
        return "the Docker engine does not answer (start Docker, then run the same command again)"
    return "" if shutil.which("ssh-keygen") else "ssh-keygen is not installed"


def prepare(release: str, image: str, say: Say) -> None:
    """Build the image if it does not exist, which takes a few minutes. Raises SandboxError."""
    images.check(release, image)
    if attempt(["docker", "image", "inspect", _tag(release, image)]).returncode == 0:
        return
    say(f"Building a {images.RELEASES[release]} ({release}) image with Docker. This happens once and takes a few minutes.")
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
    """Return the image's Dockerfile."""
    install = f"apt-get -qq install -y --no-install-recommends {' '.join(images.BARE)}"
    lines = [
        f"FROM debian:{release}-slim",
        "ENV container=docker",
        "COPY apt.conf /etc/apt/apt.conf.d/80machine",
        "COPY ca/ /usr/local/share/ca-certificates/",
        # The base image's apt settings (docker-*) delete every package file after its installation.
        "RUN rm -f /etc/apt/apt.conf.d/docker-* && apt-get -qq update"
        f" && DEBIAN_FRONTEND=noninteractive {install} && apt-get clean && rm -rf /var/lib/apt/lists/*",
        _run(images.SETUP),
    ]
    if image == "ready":
        lines += ["COPY keep.conf /etc/apt/apt.conf.d/90keep-packages", _run(images.DOWNLOAD, *images.READY)]
    # systemd(1), "Signals": RTMIN+3 shuts the system down, TERM does not.
    return "\n".join([*lines, "STOPSIGNAL SIGRTMIN+3", 'CMD ["/sbin/init"]', ""])


def create(name: str, release: str, image: str, directory: Path) -> Record:
    """Create the container with its host keys and ports. The caller holds the lock. Raises SandboxError."""
    directory.mkdir(parents=True, exist_ok=True)
    ssh, http, https = _free_ports(3)
    record = Record(name, release, image, NAME, "127.0.0.1", ssh, http, https, directory)
    attempt(["docker", "rm", "--force", "--volumes", container(name)])  # a killed run may have left it
    run(create_argv(record))
    with tempfile.TemporaryDirectory() as folder:
        files, archive = Path(folder, "files"), Path(folder, "files.tar")
        files.mkdir(0o755)
        keys = disk.seed(files, {})
        # sshd needs files owned by root. `docker cp` keeps this user's id, unless it copies an archive.
        with tarfile.open(archive, "w") as tar:
            tar.add(files, ".", filter=_owned_by_root)
        run(["sh", "-c", 'docker cp - "$1" <"$2"', "sh", f"{container(name)}:/", str(archive)])
    return Record(name, release, image, NAME, "127.0.0.1", ssh, http, https, directory, keys)


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def copy(original: Record, name: str, directory: Path) -> Record:  # noqa: ARG001
    """Raise SandboxError: a copy would need a new image, which nothing would delete."""
    raise SandboxError(f"Cannot copy {original.name}, because it runs in Docker. Only systemd-nspawn servers can be copied.")


def create_argv(record: Record) -> list[str]:
    """Return the command that creates the container. systemd needs the privileges, private cgroups and a tmpfs /run."""
    inside = {22: record.port, 80: record.http_port, 443: record.https_port}
    publish = [f"--publish=127.0.0.1:{outer}:{inner}" for inner, outer in inside.items()]
    return ["docker", "create", f"--name={container(record.name)}", f"--hostname={record.name}", "--privileged",
            "--cgroupns=private", "--tmpfs=/run", "--tmpfs=/run/lock", *publish,
            _tag(record.release, record.image)]  # fmt: skip


def start(record: Record) -> None:
    """Boot the server. The caller holds the lock; the server is off. Raises SandboxError."""
    run(["docker", "start", container(record.name)])


def leader(record: Record) -> int | None:
    """Return the process id of the server's init, as the engine's machine counts; None if the server is off."""
    result = attempt(["docker", "inspect", "--format", "{{.State.Pid}}", container(record.name)])
    return int(result.stdout) or None if result.returncode == 0 else None


def running(record: Record) -> bool:
    """Return whether the server is on."""
    return leader(record) is not None


def exec_argv(record: Record, script: str) -> list[str]:
    """Return the command that runs a shell script as root in the running server, without ssh."""
    return ["docker", "exec", container(record.name), "/bin/sh", "-c", script]


def console(record: Record) -> str:
    """Return the command that shows the server's boot messages."""
    return f"`docker logs {container(record.name)}`"


def kill(record: Record) -> None:
    """Kill all processes of the server, like a power cut."""
    attempt(["docker", "kill", container(record.name)])


def remove(record: Record) -> None:
    """Kill the server and delete its container, disk included. Raises SandboxError."""
    run(["docker", "rm", "--force", "--volumes", container(record.name)])


def remove_images() -> None:
    """Delete the sandbox's images. Raises SandboxError if a container still uses one."""
    if missing():
        return
    if found := run(["docker", "image", "ls", "--quiet", REPOSITORY]).split():
        run(["docker", "rmi", *dict.fromkeys(found)])


def container(name: str) -> str:
    """Return the container's name, which is unique per state directory."""
    return f"{REPOSITORY}-{tag()[:4]}-{name}"


def _tag(release: str, image: str) -> str:
    return f"{REPOSITORY}:{release}-{image}-{images.digest()}"


def _run(script: str, *words: str) -> str:
    """Return a RUN instruction in exec form, which needs no quoting for a shell."""
    return f"RUN {json.dumps(['/bin/sh', '-c', script, 'sh', *words])}"


def _free_ports(count: int) -> list[int]:
    """Return free loopback ports. The engine's own choice would change at every start. Raises SandboxError."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    except OSError as error:
        raise SandboxError(
            f"Could not find a free port on 127.0.0.1: {error}. Stop a program that uses ports there, or delete other sandbox "
            "servers: `fab sandbox.down all`."
        ) from None
    finally:
        for each in sockets:
            each.close()
