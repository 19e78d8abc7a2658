"""Files of this machine that settings name."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from selvedge.config.local_files import LocalFileError, expanded, read_bytes, read_text


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(50 * 1024 * 1024)


NOT_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a FIFO": (os.mkfifo, "is a pipe (FIFO) instead of a regular file"),
    "a socket": (_socket, "is a socket instead of a regular file"),
    "a folder": (Path.mkdir, "is a folder instead of a regular file"),
    "a link to /dev/zero": (lambda path: path.symlink_to("/dev/zero"), "is a device instead of a regular file"),
    "a link to a terminal": (lambda path: path.symlink_to("/dev/ptmx"), "is a device instead of a regular file"),
    "a link to itself": (_loop, "is a loop of symbolic links"),
    "a link to nothing": (lambda path: path.symlink_to("gone"), "is a symbolic link to gone, which is missing"),
    "nothing": (lambda _path: None, "is missing"),
    "50 MB": (_large, "is too large (50.0 MiB): it may have 1 MiB"),
    "a file without end in /proc": (lambda path: path.symlink_to("/proc/kcore"), "is "),
}


@pytest.fixture(params=NOT_FILES)
def wrong(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    make, problem = NOT_FILES[request.param]
    make(tmp_path / "x")
    yield tmp_path / "x", problem


def test_only_regular_files_of_a_sane_size_are_read(wrong: tuple[Path, str]) -> None:
    path, problem = wrong
    with pytest.raises(LocalFileError, match=re.escape(problem)):
        read_bytes(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read all files")
def test_an_unreadable_file(tmp_path: Path) -> None:
    (tmp_path / "x").touch(0o000)
    with pytest.raises(LocalFileError, match="is not readable: Permission denied"):
        read_bytes(tmp_path / "x")


def test_a_file_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(LocalFileError, match="a part of its path is a file"):
        read_bytes(tmp_path / "x" / "y")


@pytest.mark.parametrize(
    ("content", "text"), [(b"\xef\xbb\xbfA=1\n", "A=1\n"), (b"a\r\nb\rc\n", "a\r\nb\rc\n"), (b"", ""), (b"x" * 1024 * 1024, None)]
)
def test_text_is_read_as_it_is_without_a_byte_order_mark(tmp_path: Path, content: bytes, text: str | None) -> None:
    (tmp_path / "x").write_bytes(content)
    assert read_text(tmp_path / "x") == (content.decode() if text is None else text)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("A=1".encode("utf-16"), "is UTF-16 text"),
        ("A=1".encode("utf-16-le"), "has NUL characters"),
        (b"\xe4\xf6", "is not UTF-8 text"),
        (b"\xed\xa0\x80", "is not UTF-8 text"),  # a lone surrogate
        (b"\x7fELF\x02\x01\x01\0", "is not text"),
        (bytes.fromhex("308204bd020100300d06092a864886f70d"), "is a private key or a keystore in a binary format"),
        (bytes.fromhex("308203553082023da003020102"), "is a certificate in binary"),
    ],
)
def test_other_encodings_and_binaries_are_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(LocalFileError, match=problem):
        read_text(tmp_path / "x")


@pytest.mark.parametrize("path", ["~nosuch/x", "~nosuch", "~no such/x"])
def test_the_home_of_an_unknown_user(path: str) -> None:
    with pytest.raises(ValueError, match="this machine has no user of that name"):
        expanded(path)
