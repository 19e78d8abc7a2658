"""Fabric's own flags for ssh: `fab -S` and `fab -i`."""

from __future__ import annotations

from fabric import Config


def configuration_file(config: Config) -> str:
    """Return the file of `fab -S` or of Fabric's own configuration, "" for the usual ones of ssh."""
    return str(config._runtime_ssh_path or config.ssh_config_path or "")


def typed_keys(config: Config) -> tuple[str, ...]:
    """Return the private keys of `fab -i`."""
    keys = config.connect_kwargs.get("key_filename") or ()
    return (keys,) if isinstance(keys, str) else tuple(keys)
