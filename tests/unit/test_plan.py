"""Scripts: what they read is what is parsed, and a step's changes are made whole or taken back."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from selvedge.plan import Plan, apply_script, open_payload, parse_facts, plan, read_script

from selvedge.resources.base import Change, Guard, Loader, Resource
from selvedge.resources.files import Absent, File, Link
from selvedge.shell import document

MARK = "@test"


@dataclass(frozen=True)
class Says(Resource):
    """A resource whose fact is a text, and whose change is a script of its own."""

    text: str = ""
    change: Change | None = None

    def probe(self) -> str:
        return document(self.text)

    def plan(self, fact: str) -> Change | None:
        assert fact == self.text
        return self.change


def changes(*shells: str | Change) -> Plan:
    made = [shell if isinstance(shell, Change) else Change(shell.split("\n")[0], shell) for shell in shells]
    return Plan([(Says(change=change), change) for change in made])


def progress(output: str) -> list[str]:
    return [line.removeprefix(f"{MARK} ") for line in output.splitlines() if line.startswith(f"{MARK} ")]


def local(script: str) -> bytes:
    """Run a script that only reads, as this user."""
    data = script.encode("utf-8", "surrogateescape")
    command = ["/bin/sh", "-c", f'eval "$(head -c {len(data)})"']
    return subprocess.run(command, input=data, capture_output=True, check=True, timeout=20).stdout


# --- reading ---

FACT = st.text(st.one_of(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), st.sampled_from("\n@test fact0")))


@settings(max_examples=40, deadline=None)
@given(st.lists(FACT, max_size=8))
@example([])
@example(["", "\n", "a", "a\n", "\n\na\n\n", ""])
@example(["@other fact 0\n", "\n@tes fact 1\n", "facts end\n"])
def test_each_fact_comes_back_as_it_was_printed(texts: list[str]) -> None:
    # The mark of a run is not known to what is read.
    mark = "@c0ffee123456"
    output = local(read_script([Says(text) for text in texts], mark)).decode()
    assert parse_facts(output, mark, len(texts)) == texts


def test_bytes_that_are_no_text_come_back(tmp_path: Path) -> None:
    binary = bytes(range(1, 256))
    (tmp_path / "file").write_bytes(binary)
    output = local(read_script([File(str(tmp_path / "file"), "text\n")], MARK)).decode("utf-8", "surrogateescape")
    (fact,) = parse_facts(output, MARK, 1) or [""]
    assert fact.split("\n", 2)[2].encode("utf-8", "surrogateescape") == binary


@pytest.mark.parametrize(("output", "count"), [
    ("", 0),
    ("", 1),
    ("\n@test fact 0\nabc", 1),
    ("\n@test fact 0\nabc\n@test facts en", 1),
    ("\n@test fact 0\nabc\n@test facts end\n", 2),
    ("\n@test fact 0\nabc\n@test fact 1\n\n@test facts end\n", 1),
    ("sudo: a password is required\n", 1),
])  # fmt: skip
def test_a_reading_that_did_not_come_to_its_end_is_none(output: str, count: int) -> None:
    assert parse_facts(output, MARK, count) is None


def test_what_stands_before_and_behind_the_facts_does_not_count() -> None:
    output = "Welcome!\nlast login\n\n@test fact 0\nabc\n\n@test facts end\ngoodbye\n"
    assert parse_facts(output, MARK, 1) == ["abc\n"]


def test_probes_say_nothing_aside_and_see_no_input() -> None:
    noisy = Says()
    object.__setattr__(noisy, "text", "")
    script = read_script([noisy], MARK).replace(document(""), "echo oops >&2; nosuchcommand; cat; echo fact")
    done = subprocess.run(["sh", "-c", script], input=b"typed", capture_output=True, check=False)
    assert (done.stderr, parse_facts(done.stdout.decode(), MARK, 1)) == (b"", ["fact\n"])


def test_a_probe_that_fails_does_not_end_the_reading() -> None:
    script = read_script([Says(), Says()], MARK).replace("printf '%s' ''", "false; printf '%s' ''")
    assert parse_facts(local(script).decode(), MARK, 2) == ["", ""]


def test_scripts_do_not_depend_on_who_logs_in(server: Any) -> None:
    script = read_script([Says()], MARK).replace("printf '%s' ''", 'echo "$PATH|$LC_ALL|${CDPATH-none}|$(umask)|$PWD"')
    odd = "CDPATH=/etc ENV=/root/.shrc LC_ALL=de_DE PATH=/root:$PATH\nexport CDPATH ENV LC_ALL PATH\numask 0\ncd /srv\n"
    (fact,) = parse_facts(server.run(odd + script).stdout.decode(), MARK, 1) or [""]
    assert fact == "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin|C.UTF-8|none|0022|/\n"


# --- planning ---


@dataclass(frozen=True)
class Reloads(Loader):
    loads: tuple[Resource, ...]
    own: Change | None = None

    def probe(self) -> str:
        return ""

    def plan(self, fact: str) -> Change | None:
        assert not fact
        return self.own

    def reload(self) -> Change:
        return Change("reload", "echo reload")

    def before_loads(self) -> str:
        return "echo before"


def summaries(planned: Plan) -> list[str]:
    return [change.summary for _, change in planned.changes]


def test_changes_keep_the_order_of_the_resources() -> None:
    resources = [Says("", Change(name, "")) if name else Says() for name in ("a", "", "b", "c")]
    assert summaries(plan(resources, [""] * 4)) == ["a", "b", "c"]
    assert not plan([Says(), Says()], ["", ""])


def test_a_loader_reloads_once_behind_what_it_loads_and_says_so_before() -> None:
    changed, same, other = Says("", Change("change", "")), Says(), Says("", Change("other", ""))
    planned = plan([changed, same, Reloads((changed, same))], [""] * 3)
    assert (summaries(planned), planned.before) == (["change", "reload"], ["echo before"])
    planned = plan([other, same, Reloads((same,))], [""] * 3)
    assert (summaries(planned), planned.before) == (["other"], [])
    planned = plan([changed, Reloads((changed,), Change("start", ""))], [""] * 2)
    assert (summaries(planned), planned.before) == (["change", "start"], ["echo before"])


def test_two_equal_resources_are_told_apart() -> None:
    """What counts is which one changed, not what it looks like."""
    first, second = Says("", Change("x", "")), Says("", Change("x", ""))
    assert first == second
    assert summaries(plan([first, Reloads((second,))], [""] * 2)) == ["x"]


def test_a_plan_is_cut_where_a_guard_begins_and_ends() -> None:
    guard, other = Guard("a", "b", "c"), Guard("d", "e", "f")
    guards = [None, guard, guard, other, None]
    planned = changes(*[Change(str(number), "", guard=each) for number, each in enumerate(guards, 1)])
    planned.before = ["echo before"]
    parts = planned.sections()
    assert [summaries(part) for part in parts] == [["1"], ["2", "3"], ["4"], ["5"]]
    assert [part.guard for part in parts] == [None, guard, other, None]
    assert [part.before for part in parts] == [["echo before"], [], [], []]
    assert Plan().sections() == []


def test_a_plan_is_cut_before_commands_of_this_machine() -> None:
    planned = changes("1", Change("2", "", local=("x",)), "3", Change("4", "", local=("y",)))
    assert [summaries(part) for part in planned.sections()] == [["1"], ["2", "3"], ["4"]]


def test_payloads_are_bytes_or_files(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\0pack")
    planned = changes(Change("1", "", payload=b"one"), Change("2", ""), Change("3", "", payload=tmp_path / "x"))
    assert [open_payload(payload).read() for payload in planned.payload()] == [b"one", b"\0pack"]


# --- changing ---


def test_the_lines_of_progress(server: Any) -> None:
    done = server.apply(changes("say hello there", "echo output; echo more >&2"))
    assert (done.status, progress(done.output)) == (0, ["begin 0", "say hello there", "done 0", "begin 1", "done 1", "end 0"])
    assert done.output.index("output") < done.output.index("more") < done.output.index("@test done 1")


# Each would go on behind its failing command if it ran where `set -e` does not count.
FAILING = {
    "a command": "false\ntouch /srv/after",
    "inside a function": "f() { false; touch /srv/after; }\nf",
    "inside a subshell": "( false; touch /srv/after )",
    "a function's last word": "f() { nosuchcommand; }\nf\ntouch /srv/after",
    "the end of a pipeline": "echo x | grep -q y\ntouch /srv/after",
    "an unset variable": 'echo "$nosuchvariable"\ntouch /srv/after',
    "fail": "fail 'the sentence'\ntouch /srv/after",
    "fail in a function": "f() { fail 'the sentence'; touch /srv/after; }\nf",
    "behind an or": "false || false\ntouch /srv/after",
    "exit": "exit 7\ntouch /srv/after",
    "a here-document": "cat /nosuchfile - <<'EOF'\nx\nEOF\ntouch /srv/after",
    "an assignment": "x=$(false)\ntouch /srv/after",
}


def test_a_change_ends_at_its_first_failing_command(server: Any) -> None:
    for name, shell in FAILING.items():
        done = server.apply(changes("touch /srv/before", shell, "touch /srv/next"))
        assert done.status == 1, name
        assert not server.path("/srv/after").exists() and not server.path("/srv/next").exists(), name
        assert server.path("/srv/before").exists(), name
        assert progress(done.output)[:3] == ["begin 0", "done 0", "begin 1"]
        assert progress(done.output)[-2].startswith("failed 1 ") and progress(done.output)[-1] == "end 1", name
        assert done.error == ("the sentence" if name.startswith("fail") else ""), name
        server.assert_clean()


def test_what_must_not_hold_stops_before_the_first_change(server: Any) -> None:
    planned = changes("touch /srv/changed")
    planned.before = ["", "touch /srv/looked", "false\ntouch /srv/after"]
    done = server.apply(planned)
    assert (done.status, progress(done.output)) == (1, ["begin before", "failed before 1", "end 1"])
    assert sorted(path.name for path in server.path("/srv").iterdir()) == ["looked"]


def test_a_failed_step_puts_back_files_links_and_what_was_removed(server: Any) -> None:
    etc = server.path("/etc/app")
    etc.mkdir()
    (etc / "file").write_text("old\n")
    (etc / "file").chmod(0o4711)
    os.chown(etc / "file", 1, 2)
    (etc / "secret").write_text("old secret")
    (etc / "secret").chmod(0o600)
    (etc / "link").symlink_to("old-target")
    (etc / "to-link").write_text("was a file")
    (etc / "removed").write_text("removed\n")
    (etc / "removed-link").symlink_to("/dangling")
    os.mkfifo(etc / "fifo")
    before = {name: (entry[0], entry[1], entry[2], entry[-1]) for name, entry in server.tree("/etc/app").items()}
    planned = server.plan(
        File("/etc/app/file", "new\n"),
        File("/etc/app/secret", "new secret", "0640", secret=True),
        File("/etc/app/file", "newer\n", "0600"),
        File("/etc/app/created", "x\n"),
        File("/etc/app/created-secret", "x\n", secret=True),
        File("/etc/app/folder/below", "x\n"),
        Link("/etc/app/link", "new-target"),
        Link("/etc/app/to-link", "target"),
        Link("/etc/app/created-link", "target"),
        Absent("/etc/app/removed"),
        Absent("/etc/app/removed-link"),
        Absent("/etc/app/fifo"),
        Says("", Change("break", "ls -l /etc/app\nfalse")),
    )
    done = server.apply(planned)
    assert done.status == 1 and "new-target" in done.output
    after = {name: (entry[0], entry[1], entry[2], entry[-1]) for name, entry in server.tree("/etc/app").items()}
    # The folder that was made for a file may stay; the files may not.
    assert after.pop("etc/app/folder")
    assert after == before
    assert [said for said in done.said if "put back" in said][-1] == "put back /etc/app/file"
    assert len(done.said) == 12
    server.assert_clean()
    assert not list(server.path("/run/selvedge").glob("*undo.*"))


def test_a_step_that_succeeds_keeps_no_copies(server: Any) -> None:
    server.path("/etc/secret").write_text("the old secret")
    server.path("/etc/secret").chmod(0o640)
    server.make(File("/etc/secret", "the new secret", "0600", secret=True))
    folders = [server.path("/run"), server.path("/var")]
    kept = subprocess.run(["grep", "-r", "-l", "secret", *folders], capture_output=True, check=False)
    assert kept.stdout == b""


def test_what_cannot_be_put_back_is_kept_and_said(server: Any) -> None:
    server.path("/etc/app").mkdir()
    server.path("/etc/app/file").write_text("precious\n")
    planned = changes(
        server.plan(File("/etc/app/file", "new\n")).changes[0][1],
        "mount -n --bind /etc/app /etc/app\nmount -n -o remount,bind,ro /etc/app\nfalse",
    )
    done = server.apply(planned)
    assert done.status == 1
    (said,) = done.said
    assert said.startswith("could not put back /etc/app/file; what stood there is in /run/selvedge/hello.undo.")
    kept = said.partition(" is in ")[2].partition(" ")[0]
    assert server.path(kept).read_text() == "precious\n"
    assert stat.S_IMODE(server.path(kept).parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("secret", [False, True])
def test_a_full_disk_leaves_the_file_that_was_there(server: Any, secret: bool) -> None:
    full = "mount -n -t tmpfs -o size=64k tmpfs /srv\necho precious >/srv/file\n"
    planned = Plan([(resource, resource.plan("file 644 root root\nother\n")) for resource in (
        File("/srv/small", "x\n"), File("/srv/file", "0123456789abcde\n" * 12_800, secret=secret))])  # fmt: skip
    done = server.apply(planned, before=full, after="echo; ls -A /srv; cat /srv/file")
    assert done.status == 1
    assert done.error.startswith("cannot write /srv/file: No space left on device (free space there: ")
    assert done.output.partition(f"{MARK} end 1\n")[2] == "\nfile\nprecious\n"


def test_a_read_only_disk_is_named(server: Any) -> None:
    done = server.apply(server.plan(File("/usr/local/nothing", "x\n")))
    assert done.status == 1 and done.error.startswith("cannot write /usr/local/nothing: Read-only file system (free space there: ")


def test_payloads_are_read_in_order_whatever_reads_standard_input(server: Any) -> None:
    planned = changes(
        Change("one", "cat >/srv/zero\nhead -c 3 <&3 >/srv/one", payload=b"one"),
        Change("nothing", "cat"),
        Change("two", "head -c 4 <&3 >/srv/two", payload=b"\0\xfft\n"),
    )
    assert server.apply(planned).status == 0
    read = {name: server.path(f"/srv/{name}").read_bytes() for name in ("zero", "one", "two")}
    assert read == {"zero": b"", "one": b"one", "two": b"\0\xfft\n"}


def test_the_log_is_roots_and_has_it_all(server: Any) -> None:
    server.apply(changes("echo first"))
    done = server.apply(changes("echo second\nfail 'third'"))
    log, folder = server.path("/var/log/selvedge/hello.log"), server.path("/var/log/selvedge")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600 and stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "first" in log.read_text() and log.read_text().endswith(done.output)
    assert stat.S_IMODE(server.path("/run/selvedge").stat().st_mode) == 0o700


def test_no_file_of_ours_depends_on_the_umask(server: Any) -> None:
    done = server.apply(changes("umask; touch /srv/file"), before="umask 0\n")
    assert "\n0022\n" in done.output
    assert stat.S_IMODE(server.path("/srv/file").stat().st_mode) == 0o644
    assert stat.S_IMODE(server.path("/var/log/selvedge/hello.log").stat().st_mode) == 0o600


# --- cut off ---


def start(server: Any, script: str) -> subprocess.Popen[bytes]:
    process = server.start(script, stderr=subprocess.DEVNULL)
    process.stdin.write(script.encode())
    process.stdin.flush()
    return process


def wait_for(path: Path, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} does not come"
        time.sleep(0.01)


SLOW = "touch /srv/began\nwhile [ ! -e /srv/go ]; do sleep 0.02; done\nseq 20000\ntouch /srv/ended"


@pytest.mark.parametrize("how", ["nobody listens", "hangup", "both"])
def test_a_lost_connection_does_not_stop_the_script(server: Any, how: str) -> None:
    process = start(server, apply_script(changes(SLOW, "touch /srv/second"), MARK, lock="hello", log="hello"))
    wait_for(server.path("/srv/began"))
    if how != "hangup":
        process.stdout.close()
        process.stdin.close()
    if how != "nobody listens":
        process.send_signal(signal.SIGHUP)
    server.path("/srv/go").touch()
    if how == "hangup":
        process.stdout.read()
    process.wait(timeout=20)
    assert server.path("/srv/ended").exists() and server.path("/srv/second").exists()
    rows = server.path("/var/log/selvedge/hello.log").read_text().splitlines()
    assert rows[-1] == "@test end 0" and "20000" in rows
    server.assert_clean()


def test_a_lost_connection_does_not_stop_the_taking_back(server: Any) -> None:
    server.path("/etc/file").write_text("old\n")
    planned = changes(server.plan(File("/etc/file", "new\n")).changes[0][1], SLOW + "\nfalse")
    process = start(server, apply_script(planned, MARK, lock="hello", log="hello"))
    wait_for(server.path("/srv/began"))
    assert server.path("/etc/file").read_text() == "new\n"
    process.stdout.close()
    process.stdin.close()
    server.path("/srv/go").touch()
    process.wait(timeout=20)
    assert server.path("/etc/file").read_text() == "old\n"


def test_a_script_that_arrives_in_part_changes_nothing(server: Any) -> None:
    script = apply_script(changes("touch /srv/changed"), MARK, lock="hello", log="hello")
    before = server.tree()
    cuts = [*range(len(script) - 400, len(script) - 1, 19), *range(len(script) - 10, len(script) - 1), len(script) // 2]
    for cut in cuts:
        assert b"begin" not in server.run(script[:cut]).stdout, script[cut - 40 : cut]
    assert server.tree() == before
    server.run(script[:-1])
    assert server.path("/srv/changed").exists()


def test_the_rest_of_a_run_that_was_cut_off_is_waited_for(server: Any) -> None:
    first = start(server, apply_script(changes(SLOW), MARK, lock="hello", log="hello"))
    wait_for(server.path("/srv/began"))
    second = start(server, apply_script(changes("touch /srv/second"), MARK, lock="hello", log="hello"))
    assert second.stdout.readline() == b"@test say waiting for the rest of a run that was cut off\n"
    # Another app on the same server has nothing to wait for.
    server.run(apply_script(changes("touch /srv/other"), MARK, lock="other", log="other"))
    assert server.path("/srv/other").exists() and not server.path("/srv/second").exists()
    server.path("/srv/go").touch()
    for process in (first, second):
        process.communicate(timeout=20)
    assert server.path("/srv/second").exists()


def test_what_a_change_leaves_running_holds_no_lock(server: Any) -> None:
    server.apply(changes("sleep 5 >/dev/null 2>&1 3<&- & echo $! >/srv/pid"))
    try:
        done = server.apply(changes("echo next"))
        assert done.status == 0 and not done.said
    finally:
        os.kill(int(server.path("/srv/pid").read_text()), signal.SIGKILL)


# --- guarded ---

GUARD = Guard(arm="touch /srv/armed", revert="touch /srv/reverted", disarm="rm /srv/armed")


def guarded(guard: Guard, *shells: str) -> Plan:
    return changes(*[Change(shell, shell, guard=guard) for shell in shells])


def there(server: Any) -> list[str]:
    return sorted(path.name for path in server.path("/srv").iterdir())


def test_a_guard_is_armed_before_the_first_change(server: Any) -> None:
    done = server.apply(guarded(GUARD, "test -e /srv/armed && touch /srv/changed"))
    assert done.status == 0 and there(server) == ["armed", "changed"]


@pytest.mark.parametrize("arm", ["false\ntouch /srv/armed", "fail 'cannot arm'", "nosuchcommand; touch /srv/armed"])
def test_nothing_is_changed_where_the_guard_cannot_be_armed(server: Any, arm: str) -> None:
    done = server.apply(guarded(replace(GUARD, arm=arm), "touch /srv/changed"))
    assert done.status == 1 and there(server) == []
    assert done.error == ("cannot arm" if "fail" in arm else "")
    server.assert_clean()


def test_a_guarded_change_that_fails_is_taken_back_by_the_guard_too(server: Any) -> None:
    done = server.apply(guarded(GUARD, "touch /srv/changed", "false"))
    assert done.status == 1 and there(server) == ["armed", "changed", "reverted"]


def test_what_is_changed_is_noted_in_the_history(server: Any) -> None:
    server.path("/srv/hello").mkdir()
    planned = changes("touch /srv/one", "touch /srv/two")
    server.run(apply_script(planned, MARK, lock="hello", log="hello", by="张伟@desk", why="install"))
    server.run(apply_script(changes("exit 3"), MARK, lock="hello", log="hello", by="me@desk", why="nginx"))
    first, second = (line.split("\t")[1:] for line in server.path("/srv/hello/history").read_text().splitlines())
    assert first == ["张伟@desk", "install", "-", "-", "2 changed"]
    assert second == ["me@desk", "nginx", "-", "-", "failed"]
    assert stat.S_IMODE(server.path("/srv/hello/history").stat().st_mode) == 0o600
