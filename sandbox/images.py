"""Debian images as directories, one for each release and kind, built once and kept in the cache.

`bare` has what a new VPS has: systemd, sshd, sudo. `ready` adds the package lists and the downloaded packages that
`fab setup` installs, so that installing them takes seconds.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from . import machine, state
from .shell import Say, WrongUsageError, run

RELEASES = {"bookworm": "Debian 12", "trixie": "Debian 13"}
KINDS = ("bare", "ready")
FORMAT = 1  # increase it after a change to how images are built: it is a part of their names
BARE = ("systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "iproute2", "ca-certificates")
READY = (
    "nginx", "supervisor", "git", "curl", "rsync", "acl", "gnupg", "python3", "python3-venv", "python3-dev",
    "python3-pip", "build-essential", "fail2ban", "python3-systemd", "ufw", "nftables", "iptables", "certbot",
    "python3-certbot-nginx", "unattended-upgrades", "apt-listchanges", "logrotate", "cron", "sqlite3", "procps",
)  # fmt: skip
SETUP = """
set -eu
update-ca-certificates >/dev/null 2>&1
systemctl enable systemd-networkd.service
systemctl mask systemd-networkd-wait-online.service
systemctl disable apt-daily.timer apt-daily-upgrade.timer
rm -f /etc/ssh/ssh_host_*
: > /etc/machine-id
"""
DOWNLOAD = """
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install --download-only -y "$@"
"""
KEEP = 'APT::Keep-Downloaded-Packages "true";\nBinary::apt::APT::Keep-Downloaded-Packages "true";\n'


def folder() -> Path:
    """Return the directory of the images."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "selvedge/images"


def ensure(release: str, kind: str, say: Say) -> Path:
    """Return the image's directory, and build the image if it does not exist. A lock prevents a second build.

    Raises SandboxError.
    """
    check(release, kind)
    path = folder() / f"{release}-{kind}-{digest()}"
    if path.is_dir():
        return path
    with state.locked(folder() / "lock"):
        if not path.is_dir():
            _make(path, release, kind, say)
    return path


def remove() -> None:
    """Delete all images. The caller makes sure that no server uses one."""
    if folder().is_dir():
        with state.locked(folder() / "lock"):
            shutil.rmtree(folder())
        if not any(folder().parent.iterdir()):
            folder().parent.rmdir()


def check(release: str, kind: str) -> None:
    """Raise WrongUsageError if there is no such release or kind of image."""
    if release not in RELEASES or kind not in KINDS:
        known = f"Images: {', '.join(KINDS)}. Releases: {', '.join(RELEASES)}."
        raise WrongUsageError(f"There is no image {kind!r} of {release!r}. {known}")


def digest() -> str:
    """Return a hash of all inputs of an image: package lists, scripts, certificates and apt settings."""
    parts = [str(FORMAT), *BARE, *READY, SETUP, DOWNLOAD, *machine.certificates(), *machine.apt_options()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10]


def _make(path: Path, release: str, kind: str, say: Say) -> None:
    part = path.with_name(f".{path.name}.part")
    if part.exists():  # a killed run left it: this one holds the lock
        shutil.rmtree(part)
    if kind == "bare":
        _bare(part, release, say)
    else:
        base = path.with_name(path.name.replace("-ready-", "-bare-"))
        if not base.is_dir():
            _make(base, release, "bare", say)
        _ready(part, base, release, say)
    part.rename(path)


def _bare(part: Path, release: str, say: Say) -> None:
    say(f"Building a {RELEASES[release]} ({release}) image from Debian's packages. This takes half a minute, once.")
    part.parent.mkdir(parents=True, exist_ok=True)
    options = [f"--aptopt={line.rstrip(';')}" for line in machine.apt_options()]
    make = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(BARE)}", *options, release, str(part)]
    # The mount namespace unmounts everything, even if mmdebstrap is killed.
    run(["unshare", "--mount", *make])
    say(f"Copying this machine's certificates to the {RELEASES[release]} image and enabling its network.")
    bundle = (part / machine.SERVER_CA.lstrip("/")).read_text()
    for number, block in enumerate(machine.missing_certificates(bundle)):
        (part / f"usr/local/share/ca-certificates/machine-{number}.crt").write_text(block + "\n")
    _run_in(part, SETUP)


def _ready(part: Path, base: Path, release: str, say: Say) -> None:
    say(f"Downloading {len(READY)} packages and their dependencies for {RELEASES[release]}. This happens once.")
    run(["cp", "-a", "--reflink=auto", str(base), str(part)])
    (part / "etc/apt/apt.conf.d/90keep-packages").write_text(KEEP)
    _run_in(part, DOWNLOAD, *READY)


def _run_in(part: Path, script: str, *words: str) -> None:
    """Run a script with the image as `/` and this machine's name servers."""
    resolv = part / "etc/resolv.conf"
    resolv.write_text("".join(f"nameserver {address}\n" for address in machine.nameservers()))
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"}
    run(["chroot", str(part), "/bin/sh", "-c", script, "sh", *words], env=env)
    resolv.write_text("")
