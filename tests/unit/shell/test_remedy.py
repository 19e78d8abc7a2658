"""The program that finds the app's error in its output, and what to do about it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from selvedge.release.live import PROGRAMS

RELEASE = "/srv/hello/releases/aaaa"
PROGRAM: dict[str, Any] = {"__name__": "remedy"}
exec(compile(PROGRAMS["remedy"], "remedy", "exec"), PROGRAM)


def remedy(
    output: str, folder: Path | str = RELEASE, strategy: str = "beside", workers: str = "3", manager: str = "supervisor"
) -> list[str]:
    """Return the exception and the remedy."""
    given = io.TextIOWrapper(io.BytesIO(output.encode()))
    with patch("sys.stdin", given):
        found = PROGRAM["main"](str(folder), "/srv/hello/shared", strategy, workers, manager)
    return "\n".join(found).split("\n")[:2]


TRACEBACK = 'Traceback (most recent call last):\n  File "/srv/main.py", line 1, in <module>\n    x()\n'


@pytest.mark.parametrize(("error", "shared"), [
    ("PermissionError: [Errno 13] Permission denied: 'logs'", "logs"),
    ("PermissionError: [Errno 13] Permission denied: '/srv/hello/releases/aaaa/logs/app.log'", "logs"),
    ("PermissionError: [Errno 13] Permission denied: 'app.log'", "app.log"),
    ("OSError: [Errno 30] Read-only file system: './static/uploads/x.png'", "static/uploads"),
    ("OSError: [Errno 30] Read-only file system: 'uploads'", "uploads"),
    ("FileNotFoundError: [Errno 2] No such file or directory: '/srv/hello/releases/aaaa/logs/app.log'", "logs"),
    ("sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) unable to open database file", "database.db"),
    ("sqlite3.OperationalError: attempt to write a readonly database", "database.db"),
    ("    | peewee.OperationalError: unable to open database file", "database.db"),
])  # fmt: skip
def test_the_app_writes_beside_its_code(error: str, shared: str) -> None:
    found, words = remedy(f"{TRACEBACK}{error}\n[ERROR] Application startup failed. Exiting.\n")
    assert error.rpartition("Error: ")[2] in found
    assert f'app.shared_paths = ["{shared}"] in hosts.toml: then it is in /srv/hello/shared' in words


@pytest.mark.parametrize(("file", "text", "shared"), [
    ("app/db.py", 'URL = "sqlite:///database.db"\n', "database.db"),
    ("app/db.py", 'URL = "sqlite+aiosqlite:///./data/blog.sqlite3?timeout=5"\n', "data"),
    ("db.py", 'URL = f"sqlite:///{BASE_DIR}/app.db"\n', "app.db"),
    ("db.py", "con = sqlite3.connect('tutorial.db')\n", "tutorial.db"),
    ("alembic.ini", "sqlalchemy.url = sqlite:///blog.db\n", "blog.db"),
    ("tests/db.py", 'URL = "sqlite:///test.db"\n', "database.db"),
    ("db.py", 'URL = "sqlite:///:memory:"\n', "database.db"),
])  # fmt: skip
def test_the_database_is_named_as_the_code_names_it(tmp_path: Path, file: str, text: str, shared: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    assert f'app.shared_paths = ["{shared}"]' in remedy("sqlite3.OperationalError: unable to open database file\n", tmp_path)[1]


@pytest.mark.parametrize("path", ["/var/log/blog.log", "/data/x", "../x", "/root/.cache"])
def test_the_app_writes_elsewhere(path: str) -> None:
    words = remedy(f"PermissionError: [Errno 13] Permission denied: '{path}'\n")[1]
    assert "The app may write only to /srv/hello/shared, whose path is in the variable APP_SHARED" in words


@pytest.mark.parametrize("error", [
    "OSError: [Errno 98] Address already in use",
    "OSError: [Errno 98] error while attempting to bind on address ('0.0.0.0', 9100): address already in use",
    "OSError: [Errno 98] error while attempting to bind on address ('127.0.0.1', 50051): [errno 98] address already in use",
    "RuntimeError: Failed to bind to address 0.0.0.0:50051: Address already in use",
    "BlockingIOError: [Errno 11] Resource temporarily unavailable",
    "RuntimeError: Failed to bind to address 0.0.0.0:50051; set GRPC_VERBOSITY=debug environment variable to see detailed error",
    "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) database is locked",
    "RuntimeError: Storage folder ./qdrant is already accessed by another instance of Qdrant client.",
    "_duckdb.IOException: IO Error: Could not set lock on file \"/srv/x.db\": Conflicting lock is held in /usr/bin/python3 (PID 7)",
    "portalocker.exceptions.LockException: [Errno 11] Resource temporarily unavailable",
    "RocksDBError: IO error: While lock file: /srv/hello/shared/db/LOCK: Resource temporarily unavailable",
    "filelock._error.Timeout: The file lock '/srv/hello/shared/app.lock' could not be acquired.",
])  # fmt: skip
def test_two_processes_want_the_same(error: str) -> None:
    found, words = remedy(f"{TRACEBACK}{error}\n")
    assert found.partition(": ")[2].rstrip(".") in error
    assert 'Set app.strategy = "restart"' in words and "app.workers = 1" in words
    assert "app.workers" not in remedy(error, workers="1")[1]
    assert "app.strategy" not in remedy(error, strategy="restart")[1]
    assert "ss -lntup" in remedy(error, strategy="restart", workers="1")[1]


@pytest.mark.parametrize(("output", "words"), [
    ("[ERROR] Worker (pid:7) was sent SIGKILL! Perhaps out of memory?", "memory was short. Set fewer app.workers"),
    ("MemoryError", "memory was short"),
    ("[ERROR] Worker (pid:7) was sent SIGSEGV!", "A library in native code crashed"),
    ("Fatal Python error: Segmentation fault", "A library in native code crashed"),
    ("[ERROR] Worker (pid:7) was sent SIGILL!", "instructions that this processor lacks"),
    ("[CRITICAL] WORKER TIMEOUT (pid:7)", "app.timeout"),
    ('    key = os.environ["DATABASE_URL"]\nKeyError: \'DATABASE_URL\'', "Set the variable 'DATABASE_URL' in app.env_file"),
    ("ConnectionRefusedError: [Errno 111] Connection refused", "A service that the app needs does not answer"),
    ("redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection refused.", "does not answer"),
    ('psycopg.OperationalError: connection failed: connection to server at "127.0.0.1", port 5432 failed', "does not answer"),
    ("socket.gaierror: [Errno -2] Name or service not known", "cannot resolve the name of a service"),
    ('asyncpg.exceptions.InvalidPasswordError: password authentication failed for user "x"', "rejects the app's login"),
    ("OSError: [Errno 24] Too many open files", "as many files and connections open as it may"),
    ("RuntimeError: can't start new thread", "Raise app.tasks_max"),
    (f"{TRACEBACK}locale.Error: unsupported locale setting", 'packages = ["locales-all"]'),
    ("zoneinfo._common.ZoneInfoNotFoundError: 'No time zone found with key US/Pacific'", 'packages = ["tzdata"]'),
    ("RuntimeError: no warehouse", ""),
    ("RuntimeError: this event loop is already running.", ""),
    ("", ""),
])  # fmt: skip
def test_each_failure_has_its_remedy(output: str, words: str) -> None:
    found = remedy(f"[INFO] Starting\n{output}\n[INFO] Shutting down: Master\n")[1]
    assert (words in found) if words else not found


def test_the_last_exception_counts() -> None:
    between = "During handling of the above exception, another exception occurred:"
    output = f"{TRACEBACK}KeyError: 'x'\n{between}\n{TRACEBACK}my.OwnError: y\n"
    assert remedy(output)[0] == "OwnError: y"


CALL = 'Traceback (most recent call last):\n  File "/srv/main.py", line 1, in <module>\n    {}\n'
CHILD = CALL.format("self._execute_child(args, executable)")


@pytest.mark.parametrize(("error", "package"), [
    (f"{CHILD}FileNotFoundError: [Errno 2] No such file or directory: 'ffmpeg'", "ffmpeg"),
    (f"{CHILD}FileNotFoundError: [Errno 2] No such file or directory: 'pdftotext'", "poppler-utils"),
    ("OSError: No wkhtmltopdf executable found: \"b''\"", "wkhtmltopdf"),
    ("pytesseract.pytesseract.TesseractNotFoundError: tesseract is not installed or it's not in your PATH. See", "tesseract-ocr"),
    (f"{TRACEBACK}graphviz.backend.execute.ExecutableNotFound: failed to execute PosixPath('dot'), make sure", "graphviz"),
    ("pdf2image.exceptions.PDFInfoNotInstalledError: Unable to get page count. Is poppler installed and in PATH?", "poppler-utils"),
])  # fmt: skip
def test_a_program_that_the_server_lacks(error: str, package: str) -> None:
    words = remedy(f"{error}\n")[1]
    assert words.endswith(f'Set packages = ["{package}"] under [server] in hosts.toml')
    assert "shared_paths" not in words


def test_a_program_of_the_commit_that_is_not_executable(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/convert").touch()
    words = remedy(f"{CHILD}PermissionError: [Errno 13] Permission denied: './bin/convert'\n", tmp_path)[1]
    assert "Run `git update-index --chmod=+x ./bin/convert`, and commit" in words


@pytest.mark.parametrize("error", [
    CALL.format("server.bind(('', 80))") + "PermissionError: [Errno 13] Permission denied",
    CALL.format("await asyncio.start_server(x, port=443)")
    + "PermissionError: [Errno 13] error while attempting to bind on address ('0.0.0.0', 443): permission denied",
])  # fmt: skip
@pytest.mark.parametrize("manager", ["supervisor", "systemd"])
def test_a_port_below_1024(error: str, manager: str) -> None:
    assert remedy(error, manager=manager)[1].startswith("Only root may open ports below 1024. Let the app open a higher one")


@pytest.mark.parametrize("output", [
    f"{TRACEBACK}django.core.exceptions.ImproperlyConfigured: no warehouse",
    "  + Exception Group Traceback (most recent call last):\n  |   File \"x\", line 1\n  | ExceptionGroup: e (1 sub-exception)\n"
    "  +-+---------------- 1 ----------------\n    | Traceback (most recent call last):\n    |   File \"x\", line 1\n"
    "    |     raise ImproperlyConfigured\n    | config.ImproperlyConfigured: no warehouse\n    +---------------",
    f"{TRACEBACK}ImproperlyConfigured: no warehouse\n{TRACEBACK}asyncio.exceptions.CancelledError\n{TRACEBACK}SystemExit: 1",
])  # fmt: skip
def test_an_exception_whose_name_does_not_tell(output: str) -> None:
    """The last line of a traceback is an exception, whatever it is called."""
    found = remedy(f"[INFO] a: b\nWord: text\n{output}\nWord: text\n[INFO] Shutting down: Master\n")[0]
    assert found == "ImproperlyConfigured: no warehouse"


class TestSharedPaths:
    """The paths of app.shared_paths are links already: another advice is needed."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "hello/shared/uploads").mkdir(parents=True)
        (tmp_path / "release").mkdir()
        for name in ("uploads", "state.json", ".cache", "model.bin"):
            (tmp_path / "release" / name).symlink_to(tmp_path / "hello/shared" / name)
        return tmp_path

    def remedy(self, folder: Path, error: str) -> str:
        arguments = [str(folder / "release"), str(folder / "hello/shared"), "beside", "3", "supervisor"]
        command = [sys.executable, "-I", "-c", PROGRAMS["remedy"].decode(), *arguments]
        done = subprocess.run(command, input=f"{TRACEBACK}{error}\n", capture_output=True, text=True, check=True, timeout=20)
        return done.stdout.split("\n")[1]

    @pytest.mark.parametrize(("error", "words"), [
        ("PermissionError: [Errno 13] Permission denied: 'uploads/x.png'", "Run `sudo chown -R hello:hello {}/hello/shared`"),
        ("PermissionError: [Errno 13] Permission denied: '{}/hello/shared/x'", "Run `sudo chown -R hello:hello {}/hello/shared`"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'model.bin'", "hello/shared/model.bin is missing. Copy it there"),
        ("FileExistsError: [Errno 17] File exists: '.cache'", 'Write ".cache/" in app.shared_paths, with a / at its end'),
        ("IsADirectoryError: [Errno 21] Is a directory: 'uploads'", "It is a folder in {}/hello/shared, because its name"),
        ("PermissionError: [Errno 13] Permission denied: 'state.json.tmp'", "beside state.json, which is shared without its"),
        ("_duckdb.IOException: Cannot open file \"{}/release/state.json.wal\": Permission denied", "beside state.json"),
    ])  # fmt: skip
    def test_the_advice_fits(self, folder: Path, error: str, words: str) -> None:
        assert words.format(folder) in self.remedy(folder, error.format(folder))


@pytest.mark.parametrize(("text", "paths"), [
    (json.dumps({"paths": {"/items": {"get": {}}, "/items/{id}": {"get": {}}, "/login": {"post": {}}, "/healthz": {"get": {}}}}),
     "/healthz, /items"),
    ("/docs\n/redoc\n/openapi.json\n/b\n/api/ping\n/b\n", "/api/ping, /b, /docs"),
    ("".join(f"/{number}\n" for number in range(9)), "/0, /1, /2, /3, /4, /5"),
    ("Not Found", ""),
    ('["x"]', ""),
    ("/a\x1b[2J\n", "/a?[2J"),
])  # fmt: skip
def test_paths_for_a_health_check(text: str, paths: str) -> None:
    command = [sys.executable, "-I", "-c", PROGRAMS["routes"].decode()]
    assert subprocess.run(command, input=text, capture_output=True, text=True, check=True, timeout=20).stdout == f"{paths}\n"


@pytest.mark.parametrize(("output", "setting"), [
    ("FileNotFoundError: [Errno 2] No such file or directory: '/proc/meminfo'", "proc = true"),
    ("OSError: [Errno 97] Address family not supported by protocol", "netlink = true"),
    ("PermissionError: [Errno 1] Operation not permitted: '/dev/dri/card0'", "devices = true"),
    ("FileNotFoundError: [Errno 2] No such file or directory: '/home/deploy/model.bin'", "home = true"),
    ("    self._execute_child(args)\nPermissionError: [Errno 13] Permission denied: '/srv/hello/shared/bin/x'", "execute = true"),
    ("OSError: Load averages are unobtainable", "proc = true"),
    (f"{TRACEBACK}psutil.NoSuchProcess: process PID not found (pid=1)", "proc = true"),
    ("ImportError: /tmp/torchinductor/x.so: failed to map segment from shared object", "execute = true"),
    ("[7:7:FATAL:zygote_host_impl_linux.cc(117)] No usable sandbox!\nBrowserError: crashed", "namespaces = true"),
    ("    os.nice(5)\nPermissionError: [Errno 1] Operation not permitted", "resources = true"),
    ("OSError: [Errno 30] Read-only file system: '/mnt/media/x.png'", 'write = ["/mnt/media"]'),
])  # fmt: skip
def test_a_wall_of_the_box_is_named(output: str, setting: str) -> None:
    assert f"set {setting} in [box] of hosts.toml" in remedy(output, manager="systemd")[1]
    assert "[box]" not in remedy(output)[1], "supervisor has no walls"


def test_code_is_read_only_in_the_box_too() -> None:
    words = remedy(f"OSError: [Errno 30] Read-only file system: '{RELEASE}/uploads'", manager="systemd")[1]
    assert 'app.shared_paths = ["uploads"]' in words


@pytest.mark.parametrize(("error", "words"), [
    ("PermissionError: [Errno 13] Permission denied: '.'", "may not read . in the image. Add `RUN chmod -R a+rX .`"),
    ("PermissionError: [Errno 13] Permission denied: '/code/key.pem'", "may not read /code/key.pem in the image"),
    ("PermissionError: [Errno 13] Permission denied: '/tmp/tool'", "execute = true in [box]"),
    ("PermissionError: [Errno 13] Permission denied: '/srv/hello/shared/x'", "sudo chown -R hello:hello /srv/hello/shared"),
    ("OSError: [Errno 30] Read-only file system: '/code/x.log'", "may write only to /srv/hello/shared"),
    ("OSError: [Errno 30] Read-only file system: 'uploads/x'", 'app.shared_paths = ["uploads/x"]'),
    ("ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 5432)", "localhost is the container"),
    ("ConnectionRefusedError: [Errno 111] Connect call failed ('192.0.2.1', 5432)", "does not answer. Check that it runs"),
    ("locale.Error: unsupported locale setting", "The image lacks the locale. Install locales-all in the Dockerfile"),
    ("zoneinfo._common.ZoneInfoNotFoundError: 'No time zone found with key US/Eastern'", 'Install tzdata in the Dockerfile'),
    ("OSError: No wkhtmltopdf executable found", "The image has no program wkhtmltopdf. Install wkhtmltopdf in the Dockerfile"),
])  # fmt: skip
def test_in_a_container_the_image_is_mended(error: str, words: str) -> None:
    assert words in remedy(f"{TRACEBACK}{error}\n", manager="docker")[1]
