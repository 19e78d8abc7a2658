"""A server as a caller sees it: looked into, switched on and off, cut off."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sandbox import docker, images, nspawn, state
from sandbox.shell import SandboxError, Say, attempt
from sandbox.state import Record

# sshd may be up before systemd lets users in: until then pam_nologin refuses everybody but root.
LETS_USERS_IN = "systemctl is-active --quiet ssh.service ssh.socket && test ! -e /run/nologin"


class Driver(Protocol):
    """What makes servers: the modules nspawn and docker."""

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
        """Its process 1, by this machine's numbering. Raises SandboxError when the server is off."""
        if (number := self.driver_module.leader(self)) is None:
            raise SandboxError(f"The server {self.name} is off; `fab sandbox.up` boots it.")
        return number

    @property
    def running(self) -> bool:
        """Whether it is on."""
        return self.driver_module.leader(self) is not None

    @property
    def url(self) -> str:
        """Where its port 80 answers, as seen from this machine."""
        return f"http://{self.address}" + ("" if self.http_port == 80 else f":{self.http_port}")

    @property
    def title(self) -> str:
        """Its system, for a person: "Debian 12 (bookworm)"."""
        return f"{images.RELEASES[self.release]} ({self.release})"

    @property
    def driver_module(self) -> Driver:
        """What made it, and what switches it on and off."""
        return next(driver for driver in DRIVERS if self.driver == driver.NAME)

    def run(self, script: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a shell script inside as root, without sshd, and return its status and what it wrote.

        Raises subprocess.CalledProcessError, with the output in its notes, when `check` is set and the script fails.
        """
        done = attempt(self.driver_module.exec_argv(self, script))
        if check and done.returncode != 0:
            error = subprocess.CalledProcessError(done.returncode, script, done.stdout, done.stderr)
            error.add_note(f"stdout: {done.stdout}\nstderr: {done.stderr}")
            raise error
        return done

    def ssh_argv(self, user: str = "root") -> list[str]:
        """The ssh command that logs in with our key, and refuses a host key that is not this server's."""
        options = {"UserKnownHostsFile": str(self.known_hosts), "StrictHostKeyChecking": "yes", "IdentitiesOnly": "yes"}
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-i", str(self.key), "-p", str(self.port), *words, f"{user}@{self.address}"]

    def poweroff(self) -> None:
        """Shut it down cleanly. Its disk stays. Raises SandboxError when that takes longer than 60 s."""
        self.run("systemctl poweroff", check=False)
        self._wait(lambda: not self.driver_module.running(self), 60, "is still on, a minute after `systemctl poweroff`")

    def reboot(self) -> None:
        """Restart it cleanly and wait until ssh answers. Raises SandboxError when it does not."""
        before = self.pid
        self.run("systemctl reboot", check=False)
        self._wait(lambda: self.driver_module.leader(self) != before, 60, "did not go down within a minute")
        self.boot()  # with nspawn it is on its way already, with Docker it is off now

    def kill(self) -> None:
        """Cut the power: all its processes die at once, nothing is written any more. Its disk stays."""
        self.driver_module.kill(self)

    def boot(self) -> None:
        """Switch it on, unless it is on, and wait until ssh answers. Raises SandboxError when it does not."""
        with state.locked(state.home() / "lock"):
            if not self.driver_module.running(self):
                self.driver_module.start(self)
        self.wait()

    def wait(self, timeout: float = 60) -> None:
        """Wait until ssh answers and users may log in. Raises SandboxError after `timeout` seconds."""
        self._wait(self._answers, timeout, f"is on, but ssh did not answer within {timeout:.0f} seconds")

    def _answers(self) -> bool:
        if not self.driver_module.running(self):
            raise self._error("went off while it booted")
        # Asked inside first: a connection to an address that is not there yet costs a second, until the next ARP.
        if not self.running or self.run(LETS_USERS_IN, check=False).returncode != 0:
            return False
        try:
            with socket.create_connection((self.address, self.port), timeout=2) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def _wait(self, reached: Callable[[], bool], timeout: float, otherwise: str) -> None:
        deadline = time.monotonic() + timeout
        while not reached():
            if time.monotonic() > deadline:
                raise self._error(otherwise)
            time.sleep(0.05)

    def _error(self, what: str) -> SandboxError:
        return SandboxError(f"The server {self.name} {what}. What it printed: {self.driver_module.console(self)}")
