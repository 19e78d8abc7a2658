"""An ACME authority for sandbox servers: pebble, with its name server."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path
from types import TracebackType

PROGRAMS = ("pebble", "pebble-challtestsrv", "openssl")


def missing() -> str:
    """Return the programs that are not installed, separated by commas; "" if none is missing."""
    return ", ".join(program for program in PROGRAMS if not shutil.which(program))


class Pebble:
    """Run pebble and its name server in a `with` block.

    address: this machine's own address that the servers reach; the name server listens on loopback only.
    folder: where its keys, settings and log go. lifetime: seconds that its certificates are valid. accounts: the HMAC keys of the
    accounts that may use it (external account binding), by their ids; everyone may if there are none. resolver: the address and
    port of the name server that it asks, "" for its own.
    """

    def __init__(
        self, address: str, folder: Path, *, lifetime: int = 90 * 86400, accounts: dict[str, str] | None = None, resolver: str = ""
    ) -> None:
        self.address = address
        self.folder = folder
        self.lifetime = lifetime
        self.accounts = accounts or {}
        self.resolver = resolver
        self.acme, self.management, self.dns, self.names = (free_port(address) for _ in range(4))
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def directory(self) -> str:
        """Return the URL of the ACME directory, for `tls.acme_server`."""
        return f"https://{self.address}:{self.acme}/dir"

    @property
    def ca(self) -> Path:
        """Return the CA certificate of its HTTPS server, for `tls.acme_ca`."""
        return self.folder / "acme-ca.pem"

    @property
    def root(self) -> Path:
        """Return the root certificate of the certificates that it issues."""
        return self.folder / "root.pem"

    def __enter__(self) -> Pebble:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._make_tls()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def resolve(self, name: str, *addresses: str) -> None:
        """Resolve `name` to these IPv4 addresses, or to none."""
        self._tell("clear-a", {"host": f"{name}."})
        if addresses:
            self._tell("add-a", {"host": f"{name}.", "addresses": list(addresses)})

    def stop(self) -> None:
        """Stop both processes."""
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def _make_tls(self) -> None:
        names = f"subjectAltName=IP:{self.address},IP:127.0.0.1"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=acme",
             "-addext", names, "-keyout", "acme-key.pem", "-out", self.ca.name],
            cwd=self.folder, check=True, capture_output=True,
        )  # fmt: skip

    def _start(self) -> None:
        settings = {
            "listenAddress": f"{self.address}:{self.acme}",
            "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(self.ca),
            "privateKey": str(self.folder / "acme-key.pem"),
            "httpPort": 80,
            "tlsPort": 443,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": bool(self.accounts),
            "externalAccountMACKeys": self.accounts,
            "certificateValidityPeriod": self.lifetime,
        }
        (self.folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
        # Without default addresses, names that no test has set do not resolve.
        self._run(
            "pebble-challtestsrv", "-dns01", f"127.0.0.1:{self.dns}", "-management", f"127.0.0.1:{self.names}",
            "-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv4", "", "-defaultIPv6", "",
        )  # fmt: skip
        self._run("pebble", "-config", str(self.folder / "pebble.json"), "-dnsserver", self.resolver or f"127.0.0.1:{self.dns}")
        self._wait(f"http://127.0.0.1:{self.names}/", None)
        trusted = ssl.create_default_context(cafile=self.ca)
        self.root.write_bytes(self._wait(f"https://127.0.0.1:{self.management}/roots/0", trusted))

    def _run(self, *command: str) -> None:
        # Turn off the random delays and errors that pebble adds to test its clients (its README, "Testing").
        calm = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
        env = {"PATH": os.environ["PATH"], **calm}
        with (self.folder / "log").open("ab") as log:
            self._processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env))

    def _wait(self, url: str, trusted: ssl.SSLContext | None) -> bytes:
        deadline = time.monotonic() + 20
        while True:
            try:
                with _opener(trusted).open(url, timeout=5) as answer:
                    return bytes(answer.read())
            except urllib.error.HTTPError:
                return b""
            except OSError:
                if time.monotonic() > deadline or any(process.poll() is not None for process in self._processes):
                    raise RuntimeError(f"pebble did not start: {(self.folder / 'log').read_text()}") from None
                time.sleep(0.1)

    def _tell(self, what: str, message: dict[str, object]) -> None:
        url = f"http://127.0.0.1:{self.names}/{what}"
        with _opener(None).open(urllib.request.Request(url, json.dumps(message).encode()), timeout=5):
            pass


def _opener(trusted: ssl.SSLContext | None) -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted))


def free_port(address: str) -> int:
    """Return a free TCP port of this address, outside the range in which the kernel chooses ports of connections (32768 and up)."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((address, port))
            return port
