"""Stamps: hashes of the configuration that a service has last loaded."""

from __future__ import annotations

from selvedge.shell.library import call
from selvedge.value import Value

FOLDER = "/var/lib/selvedge/loaded"
"""The same as $stamp_folder in stamp.sh."""


class Stamp(Value):
    """A file on the server with the hash of what `name` has last loaded (stamp.sh).

    It is written after the reload has succeeded, so a run that dies before the reload reloads next time.
    """

    name: str

    @property
    def path(self) -> str:
        """The path on the server."""
        return f"{FOLDER}/{self.name}"

    def read(self) -> str:
        """Return shell that prints the hash."""
        return call("stamp_read", self.name)

    def write(self, digest: str) -> str:
        """Return shell that writes the hash, in hex."""
        return call("stamp_write", self.name, digest)

    def remove(self) -> str:
        """Return shell that removes the stamp: the next plan loads again."""
        return call("stamp_remove", self.name)
