"""Each resource on a server of folders: apply, read again, plan nothing; and tables of fact -> change."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import paramiko
import pytest
from selvedge.plan import plan

from selvedge.resources.base import Change, Resource
from selvedge.resources.files import Absent, Directory, Entries, File, Link
from selvedge.resources.git import Checkout, DeployKey, Fetched, GitHostKey, Mirror, Pushed
from selvedge.resources.need import Needs
from selvedge.resources.ports import Port
from selvedge.resources.python import Python, Tool
from selvedge.resources.system import Packages, Service, User
from selvedge.resources.venv import Venv

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
    # dash marks things in its own strings with the bytes 0x81 to 0x88.
    "dash-bytes": "".join(chr(number) for number in range(0x80, 0x180)) + "\n",
    "dash-bytes-no-newline": "".join(chr(number) for number in range(0x80, 0x180)),
    "controls": "".join(chr(number) for number in range(1, 32)) + "\x7f\n",
    "mark": "@test end 0\n@test facts end\n\n@test fact 1\n",
    "dashes": "-n\n-- -e\n",
    "big": "0123456789abcde\n" * 12_800,
    "big-no-newline": "x" * 200_000,
}


def names(planned: Any) -> list[str]:
    return [change.summary for _, change in planned.changes]


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.lstat().st_mode))


# --- files ---


@pytest.mark.parametrize("secret", [False, True])
def test_a_file_holds_exactly_its_text_whatever_that_is(server: Any, secret: bool) -> None:
    files = [File(f"/etc/texts/{name}", text, "0640", secret=secret) for name, text in HOSTILE.items()]
    server.make(*files)
    for name, text in HOSTILE.items():
        path = server.path(f"/etc/texts/{name}")
        assert path.read_bytes() == text.encode(), name
        assert mode(path) == "0o640"
    assert not server.path("/root/pwned").exists()


@pytest.mark.parametrize("secret", [False, True])
def test_a_file_replaces_what_stood_there(server: Any, secret: bool) -> None:
    folder = server.path("/etc/texts")
    folder.mkdir()
    texts = {name: HOSTILE[name] for name in ("plain", "empty", "crlf", "here-document", "cjk-no-newline", "big")}
    for name in texts:
        (folder / name).write_bytes(b"\xff\xfe old \x00 text")
    server.make(*[File(f"/etc/texts/{name}", text, secret=secret) for name, text in texts.items()])
    assert all((folder / name).read_bytes() == text.encode() for name, text in texts.items())


def test_what_is_overwritten_is_kept_for_root_alone(server: Any) -> None:
    """The last five of each path; of a secret nothing."""
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


def test_paths_are_one_word(server: Any) -> None:
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
    assert names(server.make(*files)) == [f"set {file.path} to mode {file.mode}, root:root" for file in files]
    for file in files:
        assert stat.S_IMODE(server.path(file.path).stat().st_mode) == int(file.mode, 8)


def test_the_owner_of_a_file_and_a_directory(server: Any) -> None:
    file, directory = server.path("/etc/file"), server.path("/etc/folder")
    for owner, group in [("daemon", "adm"), ("root", "root")]:
        server.make(File("/etc/file", "x", owner=owner, group=group), Directory("/etc/folder", owner=owner, group=group))
        assert (file.owner(), file.group()) == (directory.owner(), directory.group()) == (owner, group)


def test_an_unchanged_file_is_not_touched(server: Any) -> None:
    server.make(File("/etc/file", "text\n"))
    before = server.tree()
    assert not server.plan(File("/etc/file", "text\n"))
    assert server.tree() == before


def test_a_link_where_a_file_must_stand_is_replaced_and_not_followed(server: Any) -> None:
    outside = server.path("/root/outside")
    outside.write_text("mine")
    server.path("/etc/file").symlink_to("/root/outside")
    server.path("/etc/dangling").symlink_to("/root/nothing")
    server.make(File("/etc/file", "text\n"), File("/etc/dangling", "text\n", secret=True))
    assert outside.read_text() == "mine"
    assert not server.path("/root/nothing").exists()
    assert not server.path("/etc/file").is_symlink() and not server.path("/etc/dangling").is_symlink()


def test_a_fifo_where_a_file_must_stand_neither_blocks_nor_stays(server: Any) -> None:
    os.mkfifo(server.path("/etc/file"))
    server.make(File("/etc/file", "text\n"))
    assert server.path("/etc/file").read_text() == "text\n"


def test_a_directory_where_a_file_must_stand_is_refused(server: Any) -> None:
    server.path("/etc/file").mkdir()
    server.path("/etc/file/mine").touch()
    for resource in (File("/etc/file", "x\n"), Link("/etc/file", "/srv"), Absent("/etc/file")):
        done = server.apply(server.plan(resource))
        assert done.status == 1
        assert "/etc/file is a directory" in done.error and "move it away" in done.error
    assert server.path("/etc/file/mine").exists()


def test_a_file_is_checked_by_the_program_that_reads_it(server: Any) -> None:
    server.program("checker", 'grep -q good "$1" || { echo "bad: $1"; exit 3; }')
    server.make(File("/etc/file", "good\n", validate="checker"))
    for secret in (False, True):
        done = server.apply(server.plan(File("/etc/file", "evil\n", validate="checker", secret=secret)))
        assert done.status == 1 and "bad: /etc/file" in done.output
        assert server.path("/etc/file").read_text() == "good\n"
    server.assert_clean()


def test_a_secret_that_arrives_in_part_is_not_written(server: Any) -> None:
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


def test_secrets_arrive_each_in_its_own_file(server: Any) -> None:
    server.make(
        File("/etc/one", "first", secret=True),
        File("/etc/plain", "plain\n"),
        File("/etc/empty", "", secret=True),
        File("/etc/two", "second\n\n", secret=True),
    )
    read = {name: server.path(f"/etc/{name}").read_text() for name in ("one", "plain", "empty", "two")}
    assert read == {"one": "first", "plain": "plain\n", "empty": "", "two": "second\n\n"}


def test_a_secret_stands_in_no_script_no_diff_and_no_fact(server: Any) -> None:
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


# --- directories, links, nothing ---


def test_entries_of_a_file_that_belongs_to_a_package(server: Any) -> None:
    file = server.path("/etc/package.conf")
    file.write_text("# COST: how dear.\n#COST 5\nROUNDS\t1\n  ROUNDS 2\nROUNDS_OF 3\n#ROUNDS 9\nOTHER 7")
    resource = Entries("/etc/package.conf", (("ROUNDS", "65536"), ("COST", "8")), where="COST")
    planned = server.make(resource)
    assert planned.changes[0][1].diff.splitlines() == ["-ROUNDS\t1", "-  ROUNDS 2", "+ROUNDS 65536", "+COST 8"]
    kept = "# COST: how dear.\n#COST 5\nROUNDS_OF 3\n#ROUNDS 9\nOTHER 7\n"
    assert file.read_text() == f"{kept}# By `fab harden`: ROUNDS, COST\nROUNDS 65536\nCOST 8\n"
    file.write_text(file.read_text().replace("65536", "1"))
    server.make(resource)
    assert file.read_text() == f"{kept}# By `fab harden`: ROUNDS, COST\nROUNDS 65536\nCOST 8\n"


def test_entries_of_a_file_that_does_not_know_them(server: Any) -> None:
    entries = Entries("/etc/package.conf", (("ROUNDS", "1"),), where="ROUNDS")
    assert not server.plan(entries)
    server.path("/etc/package.conf").write_text("OTHER 1\n")
    assert not server.plan(entries)


def test_the_mode_of_a_directory(server: Any) -> None:
    cases = [(0o755, "0700"), (0o2755, "0755"), (0o1777, "0711"), (0o700, "2750"), (0o755, "0755")]
    for number, (standing, _) in enumerate(cases):
        server.path(f"/srv/{number}").mkdir()
        server.path(f"/srv/{number}").chmod(standing)
    server.make(*[Directory(f"/srv/{number}", wanted) for number, (_, wanted) in enumerate(cases)])
    for number, (_, wanted) in enumerate(cases):
        assert stat.S_IMODE(server.path(f"/srv/{number}").stat().st_mode) == int(wanted, 8)


def test_a_directory_below_one_that_hands_its_group_down(server: Any) -> None:
    parent = server.path("/srv/app")
    parent.mkdir()
    parent.chmod(0o2755)
    server.make(Directory("/srv/app/folder", "0750"), Directory("/srv/app/a/b/c", "0711"))
    assert mode(parent / "folder") == "0o750" and mode(parent / "a/b/c") == "0o711"


def test_the_parents_of_a_directory_are_roots(server: Any) -> None:
    server.make(Directory("/srv/a/b/c", "0700", owner="daemon", group="daemon"))
    assert mode(server.path("/srv/a/b")) == "0o755" and server.path("/srv/a/b").owner() == "root"


def test_what_is_no_directory_is_refused(server: Any) -> None:
    server.path("/srv/file").write_text("mine")
    server.path("/srv/link").symlink_to("/srv")
    server.path("/srv/dangling").symlink_to("/nowhere")
    before = server.tree("/srv")
    for path in ("/srv/file", "/srv/link", "/srv/dangling"):
        done = server.apply(server.plan(Directory(path)))
        assert done.status == 1 and done.error == f"{path} is not a directory; one must stand there: move it away"
    assert server.tree("/srv") == before


def test_a_link(server: Any) -> None:
    targets = ["/etc/target", "../relative", "with space", "it's $(id)", "-f", "部署", " spaces ", "%s\\n"]
    links = [Link(f"/etc/sites/{number}", to) for number, to in enumerate(targets)]

    def assert_made() -> None:
        server.make(*links)
        assert [str(server.path(link.path).readlink()) for link in links] == targets

    assert_made()
    for link in links:
        server.path(link.path).unlink()
        server.path(link.path).write_text("a file")
    assert_made()
    for link in links:
        server.path(link.path).unlink()
        server.path(link.path).symlink_to("elsewhere")
    assert_made()
    assert not server.plan(*links)


def test_nothing_stands_there(server: Any) -> None:
    server.path("/etc/folder").mkdir()
    os.mkfifo(server.path("/etc/fifo"))
    server.path("/etc/file").write_text("x")
    server.path("/etc/dangling").symlink_to("/nowhere")
    server.path("/etc/link").symlink_to("/etc/folder")
    gone = [Absent(f"/etc/{name}") for name in ("nothing", "fifo", "file", "dangling", "link")]
    assert names(server.make(*gone)) == [f"remove {resource.path}" for resource in gone[1:]]
    assert not any(os.path.lexists(server.path(resource.path)) for resource in gone)
    assert server.path("/etc/folder").is_dir()


def test_what_an_earlier_step_makes_is_needed(server: Any) -> None:
    need = Needs("/srv/hello/it's there", "clone")
    done = server.apply(server.plan(need, File("/etc/after", "")))
    assert done.status == 1
    assert done.error == "/srv/hello/it's there is not there yet: run `fab clone` first, or `fab deploy`, which runs all steps"
    assert not server.path("/etc/after").exists()
    server.path("/srv/hello").mkdir()
    server.path("/srv/hello/it's there").touch()
    assert not server.plan(need)


# --- git ---


def git(folder: Path, *arguments: str, stdin: str = "") -> str:
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": "x@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    command = ["git", "-C", str(folder), "-c", "protocol.file.allow=always", *arguments]
    done = subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(folder: Path, message: str = "work") -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(server: Any) -> Path:
    """A repository with what a checkout can get wrong; it stands in the server's own files, to be fetched from."""
    folder = server.path("/opt/hello")
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "main.py").write_text("app = 1\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "backend").mkdir()
    (folder / "backend" / "with space and 'quote'.txt").write_text("x")
    (folder / "backend" / "部署.txt").write_text("x")
    (folder / "passwd").symlink_to("/etc/passwd")
    (folder / "etc").symlink_to("/etc")
    (folder / "inside").symlink_to("backend")
    (folder / "crlf.txt").write_bytes(b"a\r\nb\r\n")
    commit(folder, "first")
    return folder


def fetched(sha: str, url: str = "file:///opt/hello") -> Fetched:
    return Fetched("/srv/hello/repo.git", url, sha, "/srv/hello/deploy_key", "/srv/hello/hosts", "/srv/hello/credentials")


def checkout(sha: str, base: str = "") -> Checkout:
    keys = ("/srv/hello/deploy_key", "/srv/hello/hosts", "/srv/hello/credentials")
    return Checkout(f"/srv/hello/releases/{sha[:12]}", "/srv/hello/repo.git", sha, "daemon", base, *keys)


def places() -> list[Resource]:
    return [Directory("/srv/hello", "0711"), Directory("/srv/hello/releases", "0711"), Mirror("/srv/hello/repo.git")]


def test_a_commit_is_fetched_and_checked_out(server: Any, repository: Path) -> None:
    sha = git(repository, "rev-parse", "HEAD")
    before = server.tree("/etc")
    server.make(*places(), fetched(sha), checkout(sha))
    release = server.path(f"/srv/hello/releases/{sha[:12]}")
    assert (release / "main.py").read_text() == "app = 1\n"
    assert (release / "crlf.txt").read_bytes() == b"a\r\nb\r\n"
    assert (release / "backend" / "部署.txt").exists() and (release / "backend" / "with space and 'quote'.txt").exists()
    assert not list(release.rglob(".git"))
    # A link that leads out of the repository is a link still, and what it leads to was not touched.
    assert [str((release / name).readlink()) for name in ("passwd", "inside")] == ["/etc/passwd", "backend"]
    assert server.tree("/etc") == before


def test_a_release_is_roots_and_the_app_may_only_read_it(server: Any, repository: Path) -> None:
    sha = git(repository, "rev-parse", "HEAD")
    server.make(*places(), fetched(sha), checkout(sha))
    release = server.path(f"/srv/hello/releases/{sha[:12]}")
    for entry in [release, *release.rglob("*")]:
        assert (entry.owner() if not entry.is_symlink() else "root") == "root"
        status = entry.lstat()
        assert (status.st_uid, status.st_gid) == (0, 1), entry
        if not entry.is_symlink():
            wanted = 0o751 if entry.is_dir() else 0o750 if entry.name == "run.sh" else 0o640
            assert stat.S_IMODE(status.st_mode) == wanted, entry


def test_each_commit_has_a_checkout_of_its_own(server: Any, repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    server.make(*places(), fetched(first), checkout(first))
    (repository / "main.py").write_text("app = 2\n")
    second = commit(repository)
    assert names(server.make(*places(), fetched(second), checkout(second))) == [
        f"fetch {second[:12]} from file:///opt/hello",
        f"check out /srv/hello/releases/{second[:12]}",
    ]
    read = [server.path(f"/srv/hello/releases/{sha[:12]}/main.py").read_text() for sha in (first, second)]
    assert read == ["app = 1\n", "app = 2\n"]


def test_a_commit_that_no_branch_holds_any_more_stays_in_the_mirror(server: Any, repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    server.make(*places(), fetched(first))
    (repository / "main.py").write_text("app = 2\n")
    git(repository, "commit", "-q", "--amend", "-a", "-m", "forced")
    git(repository, "branch", "gone/below", first)
    server.make(*places(), fetched(git(repository, "rev-parse", "HEAD")))
    git(repository, "branch", "-D", "gone/below")
    git(repository, "branch", "gone", first)
    (repository / "main.py").write_text("app = 3\n")
    server.make(*places(), fetched(commit(repository)))
    git(repository, "branch", "-D", "gone")
    (repository / "main.py").write_text("app = 4\n")
    server.make(*places(), fetched(commit(repository)))
    server.run("git --git-dir=/srv/hello/repo.git gc -q --prune=now")
    assert not server.plan(fetched(first))
    server.make(*places(), fetched(first), checkout(first))


def test_a_repository_that_cannot_be_fetched_is_named(server: Any, repository: Path) -> None:
    sha = git(repository, "rev-parse", "HEAD")
    server.make(*places())
    done = server.apply(server.plan(*places(), fetched(sha, "file:///opt/nowhere")))
    assert done.status == 1
    assert done.error.startswith(f"git cannot fetch {sha[:12]} from file:///opt/nowhere: fatal: ")
    done = server.apply(server.plan(*places(), fetched("f" * 40)))
    assert done.status == 1
    assert "has no commit ffffffffffff" in done.error and "force-pushed" in done.error


def test_submodules_are_checked_out(server: Any, repository: Path) -> None:
    library = server.path("/opt/library")
    library.mkdir()
    git(library, "init", "-q", "-b", "main")
    (library / "lib.py").write_text("x = 1\n")
    commit(library)
    git(repository, "submodule", "add", "-q", "--", str(library), "vendor/library")
    config = repository / ".gitmodules"
    config.write_text(config.read_text().replace(str(library), "../library"))
    sha = commit(repository)
    server.make(*places(), fetched(sha), checkout(sha, base="file:///opt/hello"))
    release = server.path(f"/srv/hello/releases/{sha[:12]}")
    assert (release / "vendor/library/lib.py").read_text() == "x = 1\n"
    assert not list(release.rglob(".git"))


def test_a_submodule_that_cannot_be_fetched_leaves_no_release(server: Any, repository: Path) -> None:
    library = server.path("/opt/library")
    library.mkdir()
    git(library, "init", "-q", "-b", "main")
    git(library, "commit", "-q", "--allow-empty", "-m", "x")
    git(repository, "submodule", "add", "-q", "--", str(library), "vendor/library")
    config = repository / ".gitmodules"
    config.write_text(config.read_text().replace(str(library), "../nowhere"))
    sha = commit(repository)
    server.make(*places(), fetched(sha))
    done = server.apply(server.plan(*places(), fetched(sha), checkout(sha, base="file:///opt/hello")))
    assert done.status == 1 and "submodule" in done.error
    assert not server.path(f"/srv/hello/releases/{sha[:12]}").exists()


def test_a_checkout_that_was_cut_off_is_made_anew(server: Any, repository: Path) -> None:
    sha = git(repository, "rev-parse", "HEAD")
    server.make(*places(), fetched(sha))
    half = server.path(f"/srv/hello/releases/.new-{sha[:12]}")
    half.mkdir()
    (half / "left").write_text("x")
    server.make(*places(), fetched(sha), checkout(sha))
    assert sorted(entry.name for entry in half.parent.iterdir()) == [sha[:12]]
    assert not (half.parent / sha[:12] / "left").exists()


LFS = "the repository keeps files in Git LFS: install git-lfs on the server (apt-get install git-lfs), then run this again"


@pytest.mark.parametrize(("attributes", "error"), [
    ("*.bin filter=lfs diff=lfs merge=lfs -text\n", LFS),
    ("# *.bin filter=lfs diff=lfs\n*.txt text\n", ""),
])
def test_git_lfs_is_asked_for_where_the_repository_needs_it(server: Any, repository: Path, attributes: str, error: str) -> None:
    (repository / "backend" / ".gitattributes").write_text(attributes)
    sha = commit(repository)
    server.make(*places(), fetched(sha))
    done = server.apply(server.plan(*places(), fetched(sha), checkout(sha)))
    assert done.error == error and (done.status == 0) is (not error)
    assert server.path(f"/srv/hello/releases/{sha[:12]}").exists() is (not error)


def test_a_path_on_this_machine_is_pushed(server: Any, tmp_path: Path) -> None:
    source = tmp_path / "my app; $(x) 'ü'"
    source.mkdir()
    git(source, "init", "-q", "-b", "main")
    (source / "main.py").write_text("app = 1\n")
    first = commit(source)
    server.make(*places(), Pushed("/srv/hello/repo.git", source, first), checkout(first))
    (source / "main.py").write_text("app = 2\n")
    second = commit(source)
    planned = server.make(*places(), Pushed("/srv/hello/repo.git", source, second), checkout(second))
    assert names(planned)[0].startswith(f"push {second[:12]} from {source} (0.")
    assert server.path(f"/srv/hello/releases/{second[:12]}/main.py").read_text() == "app = 2\n"
    server.run("git --git-dir=/srv/hello/repo.git gc -q --prune=now")
    assert not server.plan(Pushed("/srv/hello/repo.git", source, first))


def test_only_what_the_server_lacks_is_pushed(server: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    git(source, "init", "-q", "-b", "main")
    (source / "noise").write_bytes(os.urandom(300_000))
    first = commit(source)
    resources = [*places(), Pushed("/srv/hello/repo.git", source, first)]
    assert names(server.make(*resources))[-1].endswith("(0.3 MB)")
    (source / "main.py").write_text("app = 2\n")
    second = commit(source)
    ((_, change),) = server.plan(Pushed("/srv/hello/repo.git", source, second)).changes
    assert isinstance(change.payload, Path) and change.payload.stat().st_size < 2_000


def test_a_history_with_old_faults_and_a_shallow_one_can_be_pushed(server: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    git(source, "init", "-q", "-b", "main")
    (source / "main.py").write_text("app = 1\n")
    good = commit(source)
    # Many old repositories have a commit such as this one, which `git fsck` calls an error.
    raw = git(source, "cat-file", "commit", good).replace("+0000", "+518:00") + "\n"
    odd = git(source, "hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=raw)
    (source / "main.py").write_text("app = 2\n")
    tree = git(source, "write-tree") if not git(source, "add", "-A") else ""
    last = git(source, "commit-tree", "-p", odd, "-m", "on top", tree)
    server.make(*places(), Pushed("/srv/hello/repo.git", source, last), checkout(last))
    git(source, "update-ref", "refs/heads/main", last)
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{source}", str(shallow))
    server.run("rm -rf /srv/hello")
    server.make(*places(), Pushed("/srv/hello/repo.git", shallow, last), checkout(last))
    assert server.path(f"/srv/hello/releases/{last[:12]}/main.py").read_text() == "app = 2\n"


def test_a_push_that_is_cut_off_changes_nothing(server: Any, repository: Path) -> None:
    sha = git(repository, "rev-parse", "HEAD")
    server.make(*places())
    push = Pushed("/srv/hello/repo.git", repository, sha)
    planned = server.plan(push)
    whole = planned.changes[0][1].payload.read_bytes()
    done = server.apply(planned, stdin=whole[: len(whole) // 2])
    assert done.status == 1
    assert server.read(push)[0].startswith("missing")
    server.make(push)


def test_the_mirror_is_roots_alone_and_a_broken_one_is_made_anew(server: Any) -> None:
    server.make(*places())
    path = server.path("/srv/hello/repo.git")
    assert mode(path) == "0o700"
    path.chmod(0o755)
    server.make(Mirror("/srv/hello/repo.git"))
    (path / "HEAD").unlink()
    server.make(Mirror("/srv/hello/repo.git"))
    assert (path / "HEAD").exists()


def test_the_deploy_key(server: Any) -> None:
    key = DeployKey("/srv/hello/deploy_key", "hello@it's a server")
    server.make(Directory("/srv/hello"), key)
    path = server.path("/srv/hello/deploy_key")
    made = path.read_bytes()
    assert server.path("/srv/hello/deploy_key.pub").read_text().endswith(" hello@it's a server\n")
    path.chmod(0o644)
    assert names(server.make(key)) == ["make the deploy key readable by root only"]
    assert path.read_bytes() == made and mode(path) == "0o600"


def test_the_host_key_of_a_git_server_is_taken_once(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    line = "[git.test]:2222 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    server.program("ssh-keyscan", f"echo 'asked' >>/root/asked\necho '{line}'")
    server.path("/srv/hello").mkdir()
    resource = GitHostKey("/srv/hello/git_known_hosts", "git.test", 2222)
    planned = server.plan(resource)
    done = server.apply(planned)
    assert done.said == [
        "host key of the git server: 256 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU [git.test]:2222 (ED25519)"
    ]
    assert not server.plan(resource)
    server.make(resource)
    assert server.path("/root/asked").read_text() == "asked\n"
    server.program("ssh-keyscan", "exit 1")
    planned = server.plan(GitHostKey("/srv/hello/git_known_hosts", "other.test", 22))
    done = server.apply(planned)
    assert done.status == 1 and done.error == "the git server other.test, port 22, does not answer with a host key"
    assert "pushed from here" in planned.changes[0][1].remedy


@pytest.mark.parametrize("hashed", [False, True])
def test_the_host_key_of_a_git_server_that_this_machine_knows_is_not_asked_for(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hashed: bool
) -> None:
    key = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    entry = paramiko.HostKeys.hash_host("[git.test]:2222") if hashed else "[git.test]:2222,other.test"
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/known_hosts").write_text(f"git.test ssh-ed25519 AAAA\n{entry} ssh-ed25519 {key} mine\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    server.program("ssh-keyscan", "exit 1")
    server.path("/srv/hello").mkdir()
    resource = GitHostKey("/srv/hello/git_known_hosts", "git.test", 2222)
    assert names(server.make(resource)) == ["take the host key of [git.test]:2222 from this machine's known_hosts"]
    assert server.path("/srv/hello/git_known_hosts").read_text() == f"[git.test]:2222 ssh-ed25519 {key}\n"
    assert not server.plan(resource)


# --- virtual environments ---

# uv and Python as far as a build asks for them. The environment's own Python writes down who runs it: it would run what
# the packages put into its start-up.
UV = """echo "$(id -u -n) $*" >>/srv/uv.log
case $1 in
  export) echo exported >"$9" ;;
  venv)
    for fresh; do :; done
    mkdir -p "$fresh/bin"
    cat >"$fresh/bin/python" <<'EOF'
#!/bin/sh
echo "$(id -u -n) $*" >>/srv/python.log
case $* in *find_spec*gunicorn*) exit 1 ;; esac
EOF
    chmod 0755 "$fresh/bin/python"
    ;;
  pip)
    for last; do :; done
    if grep -s -q nosuchpackage "$last"; then
      printf 'error: no such package\n  cause: not here\n  cause: nor there\n' >&2
      exit 1
    fi
    ;;
esac"""
PYTHON = """echo 3.12.4
echo "$(id -u -n) $*" >>/srv/base.log"""


@pytest.fixture
def builder(server: Any) -> Any:
    """A server with a release, a stand-in for uv and one for Python."""
    server.program("uv", UV)
    server.program("python3.12", PYTHON)
    for log in ("uv.log", "python.log"):
        server.path(f"/srv/{log}").touch()
        server.path(f"/srv/{log}").chmod(0o666)
    server.path("/srv/hello/venvs").mkdir(parents=True)
    return server


def release(server: Any, name: str, **files: str) -> Venv:
    folder = server.path(f"/srv/hello/releases/{name}")
    folder.mkdir(parents=True)
    for file, text in files.items():
        (folder / file.replace("_", ".")).write_text(text)
    programs = {"python": "/usr/local/sbin/python3.12", "uv": "/usr/local/sbin/uv"}
    more = {"installer": "uv", "requirements": "", "extras": ("gunicorn", "uvicorn-worker"), "user": "daemon"}
    return Venv(f"/srv/hello/releases/{name}", "", "/srv/hello/venvs", **programs, **more)


def built(server: Any) -> list[str]:
    """The calls of uv since the last look, each with its user."""
    log = server.path("/srv/uv.log")
    rows = [re.sub(r"/srv/hello/venvs/\w+\.\w+", "NEW", row) for row in log.read_text().splitlines()]
    log.write_text("")
    return rows


INSTALLED = [
    "daemon venv --quiet --no-project --allow-existing --python /usr/local/sbin/python3.12 NEW",
    "daemon pip install --python NEW/bin/python --requirement requirements.txt",
    "daemon pip install --python NEW/bin/python gunicorn",
]


def test_a_virtual_environment_is_built_by_the_app_and_is_roots(builder: Any) -> None:
    builder.make(release(builder, "one", requirements_txt="fastapi\n"))
    assert built(builder) == INSTALLED
    link = builder.path("/srv/hello/releases/one/.venv")
    key = link.readlink().name
    environment = builder.path("/srv/hello/venvs") / builder.path(f"/srv/hello/venvs/{key}").readlink()
    for entry in [environment, *environment.rglob("*")]:
        status = entry.lstat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o027) == (0, 1, 0), entry
    assert mode(environment / "bin/python") == "0o750"
    cache = builder.path("/var/cache/selvedge/daemon")
    assert mode(cache) == "0o700" and cache.owner() == "root", "the running app could change what is installed next"


def test_nothing_of_the_packages_runs_as_root(builder: Any) -> None:
    builder.make(release(builder, "one", requirements_txt="fastapi\n", main_py="x = 1\n"))
    users = {row.split()[0] for log in ("python.log", "uv.log") for row in builder.path(f"/srv/{log}").read_text().splitlines()}
    assert users == {"daemon"}
    compiled = builder.path("/srv/base.log").read_text()
    assert compiled.startswith("root -I -S -c ") and "get_code" in compiled


def test_releases_with_the_same_requirements_share_an_environment(builder: Any) -> None:
    files = {"requirements_txt": "-r base.txt\n", "base_txt": "fastapi==1\n"}
    builder.make(release(builder, "one", **files))
    assert len(built(builder)) == 3
    done = builder.apply(builder.plan(release(builder, "two", **files)))
    assert done.said == ["the environment of an earlier release fits: Python 3.12.4, requirements.txt"]
    assert built(builder) == []
    # A file that the requirements include counts, too.
    builder.make(release(builder, "three", **{**files, "base_txt": "fastapi==2\n"}))
    assert len(built(builder)) == 3
    links = {name: builder.path(f"/srv/hello/releases/{name}/.venv").readlink() for name in ("one", "two", "three")}
    assert links["one"] == links["two"] != links["three"]


def test_an_environment_that_cannot_be_built_leaves_nothing(builder: Any) -> None:
    builder.make(release(builder, "one", requirements_txt="fastapi\n"))
    before = builder.tree("/srv/hello/venvs")
    broken = release(builder, "two", requirements_txt="nosuchpackage\n")
    done = builder.apply(builder.plan(broken))
    assert done.status == 1
    assert done.error == "the requirements in requirements.txt cannot be installed: no such package: not here: nor there"
    after = builder.tree("/srv/hello/venvs")
    assert {name: entry[-1] for name, entry in after.items()} == {name: entry[-1] for name, entry in before.items()}
    assert not os.path.lexists(builder.path("/srv/hello/releases/two/.venv"))
    assert builder.path("/var/cache/selvedge/daemon").owner() == "root"
    assert builder.plan(broken)


def test_what_a_run_that_was_cut_off_left_is_taken_away(builder: Any) -> None:
    one = release(builder, "one", requirements_txt="fastapi\n")
    builder.make(one)
    key = builder.path("/srv/hello/releases/one/.venv").readlink().name
    folder = builder.path("/srv/hello/venvs")
    (folder / key).unlink()
    (folder / f"{key}.half12").mkdir()
    builder.path("/srv/hello/releases/one/.venv").unlink()
    builder.make(one)
    assert len([entry for entry in folder.iterdir() if not entry.is_symlink()]) == 1


LOCKS = ["uv.lock", "pylock.toml", "requirements.txt", "pyproject.toml"]


def test_the_lock_comes_before_looser_files(builder: Any) -> None:
    for first, name in enumerate(LOCKS):
        one = release(builder, f"r{first}", **{lock.replace(".", "_"): f"{lock}\n" for lock in LOCKS[first:]})
        done = builder.apply(builder.plan(one))
        assert done.said == [f"Python 3.12.4, {name}, by uv"]
    assert any(row.startswith("daemon export --frozen --no-dev") for row in built(builder))
    asked = replace(release(builder, "asked", uv_lock="x\n", other_txt="fastapi\n"), requirements="other.txt")
    assert builder.apply(builder.plan(asked)).said == ["Python 3.12.4, other.txt, by uv"]


def test_what_is_missing_for_an_environment_is_named(builder: Any) -> None:
    one = release(builder, "one", main_py="x\n")
    cases = {
        "no uv.lock, pylock.toml, requirements.txt or pyproject.toml in the top folder of this commit": one,
        "no other.txt in the top folder of this commit": replace(one, requirements="other.txt"),
        "the folder backend (app.root) is not in this commit": replace(one, root="backend"),
        "Python is not at /nowhere: run 'fab install' first": replace(one, python="/nowhere"),
        "uv is not at /nowhere: run 'fab install' first": replace(one, uv="/nowhere"),
    }
    for sentence, each in cases.items():
        done = builder.apply(builder.plan(each))
        assert done.status == 1 and done.error.startswith(sentence), done.output
    assert not list(builder.path("/srv/hello/venvs").iterdir())


# --- users ---


def test_a_user_is_made_and_changed(server: Any) -> None:
    user = User("hello", "/srv/hello/shared", system=True, shell="/usr/sbin/nologin", comment="runs 'hello' $(x)")
    assert names(server.make(user)) == ["create user hello"]
    line = next(row for row in server.path("/etc/passwd").read_text().splitlines() if row.startswith("hello:"))
    assert line.split(":")[4:] == ["runs 'hello' $(x)", "/srv/hello/shared", "/usr/sbin/nologin"]
    assert int(line.split(":")[2]) < 1000
    assert not server.path("/srv/hello").exists()
    home = "/srv/hello/shared"
    changed = User("hello", home, system=True, shell="/bin/sh", groups=("adm", "daemon"))
    assert names(server.make(changed)) == ["change user hello (shell, home or groups)"]
    # Groups are added, never taken away.
    assert not server.plan(User("hello", home, system=True, shell="/bin/sh"))


def test_a_login_user_has_a_home_and_its_groups(server: Any) -> None:
    server.make(User("deploy", "/srv/deploy", groups=("adm",)))
    assert server.path("/srv/deploy").is_dir()
    group = next(row for row in server.path("/etc/group").read_text().splitlines() if row.startswith("adm:"))
    assert "deploy" in group


# --- fact -> change ---

PASSWD = "hello:x:998:998:runs hello:/srv/hello:/usr/sbin/nologin\n"
HELLO = User("hello", "/srv/hello", system=True, shell="/usr/sbin/nologin", groups=("adm", "ssl-cert"))
NGINX = Service("nginx", (File("/etc/site", "x\n"),), check="nginx -t", reload_command="systemctl reload nginx")
STAMP = NGINX._wanted()
VENV = Venv("/srv/hello/releases/0", "", "/srv/hello/venvs", "/usr/bin/python3", "/uv", "uv", "", ("gunicorn",), "hello")
REQUEST = "/usr/bin/python3 uv - gunicorn"
HELD = 'LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:(("{0}",pid=7,fd=6),("{0}",pid=6,fd=6))\n'

TABLE: list[tuple[Resource, str, str | None]] = [
    (Packages("git", "nginx"), "git installed\nnginx installed\n", None),
    (Packages("git", "nginx"), "git installed\nnginx config-files\n", "install nginx"),
    (Packages("git", "nginx"), "git installed\nnginx half-installed\n", "install nginx"),
    (Packages("git", "nginx"), "nginx-common installed\n", "install git, nginx"),
    (Packages("git", "nginx"), "", "install git, nginx"),
    (Packages("libc6"), "libc6 installed\nlibc6 installed\n", None),
    (Service("cron"), "UnitFileState=enabled\nActiveState=active\nStamp=\n", None),
    (Service("cron"), "UnitFileState=static\nActiveState=active\nStamp=\n", None),
    (Service("cron"), "UnitFileState=disabled\nActiveState=active\nStamp=\n", "enable cron"),
    (Service("cron"), "UnitFileState=enabled\nActiveState=inactive\nStamp=\n", "start cron"),
    (Service("cron"), "UnitFileState=enabled\nActiveState=failed\nStamp=\n", "start cron"),
    (Service("cron"), "UnitFileState=masked\nActiveState=inactive\nStamp=\n", "enable and start cron"),
    (Service("cron"), "UnitFileState=\nActiveState=inactive\nStamp=\n", "enable and start cron"),
    (Service("cron"), "UnitFileState=\nActiveState=active\nStamp=\n", "enable cron"),
    (Service("cron"), "", "enable and start cron"),
    (NGINX, f"UnitFileState=enabled\nActiveState=active\nStamp={STAMP}\n", None),
    (NGINX, f"UnitFileState=enabled\nActiveState=active\nStamp={'0' * 64}\n", "reload nginx"),
    (NGINX, "UnitFileState=enabled\nActiveState=active\nStamp=\n", "reload nginx"),
    (NGINX, f"UnitFileState=disabled\nActiveState=active\nStamp={STAMP}\n", "enable nginx"),
    (NGINX, f"UnitFileState=enabled\nActiveState=inactive\nStamp={STAMP}\n", "start nginx"),
    (HELLO, PASSWD + "hello adm ssl-cert\n", None),
    (HELLO, PASSWD + "hello adm ssl-cert sudo\n", "see that hello is a user of its own"),
    (HELLO, PASSWD.replace(":998:", ":1000:") + "hello adm ssl-cert\n", "see that hello is a user of its own"),
    (HELLO, PASSWD + "hello\n", "change user hello (shell, home or groups)"),
    (HELLO, PASSWD.replace("nologin", "false") + "hello adm ssl-cert\n", "change user hello (shell, home or groups)"),
    (HELLO, PASSWD.replace("/srv/hello", "/home/x") + "hello adm ssl-cert\n", "see that hello is a user of its own"),
    (HELLO, "", "create user hello"),
    (Python("3.12"), "/usr\n", None),
    (Python("3.12"), "", "install Python 3.12"),
    (Python("3.12", "uv"), "/usr\n", "install Python 3.12 from uv"),
    (Python("3.12", "uv"), "/opt/selvedge/pythons/uv/cpython-3.12.4\n", None),
    (Python("3.12", "pyenv"), "/opt/selvedge/pythons/uv/cpython-3.12.4\n", "install Python 3.12 from pyenv"),
    (Tool("uv", "uv>=0.9"), "uv>=0.9\n", None),
    (Tool("uv", "uv>=0.9"), "uv>=0.8\n", "install uv into /opt/selvedge/uv"),
    (Tool("uv", "uv>=0.9"), "", "install uv into /opt/selvedge/uv"),
    (Port(80, "nginx"), "", None),
    (Port(80, "nginx"), HELD.format("nginx"), None),
    (Port(80, "nginx"), HELD.format("apache2"), "have port 80 free for nginx"),
    (VENV, REQUEST + "\n", None),
    (VENV, "", "build the virtual environment"),
    (VENV, REQUEST.replace("uv", "pip") + "\n", "build the virtual environment"),
    (DeployKey("/key", "x"), "file 600 root root\nabc\n", None),
    (DeployKey("/key", "x"), "file 640 root root\nabc\n", "make the deploy key readable by root only"),
    (DeployKey("/key", "x"), "absent\n", "make this server's deploy key"),
    (Needs("/x", "clone"), "there\n", None),
    (Needs("/x", "clone"), "", "needs /x, which `fab clone` makes"),
    (fetched("a" * 40), "present\n", None),
    (fetched("a" * 40), "missing\n", f"fetch {'a' * 12} from file:///opt/hello"),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "fact", "summary"), TABLE)
def test_from_a_fact_to_a_change(resource: Resource, fact: str, summary: str | None) -> None:
    change = resource.plan(fact)
    assert (change.summary if change else None) == summary
    if change:
        assert change.shell.strip() and isinstance(change, Change)


def test_another_holder_of_a_port_is_named() -> None:
    change = Port(80, "nginx").plan(HELD.format("apache2"))
    assert change and "held by apache2 (process 6)" in change.shell
    assert "systemctl disable --now apache2" in change.remedy


def test_the_shell_of_every_change_can_be_parsed() -> None:
    changes = [change for resource, fact, _ in TABLE if (change := resource.plan(fact))]
    script = "".join(f"change() (\n{change.shell}\n)\n" for change in changes)
    done = subprocess.run(["dash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_identity_is_a_hash_of_all_that_is_wanted() -> None:
    base = File("/etc/x", "text\n")
    others = [
        File("/etc/y", "text\n"),
        File("/etc/x", "other\n"),
        File("/etc/x", "text\n", "0600"),
        File("/etc/x", "text\n", owner="daemon"),
        File("/etc/x", "text\n", group="daemon"),
        Absent("/etc/x"),
        Link("/etc/x", "text\n"),
    ]
    assert len({resource.identity() for resource in [base, *others]}) == 1 + len(others)
    assert base.identity() == File("/etc/x", "text\n").identity()


# --- services ---


def systemctl(server: Any, log: str = "/root/systemctl.log") -> None:
    """A systemctl that remembers what is enabled and active in files."""
    server.program(
        "systemctl",
        f"""case "$1 $2" in
          "show "*)
            [ -e /root/enabled ] && echo UnitFileState=enabled || echo UnitFileState=disabled
            [ -e /root/active ] && echo ActiveState=active || echo ActiveState=inactive
            exit ;;
          "is-active -q") [ -e /root/active ]; exit ;;
        esac
        echo "$*" >>{log}
        case "$1 $2" in
          "enable --now") touch /root/enabled /root/active ;;
          "reload nginx") [ ! -e /root/reload-fails ] ;;
        esac""",
    )


def log(server: Any) -> list[str]:
    path = server.path("/root/systemctl.log")
    rows = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return rows


def site(text: str = "good\n") -> list[Resource]:
    file = File("/etc/nginx/site", text)
    service = Service("nginx", (file,), check="nginx -t", reload_command="systemctl reload nginx", stamp="nginx-hello")
    return [file, service]


@pytest.fixture
def nginx(server: Any) -> Any:
    """A server with a fake systemctl and an nginx that refuses a configuration with "bad" in it."""
    systemctl(server)
    server.program("nginx", "if grep -r bad /etc/nginx; then echo 'nginx: [emerg] bad directive in /etc/nginx/x' >&2; exit 1; fi")
    server.path("/etc/nginx").mkdir()
    return server


def test_a_service_is_enabled_started_and_stamped(nginx: Any) -> None:
    assert names(nginx.make(*site())) == ["create /etc/nginx/site", "enable and start nginx"]
    assert log(nginx) == ["enable --now nginx"]
    assert not nginx.plan(*site())


def test_a_service_is_reloaded_when_what_it_loads_changes(nginx: Any) -> None:
    nginx.make(*site())
    log(nginx)
    assert names(nginx.make(*site("new\n"))) == ["write /etc/nginx/site", "reload nginx"]
    assert log(nginx) == ["reload nginx"]
    nginx.path("/etc/nginx/site").write_text("edited by hand\n")
    assert names(nginx.make(*site("new\n"))) == ["write /etc/nginx/site", "reload nginx"]
    assert log(nginx) == ["reload nginx"]


def test_a_run_that_died_between_write_and_reload_reloads_next_time(nginx: Any) -> None:
    nginx.make(*site())
    log(nginx)
    planned = nginx.plan(*site("new\n"))
    planned.changes = planned.changes[:1]
    assert nginx.apply(planned).status == 0
    assert log(nginx) == []
    # The file is as it should be: only the missing stamp can tell.
    assert names(nginx.make(*site("new\n"))) == ["reload nginx"]
    assert log(nginx) == ["reload nginx"]
    # And back to the text that was loaded last, without a reload in between.
    planned = nginx.plan(*site())
    planned.changes = planned.changes[:1]
    nginx.apply(planned)
    assert names(nginx.make(*site())) == ["reload nginx"]


def test_a_configuration_that_is_refused_is_taken_back_and_never_loaded(nginx: Any) -> None:
    nginx.make(*site())
    log(nginx)
    done = nginx.apply(nginx.plan(*site("bad\n")))
    assert done.status == 1 and "[emerg] bad directive" in done.output
    assert log(nginx) == []
    assert nginx.path("/etc/nginx/site").read_text() == "good\n"
    assert done.said == ["put back /etc/nginx/site"]
    nginx.assert_clean()


def test_a_reload_that_fails_is_tried_again_next_time(nginx: Any) -> None:
    nginx.make(*site())
    nginx.path("/root/reload-fails").touch()
    assert nginx.apply(nginx.plan(*site("new\n"))).status == 1
    assert nginx.path("/etc/nginx/site").read_text() == "good\n"
    nginx.path("/root/reload-fails").unlink()
    log(nginx)
    assert names(nginx.make(*site("new\n"))) == ["write /etc/nginx/site", "reload nginx"]
    assert log(nginx) == ["reload nginx"]


def test_a_configuration_that_was_broken_before_stops_the_step_before_its_first_change(nginx: Any) -> None:
    nginx.make(*site())
    nginx.path("/etc/nginx/other").write_text("bad\n")
    log(nginx)
    done = nginx.apply(nginx.plan(*site("new\n")))
    assert done.status == 1
    assert done.error == (
        "nginx is broken already, before anything was changed: nginx: [emerg] bad directive in /etc/nginx/x. "
        "Mend that file first."
    )
    assert nginx.path("/etc/nginx/site").read_text() == "good\n" and log(nginx) == []


@pytest.mark.parametrize("words", ["unknown directive in /etc/nginx/site:3", 'open() "/etc/nginx/site" failed (2: No such file)'])
def test_a_file_of_the_steps_own_that_is_broken_is_written_anew(nginx: Any, words: str) -> None:
    nginx.make(*site())
    nginx.path("/etc/nginx/site").write_text("edited by hand\n")
    nginx.program("nginx", f"grep -qx good /etc/nginx/site || {{ echo '[emerg] {words}' >&2; exit 1; }}")
    nginx.make(*site())
    assert nginx.path("/etc/nginx/site").read_text() == "good\n"
    # A file whose name only begins like it is another one's.
    nginx.program("nginx", "echo '[emerg] unknown directive in /etc/nginx/site-of-others:3' >&2; exit 1")
    assert "broken already" in nginx.apply(nginx.plan(*site("new\n"))).error


def test_a_service_that_stopped_is_started_with_what_it_should_load(nginx: Any) -> None:
    nginx.make(*site())
    nginx.path("/root/active").unlink()
    log(nginx)
    assert names(nginx.make(*site("new\n"))) == ["write /etc/nginx/site", "start nginx"]
    assert log(nginx) == ["enable --now nginx"]


def test_what_is_loaded_and_unchanged_does_not_reload(nginx: Any) -> None:
    nginx.make(*site(), File("/etc/other", "x\n"))
    assert names(nginx.plan(*site(), File("/etc/other", "y\n"))) == ["write /etc/other"]


def test_a_reload_is_planned_where_only_a_load_changes() -> None:
    file, service = site()
    assert isinstance(service, Service)
    standing = f"UnitFileState=enabled\nActiveState=active\nStamp={service._wanted()}\n"
    planned = plan([file, service], ["absent\n", standing])
    assert names(planned) == ["create /etc/nginx/site", "reload nginx"]
    assert "rm -f -- /var/lib/selvedge/loaded/nginx-hello" in planned.before[0]


def test_the_time_of_a_reading_grows_with_its_paths_and_not_by_their_square(server: Any) -> None:
    paths = [f"/srv/{number:03}-{'x' * 40}" for number in range(250)]
    for path in paths:
        server.path(path).mkdir()
    began = time.monotonic()
    facts = server.read(*(Directory(path) for path in paths))
    assert time.monotonic() - began < 3
    assert {fact.strip() for fact in facts} == {"directory 755 root root"}
