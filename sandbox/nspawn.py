"""Servers by systemd-nspawn: a Debian image under an overlay of its own, booted with systemd as process 1.

Needs root on Linux. The overlay is the server's disk: it is kept when the server is off.
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

from sandbox import disk, images, machine, network, state
from sandbox.shell import SandboxError, Say, attempt, run, tail
from sandbox.state import Record

NAME = "nspawn"
# Program → the Debian package that brings it.
TOOLS = {"systemd-nspawn": "systemd-container", "mmdebstrap": "mmdebstrap", "iptables": "iptables", "ip": "iproute2",
         "nsenter": "util-linux", "ssh-keygen": "openssh-client"}  # fmt: skip
# One cgroup for each server: without it all would share this process's, and `systemctl stop ssh` in one server
# would count the processes of another.
BOOT = 'for group in $SERVER_GROUPS; do echo $$ > "$group/cgroup.procs"; done; exec systemd-nspawn "$@"'
# nspawn leaves a reboot to its caller: status 133 asks to be started again (systemd-nspawn@.service does the same).
LAUNCH = f"""
echo $$ > "$PID_FILE"
while sh -c '{BOOT}' sh "$@"; [ $? -eq 133 ]; do :; done
"""
# What no two servers may share.
OWN = ("etc/machine-id", "etc/hostname", "etc/hosts", "etc/systemd/network/10-host0.network")
INSIDE = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}


def missing() -> str:
    """What this machine lacks for this driver, as a clause of a sentence; empty when nothing."""
    if sys.platform != "linux":
        return "this is not Linux"
    if os.geteuid() != 0:
        return "you are not root (type the command again with sudo)"
    if attempt(["unshare", "--mount", "true"]).returncode != 0:
        return "root may not mount here, as in a container without privileges"
    absent = [program for program in TOOLS if not shutil.which(program)]
    if absent and not shutil.which("apt-get"):
        return f"{', '.join(absent)} cannot be found and there is no apt-get to install it with"
    return ""


def prepare(release: str, image: str, say: Say) -> None:
    """Install the programs that are missing and make the image, if need be; may take a minute the first time."""
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
    """Make the server's disk, with its own host keys and address. The caller holds the lock."""
    return _create(name, release, image, directory, keys=True)


def _create(name: str, release: str, image: str, directory: Path, *, keys: bool) -> Record:
    subnet = network.ensure()
    address = network.new_address(subnet, (record.address for record in state.records()))
    if directory.exists():  # left by a run that died here, before it was remembered
        _unmount(directory / "root")
        shutil.rmtree(directory)
    (directory / "root").mkdir(parents=True)
    directory.chmod(0o700)
    (directory / "base").symlink_to(images.ensure(release, image, lambda _line: None))
    _mount(directory)
    # The kernel is this machine's, and its modules are not here: Debian 13 would count a failed unit on each boot.
    (directory / "root/etc/systemd/system/systemd-modules-load.service").symlink_to("/dev/null")
    own = _own_files(name, f"{address}/{subnet.prefixlen}", str(network.gateway(subnet)))
    made = disk.seed(directory / "root", own, keys=keys)
    return Record(name, release, image, NAME, address, 22, 80, 443, directory, made)


def copy(original: Record, name: str, directory: Path) -> Record:
    """Make a server with the disk of one that is off, its host keys among it. The caller holds the lock."""
    record = _create(name, original.release, original.image, directory, keys=False)
    _unmount(record.root_dir)
    fresh, disk_of_it = directory / "fresh", directory / "upper"
    disk_of_it.rename(fresh)
    run(["cp", "-a", "--reflink=auto", str(original.directory / "upper"), str(disk_of_it)])
    for path in OWN:
        shutil.copy2(fresh / path, disk_of_it / path)
    shutil.rmtree(fresh)
    return replace(record, host_keys=original.host_keys)


def start(record: Record) -> None:
    """Boot the server and return once its process 1 runs. The caller holds the lock; the server is off."""
    network.ensure()
    _mount(record.directory)
    groups = _cgroups(record)
    for group in groups:
        group.mkdir(exist_ok=True)
    command = ["sh", "-c", LAUNCH, "sh", "--quiet", "--boot", "--register=no", "--keep-unit", "--settings=no",
               f"--machine={_machine(record)}", f"--hostname={record.name}", f"--network-bridge={network.bridge()}",
               "--resolv-conf=off", "--timezone=off", "--link-journal=no", "--capability=all",
               "--system-call-filter=add_key keyctl bpf", f"--directory={record.root_dir}"]  # fmt: skip
    pid_file = record.directory / "nspawn.pid"
    pid_file.unlink(missing_ok=True)
    with (record.directory / "console.log").open("ab") as console:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, cwd="/", start_new_session=True,
            env={**INSIDE, "SERVER_GROUPS": " ".join(map(str, groups)), "PID_FILE": str(pid_file)})  # fmt: skip
    deadline = time.monotonic() + 20
    while leader(record) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            said = (record.directory / "console.log").read_text(errors="replace")
            raise SandboxError(f"The server {record.name} did not boot. systemd-nspawn said: {tail(said)}")
        time.sleep(0.02)


def leader(record: Record) -> int | None:
    """The server's process 1 by its number on this machine; None when the server is off."""
    launcher = _launcher(record)
    for child in [child for parent in (launcher, *_children(launcher)) for child in _children(parent)]:
        # nspawn's first child only prepares; the one that boots is number 1 in a number space of its own.
        numbers = [line for line in _read(f"/proc/{child}/status").splitlines() if line.startswith("NSpid:")]
        if numbers and numbers[0].split()[-1] == "1" and len(numbers[0].split()) > 2:
            return child
    return None


def exec_argv(record: Record, script: str) -> list[str]:
    """The command that runs a shell script as root in the running server, past its sshd."""
    pid = leader(record)
    if pid is None:
        raise SandboxError(f"The server {record.name} is off; `fab sandbox.up` boots it.")
    words = [f"{name}={value}" for name, value in INSIDE.items()]
    return ["nsenter", f"--target={pid}", "--all", "env", "-i", *words, "/bin/sh", "-c", script]


def console(record: Record) -> str:
    """The file that holds what the server printed while it booted."""
    return str(record.directory / "console.log")


def kill(record: Record) -> None:
    """Cut the power: every process of the server dies at once. Returns when the server is off."""
    deadline = time.monotonic() + 10
    while (launcher := _launcher(record)) is not None:
        with contextlib.suppress(ProcessLookupError):
            if (pid := leader(record)) is not None:
                os.kill(pid, signal.SIGKILL)
            elif time.monotonic() > deadline:
                os.killpg(launcher, signal.SIGKILL)
        time.sleep(0.02)


def running(record: Record) -> bool:
    """Whether the server is on, or still on its way up or down."""
    return _launcher(record) is not None


def remove(record: Record) -> None:
    """Cut the power, and take away mount, cgroups and what nspawn leaves. The caller holds the lock."""
    kill(record)
    _unmount(record.root_dir)
    for group in _cgroups(record):
        for folder, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
    with contextlib.suppress(OSError):
        Path("/run/systemd/nspawn/propagate", _machine(record)).rmdir()


def remove_images() -> None:
    """Delete the cached images; the caller knows that no server is left that stands on one."""
    images.remove()


def _machine(record: Record) -> str:
    """nspawn's name of it, which must differ from those of another state directory on this machine."""
    return f"{state.tag()[:4]}-{record.name}"


def _launcher(record: Record) -> int | None:
    """The process that starts the server's systemd-nspawn, and leads their session; None when it is gone."""
    pid = _read(str(record.directory / "nspawn.pid")).strip()
    if not pid:
        return None
    with contextlib.suppress(ChildProcessError):  # not our child: whoever started it, or init, collects it
        os.waitpid(int(pid), os.WNOHANG)
    # A number is used again sooner or later, so the command line has to be that of this server.
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
    """The server's directory in each cgroup tree that systemd keeps its units in (v2, or v1's name=systemd)."""
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
        raise SandboxError(f"The image {base} is gone: `fab sandbox.down {directory.name}`, then make the server anew.")
    layers = f"lowerdir={base},upperdir={directory / 'upper'},workdir={directory / 'work'}"
    run(["mount", "-t", "overlay", "overlay", "-o", layers, str(root)])


def _unmount(root: Path) -> None:
    if os.path.ismount(root):
        run(["umount", str(root)])


def _own_files(name: str, address: str, gateway: str) -> dict[str, str]:
    # A name that sorts before systemd's own 80-container-host0.network, which would ask for DHCP.
    link = f"[Match]\nName=host0\n\n[Network]\nAddress={address}\nGateway={gateway}\nIPv6AcceptRA=no\n"
    return {
        "etc/hostname": f"{name}\n",
        "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost ip6-localhost ip6-loopback\n",
        "etc/resolv.conf": "".join(f"nameserver {server}\n" for server in machine.nameservers()),
        "etc/systemd/network/10-host0.network": link,
    }
