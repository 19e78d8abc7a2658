"""The wait for databases and queues before a release: real sockets, and what a deploy makes of the result."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from selvedge.release.live import PROGRAMS
from tests.hosts.scripts.release.managed import Managed
from tests.support.releases import NEW

STARTING = b"E\0\0\0\x20SFATAL\0C57P03\0Mthe database system is starting up\0\0"
SERVED = b"R\0\0\0\x08\0\0\0\x0a"


@contextlib.contextmanager
def service(*answers: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Answer one connection after the other, the last answer again and again. Yield the port, and what was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                for number in range(1000):
                    connection, _ = server.accept()
                    with connection:
                        answer = answers[min(number, len(answers) - 1)]
                        asked.append(connection.recv(1024) if answer else b"")
                        connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], asked
        server.shutdown(socket.SHUT_RDWR)


def answering(seconds: float, **variables: str) -> tuple[int, list[str], float]:
    """Run the program with these variables; return its exit status, its lines and its seconds."""
    command = [sys.executable, "-I", "-S", "-c", PROGRAMS["answering"].decode(), str(seconds)]
    began = time.monotonic()
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines(), time.monotonic() - began


def test_services_that_answer_cost_no_time() -> None:
    with service(SERVED) as (database, asked), service(b"-NOAUTH Authentication required.\r\n") as (redis, pinged):
        url = f"postgresql+asyncpg://me:secret@127.0.0.1:{database}/x"
        status, lines, seconds = answering(30, DATABASE_URL=url, CACHE=f"redis://:secret@127.0.0.1:{redis}/1", OTHER="1")
    assert (status, lines) == (0, []) and seconds < 2
    assert b"user\0me\0database\0x\0" in asked[0] and b"secret" not in asked[0] and pinged == [b"PING\r\n"]


@pytest.mark.parametrize(
    ("scheme", "answers"),
    [
        ("postgresql", [STARTING, STARTING, SERVED]),
        ("redis", [b"-LOADING Redis is loading the dataset in memory\r\n", b"+PONG\r\n"]),
        # What it is, the app's own driver will tell.
        ("postgresql", [b"E\0\0\0\x08C28000\0\0"]),
        ("mysql", [b""]),
    ],
)
def test_a_service_that_starts_is_waited_for(scheme: str, answers: list[bytes]) -> None:
    with service(*answers) as (port, _):
        status, lines, _ = answering(20, DATABASE_URL=f"{scheme}://me@127.0.0.1:{port}/x")
    kind = "Redis" if scheme == "redis" else "the database"
    assert status == 0 and lines == [f"{kind} 127.0.0.1:{port}"] * (len(answers) > 1)


def test_a_service_that_does_not_answer_is_named_without_its_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    status, lines, seconds = answering(1, DATABASE_URL=f"postgresql://me:secret@127.0.0.1:{port}/x")
    assert status == 1 and 1 <= seconds < 5
    assert lines == [f"the database 127.0.0.1:{port}", f"the database 127.0.0.1:{port} (DATABASE_URL)\tConnection refused"]
    status, lines, _ = answering(0.1, REDIS_URL="unix:///run/nothing/redis.sock")
    assert lines[-1] == "Redis /run/nothing/redis.sock (REDIS_URL)\tNo such file or directory"


def waited(managed: Managed, program: str, *, wait_for: int = 20, why: str = "deploy") -> str:
    """Return what a release says that waits for the services of this program in the environment."""
    fakes = (
        'switch_run() { shift 4; sh -c "$1" sh "$2"; }\ngate_wait() { echo "wait: $1"; }\nasked=1\n'
        'switch_refuse() { echo "refused: $1"; exit 1; }\nclock_uptime() { echo 2000; }\n'
    )
    managed.server.path("/run/undo/program.answering").write_text(program)
    values = f"new={NEW} wait_for={wait_for} why={why}\n"
    return managed.run(f'{fakes}{values}(answering_begin; answering_begin; answering_ok; answering_ok; echo "asked $asked")\n:')


DOWN = "printf 'the database h:5432\\n'; sleep 0.3; printf 'the database h:5432 (D)\\tConnection refused\\n'; exit 1"


@pytest.mark.parametrize(
    ("program", "more", "said"),
    [
        ("echo x >>/var/log/told", {}, "asked 1\n"),
        ("echo 'the database h:5432'; sleep 0.3", {}, "wait: waiting for the database h:5432\n"),
        ("exit 3", {}, "asked 1\n"),
        (DOWN, {"wait_for": 0}, "asked 1\n"),
        (DOWN, {}, "@test say The database h:5432 (D) did not answer within 20 s (app.wait_for): Connection refused\n"),
        (DOWN, {"why": "rollback"}, "asked 1\n"),
        (DOWN, {"why": "revert"}, "asked 1\n"),
        (DOWN, {"why": "restart"}, "@test say The database h:5432 (D) did not answer within 20 s (app.wait_for): Connection"),
    ],
)
def test_what_a_release_does(managed: Managed, program: str, more: dict[str, object], said: str) -> None:
    found = waited(managed, program, **more)  # type: ignore[arg-type]
    assert said in found
    assert "refused" not in found.replace("Connection refused", "")
    assert found.endswith("asked 2000\n") is ("asked 1" not in said)
