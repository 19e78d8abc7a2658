"""Quoting: dash reads back exactly the value."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from selvedge.shell.library import library, names
from selvedge.shell.quoting import assign, quote, with_input, words

pytestmark = pytest.mark.programs

# Any text without NUL. Lone surrogates stand for bytes that are not UTF-8.
ANY = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
NASTY = st.text(st.sampled_from("ab '\"\\$`(){}[]*?~!#%&;|<>=\n\r\t-EOF_\x01\x1b\x7f\x81\x88ā部署"))
# dash 0.5.12 loses a byte of such text in a here-document.
MARKED = st.lists(st.sampled_from(["E", "EO", "EOF", "EOF_", "\n", "x", "ö", "部", "\x80"])).map("".join)
VALUES = st.one_of(ANY, NASTY, MARKED)
LIBRARIES = sorted(names())


def dash(script: str, stdin: bytes = b"") -> bytes:
    """Return the output of a script in dash, the /bin/sh of Debian."""
    found = shutil.which("dash")
    assert found, "dash is not installed: apt-get install dash"
    # On a server, too, standard input has the script, and `eval` runs it.
    data = script.encode("utf-8", "surrogateescape")
    command = [found, "-c", f'LC_ALL=C.UTF-8; eval "$(head -c {len(data)})"']
    done = subprocess.run(command, input=data + stdin, capture_output=True, check=False, timeout=20)
    assert (done.returncode, done.stderr) == (0, b""), done
    return done.stdout


@given(st.lists(VALUES, min_size=1, max_size=30))
@example(["", "-n", "--", "a\n", "\n\n", "$HOME", "`id`", "'", "\\", "\\'", "a\\\nb", "%s", "~", "*", "#x", "!!"])
@example(["x" * 200_000])
def test_quoted_words_reach_a_program_unchanged(values: list[str]) -> None:
    printed = dash(f"f() {{ printf '%s\\0' \"$@\"; }}\nf {words(*values)}\nf {quote(values[0])}")
    assert printed.decode().split("\0")[:-1] == [*values, values[0]]


@given(st.lists(VALUES, min_size=1, max_size=30))
@example(["a\n", "\n", "", "$x", "a'b\"c`d"])
def test_assigned_values_are_in_the_variables(values: list[str]) -> None:
    names = {f"v{number}": value for number, value in enumerate(values)}
    shown = "\n".join(f"printf '%s\\0' \"${name}\"" for name in names)
    assert dash(f"set -u\n{assign(**names)}\n{shown}").decode().split("\0")[:-1] == values


@given(st.lists(st.one_of(VALUES, VALUES.map(lambda text: text + "\n")), min_size=1, max_size=20))
@example(["EOF\n", "EOF\nEOF_\nEOF__\n", "a\nEOF", "\nEOF\n", "EOF", "a\\\nEOF\n", "$x `id` \\$\n", "\t tab\n", "\r\n"])
@example(["line\n" * 40_000])
@example(["Eö\nEOö\nEOFö\nEOF_ö\nöEOF\n E部\n", "x\nE部\n"])
def test_documents_are_printed_unchanged(values: list[str]) -> None:
    script = "".join(f"{with_input('cat', value)}\nprintf '\\0end\\0'\n" for value in values)
    assert dash(script).decode().split("\0end\0")[:-1] == values


def test_bytes_that_are_not_utf_8_pass() -> None:
    value = bytes(range(1, 256)).decode("utf-8", "surrogateescape")
    expected = bytes(range(1, 256))
    assert dash(f"printf '%s' {quote(value)}") == expected
    assert dash(f"{assign(x=value)}\nprintf '%s' \"$x\"") == expected
    assert dash(with_input("cat", value)) == expected
    assert dash(with_input("cat", value + "\n")) == expected + b"\n"


@pytest.mark.parametrize(
    "function", [quote, words, lambda value: with_input("cat", value), lambda value: assign(x=value)]
)
@pytest.mark.parametrize("value", ["a\0b", "a\0\n", "\0"])
def test_a_nul_is_refused(function: object, value: str) -> None:
    assert callable(function)
    with pytest.raises(ValueError, match="NUL"):
        function(value)


def test_numbers_and_booleans_are_assigned() -> None:
    assert assign(on=True, off=False, number=30, share=0.5, text="") == "on=1\noff=''\nnumber=30\nshare=0.5\ntext=''"


def test_readable_text_stays_readable_in_a_script() -> None:
    assert with_input("cat", "server {\n}\n") == "cat <<'EOF'\nserver {\n}\nEOF"
    assert with_input("cat", "a\nEOF\n").startswith("cat <<'EOF_'\n")


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_only_defines_functions(name: str) -> None:
    """Sourcing it runs only assignments and prints nothing."""
    done = subprocess.run(
        ["dash", "-c", 'set -eu; PATH=/nonexistent; eval "$0"; echo "read"', library(name)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("read\n", "")
