"""The app's environment: what a dotenv file says, and that `sh` reads back byte for byte what is written for it."""

import subprocess
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from selvedge.config.dotenv import read_environment, render_environment
from selvedge.errors import ConfigError

HOSTILE = [
    "",
    " ",
    "plain",
    "two words  and  more ",
    "it's",
    'step_say "hi"',
    "$HOME ${HOME} $(id) `id` $$ $1",
    "a\\",
    "a\\\\",
    '\\"',
    "\\$\\`\\n",
    "100%",
    "%n %s %%",
    "# no comment",
    "a # b",
    "a=b=c",
    "line one\nline two\n",
    "\n",
    "a\\\nb",
    "tab\there",
    "a\rb\r\nc\r",
    "汉字 日本語 한국어 🎉",
    "é\u0301\u202e\u2028",
    "{} [] * ? ~ ! & | ; < >",
    "x; touch /tmp/pwn",
    "a\n[program:x]",
    "\x01\x1b[31m\x7f\x85",
    "\u0081\u0082\u0088",
    "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n",
]
values = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,10}", fullmatch=True).map(lambda name: f"X_{name}")


def read_by_sh(file: Path) -> dict[bytes, bytes]:
    """Return the environment of a program that `sh` starts after it has read the file."""
    command = ["env", "-i", "sh", "-c", 'set -a; . "$1"; exec /usr/bin/env -0', "sh", str(file)]
    output = subprocess.run(command, capture_output=True, check=True, cwd="/").stdout
    pairs = [entry.partition(b"=") for entry in output.split(b"\0") if entry]
    return {name: value for name, _, value in pairs if name.startswith(b"X_")}


def secrets(plain: dict[str, str]) -> dict[str, SecretStr]:
    return {name: SecretStr(value) for name, value in plain.items()}


def encoded(plain: dict[str, str]) -> dict[bytes, bytes]:
    return {name.encode(): value.encode() for name, value in plain.items()}


def test_sh_reads_back_every_hostile_value(tmp_path: Path) -> None:
    plain = {f"X_{number}": value for number, value in enumerate(HOSTILE)}
    file = tmp_path / "env"
    file.write_bytes(render_environment(secrets(plain)).encode())
    assert read_by_sh(file) == encoded(plain)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(names, values, max_size=20))
def test_sh_reads_back_any_value(tmp_path: Path, plain: dict[str, str]) -> None:
    file = tmp_path / "env"
    file.write_bytes(render_environment(secrets(plain)).encode())
    assert read_by_sh(file) == encoded(plain)


def test_the_format_follows_systemd() -> None:
    """systemd.exec(5): in double quotes a backslash escapes only these four characters."""
    assert render_environment(secrets({"A": 'x"\\`$\n%#'})) == 'A="x\\"\\\\\\`\\$\n%#"\n'
    assert render_environment({}) == ""


@pytest.mark.parametrize(
    "plain", [{"A": "\0"}, {"a b": "x"}, {"1A": "x"}, {"A;x": "y"}, {"": "x"}, {"A\n": "x"}, {"É": "x"}]
)
def test_values_that_the_format_cannot_hold_are_refused(plain: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        render_environment(secrets(plain))


def plain(path: Path) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in read_environment(path).items()}


def test_reading_follows_python_dotenv(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "# a comment\n"
        "export DATABASE_URL=postgres://u:p@h/db  # trailing comment\n"
        "QUOTED='single $HOME \\n'\n"
        'DOUBLE="a\\nb\\t\\"c\\" ${HOME}"\n'
        'MANY="one\ntwo"\n'
        "EMPTY=\n"
        "HASH=a#b\n"
        "  SPACED = x y  \n"
        "TWICE=1\n"
        "TWICE=2\n"
        "VALUE=汉字\n",
        encoding="utf-8",
    )
    expected = {
        "DATABASE_URL": "postgres://u:p@h/db",
        "QUOTED": "single $HOME \\n",
        "DOUBLE": 'a\nb\t"c" ${HOME}',
        "MANY": "one\ntwo",
        "EMPTY": "",
        "HASH": "a#b",
        "SPACED": "x y",
        "TWICE": "2",
        "VALUE": "汉字",
    }
    assert plain(file) == expected
    assert dict(dotenv_values(file, interpolate=False)) == expected


def test_variables_are_not_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHO", "deployer")
    (tmp_path / ".env").write_text('A="${WHO}"\nB=${A}$WHO\n')
    assert plain(tmp_path / ".env") == {"A": "${WHO}", "B": "${A}$WHO"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values)
def test_single_quotes_keep_any_value(tmp_path: Path, value: str) -> None:
    file = tmp_path / ".env"
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    file.write_bytes(f"A='{quoted}'\n".encode())
    assert plain(file) == {"A": value}


def test_windows_line_ends_are_line_ends_and_stay_in_values(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=1\r\n\r\nexport B=\"x\r\ny\"\r\nC='a\rb\r\n'\r\nD=x # y\r\n")
    assert plain(tmp_path / ".env") == {"A": "1", "B": "x\r\ny", "C": "a\rb\r\n", "D": "x"}


def test_a_byte_order_mark_is_not_part_of_the_first_name(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfA=1\n")
    assert plain(tmp_path / ".env") == {"A": "1"}


def test_a_secret_has_its_own_type(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=hunter2\n")
    found = read_environment(tmp_path / ".env")
    assert "hunter2" not in f"{found} {found!r}"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("A=1\n\nNO_VALUE\n", "line 3", "has no `=`"),
        ("hunter2\n", "line 1", "has no `=`"),
        ("A=1\r\n\r\n1B=hunter2\r\n", "line 3", "must not begin with a digit"),
        ("A=1\nB-C=hunter2\n", "line 2", "name must have only letters, digits and '_'"),
        ("1A=hunter2\n", "line 1", "must not begin with a digit"),
        ("É=hunter2\n", "line 1", "only letters, digits"),
        ("A='hunter2\n", "line 1", "a closing quote is missing"),
        ("=hunter2\n", "line 1", "is not an assignment"),
    ],
)
def test_a_wrong_line_is_named_without_its_value(
    tmp_path: Path, text: str, line: str, words: str
) -> None:
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_environment(tmp_path / ".env")
    assert caught.value.status == 2
    assert caught.value.key == line
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_all_problems_are_listed_at_once(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A\nOK=1\nB-C=2\nD\n")
    with pytest.raises(ConfigError) as caught:
        read_environment(tmp_path / ".env")
    assert [problem.key for problem in caught.value.problems] == ["line 1", "line 3", "line 4"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "the file is missing"),
        (b"A=\xe9\n", "is not UTF-8"),
        (b"A=hunter2\0\n", "NUL"),
        ("A=hunter2\n".encode("utf-16"), "is UTF-16 text"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk=\n", "is a key or certificate, not a dotenv file"),
        (b"\n-----BEGIN CERTIFICATE-----\nhunter2=\n", "is a key or certificate"),
        (9 * 1024 * 1024 * b"A", "is too large"),
    ],
)
def test_a_file_that_is_not_a_dotenv_file(tmp_path: Path, content: bytes | None, problem: str) -> None:
    if content is not None:
        (tmp_path / "x.env").write_bytes(content)
    with pytest.raises(ConfigError, match=problem) as caught:
        read_environment(tmp_path / "x.env")
    assert caught.value.remedy
    assert "hunter2" not in str(caught.value) and "b3B" not in str(caught.value)


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/stdin", "/"])
def test_a_file_without_end_is_not_read(path: str) -> None:
    with pytest.raises(ConfigError, match="instead of a regular file"):
        read_environment(Path(path))
