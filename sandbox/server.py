"""A sandbox server: run commands on it, boot it, shut it down, kill it."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from . import docker, images, nspawn, state
from .shell import SandboxError, Say, attempt
from .state import Record

# sshd may start before the boot is complete. Until then pam_nologin refuses all users except root.
LOGIN_CHECK = "systemctl is-active --quiet ssh.service ssh.socket && test ! -e /run/nologin"


class Driver(Protocol):
    """A module that creates and controls servers: nspawn or docker. Its docstrings describe the functions."""

    @property
    def NAME(self) -> str: ...
    def missing(self) -> str: ...
    def prepare(self, release: str, image: str, say: Say) -> None: ...
    def create(self, name: str, release: str, image: str, directory: Path) -> Record: ...
    def copy(self, original: Record, name: str, directory: Path) -> Record: ...
    def start(self, record: Record) -> None: ...
    def leader(self, record: Record) -> int | None: ...
    def running(self, record: Record) -> bool: ...
    def exec_argv(self, record: Record, script: str) -> list[str]: ...
    def console(self, record: Record) -> str: ...
    def kill(self, record: Record) -> None: ...
    def remove(self, record: Record) -> None: ...
    def remove_images(self) -> None: ...


DRIVERS: tuple[Driver, ...] = (nspawn, docker)


class Server(Record):
    """A throwaway Debian server on this machine."""

    @property
    def pid(self) -> int:
        """The process id of its init on this machine. Raises SandboxError if the server is off."""
        if (number := self.driver_module.leader(self)) is None:
            raise SandboxError(f"The server {self.name} is off. Boot it with `fab sandbox.up --name {self.name}`.")
        return number

    @property
    def running(self) -> bool:
        """Whether it is on."""
        return self.driver_module.leader(self) is not None

    @property
    def url(self) -> str:
        """The URL of its port 80 from this machine, without a path."""
        return f"http://{self.address}" + ("" if self.http_port == 80 else f":{self.http_port}")

    @property
    def title(self) -> str:
        """Its system, such as "Debian 12 (bookworm)"."""
        return f"{images.RELEASES[self.release]} ({self.release})"

    @property
    def driver_module(self) -> Driver:
        """The driver that created it."""
        return next(driver for driver in DRIVERS if self.driver == driver.NAME)

    def run(self, script: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a shell script on the server as root, without ssh, and return its status and output.

        Raises subprocess.CalledProcessError, with the output in its notes, if `check` is set and the script fails.
        """
        done = attempt(self.driver_module.exec_argv(self, script))
        if check and done.returncode != 0:
            error = subprocess.CalledProcessError(done.returncode, script, done.stdout, done.stderr)
            error.add_note(f"stdout: {done.stdout}\nstderr: {done.stderr}")
            raise error
        return done

    def ssh_argv(self, user: str = "root") -> list[str]:
        """Return the ssh command that logs in with the sandbox's key and accepts only this server's host keys."""
        options = {"UserKnownHostsFile": str(self.known_hosts), "StrictHostKeyChecking": "yes", "IdentitiesOnly": "yes"}
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-i", str(self.key), "-p", str(self.port), *words, f"{user}@{self.address}"]

    def poweroff(self) -> None:
        """Shut it down cleanly. Its disk stays. Raises SandboxError if that takes longer than 60 s."""
        self.run("systemctl poweroff", check=False)
        self._wait(lambda: not self.driver_module.running(self), 60, "did not shut down within a minute")

    def reboot(self) -> None:
        """Reboot it cleanly and wait until ssh answers. Raises SandboxError if it does not within 60 s."""
        before = self.pid
        self.run("systemctl reboot", check=False)
        self._wait(lambda: self.driver_module.leader(self) != before, 60, "did not reboot within a minute")
        self.boot()  # nspawn has started it already; Docker has not

    def kill(self) -> None:
        """Kill all its processes at once, like a power cut. Its disk stays."""
        self.driver_module.kill(self)

    def boot(self) -> None:
        """Boot it if it is off, and wait until ssh answers. Raises SandboxError if it does not within 60 s."""
        with state.locked(state.home() / "lock"):
            if not self.driver_module.running(self):
                self.driver_module.start(self)
        self.wait()

    def wait(self, timeout: float = 60) -> None:
        """Wait until ssh answers and users may log in. Raises SandboxError after `timeout` seconds."""
        self._wait(self._answers, timeout, f"is running, but SSH did not answer within {timeout:.0f} seconds")

    def _answers(self) -> bool:
        if not self.driver_module.running(self):
            raise self._error("shut down while it was booting")
        # Check inside first: connecting to an address that does not exist yet takes a second (ARP).
        if not self.running or self.run(LOGIN_CHECK, check=False).returncode != 0:
            return False
        try:
            with socket.create_connection((self.address, self.port), timeout=2) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def _wait(self, reached: Callable[[], bool], timeout: float, problem: str) -> None:
        deadline = time.monotonic() + timeout
        while not reached():
            if time.monotonic() > deadline:
                raise self._error(problem)
            time.sleep(0.05)

    def _error(self, problem: str) -> SandboxError:
        return SandboxError(
            f"The server {self.name} {problem}. Read its boot messages: {self.driver_module.console(self)}. Then delete it with "
            f"`fab sandbox.down {self.name}` and create it again."
        )
