"""`fab tunnel`: local connections that continue at a server, here programs of this process behind an SSH server."""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import paramiko
import pytest

from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.tunnel import Place, Tunnel, tunnel
from selvedge.report import Report
from selvedge.ssh.connection import Remote
from selvedge.ssh.tunnel import Links
from tests.unit.ssh.sshd import Sshd

pytestmark = pytest.mark.programs

BIG = random.Random(16).randbytes(6_000_000)
Serve = Callable[[socket.socket], None]


def received(connection: socket.socket) -> bytes:
    """Return all data up to the end."""
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def echo(connection: socket.socket) -> None:
    while data := connection.recv(1 << 16):
        connection.sendall(data)


def hash_at_the_end(connection: socket.socket) -> None:
    connection.sendall(hashlib.sha256(received(connection)).digest())


def hash_after_its_own_end(connection: socket.socket) -> None:
    connection.sendall(b"first")
    connection.shutdown(socket.SHUT_WR)
    RESULTS.append(hashlib.sha256(received(connection)).digest())


def break_off(connection: socket.socket) -> None:
    connection.sendall(b"half of it")
    time.sleep(0.1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def read_nothing(_connection: socket.socket) -> None:
    time.sleep(2)


RESULTS: list[bytes] = []


@contextlib.contextmanager
def program(work: Serve, family: int = socket.AF_INET, where: object = ("127.0.0.1", 0)) -> Iterator[socket.socket]:
    """Run a program on the server that does `work` with each connection."""
    listening = socket.create_server(where, family=family, backlog=50)

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            work(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listening
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


class Opened:
    """A tunnel that is open, the errors that it printed, and its SSH server."""

    def __init__(self, remote: Remote, place: Place) -> None:
        self.errors: list[SelvedgeError] = []
        report = SimpleNamespace(error=self.errors.append)
        session = Session(SimpleNamespace(host=remote.host), remote, report)  # type: ignore[arg-type]
        self.links = Links(remote)
        self.tunnel = Tunnel(session, self.links, place, "")
        self.listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            self.tunnel.accept(self.listening)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.listening.getsockname(), 20)

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.links.close()


@pytest.fixture
def opened(remote: Callable[..., Remote]) -> Iterator[Callable[[Place], Opened]]:
    made: list[Opened] = []

    def make(place: Place) -> Opened:
        made.append(Opened(remote(), place))
        return made[-1]

    yield make
    for each in made:
        each.close()


@contextlib.contextmanager
def through(opened: Callable[[Place], Opened], work: Serve) -> Iterator[Opened]:
    with program(work) as listening:
        yield opened(Place.of(listening.getsockname()[1], ""))


def test_binary_data_comes_back_unchanged_and_the_end_arrives(opened: Callable[[Place], Opened]) -> None:
    with through(opened, echo) as found, found.connect() as connection:
        threading.Thread(target=lambda: (connection.sendall(BIG), connection.shutdown(socket.SHUT_WR)), daemon=True).start()
        assert received(connection) == BIG
    assert not found.errors


def test_an_answer_after_the_end_of_the_input_arrives(opened: Callable[[Place], Opened]) -> None:
    with through(opened, hash_at_the_end) as found, found.connect() as connection:
        connection.sendall(BIG)
        connection.shutdown(socket.SHUT_WR)
        assert received(connection) == hashlib.sha256(BIG).digest()


def test_input_after_the_end_of_the_answer_arrives(opened: Callable[[Place], Opened]) -> None:
    RESULTS.clear()
    with through(opened, hash_after_its_own_end) as found, found.connect() as connection:
        assert received(connection) == b"first"
        connection.sendall(BIG)
        connection.shutdown(socket.SHUT_WR)
        for _ in range(200):
            if RESULTS:
                break
            time.sleep(0.05)
    (result,) = RESULTS
    assert result == hashlib.sha256(BIG).digest()


def test_a_server_that_breaks_off_resets_the_connection(opened: Callable[[Place], Opened]) -> None:
    with through(opened, break_off) as found, found.connect() as connection, pytest.raises(ConnectionResetError):
        received(connection)
    assert not found.errors, "that is for the local program to report"


def test_a_program_that_breaks_off_ends_the_connection_of_the_server(opened: Callable[[Place], Opened]) -> None:
    ended = threading.Event()

    def wait_for_end(connection: socket.socket) -> None:
        connection.sendall(b"x")
        with contextlib.suppress(ConnectionResetError):
            received(connection)
        ended.set()

    with through(opened, wait_for_end) as found:
        connection = found.connect()
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
        assert ended.wait(10)


def test_a_server_that_does_not_read_holds_the_sender_back(opened: Callable[[Place], Opened]) -> None:
    with through(opened, read_nothing) as found, found.connect() as connection:
        connection.settimeout(1)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 100_000_000:
                sent += connection.send(bytes(1 << 16))
        assert sent < 30_000_000


def test_more_connections_than_a_server_allows_on_one_ssh_connection(
    opened: Callable[[Place], Opened], sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy: dict[int, int] = {}

    def at_most_four(_kind: str, _channel: int) -> int:
        transport = threading.current_thread()
        busy[id(transport)] = busy.get(id(transport), 0) + 1
        return paramiko.OPEN_SUCCEEDED if busy[id(transport)] <= 4 else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    monkeypatch.setattr(sshd, "check_channel_request", at_most_four)
    with through(opened, hash_at_the_end) as found, contextlib.ExitStack() as stack:
        connections = [stack.enter_context(found.connect()) for _ in range(10)]

        def exchange(connection: socket.socket) -> bytes:
            connection.sendall(BIG[:100_000])
            connection.shutdown(socket.SHUT_WR)
            return received(connection)

        with ThreadPoolExecutor(10) as threads:
            answers = [threads.submit(exchange, connection) for connection in connections]
        assert not found.errors, "they say why a connection was reset"
        assert {answer.result() for answer in answers} == {hashlib.sha256(BIG[:100_000]).digest()}
    assert len([transport for transport in sshd.transports if transport.is_active() and transport.is_authenticated()]) == 3


def test_a_unix_socket(opened: Callable[[Place], Opened], tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with program(echo, socket.AF_UNIX, path), opened(Place.of(0, path)).connect() as connection:
        connection.sendall(b"hello")
        assert connection.recv(5) == b"hello"


def test_a_port_that_refuses_is_named_once(opened: Callable[[Place], Opened]) -> None:
    with program(echo) as listening:
        port = listening.getsockname()[1]
    found = opened(Place.of(port, ""))
    for _ in range(2):
        with found.connect() as connection:
            assert received(connection) == b""
    assert [error.message for error in found.errors] == [
        f"web: the server could not connect to port {port}: Connection refused."
    ]
    with pytest.raises(SelvedgeError, match="Connection refused"):
        found.tunnel.check()


@pytest.mark.parametrize(
    ("to", "said"),
    [("/nonexistent/socket", "No such file or directory"), (f"{'a' * 64}.b:80", "")],
)
def test_a_place_that_does_not_exist(opened: Callable[[Place], Opened], to: str, said: str) -> None:
    with pytest.raises(SelvedgeError, match=f"web: the server could not connect to .*: .*{said}"):
        opened(Place.of(0, to)).tunnel.check()


def test_the_tunnel_logs_in_again_after_a_lost_connection(opened: Callable[[Place], Opened], sshd: Sshd) -> None:
    with through(opened, echo) as found:
        with found.connect() as connection:
            connection.sendall(b"x")
            assert connection.recv(1) == b"x"
            sshd.cut()
            with pytest.raises(ConnectionResetError):
                received(connection)
        with found.connect() as connection:
            connection.sendall(b"y")
            assert connection.recv(1) == b"y"
    assert [error.message for error in found.errors] == [
        "web: the SSH connection was lost, and with it the connections through the tunnel."
    ]


@pytest.mark.parametrize(
    ("port", "to", "words", "local"),
    [
        (5432, "", ("localhost", "5432"), 5432),
        (0, "6379", ("localhost", "6379"), 6379),
        (0, "db.internal:5432", ("db.internal", "5432"), 5432),
        (0, "[2001:db8::1]:5432", ("2001:db8::1", "5432"), 5432),
        (0, "/run/postgresql/.s.PGSQL.5433", ("/run/postgresql/.s.PGSQL.5433",), 5433),
        (0, "/run/a b'$(id)/x.sock", ("/run/a b'$(id)/x.sock",), 0),
    ],
)
def test_where_a_tunnel_leads_to(port: int, to: str, words: tuple[str, ...], local: int) -> None:
    place = Place.of(port, to)
    assert (place.words, place.port) == (words, local)


@pytest.mark.parametrize(
    ("port", "to"), [(0, ""), (5432, "/run/x"), (70000, ""), (0, "0"), (0, "host"), (0, "a b:1"), (0, "run/x"), (0, "h:99999")]
)
def test_a_place_that_cannot_be_is_wrong_usage(port: int, to: str) -> None:
    with pytest.raises(UsageError):
        Place.of(port, to)


def run(remote: Remote) -> SimpleNamespace:
    session = Session(SimpleNamespace(host=remote.host), remote, Report(io.StringIO()))  # type: ignore[arg-type]
    return SimpleNamespace(fleet=SimpleNamespace(sessions=[session]), report=session.report)


def test_a_local_port_in_use_is_named_before_the_server_is_contacted(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"Port {port} of this machine is not free: another program uses it"):
            tunnel(run(remote()), port=5432, local=port)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="--local 70000 is not a port"):
        tunnel(run(remote()), port=5432, local=70000)  # type: ignore[arg-type]
    assert not sshd.transports
