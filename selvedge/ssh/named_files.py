"""The files that the table of a host names: its private key and its known_hosts file."""

from __future__ import annotations

from pathlib import Path

from selvedge.config import private_keys
from selvedge.config.hosts import Host
from selvedge.config.local_files import MIB, LocalFileError, read_bytes
from selvedge.errors import UsageError


def check_named_files(host: Host) -> None:
    """Check that the host's `key` is a private key, and that its `known_hosts` is a regular file if it exists.

    paramiko would read a device without end and wait for the writer of a pipe. Raises UsageError.
    """
    if host.key:
        setting, path = f"hosts.{host.name}.key", Path(host.key)
        try:
            content = read_bytes(path)
        except LocalFileError as error:
            remedy = error.remedy or f"Set {setting} in hosts.toml to your private key, or delete the line to use the SSH agent."
            raise UsageError(f"{setting}: {path} {error}.", remedy) from None
        _check_private_key(setting, path, content)
    path = Path(host.known_hosts)
    if host.known_hosts and (path.exists() or path.is_symlink()):
        setting = f"hosts.{host.name}.known_hosts"
        try:
            content = read_bytes(path, largest=16 * MIB)
        except LocalFileError as error:
            remedy = error.remedy or f"Set {setting} in hosts.toml to a known_hosts file, or delete the line."
            raise UsageError(f"{setting}: {path} {error}.", remedy) from None
        if private_keys.is_file(content):
            remedy = f"Set {setting} in hosts.toml to a known_hosts file, or delete the line. Your private key is the setting key."
            raise UsageError(f"{setting}: {path} is a private key, and Selvedge would add host keys to it.", remedy)


def _check_private_key(setting: str, path: Path, content: bytes) -> None:
    text = content.decode("latin-1")
    if text.startswith("PuTTY-User-Key-File-"):
        remedy = f"Convert it: `puttygen {path} -O private-openssh -o {path.with_suffix('')}`. Then set {setting} to the new file."
        raise UsageError(f"{setting}: {path} is a private key in PuTTY's format, which OpenSSH does not read.", remedy)
    if private_keys.is_pem(text):
        return
    if text.startswith(("ssh-", "ecdsa-", "sk-", "---- BEGIN SSH2 PUBLIC")):
        private = f": {path.with_suffix('')}" if path.suffix == ".pub" else ""
        raise UsageError(f"{setting}: {path} is a public key.", f"Set it to the private key{private}.")
    if private_keys.is_file(content):
        remedy = f"Set {setting} to a key that `ssh-keygen -y -f FILE` can read. This makes a new one: `ssh-keygen -t ed25519`."
        raise UsageError(f"{setting}: {path} is a private key in a format that OpenSSH does not read.", remedy)
    raise UsageError(f"{setting}: {path} is not a private key.", f"Set {setting} in hosts.toml to your private key.")
