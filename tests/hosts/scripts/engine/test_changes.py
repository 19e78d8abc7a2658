"""Changes: progress, failure, payloads, log, history."""

from __future__ import annotations

import stat
from typing import Any

from selvedge.engine.script import step_script
from selvedge.resources.base import Change
from tests.support.plans import MARK, changes


def progress(output: str) -> list[str]:
    return [line.removeprefix(f"{MARK} ") for line in output.splitlines() if line.startswith(f"{MARK} ")]


def test_the_lines_of_progress(server: Any) -> None:
    done = server.apply(changes("step_say hello there", "echo output; echo more >&2"))
    assert (done.status, progress(done.output)) == (0, ["begin 0", "say hello there", "done 0", "begin 1", "done 1", "end 0"])
    assert done.output.index("output") < done.output.index("more") < done.output.index("@test done 1")


# Each would continue after its failing command without `set -e`.
FAILING = {
    "a command": "false\ntouch /srv/after",
    "inside a function": "f() { false; touch /srv/after; }\nf",
    "inside a subshell": "( false; touch /srv/after )",
    "a function's last word": "f() { nosuchcommand; }\nf\ntouch /srv/after",
    "the end of a pipeline": "echo x | grep -q y\ntouch /srv/after",
    "an unset variable": 'echo "$nosuchvariable"\ntouch /srv/after',
    "fail": "step_fail 'the sentence'\ntouch /srv/after",
    "fail in a function": "f() { step_fail 'the sentence'; touch /srv/after; }\nf",
    "after an or": "false || false\ntouch /srv/after",
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


def test_a_failing_precondition_stops_before_the_first_change(server: Any) -> None:
    planned = changes("touch /srv/changed")
    planned.before = ["", "touch /srv/looked", "false\ntouch /srv/after"]
    done = server.apply(planned)
    assert (done.status, progress(done.output)) == (1, ["begin before", "failed before 1", "end 1"])
    assert sorted(path.name for path in server.path("/srv").iterdir()) == ["looked"]


def test_payloads_are_read_in_order_and_not_from_standard_input(server: Any) -> None:
    planned = changes(
        Change("one", "cat >/srv/zero\nhead -c 3 <&3 >/srv/one", payload=b"one"),
        Change("nothing", "cat"),
        Change("two", "head -c 4 <&3 >/srv/two", payload=b"\0\xfft\n"),
    )
    assert server.apply(planned).status == 0
    read = {name: server.path(f"/srv/{name}").read_bytes() for name in ("zero", "one", "two")}
    assert read == {"zero": b"", "one": b"one", "two": b"\0\xfft\n"}


def test_only_root_reads_the_log_of_the_whole_output(server: Any) -> None:
    server.apply(changes("echo first"))
    done = server.apply(changes("echo second\nstep_fail 'third'"))
    log, folder = server.path("/var/log/selvedge/hello.log"), server.path("/var/log/selvedge")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600 and stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "first" in log.read_text() and log.read_text().endswith(done.output)
    assert stat.S_IMODE(server.path("/run/selvedge").stat().st_mode) == 0o700


def test_modes_do_not_depend_on_the_umask(server: Any) -> None:
    done = server.apply(changes("umask; touch /srv/file"), before="umask 0\n")
    assert "\n0022\n" in done.output
    assert stat.S_IMODE(server.path("/srv/file").stat().st_mode) == 0o644
    assert stat.S_IMODE(server.path("/var/log/selvedge/hello.log").stat().st_mode) == 0o600


def test_changes_are_noted_in_the_history(server: Any) -> None:
    server.path("/srv/hello").mkdir()
    planned = changes("touch /srv/one", "touch /srv/two")
    server.run(step_script(planned, MARK, "hello", by="张伟@desk", why="install"))
    server.run(step_script(changes("exit 3"), MARK, "hello", by="me@desk", why="nginx"))
    first, second = (line.split("\t")[2:] for line in server.path("/srv/hello/history").read_text().splitlines())
    assert first == ["张伟@desk", "install", "-", "-", "2 changed"]
    assert second == ["me@desk", "nginx", "-", "-", "failed"]
    assert stat.S_IMODE(server.path("/srv/hello/history").stat().st_mode) == 0o600


def test_a_removal_with_the_data_leaves_no_history(server: Any) -> None:
    """Not even if something else was changed in the same run, such as a backend's settings."""
    server.path("/srv/hello").mkdir()
    removal = changes("touch /srv/settings", "rm -r /srv/hello")
    server.run(step_script(removal, MARK, "hello", by="me@desk", why="remove"))
    assert server.path("/srv/settings").exists() and not server.path("/srv/hello").exists()
