"""Entries in a file of a package."""

from __future__ import annotations

from typing import Any

from selvedge.resources.files import FileValues


def test_entries_of_a_file_that_belongs_to_a_package(server: Any) -> None:
    file = server.path("/etc/package.conf")
    file.write_text("# COST: how dear.\n#COST 5\nROUNDS\t1\n  ROUNDS 2\nROUNDS_OF 3\n#ROUNDS 9\nOTHER 7")
    resource = FileValues("/etc/package.conf", (("ROUNDS", "65536"), ("COST", "8")), if_contains="COST")
    planned = server.make(resource)
    assert planned.changes[0][1].diff.splitlines() == ["-ROUNDS\t1", "-  ROUNDS 2", "+ROUNDS 65536", "+COST 8"]
    kept = "# COST: how dear.\n#COST 5\nROUNDS_OF 3\n#ROUNDS 9\nOTHER 7\n"
    assert file.read_text() == f"{kept}# Set by `fab harden`: ROUNDS, COST\nROUNDS 65536\nCOST 8\n"
    file.write_text(file.read_text().replace("65536", "1"))
    server.make(resource)
    assert file.read_text() == f"{kept}# Set by `fab harden`: ROUNDS, COST\nROUNDS 65536\nCOST 8\n"


def test_entries_of_a_file_that_does_not_know_them(server: Any) -> None:
    entries = FileValues("/etc/package.conf", (("ROUNDS", "1"),), if_contains="ROUNDS")
    assert not server.plan(entries)
    server.path("/etc/package.conf").write_text("OTHER 1\n")
    assert not server.plan(entries)
