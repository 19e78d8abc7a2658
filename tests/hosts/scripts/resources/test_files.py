"""Files: text, mode, owner, secrets, diffs."""

from __future__ import annotations

import os
import stat
from typing import Any

import pytest

from selvedge.resources.base import Resource
from selvedge.resources.files import Absent, Directory, File, Link
from tests.hosts.scripts.resources.modes import mode
from tests.support.plans import summaries

HOSTILE = {
    "plain": "a line\nand another\n",
    "empty": "",
    "newline": "\n",
    "newlines": "\n\na\n\n\n",
    "no-final-newline": "a\nb",
    "crlf": "a\r\nb\r\n",
    "carriage-return": "a\rb\n",
    "quotes": "it's \"quoted\" '' \"\" '\\''\n",
    "commands": "$(touch /root/pwned) `touch /root/pwned` ${HOME} $HOME $((1+1)) !! \\$x\n",
    "commands-no-newline": "'$(touch /root/pwned)' `id`",
    "here-document": "EOF\nEOF_\nEOF\ntouch /root/pwned\nEOF__",
    "here-document-2": "EOF\nEOF_\nEOF_\n",
    "here-document-3": "École, Eßbar, EO部\nEßbar\nEOö\nEOF部\nEOF_ö\n",
    "percent": "100% %s %d %n %%\n",
    "percent-no-newline": "%s\\n%",
    "backslashes": "\\ \\n \\\\ \\0 a\\\n\\",
    "cjk": "部署 使用者 例え 👩‍🚀 ā\n",
    "cjk-no-newline": "部署",
    # dash uses the bytes 0x81 to 0x88 as marks in its own strings.
    "dash-bytes": "".join(chr(number) for number in range(0x80, 0x180)) + "\n",
    "dash-bytes-no-newline": "".join(chr(number) for number in range(0x80, 0x180)),
    "controls": "".join(chr(number) for number in range(1, 32)) + "\x7f\n",
    "mark": "@test end 0\n@test facts end\n\n@test fact 1\n",
    "dashes": "-n\n-- -e\n",
    "big": "0123456789abcde\n" * 12_800,
    "big-no-newline": "x" * 200_000,
}


@pytest.mark.parametrize("secret", [False, True])
def test_a_file_has_exactly_its_text(server: Any, secret: bool) -> None:
    files = [File(f"/etc/texts/{name}", text, "0640", secret=secret) for name, text in HOSTILE.items()]
    server.make(*files)
    for name, text in HOSTILE.items():
        path = server.path(f"/etc/texts/{name}")
        assert path.read_bytes() == text.encode(), name
        assert mode(path) == "0o640"
    assert not server.path("/root/pwned").exists()


@pytest.mark.parametrize("secret", [False, True])
def test_a_file_replaces_the_old_text(server: Any, secret: bool) -> None:
    folder = server.path("/etc/texts")
    folder.mkdir()
    texts = {name: HOSTILE[name] for name in ("plain", "empty", "crlf", "here-document", "cjk-no-newline", "big")}
    for name in texts:
        (folder / name).write_bytes(b"\xff\xfe old \x00 text")
    server.make(*[File(f"/etc/texts/{name}", text, secret=secret) for name, text in texts.items()])
    assert all((folder / name).read_bytes() == text.encode() for name, text in texts.items())


def test_overwritten_files_are_backed_up_for_root(server: Any) -> None:
    """The last five versions of each path are kept, and none of a secret."""
    kept = server.path("/var/backups/selvedge/etc/app")
    kept.mkdir(parents=True)
    for number in range(1, 6):
        (kept / f"site.2020010{number}T000000Z").write_text(str(number))
    server.path("/etc/app").mkdir()
    server.path("/etc/app/site").write_text("by hand\n")
    server.path("/etc/app/token").write_text("by hand\n")
    server.make(File("/etc/app/site", "ours\n"), File("/etc/app/token", "ours\n", secret=True))
    copies = sorted(kept.iterdir())
    assert [copy.read_text() for copy in copies] == ["2", "3", "4", "5", "by hand\n"]
    server.make(File("/etc/other/site", "new\n"))
    folder = server.path("/var/backups/selvedge")
    assert sorted(path.name for path in folder.rglob("*") if path.is_dir()) == ["app", "etc"]


PATHS = ["/etc/with space", "/etc/it's", "/etc/$(id)", "/etc/-n", "/etc/部署", "/etc/a;b", "/etc/a%sb\\n", "/etc/*"]


def test_hostile_paths_stay_one_word(server: Any) -> None:
    made: list[Resource] = []
    for path in PATHS:
        made += [File(path, "text\n"), Directory(f"{path}.d"), Link(f"{path}.link", path), Absent(f"{path}.gone")]
    server.make(*made)
    server.make(*[File(path, path, secret=True) for path in PATHS], *[Absent(f"{path}.link") for path in PATHS])
    for path in PATHS:
        assert server.path(path).read_text() == path
        assert server.path(f"{path}.d").is_dir() and not os.path.lexists(server.path(f"{path}.link"))


def test_the_mode_of_a_file(server: Any) -> None:
    modes = ["0600", "0644", "0755", "4755", "0000", "640"]
    files = [File(f"/etc/file-{wanted}", "text\n", wanted) for wanted in modes]
    server.make(*files)
    for file in files:
        server.path(file.path).chmod(0o2777)
    expected = [f"set the mode of {file.path} to {file.mode} and its owner to root:root" for file in files]
    assert summaries(server.make(*files)) == expected
    for file in files:
        assert stat.S_IMODE(server.path(file.path).stat().st_mode) == int(file.mode, 8)


def test_the_owner_of_a_file_and_a_directory(server: Any) -> None:
    file, directory = server.path("/etc/file"), server.path("/etc/folder")
    for owner, group in [("daemon", "adm"), ("root", "root")]:
        server.make(File("/etc/file", "x", owner=owner, group=group), Directory("/etc/folder", owner=owner, group=group))
        assert (file.owner(), file.group()) == (directory.owner(), directory.group()) == (owner, group)


def test_an_unchanged_file_is_not_written(server: Any) -> None:
    server.make(File("/etc/file", "text\n"))
    before = server.tree()
    assert not server.plan(File("/etc/file", "text\n"))
    assert server.tree() == before


def test_a_link_is_replaced_and_not_followed(server: Any) -> None:
    outside = server.path("/root/outside")
    outside.write_text("mine")
    server.path("/etc/file").symlink_to("/root/outside")
    server.path("/etc/dangling").symlink_to("/root/nothing")
    server.make(File("/etc/file", "text\n"), File("/etc/dangling", "text\n", secret=True))
    assert outside.read_text() == "mine"
    assert not server.path("/root/nothing").exists()
    assert not server.path("/etc/file").is_symlink() and not server.path("/etc/dangling").is_symlink()


def test_a_fifo_is_replaced_and_does_not_block(server: Any) -> None:
    os.mkfifo(server.path("/etc/file"))
    server.make(File("/etc/file", "text\n"))
    assert server.path("/etc/file").read_text() == "text\n"


def test_a_directory_is_not_replaced_by_a_file(server: Any) -> None:
    server.path("/etc/file").mkdir()
    server.path("/etc/file/mine").touch()
    for resource in (File("/etc/file", "x\n"), Link("/etc/file", "/srv"), Absent("/etc/file")):
        done = server.apply(server.plan(resource))
        assert done.status == 1
        assert "/etc/file is a directory, but Selvedge needs " in done.error
    assert server.path("/etc/file/mine").exists()


def test_a_program_can_refuse_the_file(server: Any) -> None:
    server.program("checker", 'grep -q good "$1" || { echo "bad: $1"; exit 3; }')
    server.make(File("/etc/file", "good\n", validate="checker"))
    for secret in (False, True):
        done = server.apply(server.plan(File("/etc/file", "evil\n", validate="checker", secret=secret)))
        assert done.status == 1 and "bad: /etc/file" in done.output
        assert server.path("/etc/file").read_text() == "good\n"
    server.assert_clean()


def test_an_incomplete_secret_is_not_written(server: Any) -> None:
    old, new = File("/etc/env", "old\n", secret=True), File("/etc/env", "a new secret\n", secret=True)
    server.make(old)
    after = File("/etc/after", "x\n")
    for part in (b"", b"a new sec"):
        done = server.apply(server.plan(new, after), stdin=part)
        assert done.status == 1
        assert "connection" in done.error
        assert server.path("/etc/env").read_text() == "old\n"
        assert not server.path("/etc/after").exists()
        server.assert_clean()


def test_each_secret_arrives_in_its_file(server: Any) -> None:
    server.make(
        File("/etc/one", "first", secret=True),
        File("/etc/plain", "plain\n"),
        File("/etc/empty", "", secret=True),
        File("/etc/two", "second\n\n", secret=True),
    )
    read = {name: server.path(f"/etc/{name}").read_text() for name in ("one", "plain", "empty", "two")}
    assert read == {"one": "first", "plain": "plain\n", "empty": "", "two": "second\n\n"}


def test_no_script_diff_or_fact_contains_a_secret(server: Any) -> None:
    canary = "c4nary-secret"
    server.path("/etc/env").write_text(f"{canary}-old\n")
    resource = File("/etc/env", f"{canary}-new\n", secret=True)
    assert canary not in "".join(server.read(resource))
    ((_, change),) = server.plan(resource).changes
    assert canary not in change.shell and canary not in change.summary and change.diff == ""
    assert canary not in repr(resource) and canary not in resource.identity()
    done = server.apply(server.plan(resource))
    assert canary not in done.output
    assert canary not in server.path("/var/log/selvedge/hello.log").read_text()
    assert server.path("/etc/env").read_text() == f"{canary}-new\n"


DIFFS = [
    ("a\nb\n", "a\nc\n", ["-b", "+c"]),
    ("a\n", "a", ["-a", "+a", "\\ No newline at the end"]),
    ("a", "a\n", ["-a", "\\ No newline at the end", "+a"]),
    ("a\r\n", "a\n", ["-a\r", "+a"]),
    ("", "a\n", ["+a"]),
    ("a\x0cb\n", "a\x0cc\n", ["-a\x0cb", "+a\x0cc"]),
]


def test_the_diff_shows_what_differs(server: Any) -> None:
    for number, (before, _, _) in enumerate(DIFFS):
        server.path(f"/etc/{number}").write_bytes(before.encode())
    planned = server.plan(*[File(f"/etc/{number}", after) for number, (_, after, _) in enumerate(DIFFS)])
    for number, ((_, _, expected), (_, change)) in enumerate(zip(DIFFS, planned.changes, strict=True)):
        assert change.summary == f"write /etc/{number}"
        head, body = change.diff.split("\n")[:3], change.diff.split("\n")[3:]
        assert head[:2] == [f"--- /etc/{number} (on the server)", f"+++ /etc/{number}"] and head[2].startswith("@@ ")
        assert [row for row in body if not row.startswith(" ")] == expected
