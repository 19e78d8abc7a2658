"""An SSH server of paramiko that shows its host keys and refuses every login."""

from __future__ import annotations

import io
import socket
import threading

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def ed25519() -> paramiko.PKey:
    text = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    return paramiko.Ed25519Key(file_obj=io.StringIO(text.decode()))


class SshServer:
    """A server on the loopback interface that shows its host keys and refuses every login."""

    def __init__(self) -> None:
        self.keys = [ed25519(), paramiko.ECDSAKey.generate()]
        self.logins: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def entry(self) -> str:
        return f"[127.0.0.1]:{self.port}"

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            transport = paramiko.Transport(client)
            for key in self.keys:
                transport.add_server_key(key)
            transport.start_server(event=threading.Event(), server=_Nobody(self.logins))

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # It ends the thread that waits in accept().
        self._socket.close()


class _Nobody(paramiko.ServerInterface):
    def __init__(self, logins: list[str]) -> None:
        self._logins = logins

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002
        self._logins.append(username)
        return paramiko.AUTH_FAILED
