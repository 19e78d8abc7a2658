"""pg_hba.conf: the lines that let other servers in, those by which a restore rejects them, and everything else in the file."""

from __future__ import annotations

import fcntl
import subprocess
import time
from typing import Any

import pytest

from selvedge.errors import SelvedgeError
from selvedge.resources.databases.clients import NetworkFacts, PostgresClients
from selvedge.resources.restores import NotHalfRestored
from selvedge.shell.library import call
from selvedge.shell.quoting import with_input
from selvedge.shell.server.backup import network
from tests.support.libraries import functions

HBA = "/etc/postgresql/17/main/pg_hba.conf"
HALF = "/srv/blog/backup/state/half-restored"
LOCK = "/run/selvedge/blog.restoring"
STEP = PostgresClients("blog", "10.0.0.1", ("10.0.0.2",))
LINES = STEP._hba()
BEGIN, END = "# selvedge: the servers that use the database blog\n", "# selvedge: end of blog\n"
BLOCK = BEGIN + LINES + END
SHOP = BLOCK.replace("blog", "shop").replace("of blog", "of shop")
USUAL = "local all all peer\n"
REJECTS = f'host all "blog" all reject {network.CLOSED.format("blog")}\n'
OTHERS = REJECTS.replace("blog", "blog-2") + REJECTS.replace("blog", "a-blog")


@pytest.fixture
def hba(server: Any) -> Any:
    path = server.path(HBA)
    path.parent.mkdir(parents=True)
    (path.parent / "postgresql.conf").write_text("port = 5432\n")
    path.write_text(USUAL)
    return path


def script(lines: str = LINES) -> str:
    """Return a step that has no user `postgres`."""
    access = call("postgresnet_access", app="blog", base="/srv/blog")
    access = with_input(access, lines) if lines else f"{access} </dev/null"
    return f'set -eu\nmark=m undo=/run\n{functions("postgresnet")}\nfile_put() {{ cat >"$1"; }}\n{access}\n'


def access(server: Any, lines: str = LINES) -> str:
    """Let the servers in; return what was said."""
    done = server.run(script(lines))
    said = str(done.stdout.decode())
    assert done.returncode == (1 if " error " in said else 0), said
    return said


def fact(server: Any) -> str:
    return NetworkFacts.parse(server.read(STEP)[0]).hba


def half(server: Any) -> None:
    server.path(HALF).parent.mkdir(parents=True)
    server.path(HALF).touch()


@pytest.mark.parametrize("before", ["", BLOCK, REJECTS, REJECTS + BLOCK, BEGIN + REJECTS + LINES + END])
def test_what_a_restore_has_left_is_a_difference_and_ends_with_the_step(server: Any, hba: Any, before: str) -> None:
    hba.write_text(before + SHOP + OTHERS + USUAL)
    assert (fact(server) == LINES) is (before == BLOCK)
    assert access(server) == "" and hba.read_text() == BLOCK + SHOP + OTHERS + USUAL and fact(server) == LINES
    hba.write_text(before + SHOP + OTHERS + USUAL)
    assert (PostgresClients("blog").plan(server.read(PostgresClients("blog"))[0]) is None) is (before == "")
    assert access(server, "") == "" and hba.read_text() == SHOP + OTHERS + USUAL
    assert PostgresClients("blog").plan(server.read(PostgresClients("blog"))[0]) is None


@pytest.mark.parametrize("lines", [LINES, ""])
@pytest.mark.parametrize("rest", [SHOP + USUAL, USUAL, BLOCK, ""])
def test_lines_without_their_end_stop_the_step(server: Any, hba: Any, rest: str, lines: str) -> None:
    """They would be deleted with all that comes after them."""
    hba.write_text(BEGIN + LINES + rest)
    said = access(server, lines)
    assert f"m error In {HBA}, the line `# selvedge: end of blog` is missing. Add it after the lines of blog, " in said
    assert hba.read_text() == BEGIN + LINES + rest


def test_no_step_lets_them_in_while_data_is_half_restored(server: Any, hba: Any) -> None:
    """Also one that was planned before the restore."""
    half(server)
    hba.write_text(REJECTS + BLOCK + USUAL)
    assert "m error A restore has replaced only a part of the live data, so PostgreSQL must not let the other" in access(server)
    assert hba.read_text() == REJECTS + BLOCK + USUAL
    assert access(server, "") == "" and hba.read_text() == USUAL


@pytest.mark.parametrize(("locked", "text"), [(False, "a restore was interrupted, and"), (True, "a restore is running, and")])
def test_a_step_stops_whoever_holds_the_lock_of_the_restores(server: Any, locked: bool, text: str) -> None:
    """The program of a restore goes on after its connection has ended."""
    half(server)
    server.path(LOCK).parent.mkdir(parents=True, exist_ok=True)
    with server.path(LOCK).open("w") as file:
        if locked:
            fcntl.flock(file, fcntl.LOCK_EX)
        resource = NotHalfRestored("blog", "db", "Restore again.")
        with pytest.raises(SelvedgeError, match=f"^db: {text} has replaced only a part of the live data"):
            resource.plan(server.read(resource)[0])


def test_two_programs_change_the_file_one_after_the_other(server: Any, hba: Any) -> None:
    lock = server.path(network.LOCK)
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = script()
        step = server.start(text, stderr=subprocess.STDOUT)
        step.stdin.write(text.encode())
        step.stdin.close()
        time.sleep(1)
        assert hba.read_text() == USUAL
        hba.write_text(SHOP + USUAL)
    assert step.wait(20) == 0 and hba.read_text() == BLOCK + SHOP + USUAL
