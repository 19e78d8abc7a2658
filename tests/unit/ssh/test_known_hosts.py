"""known_hosts: markers, patterns, hashed names, damaged lines, and new lines."""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selvedge.errors import SelvedgeError
from selvedge.ssh import known_hosts
from selvedge.ssh.known_hosts import HostKey, find, matches, problems


def made(kind: str, seed: str = "a") -> HostKey:
    body = f"{seed}".encode() * 32
    return HostKey(kind, len(kind).to_bytes(4, "big") + kind.encode() + len(body).to_bytes(4, "big") + body)


ONE, TWO = made("ssh-ed25519"), made("ssh-ed25519", "b")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


@pytest.mark.parametrize(
    ("names", "entry", "found"),
    [
        ("web", "web", True),
        ("WEB", "web", True),
        ("other,web", "web", True),
        ("*.example.com", "a.example.com", True),
        ("*.example.com,!b.example.com", "b.example.com", False),
        ("!b.example.com,*.example.com", "b.example.com", False),
        ("web?", "web1", True),
        ("web?", "web", False),
        ("[10.0.0.*]:2222", "[10.0.0.7]:2222", True),
        ("[10.0.0.7]:2222", "10.0.0.7", False),
        ("web[12]", "web1", False),
        ("", "web", False),
        ("|1|bad", "web", False),
        ("|1|not*base64|x", "web", False),
        ("|2|AAAA|AAAA", "web", False),
        ("*" * 300 + "x", "w" * 200, False),
    ],
)
def test_names(names: str, entry: str, found: bool) -> None:
    before = time.monotonic()
    assert matches(names, entry) == found
    assert time.monotonic() - before < 1


@pytest.mark.parametrize("entry", ["203.0.113.9", "[203.0.113.9]:2222", "2001:db8::1"])
def test_hashed_names_as_ssh_keygen_makes_them(file: Path, entry: str) -> None:
    file.write_text(f"{entry} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
    assert entry not in file.read_text()
    assert len(find([file], entry).keys) == 1 and not find([file], f"{entry}0").keys


def test_markers_are_kept_apart(file: Path) -> None:
    rows = [f"@cert-authority *.example.com {ONE.text}", f"@revoked * {TWO.text}", f"a.example.com {TWO.text} comment"]
    file.write_text("# comment\n\n" + "\n".join(rows) + "\n")
    found = find([file], "a.example.com")
    assert [line.key for line in (*found.authorities, *found.revoked, *found.keys)] == [ONE, TWO, TWO]
    assert found.keys[0].place == f"{file}, line 5" and not problems([file])


DAMAGED = [
    (b"web", "it does not have a name, a type and a key"),
    (b"web ssh-ed25519", "it does not have a name, a type and a key"),
    (b"web ssh-ed25519 AAAA", "its key is damaged"),
    (b"web ssh-ed25519 not*base64", "its key is damaged"),
    (b"web ssh-rsa " + base64.b64encode(ONE.blob), "not of the type ssh-rsa"),
    (b"@cert-authority", "it does not have a name, a type and a key"),
    (b"@expired web " + ONE.text.encode(), "@expired is not a marker that ssh knows"),
    (b"we\0b " + ONE.text.encode(), "it contains a NUL byte"),
    (b"\xff\xfe\0w\0e", "it contains a NUL byte"),
    (b"<<<<<<< HEAD", "it does not have a name, a type and a key"),
    (b"=======", "it does not have a name, a type and a key"),
    (b"web ssh-ed25519 " + b"A" * 1_000_000, "its key is damaged"),
]


@pytest.mark.parametrize(("row", "problem"), DAMAGED, ids=lambda value: str(value)[:20])
def test_a_damaged_line_is_skipped_and_named(file: Path, row: bytes, problem: str) -> None:
    file.write_bytes(f"other {ONE.text}\n".encode() + row + f"\nweb {TWO.text}\n".encode())
    assert find([file], "web").keys[0].key == TWO
    (said,) = problems([file])
    assert said.startswith(f"{file}, line 2 was skipped: ") and problem in said and len(said) < 300


def test_many_damaged_lines_are_one_warning(file: Path) -> None:
    file.write_text(f"web {ONE.text}\n" + "damaged\n" * 500)
    (said,) = problems([file])
    assert said.startswith(f"{file}, line 2 was skipped: ") and said.endswith(" Further damaged lines: 499.")


@pytest.mark.parametrize(
    "row",
    [
        f"web {ONE.text}\r", f"  web\t{ONE.kind}   {ONE.text.split()[1]}", f"web {ONE.text} a comment",
        f"web 1024 35 12345678901234567890\nweb {ONE.text}", f"{'x,' * 20_000}web {ONE.text}",
    ],
)  # fmt: skip
def test_unusual_lines_are_read(file: Path, row: str) -> None:
    file.write_bytes(row.encode())
    assert [line.key for line in find([file], "web").keys] == [ONE] and not problems([file])


@pytest.mark.parametrize("kind", ["sk-ssh-ed25519@openssh.com", "ssh-dss", "ssh-mldsa65", "ecdsa-sha2-nistp521"])
def test_keys_that_paramiko_does_not_know_are_no_problem(file: Path, kind: str) -> None:
    file.write_text(f"web {made(kind).text}\n")
    assert find([file], "web").keys[0].key.kind == kind and not problems([file])


def test_files_that_are_none(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (tmp_path, fifo, Path("/dev/zero")):
        assert not find([path], "web").keys
        assert problems([path]) == [f"{path} is not a file of at most 32 MiB, so it was not read."]
    assert problems([tmp_path / "missing"]) == []
    (tmp_path / "loop").symlink_to("loop")
    assert "is not readable: Too many levels" in problems([tmp_path / "loop"])[0]


@given(st.binary(max_size=400))
def test_no_content_raises_an_error(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        find([Path(file.name)], "web")
        problems([Path(file.name)])


class TestNewLines:
    def test_keys_are_added(self, file: Path) -> None:
        known_hosts.add(file, "web", [ONE])
        assert file.stat().st_mode & 0o777 == 0o600
        file.write_text(f"last {TWO.text}")
        file.chmod(0o644)
        known_hosts.add(file, "web", [ONE])
        assert file.read_text() == f"last {TWO.text}\nweb {ONE.text}\n" and file.stat().st_mode & 0o777 == 0o644

    def test_only_the_old_key_of_this_server_is_replaced(self, file: Path) -> None:
        rsa = made("ssh-rsa")
        rows = [f"web,10.0.0.1 {ONE.text} mine", f"web {rsa.text}", f"copy {ONE.text}", "damaged", f"@revoked * {ONE.text}"]
        rows.append(f"x {TWO.text}")
        file.write_text("".join(f"{row}\r\n" for row in rows))
        assert known_hosts.replace(file, {"web"}, {ONE: made("ssh-ed25519", "c")})
        new = made("ssh-ed25519", "c").text
        expected = [f"web,10.0.0.1 {new}", rows[1], rows[2], f"copy {new}", *rows[3:]]
        assert [row.rstrip("\r") for row in file.read_text().split("\n")[:-1]] == expected
        assert not known_hosts.replace(file, {"web"}, {ONE: made("ssh-ed25519", "c")}) or ONE.text in file.read_text()

    def test_a_hashed_name_stays_hashed(self, file: Path) -> None:
        key = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
        file.write_text(f"web ssh-ed25519 {key}\n")
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
        names = file.read_text().split()[0]
        assert known_hosts.replace(file, {"web"}, {HostKey("ssh-ed25519", base64.b64decode(key)): TWO})
        assert file.read_text() == f"{names} {TWO.text}\n"

    def test_a_line_that_ssh_adds_meanwhile_stays(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file.write_text(f"web {ONE.text}\n")
        real, added = tempfile.mkstemp, []

        def slow(**options: object) -> object:
            if not added:
                added.append("other")
                with file.open("a") as other:
                    other.write(f"other {TWO.text}\n")
            return real(**options)  # type: ignore[call-overload]

        monkeypatch.setattr("tempfile.mkstemp", slow)
        known_hosts.add(file, "new", [ONE])
        assert file.read_text() == f"web {ONE.text}\nother {TWO.text}\nnew {ONE.text}\n"

    def test_a_link_stays_a_link(self, file: Path, tmp_path: Path) -> None:
        (tmp_path / "real").write_text("")
        file.symlink_to("real")
        known_hosts.add(file, "web", [ONE])
        assert file.is_symlink() and (tmp_path / "real").read_text() == f"web {ONE.text}\n"

    def test_a_file_that_is_not_writable(self, tmp_path: Path) -> None:
        with pytest.raises(SelvedgeError, match="could not write /proc/nothing/known_hosts"):
            known_hosts.add(Path("/proc/nothing/known_hosts"), "web", [ONE])
        os.mkfifo(tmp_path / "fifo")
        for path in (tmp_path, tmp_path / "fifo"):
            with pytest.raises(SelvedgeError, match="Is a directory, or no regular file"):
                known_hosts.add(path, "web", [ONE])
