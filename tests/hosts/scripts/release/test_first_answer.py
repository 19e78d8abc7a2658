"""The first answer of a new release to its health check: `app.start_timeout` bounds it, with a real socket and the real curl."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.hosts.scripts.release.managed import Managed
from tests.support.releases import NEW

LIFESPAN = "[INFO] Booting worker with pid: 7\n[INFO] Waiting for application startup.\n"
UP = f"{LIFESPAN}[INFO] Application startup complete.\n[INFO] Worker is ready (pid:7)\n"


class FakeApp:
    """An app on the release's socket. answers: seconds and status of each answer, in order; the last one for all further requests.

    A status of 0 is no answer at all.
    """

    def __init__(self, listener: socket.socket, *answers: tuple[float, int]) -> None:
        self.listener, self.answers, self.asked, self.held = listener, answers, 0, [listener]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            self.held.append(client)
            seconds, status = self.answers[min(self.asked, len(self.answers) - 1)]
            self.asked += 1
            if status:
                threading.Timer(seconds, self._answer, (client, status)).start()

    @staticmethod
    def _answer(client: socket.socket, status: int) -> None:
        with client:
            try:
                client.recv(4096)
                client.sendall(f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            except OSError:
                pass  # curl no longer waits


@contextmanager
def fake_app(managed: Managed, *answers: tuple[float, int]) -> Iterator[FakeApp]:
    """Serve such an app on the socket of the new release."""
    folder = managed.server.path("/run/hello")
    folder.mkdir()
    # The whole path may be too long for a socket's address.
    descriptor = os.open(folder, os.O_RDONLY)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"/proc/self/fd/{descriptor}/{NEW}.sock")
    os.close(descriptor)
    listener.listen(64)
    app = FakeApp(listener, *answers)
    try:
        yield app
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        for each in app.held:
            each.close()


def gate(managed: Managed, log: str = UP, script: str = "gunicorn_start", **more: str) -> tuple[list[str], float]:
    """Return what the gate says of a release with this log and start script, and how many seconds it took."""
    managed.server.path(f"/var/log/hello/{NEW}.log").write_text(log)
    managed.server.path(f"/srv/hello/instances/{NEW}/{script}").touch()
    values = {
        "new": NEW, "health": "/up", "health_host": "a", "health_timeout": "5.0", "health_ranges": "200-399",
        "health_attempts": "60", "health_interval": "0.1", "scheme": "http", "log_from": "0", "module": "main:app",
        "start_timeout": "2", "strategy": "beside", "growing": "none", **more,
    }  # fmt: skip
    fakes = (
        "gate_crashed() { return 1; }\ngate_deaths() { :; }\nhide_secrets() { cat; }\nreason_program() { :; }\n"
        'manager_starved() { return 1; }\nswitch_refuse() { echo "refused: $1"; exit 1; }\n'
    )
    assigned = "\n".join(f"{name}='{value}'" for name, value in values.items())
    began = time.monotonic()
    said = managed.run(f"{fakes}{assigned}\nasked=$(clock_uptime)\ngate_pass\necho passed")
    return said.splitlines(), time.monotonic() - began


@pytest.mark.parametrize("script", ["gunicorn_start", "uvicorn_start", "hypercorn_start"])
def test_a_health_check_that_never_answers_is_refused_when_the_time_for_the_start_has_passed(managed: Managed, script: str) -> None:
    with fake_app(managed, (0, 0)) as app:
        said, seconds = gate(managed, script=script)
    assert said[-1] == (
        "refused: The app has started, but GET /up (Host: a) on the new release got no answer within 2 s of its start "
        "(app.start_timeout). Find out what this path waits for. If each answer needs more than 5.0 s, raise "
        "app.health_timeout; if only the first one does, raise app.start_timeout"
    )
    assert "@test wait waiting for the answer to GET /up, at most 2 s (app.start_timeout)" in said
    assert 2 <= seconds < 15
    assert app.asked <= 3


@pytest.mark.parametrize(("log", "reason"), [
    (LIFESPAN, "The app's start-up code (its lifespan) did not end within 2 s"),
    ("", "The new release did not answer GET /up within 2 s of its start"),
])  # fmt: skip
def test_so_is_one_that_systemd_listens_for(managed: Managed, log: str, reason: str) -> None:
    """systemd opens the socket before the app has started."""
    with fake_app(managed, (0, 0)):
        said, seconds = gate(managed, log)
    assert said[-1].startswith(f"refused: {reason}") and seconds < 15


def test_many_short_health_checks_without_an_answer_do_not_use_up_the_attempts(managed: Managed) -> None:
    """The attempts count from the first answer on."""
    with fake_app(managed, *[(0, 0)] * 8, (0, 200)):
        said, seconds = gate(managed, health_timeout="0.2", health_attempts="2", start_timeout="20")
    assert said[-1] == "passed" and seconds >= 1.5


def test_a_first_answer_within_the_time_for_the_start_passes(managed: Managed) -> None:
    with fake_app(managed, (1.5, 200), (0, 200)):
        said, seconds = gate(managed, start_timeout="15")
    assert said[-1] == "passed" and seconds >= 1.5


def test_an_app_that_answers_503_for_a_while_keeps_its_attempts(managed: Managed) -> None:
    with fake_app(managed, *[(0.3, 503)] * 6, (0, 200)) as app:
        said, seconds = gate(managed, start_timeout="1")
    assert said[-1] == "passed" and seconds > 1.8
    assert app.asked == 9


def test_attempts_bound_an_app_that_answers_no_more_after_a_first_answer(managed: Managed) -> None:
    with fake_app(managed, (0, 503), (0, 0)):
        said, _ = gate(managed, health_timeout="0.2", health_attempts="4", start_timeout="60")
    assert "@test wait waiting for the answer to GET /up, at most 4 attempts (app.health_attempts)" in said
    assert said[-1].startswith("refused: GET /up (Host: a) on the new release got no answer within 0.2 s, in 4 attempts.")
