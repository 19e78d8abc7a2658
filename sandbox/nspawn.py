"""The systemd-nspawn driver: a server is a Debian image with an overlay, booted with systemd as process 1.

It needs root on Linux. The overlay is the server's disk, so it stays when the server is off.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from . import disk, images, machine, network, state
from .shell import SandboxError, Say, attempt, run, tail
from .state import Record

NAME = "nspawn"
# Program → its Debian package.
TOOLS = {"systemd-nspawn": "systemd-container", "mmdebstrap": "mmdebstrap", "iptables": "iptables", "ip": "iproute2",
         "nsenter": "util-linux", "ssh-keygen": "openssh-client"}  # fmt: skip
# Each server needs its own cgroup. In a shared one, `systemctl stop ssh` in one server would count another's processes.
BOOT = 'for group in $SERVER_GROUPS; do echo $$ > "$group/cgroup.procs"; done; exec systemd-nspawn "$@"'
# Status 133 means reboot: nspawn expects its caller to start it again, as systemd-nspawn@.service does.
LAUNCH = f"""
echo $$ > "$PID_FILE"
while sh -c '{BOOT}' sh "$@"; [ $? -eq 133 ]; do :; done
"""
# Files that a copied server must not share with its original.
UNIQUE = ("etc/machine-id", "etc/hostname", "etc/hosts", "etc/systemd/network/10-host0.network")
ENGINE = "engine"
"""The folder in a server's directory that is its /var/lib/docker. On the server's own overlay, a container engine would copy whole
images, because overlays on overlays do not work."""
# nspawn mounts the cgroups of version 1 read-only at each boot, and a container engine writes to them.
CGROUPS = """\
[Service]
ExecStartPre=-/bin/sh -c 'for group in /sys/fs/cgroup/*; do mount -o remount,bind,rw "$group" 2>/dev/null; done; true'
"""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"}


def missing() -> str:
    """Return why this driver cannot work on this machine, as a clause of a sentence; empty if it can."""
    if sys.platform != "linux":
        return "this is not Linux"
    if os.geteuid() != 0:
        return "you are not root (run the same command with sudo)"
    if attempt(["unshare", "--mount", "true"]).returncode != 0:
        return "root may not mount file systems, as in an unprivileged container"
    absent = [program for program in TOOLS if not shutil.which(program)]
    if absent and not shutil.which("apt-get"):
        return f"{', '.join(absent)} is missing, and so is apt-get, which could install it"
    return ""


def prepare(release: str, image: str, say: Say) -> None:
    """Install missing programs and build the image if needed, which takes about a minute. Raises SandboxError."""
    packages = sorted({package for program, package in TOOLS.items() if not shutil.which(program)})
    if not Path("/usr/share/keyrings/debian-archive-keyring.gpg").exists():
        packages.append("debian-archive-keyring")
    if packages:
        say(f"Installing {', '.join(packages)} on this machine with apt-get.")
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", "update"], env=env)
        install = ["apt-get", "-qq", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", "install"]
        run([*install, *packages], env=env)
    images.ensure(release, image, say)


def create(name: str, release: str, image: str, directory: Path) -> Record:
    """Create the server's disk, with its host keys and address. The caller holds the lock. Raises SandboxError."""
    return _create(name, release, image, directory, keys=True)


def _create(name: str, release: str, image: str, directory: Path, *, keys: bool) -> Record:
    subnet = network.ensure()
    address = network.new_address(subnet, (record.address for record in state.records()))
    if directory.exists():  # a killed run left it
        _unmount(directory / "root")
        shutil.rmtree(directory)
    (directory / "root").mkdir(parents=True)
    directory.chmod(0o700)
    (directory / "base").symlink_to(images.ensure(release, image, lambda _line: None))
    _mount(directory)
    # The image has no modules for this machine's kernel: without this, the unit fails at each boot of Debian 13.
    (directory / "root/etc/systemd/system/systemd-modules-load.service").symlink_to("/dev/null")
    files = _network_files(name, f"{address}/{subnet.prefixlen}", str(network.gateway(subnet)))
    host_keys = disk.seed(directory / "root", files, keys=keys)
    return Record(name, release, image, NAME, address, 22, 80, 443, directory, host_keys)


def copy(original: Record, name: str, directory: Path) -> Record:
    """Create a server with the disk and host keys of one that is off. The caller holds the lock.

    Raises SandboxError.
    """
    record = _create(name, original.release, original.image, directory, keys=False)
    _unmount(record.root_dir)
    fresh, upper = directory / "fresh", directory / "upper"
    upper.rename(fresh)
    for folder in ("upper", ENGINE):
        run(["cp", "-a", "--reflink=auto", f"{original.directory / folder}/.", str(directory / folder)])
    for path in UNIQUE:
        shutil.copy2(fresh / path, upper / path)
    shutil.rmtree(fresh)
    return replace(record, host_keys=original.host_keys)


def start(record: Record) -> None:
    """Boot the server and return once its init runs. The caller holds the lock; the server is off.

    Raises SandboxError if it does not run within 20 seconds.
    """
    network.ensure()
    _mount(record.directory)
    (record.directory / ENGINE).mkdir(exist_ok=True)
    groups = _cgroups(record)
    for group in groups:
        group.mkdir(exist_ok=True)
    command = ["sh", "-c", LAUNCH, "sh", "--quiet", "--boot", "--register=no", "--keep-unit", "--settings=no",
               f"--machine={_machine(record)}", f"--hostname={record.name}", f"--network-bridge={network.bridge()}",
               "--resolv-conf=off", "--timezone=off", "--link-journal=no", "--capability=all",
               f"--bind={record.directory / ENGINE}:/var/lib/docker",
               "--system-call-filter=add_key keyctl bpf", f"--directory={record.root_dir}"]  # fmt: skip
    pid_file = record.directory / "nspawn.pid"
    pid_file.unlink(missing_ok=True)
    with (record.directory / "console.log").open("ab") as console:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, cwd="/", start_new_session=True,
            env={**ENVIRONMENT, "SERVER_GROUPS": " ".join(map(str, groups)), "PID_FILE": str(pid_file)})  # fmt: skip
    deadline = time.monotonic() + 20
    while leader(record) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            output = (record.directory / "console.log").read_text(errors="replace")
            raise SandboxError(
                f"The server {record.name} did not boot. systemd-nspawn printed: {tail(output)}. "
                f"Delete it with `fab sandbox.down {record.name}`, then create it again."
            )
        time.sleep(0.02)


def leader(record: Record) -> int | None:
    """Return the process id of the server's init on this machine; None if the server is off."""
    launcher = _launcher(record)
    for child in [child for parent in (launcher, *_children(launcher)) for child in _children(parent)]:
        # nspawn's first child only prepares. Init has id 1 in its own pid namespace.
        numbers = [line for line in _read(f"/proc/{child}/status").splitlines() if line.startswith("NSpid:")]
        if numbers and numbers[0].split()[-1] == "1" and len(numbers[0].split()) > 2:
            return child
    return None


def exec_argv(record: Record, script: str) -> list[str]:
    """Return the command that runs a shell script as root in the running server, without ssh.

    Raises SandboxError if the server is off.
    """
    pid = leader(record)
    if pid is None:
        raise SandboxError(f"The server {record.name} is off. Boot it with `fab sandbox.up --name {record.name}`.")
    words = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
    return ["nsenter", f"--target={pid}", "--all", "env", "-i", *words, "/bin/sh", "-c", script]


def console(record: Record) -> str:
    """Return the path of the file with the server's boot messages."""
    return str(record.directory / "console.log")


def kill(record: Record) -> None:
    """Kill all processes of the server, like a power cut, and return when it is off."""
    deadline = time.monotonic() + 10
    while (launcher := _launcher(record)) is not None:
        with contextlib.suppress(ProcessLookupError):
            if (pid := leader(record)) is not None:
                os.kill(pid, signal.SIGKILL)
            elif time.monotonic() > deadline:
                os.killpg(launcher, signal.SIGKILL)
        time.sleep(0.02)


def running(record: Record) -> bool:
    """Return whether the server is on, booting or shutting down."""
    return _launcher(record) is not None


def remove(record: Record) -> None:
    """Kill the server, and remove its mount, its cgroups and nspawn's leftovers. The caller holds the lock."""
    kill(record)
    _unmount(record.root_dir)
    for group in _cgroups(record):
        for folder, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
    with contextlib.suppress(OSError):
        Path("/run/systemd/nspawn/propagate", _machine(record)).rmdir()


def remove_images() -> None:
    """Delete the cached images. The caller makes sure that no server uses one."""
    images.remove()


def _machine(record: Record) -> str:
    """Return nspawn's name of the server, which is unique per state directory."""
    return f"{state.tag()[:4]}-{record.name}"


def _launcher(record: Record) -> int | None:
    """Return the id of the process that starts systemd-nspawn and leads its session; None if it has ended."""
    pid = _read(str(record.directory / "nspawn.pid")).strip()
    if not pid:
        return None
    with contextlib.suppress(ChildProcessError):  # another process started it and waits for it
        os.waitpid(int(pid), os.WNOHANG)
    # Process ids are reused: only the command line proves that this is the server's.
    words = _read(f"/proc/{pid}/cmdline").split("\0")
    return int(pid) if f"--directory={record.root_dir}" in words else None


def _children(pid: int | None) -> list[int]:
    return [int(word) for word in _read(f"/proc/{pid}/task/{pid}/children").split()]


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _cgroups(record: Record) -> list[Path]:
    """Return the server's directory in each cgroup tree of systemd (v2, or v1's name=systemd)."""
    found = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, options = line.split()[:4]
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            found.append(Path(where, f"selvedge-{_machine(record)}"))
    return found


def _mount(directory: Path) -> None:
    root = directory / "root"
    if os.path.ismount(root):
        return
    for name in ("upper", "work"):
        (directory / name).mkdir(exist_ok=True)
    base = (directory / "base").resolve()
    if not base.is_dir():
        name = directory.name
        raise SandboxError(f"The image {base} is missing. Delete the server with `fab sandbox.down {name}`, then create it again.")
    layers = f"lowerdir={base},upperdir={directory / 'upper'},workdir={directory / 'work'}"
    run(["mount", "-t", "overlay", "overlay", "-o", layers, str(root)])


def _unmount(root: Path) -> None:
    if os.path.ismount(root):
        run(["umount", str(root)])


def _network_files(name: str, address: str, gateway: str) -> dict[str, str]:
    """Return the files that name the server and configure its network: path → text."""
    # The file name sorts before systemd's own 80-container-host0.network, which uses DHCP.
    link = f"[Match]\nName=host0\n\n[Network]\nAddress={address}\nGateway={gateway}\nIPv6AcceptRA=no\n"
    return {
        "etc/hostname": f"{name}\n",
        "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost ip6-localhost ip6-loopback\n",
        "etc/resolv.conf": "".join(f"nameserver {server}\n" for server in machine.nameservers()),
        "etc/systemd/network/10-host0.network": link,
        "etc/systemd/system/docker.service.d/10-sandbox.conf": CGROUPS,
    }
