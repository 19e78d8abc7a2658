"""A migration that fails: the reason and the remedy, from its output."""

from __future__ import annotations

import pytest

from selvedge.release.live import PROGRAMS
from tests.hosts.scripts.release.managed import Managed
from tests.support.releases import NEW, OLD

SAID = """Traceback (most recent call last):
  File "/srv/migrations/env.py", line 3, in <module>
    connect()
{}
(Background on this error at: https://docs.example.com/e3q8)
"""


def migrate(managed: Managed, command: str, output: str = "", old: str = "") -> list[str]:
    """Return what the migration says if its command is this shell; $output names a file with the text."""
    python = managed.server.path(f"/srv/hello/releases/{NEW.rpartition('-')[0]}/.venv/bin/python")
    python.parent.mkdir(parents=True)
    python.symlink_to("/usr/bin/python3")
    managed.server.path("/srv/output").write_text(output)
    fakes = (
        "hide_secrets() { cat; }\nswitch_run() { \"$@\"; }\ngate_wait() { :; }\nuser_run() { shift; \"$@\"; }\n"
        "switch_refuse() { echo \"refused: $1\"; exit 1; }\n"
    )
    program = f"cat >/run/undo/program.remedy <<'END'\n{PROGRAMS['remedy'].decode()}\nEND\n"
    values = f"new={NEW} old={old} strategy=beside migrate_timeout=20 migrate='{command}'\n"
    return managed.run(f"{fakes}{program}{values}export output=/srv/output\n(migrate_run)\n:").splitlines()


@pytest.mark.parametrize(("error", "remedy"), [
    ("sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) unable to open database file",
     'Its database is beside the code. The code is read-only for the app. Set app.shared_paths = ["database.db"] in hosts.toml'),
    ("sqlite3.OperationalError: database is locked", "Another process holds the lock, such as the live release. Deploy again"),
    ("ValueError: no such revision", "It may have changed parts of the database"),
])  # fmt: skip
def test_the_reason_and_the_remedy_are_in_the_message(managed: Managed, error: str, remedy: str) -> None:
    said = migrate(managed, "cat $output >&2; exit 3", SAID.format(error))
    name = error.rpartition(".")[2] if error.count(".") == 1 else error.removeprefix("sqlalchemy.exc.")
    failed = f"refused: The migration failed (exit status 3): cat $output >&2; exit 3: {name}. It may have changed parts"
    assert said[-1].startswith(failed) and remedy in said[-1], said
    assert [line for line in said if "Traceback" in line], said
    assert "app.workers" not in said[-1]


def test_a_migration_that_prints_much_fills_no_memory(managed: Managed) -> None:
    """The user sees its first lines, and /run keeps its last ones."""
    said = migrate(managed, "yes | head -c 9000000; echo RuntimeError: the end; exit 1")
    assert "exit 1: RuntimeError: the end. It may" in said[-1]
    assert managed.server.path("/run/undo/shown").stat().st_size == 262144
    assert len([line for line in said if line.startswith("@test say ")]) == 51


def test_a_migration_that_works_says_nothing_more(managed: Managed) -> None:
    assert migrate(managed, "echo done") == ["@test say migrating: echo done", "@test say   done"]
    assert managed.gates == ["migration", "migration echo done succeeded"]


@pytest.mark.parametrize(("program", "refused", "shown"), [
    ("print(mark, 'say backup 1f2e3d4c: 1 file')", "", "say backup 1f2e3d4c: 1 file"),
    ("print(mark, 'say backup 1f2e3d4c: 1 file'); print(mark, 'error It lacks a file.'); sys.exit(1)", "", "say It lacks a file"),
    ("print(mark, 'error The disk is full.'); print(mark, 'remedy Free some.'); sys.exit(1)", "The disk is full. Free some", ""),
    ("sys.exit('Traceback')", "the program ended early", ""),
], ids=["taken", "incomplete", "failed", "broken"])  # fmt: skip
def test_a_backup_comes_first(managed: Managed, program: str, refused: str, shown: str) -> None:
    """`fab rollback` reads its id in the folder of the instance."""
    folder, taken = managed.server.path("/srv/hello/backup"), managed.server.path(f"/srv/hello/instances/{NEW}/backup")
    taken.parent.mkdir(parents=True, exist_ok=True)
    (folder / "program").mkdir(parents=True)
    (folder / "settings.json").write_text('{"before_migrate": true}')
    head = "import os, sys\nmark = os.environ['SELVEDGE_MARK']\nassert sys.argv[1:] == ['take', 'migration']\n"
    (folder / "program/__main__.py").write_text(head + program)
    said = migrate(managed, "echo migrated", old=OLD)
    if refused:
        assert said[-1] == f"refused: The backup before the migration failed (backup.before_migrate): {refused}"
        assert "migrated" not in "".join(said) and not taken.exists()
    else:
        assert f"@test {shown}" in said and said[-1] == "@test say   migrated"
        assert taken.read_text() == "1f2e3d4c\n"
    assert not [line for line in said if line.startswith(("@test error", "@test remedy"))]


@pytest.mark.parametrize(("history", "taken"), [
    ("", False),
    ("2026-01-31T12:00:00Z\trun\tme\tclone\t-\t-\t3 changed\n", False),
    (f"2026-01-31T12:00:00Z\trun\tme\tremove\t{OLD}\t-\tgood\n", True),
], ids=["nothing", "a new server", "removed with its data kept"])  # fmt: skip
def test_the_first_release_of_a_server_has_no_data_to_back_up(managed: Managed, history: str, taken: bool) -> None:
    """After the loss of a server, such a backup would be the newest one, which the restore takes."""
    folder = managed.server.path("/srv/hello/backup")
    (folder / "program").mkdir(parents=True)
    (folder / "settings.json").write_text('{"before_migrate": true}')
    (folder / "program/__main__.py").write_text("import os\nprint(os.environ['SELVEDGE_MARK'], 'say backup 1f2e3d4c: 1 file')")
    managed.server.path("/srv/hello/history").write_text(history)
    said = migrate(managed, "echo migrated")
    assert ("@test say backup 1f2e3d4c: 1 file" in said) is taken and said[-1] == "@test say   migrated"
