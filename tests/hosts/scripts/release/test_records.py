"""The record of a release: the revisions of its database."""

from __future__ import annotations

import pytest

from tests.hosts.scripts.release.managed import Managed
from tests.support.libraries import functions
from tests.support.releases import NEW

SAID = "the database's revision is unknown: {}. A rollback to or from this release will not compare the database with the code"


def record(managed: Managed, output: str, *, migrate: str = "alembic upgrade head", alembic: str = "ask") -> tuple[str, str]:
    """Return the lines of the record that name revisions, and the output, if alembic prints `output`."""
    base = managed.server.path("/srv/hello")
    (base / f"instances/{NEW}").mkdir(parents=True, exist_ok=True)
    # An app may print its environment.
    (base / f"instances/{NEW}/env").write_text('TOKEN="secret-of-the-app"\n')
    python = base / f"releases/{NEW[:12]}/.venv/bin/python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text('#!/bin/sh\nexec /usr/bin/python3 "$@"\n')
    python.chmod(0o755)
    managed.server.path("/root/answer").write_text(output)
    said = managed.run(
        f"{functions('record')}\nmark=@ undo=/root why=deploy new={NEW} old= began=0 step_by=me repo=/srv/hello/repo.git\n"
        f"downgraded= app=root\n"
        f"migrate='{migrate}' alembic='{alembic}'\nswitch_run() {{ cat /root/answer; }}\nrecord_begin\nrecord_write"
    )
    text = (base / f"instances/{NEW}/record").read_text()
    return "\n".join(line for line in text.splitlines() if line.startswith(("heads", "database"))), said


@pytest.mark.parametrize(("output", "revisions"), [
    ("INFO Context\nmigrating\n@alembic current 0001_first\n@alembic heads 0002\n", "0001_first"),
    ("@alembic current b2 a2\nbye\n", "a2 b2"),
    ("@alembic current\n@alembic heads 1\n", "base"),
    # `app.migrate` upgrades two databases.
    ("@alembic current 2\n@alembic heads 2\n@alembic current 1 2\n", "1 2"),
])  # fmt: skip
def test_the_revisions_of_a_release_are_recorded(managed: Managed, output: str, revisions: str) -> None:
    found, said = record(managed, output)
    assert found == f"heads {revisions}\ndatabase {revisions}"
    assert "unknown" not in said


@pytest.mark.parametrize(("output", "reason"), [
    ("FAILED: No config file 'alembic.ini' found\n", "FAILED: No config file 'alembic.ini' found"),
    ("hello\n@alembic error no route to host.\nbye\n", "no route to host"),
    ("\n@alembic error login with secret-of-the-app failed\n", "login with ••• failed"),
    ("migrating\n0002 (head)\n\n", "0002 (head)"),
    ("", "alembic did not answer in time"),
])  # fmt: skip
def test_an_answer_without_revisions_is_unknown_and_said(managed: Managed, output: str, reason: str) -> None:
    found, said = record(managed, output)
    assert found == ""
    assert f"@ say {SAID.format(reason)}\n" in said


def test_a_migration_that_does_not_call_alembic_is_said(managed: Managed) -> None:
    found, said = record(managed, "", migrate="./prestart.sh", alembic="")
    assert found == "" and SAID.format("app.migrate does not call alembic itself") in said
    assert record(managed, "", migrate="", alembic="") == ("", "")
