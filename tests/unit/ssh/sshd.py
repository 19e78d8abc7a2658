"""An SSH server of paramiko in this process, and a fake sudo."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import paramiko
from paramiko.common import MSG_CHANNEL_SUCCESS

from selvedge.ssh.host_keys import fingerprint, of_paramiko

PASSWORD = "päss 'word\" $x`\\"


class _Transport(paramiko.Transport):
    """Starts a command only after the client was told that it is accepted, like OpenSSH.

    A command that ends at once would else close its channel before, and the client would report "Channel closed".
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.accepted: list[threading.Thread] = []

    def _send_user_message(self, data: Any) -> None:
        super()._send_user_message(data)
        if data.asbytes()[0] == MSG_CHANNEL_SUCCESS:
            while self.accepted:
                self.accepted.pop(0).start()


class Sshd(paramiko.ServerInterface):
    """A server on the loopback interface. `users` log in with `key`; `sh` runs their commands."""

    def __init__(self, folder: Path) -> None:
        self.users = ["root"]
        self.host_key: paramiko.PKey = paramiko.ECDSAKey.generate()
        self.more_host_keys: list[paramiko.PKey] = []
        self.offered: list[str] = []
        self.key = paramiko.ECDSAKey.generate()
        self.key_file = folder / "id"
        self.key.write_private_key_file(str(self.key_file))
        self.path = "/usr/bin:/bin"
        self.commands: list[str] = []
        self.transports: list[paramiko.Transport] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            transport = _Transport(client)
            for key in (self.host_key, *self.more_host_keys):
                transport.add_server_key(key)
            self.transports.append(transport)
            transport.start_server(event=threading.Event(), server=self)

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.offered.append(key.get_name())
        known = username in self.users and key.asbytes() == self.key.asbytes()
        return paramiko.AUTH_SUCCESSFUL if known else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.commands.append(command.decode())
        transport = channel.get_transport()
        assert isinstance(transport, _Transport)
        transport.accepted.append(threading.Thread(target=self._run, args=(channel, command.decode()), daemon=True))
        return True

    def _run(self, channel: paramiko.Channel, command: str) -> None:
        pipe, both = subprocess.PIPE, subprocess.STDOUT
        words = ["sh", "-c", command]
        # A command may end before it has read all of its input, and the client may close the channel before it ends.
        with contextlib.suppress(OSError), subprocess.Popen(
            words, stdin=pipe, stdout=pipe, stderr=both, env={"PATH": self.path}
        ) as process:
            threading.Thread(target=self._feed, args=(channel, process), daemon=True).start()
            while data := process.stdout.read1(1 << 16):
                if b"CUT HERE" in data:
                    self.cut()
                    break
                channel.sendall(data)
        # The client may disconnect at any moment.
        with contextlib.suppress(EOFError, OSError):
            if not channel.closed:
                channel.send_exit_status(process.returncode)
                channel.close()

    @staticmethod
    def _feed(channel: paramiko.Channel, process: subprocess.Popen[bytes]) -> None:
        try:
            while data := channel.recv(1 << 16):
                process.stdin.write(data)
                process.stdin.flush()
            process.stdin.close()
        except (OSError, ValueError):  # closed by the other end, or after the process ended
            pass

    def cut(self) -> None:
        for transport in self.transports:
            transport.close()

    def close(self) -> None:
        # It ends the thread that waits in accept(). Otherwise a signal makes that call begin anew, with the number of a file
        # that the next server has by then: this one would answer for it.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()


# This behaves as sudo 1.9.13. It logs its arguments and the passwords that it reads.
SUDO = r"""#!/bin/sh
here=${0%/*} ask=1
printf '%s\n' "$*" >>"$here/arguments"
[ "${LC_ALL:-}" = C ] || { echo "sudo: Ein Passwort ist notwendig" >&2; exit 1; }
while :; do
  case $1 in
    -n) ask=; shift ;;
    -S) shift ;;
    -p) shift 2 ;;
    *) break ;;
  esac
done
case $(cat "$here/mode") in
  nopasswd) exec "$@" ;;
  tty) echo "sudo: sorry, you must have a tty to run sudo" >&2; exit 1 ;;
  never) echo "deploy is not in the sudoers file." >&2; exit 1 ;;
esac
[ -n "$ask" ] || { echo "sudo: a password is required" >&2; exit 1; }
for attempt in $(seq "$(cat "$here/attempts")"); do
  IFS= read -r line || { echo "sudo: no password was provided" >&2; exit 1; }
  printf '%s\n' "$line" >>"$here/passwords"
  if [ "$line" = "$(cat "$here/right")" ]; then exec "$@"; fi
  if [ "$attempt" -lt "$(cat "$here/attempts")" ]; then echo "Sorry, try again." >&2; fi
done
echo "sudo: $attempt incorrect password attempts" >&2
exit 1
"""


def fake_sudo(folder: Path, mode: str, attempts: int = 3) -> Path:
    """Return a folder with a fake `sudo`."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    for name, text in {"sudo": SUDO, "mode": mode, "attempts": str(attempts), "right": PASSWORD}.items():
        (programs / name).write_text(text)
    (programs / "sudo").chmod(0o755)
    return programs


def print_of(key: paramiko.PKey) -> str:
    """Return the fingerprint of a host key."""
    return fingerprint(of_paramiko(key))


def known(sshd: Sshd, key: paramiko.PKey) -> str:
    return f"[127.0.0.1]:{sshd.port} {key.get_name()} {key.get_base64()}\n"
