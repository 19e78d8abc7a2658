"""One variable is set in an environment file, and the rest of the file stays as it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from selvedge.config.dotenv import read_environment
from selvedge.config.env_file import set_variable, with_variable
from selvedge.errors import ConfigError
from tests.unit.config.test_environment import HOSTILE, values

FILE = """\
# The app's settings

export  FIRST = 'one'   # a comment
EMPTY=
SPACED =  two words  # another
NOTE= # no value
QUOTED="a \\"b\\" # c"#d
MANY="line
two"
FIRST=again
LAST=end"""


def read(path: Path) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in read_environment(path).items()}


@pytest.mark.parametrize(
    ("name", "value", "old", "new"),
    [
        ("FIRST", "x", "FIRST=again", "FIRST=x"),
        ("EMPTY", "two words", "EMPTY=\n", "EMPTY='two words'\n"),
        ("SPACED", "x", "SPACED =  two words  # another", "SPACED =  x  # another"),
        ("SPACED", "a #b", "SPACED =  two words  # another", "SPACED =  'a #b'  # another"),
        ("NOTE", "x", "NOTE= # no value", "NOTE=x # no value"),
        ("QUOTED", "x", 'QUOTED="a \\"b\\" # c"#d', "QUOTED='x'#d"),
        ("MANY", "it's", 'MANY="line\ntwo"', 'MANY="it\'s"'),
        ("MANY", "", 'MANY="line\ntwo"', "MANY=''"),
        ("LAST", "x", "LAST=end", "LAST=x"),
        ("NEW", "$HOME's", "LAST=end", "LAST=end\nNEW='$HOME\\'s'\n"),
    ],
)
def test_only_the_value_changes(name: str, value: str, old: str, new: str) -> None:
    assert with_variable(FILE, name, value) == FILE.replace(old, new)


def test_windows_line_ends_and_a_byte_order_mark_stay(tmp_path: Path) -> None:
    path = tmp_path / "x.env"
    path.write_bytes(b"\xef\xbb\xbfA=1\r\nB=2")
    set_variable(path, "C", "3")
    set_variable(path, "A", "x\r\ny")
    assert path.read_bytes() == b"\xef\xbb\xbfA='x\r\ny'\r\nB=2\r\nC=3\r\n"
    assert read(path) == {"A": "x\r\ny", "B": "2", "C": "3"}


@pytest.mark.parametrize("value", HOSTILE)
def test_every_hostile_value_is_read_back(tmp_path: Path, value: str) -> None:
    path = tmp_path / "x.env"
    for name in ("FIRST", "MIDDLE", "FIRST", "LAST"):
        set_variable(path, name, value)
    set_variable(path, "MIDDLE", f"{value}'")
    found = read(path)
    assert (found["FIRST"], found["MIDDLE"], found["LAST"]) == (value, f"{value}'", value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values, values, values)
def test_any_value_is_read_back(tmp_path: Path, one: str, two: str, three: str) -> None:
    path = tmp_path / "x.env"
    path.unlink(missing_ok=True)
    for name, value in (("A", one), ("B", two), ("A", three)):
        set_variable(path, name, value)
    assert read(path) == {"A": three, "B": two}


def test_a_new_file_is_private_and_an_existing_one_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        set_variable(tmp_path / "new.env", "A", "1")
        (tmp_path / "shared.env").write_text("A=1\n")
        (tmp_path / "shared.env").chmod(0o640)
        (tmp_path / "link.env").symlink_to("shared.env")
        set_variable(tmp_path / "link.env", "A", "2")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir() if not path.is_symlink()}
    assert modes == {"new.env": 0o600, "shared.env": 0o640}
    assert (tmp_path / "link.env").is_symlink()
    assert (tmp_path / "shared.env").read_text() == "A=2\n"


def test_a_file_that_cannot_be_written_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.env"
    path.write_text("A=1\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="A was not set, because the file cannot be written: No space left") as error:
        set_variable(path, "A", "s3cret")
    assert "s3cret" not in str(error.value)
    assert [each.name for each in tmp_path.iterdir()] == ["x.env"]
    assert path.read_text() == "A=1\n"
    with pytest.raises(ConfigError, match="No such file"):
        set_variable(tmp_path / "none/x.env", "A", "1")
