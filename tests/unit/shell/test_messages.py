"""The program on a server that sends messages: what users are told, how much of a text is sent, and what is kept out of it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from selvedge.shell.server.messages import checks, ended, notify, settings, told
from selvedge.shell.server.messages.text import BODY, TITLE

NOW = 1_796_022_000
HOSTILE = "\x1b[31mred\x1b[0m \x07\u202e \"'`$(id)` % @all <!channel> 工\n"


def run_of(kinds: str, step: int = 60, state: dict[str, Any] | None = None) -> str:
    """Return what is sent of runs that fail (F) or succeed (S), `step` seconds apart: in the same place, or a dot."""
    state, sent = state or {}, ""
    for number, kind in enumerate(kinds):
        name = {"F": "failure", "S": "success"}[kind]
        send, state = told.decide(state, name, NOW + number * step)
        if send:
            state = told.arrived(state, name)
        sent += kind if send else "."
    return sent


class TestWhatUsersAreTold:
    @pytest.mark.parametrize(
        ("kinds", "sent"), [("SSS", "..."), ("FFFF", "F..."), ("FFSS", "F.S."), ("SFSFS", ".FSFS"), ("FSFSFSFSFS", "FSFS......")]
    )
    def test_the_first_failure_and_the_next_success(self, kinds: str, sent: str) -> None:
        assert run_of(kinds) == sent

    def test_a_flapping_timer_sends_four_messages_an_hour(self) -> None:
        assert run_of("FS" * 90).count(".") == 180 - 12
        assert run_of("FS" * 24, step=3600).count(".") == 0

    def test_what_was_held_back_is_told_later(self) -> None:
        sent = run_of("FSFSF" + "F" * 60)
        assert sent.startswith("FSFS....") and sent.rstrip(".").endswith("F") and sent.count("F") == 3

    def test_a_message_on_its_way_is_not_sent_twice_and_a_lost_one_is(self) -> None:
        send, state = told.decide({}, "failure", NOW)
        assert send and not told.decide(state, "failure", NOW + 60)[0]
        assert told.decide(state, "failure", NOW + told.SENDING)[0], "the unit was killed"
        assert told.decide(told.lost(state), "failure", NOW + 60)[0]
        assert not told.decide(told.lost(state), "success", NOW + 60)[0], "no one has heard of the failure"

    def test_what_is_repeated_until_it_has_arrived_counts_once_and_has_the_same_limit(self) -> None:
        state: dict[str, Any] = {}
        sent = []
        for minute in range(90):
            send, state = told.decide(state, "failure", NOW + 60 * minute, repeated=True)
            sent += [minute] * send
            state = told.lost(state)
            assert not told.has_arrived(state, "failure", NOW + 60 * minute)
        assert sent == [0, 1, 2, 3, 60, 61, 62, 63] and state["failures"] == 1 and "held" not in state
        state = told.arrived(state, "failure")
        assert told.has_arrived(state, "failure", NOW) and not told.has_arrived(state, "success", NOW)
        assert not told.decide(state, "failure", NOW + 5400, repeated=True)[0]

    def test_a_clock_that_was_set_back_holds_nothing(self) -> None:
        state = {"sent": [NOW + 9999] * 9, "sending": ["failure", NOW + 9999]}
        assert told.decide(state, "failure", NOW)[0]

    def test_messages_without_a_cause_have_a_limit_together(self) -> None:
        state: dict[str, Any] = {}
        sent = []
        for number in range(told.OTHERS + 5):
            send, state = told.admit(state, NOW + number)
            sent.append(send)
        assert sent.count(True) == told.OTHERS and state["held"] == 5


class TestLastRun:
    LOG = b"""[2026-11-30 07:00:00 +0000] [INFO] a began in the release x
old
[2026-11-30 07:00:01 +0000] [ERROR] a failed after 1 s: exit-code (1)
[2026-11-30 07:01:00 +0000] [INFO] a began in the release y
new \xff
[2026-11-30 07:01:01 +0000] [ERROR] a failed after 1 s: exit-code (1)
"""

    def test_only_the_last_run_is_shown(self) -> None:
        assert ended.last_run(self.LOG, "a") == b"new \xff"

    def test_a_log_whose_start_was_cut(self) -> None:
        assert ended.last_run(b"half a line\nmore", "a") == b"half a line\nmore"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folders of a server with the app blog, whose systemctl only notes what it is asked."""
    for module, name in ((settings, "ETC"), (settings, "QUEUE"), (settings, "STATE"), (ended, "SERVER"), (ended, "LOGS"),
                         (ended, "RECORDS"), (checks, "SITES"), (checks, "UNITS"), (checks, "SERVER")):  # fmt: skip
        monkeypatch.setattr(module, name, str(tmp_path / name))
    add(tmp_path, "blog", "json://a.test/1")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "systemctl").write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/asked\ncat {tmp_path}/elapses 2>/dev/null || :\n')
    (programs / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    noted: list[str] = []
    monkeypatch.setattr(settings, "note", noted.append)
    yield tmp_path
    assert noted == []


def add(server: Path, name: str, *urls: str, **more: object) -> None:
    folder = server / "ETC" / name
    folder.mkdir(parents=True)
    (folder / "notify-urls").write_text("".join(f"{url}\n" for url in urls))
    (folder / "notify.json").write_text(json.dumps({"app": name, "host": "web-1", "only_failures": False, **more}))


def queued(server: Path) -> list[dict[str, Any]]:
    """Return the messages of the queue, and say that they have arrived."""
    found = []
    for path in sorted((server / "QUEUE").iterdir()) if (server / "QUEUE").exists() else []:
        assert path.stat().st_mode & 0o777 == 0o600
        found.append(json.loads(path.read_text()))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SERVICE_RESULT", "success")
            notify.done(path.name)
        assert not path.exists()
    return found


class TestQueue:
    def test_the_contract_of_other_programs(self, server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(HOSTILE.encode() * 200)))
        assert notify.notify("failure", "disk %s $(id)\nfull") == 0
        (found,) = queued(server)
        assert (found["kind"], found["title"], found["urls"]) == ("failure", "disk %s $(id) full", ["json://a.test/1"])
        assert found["body"].split("\n")[-1].startswith("web-1, 20") and "\x1b" not in found["body"]
        assert len(found["title"].encode()) <= TITLE and len(found["body"].encode()) <= BODY
        assert (server / "asked").read_text().startswith("--no-block start selvedge-notify@server.")

    def test_no_text_calls_the_room(self, server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The labels of an alert and the names of timers are not ours."""
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"label @everyone <!channel>, me@10.0.0.1")))
        notify.notify("failure", "timer @everyone <!channel>")
        (found,) = queued(server)
        assert found["title"] == "timer @\u200beveryone <\u200b!channel>"
        assert found["body"].split("\n")[0] == "label @\u200beveryone <\u200b!channel>, me@10.0.0.1"
        for size in range(8):
            notify.tell("", "", "failure", "x" * (TITLE - size) + "@everyone", "@all " * 900)
            (found,) = queued(server)
            assert len(found["title"].encode()) <= TITLE and len(found["body"].encode()) <= BODY
            assert "@e" not in found["title"] and "@a" not in found["body"]

    def test_a_long_command_leaves_room_for_the_text(self, server: Path) -> None:
        notify.tell("blog", "", "failure", "x", "y" * 60_000, fab="\x1b[31m@all\n" + "z" * 3000)
        (found,) = queued(server)
        lines = found["body"].split("\n")
        assert len(found["body"].encode()) <= BODY and len(lines) == 3 and lines[0].startswith("yyy")
        assert lines[1].startswith("fab -H web-1 @\u200ball zzz") and lines[1].endswith("z…")

    def test_each_address_of_all_apps_gets_it_once(self, server: Path) -> None:
        add(server, "shop", "json://a.test/1", "json://a.test/2")
        add(server, "quiet", "json://a.test/3", only_failures=True)
        notify.notify("success", "fine")
        notify.notify("--app", "shop", "failure", "broken")
        assert [each["urls"] for each in queued(server)] == [["json://a.test/1", "json://a.test/2"]] * 2
        notify.notify("failure", "broken")
        assert queued(server)[0]["urls"] == ["json://a.test/1", "json://a.test/3", "json://a.test/2"]

    def test_without_addresses_nothing_is_queued(self, server: Path) -> None:
        (server / "ETC/blog/notify-urls").unlink()
        assert notify.notify("failure", "x") == 0 and notify.notify("--app", "other", "failure", "x") == 0
        assert queued(server) == [] and not (server / "STATE").exists()

    @pytest.mark.parametrize(
        "words",
        [
            ["warning", "x"], ["failure"], ["--about", "../x", "failure", "x"], ["--app", "../x", "failure", "x"],
            ["--repeat", "failure", "x"],
        ],
    )  # fmt: skip
    def test_wrong_words_are_refused(self, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            notify.notify(*words)
        assert caught.value.code == 2 and "usage: /usr/local/lib/selvedge/notify" in capsys.readouterr().err

    def test_with_only_failures_a_success_is_remembered(self, server: Path) -> None:
        add(server, "quiet", "json://a.test/3", only_failures=True)
        for kind in ("failure", "success", "failure"):
            notify.tell("quiet", "backup", kind, kind, "")
            assert [each["title"] for each in queued(server)] == ([kind] if kind == "failure" else [])


class TestRepeated:
    def test_it_is_sent_again_until_it_has_arrived(self, server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def say(kind: str) -> int:
            return notify.notify(kind, "the disk", "--about", "alert.1", "--repeat")

        assert say("success") == 0, "no one has heard of a failure"
        for _ in range(3):
            assert say("failure") == notify.LATER and say("failure") == notify.LATER, "it is on its way"
            (path,) = (server / "QUEUE").iterdir()
            monkeypatch.setenv("SERVICE_RESULT", "exit-code")
            notify.done(path.name)
        assert say("failure") == notify.LATER
        assert [each["kind"] for each in queued(server)] == ["failure"]
        assert say("failure") == 0 and queued(server) == []
        monkeypatch.setattr(told, "LIMIT", 5)
        assert say("success") == notify.LATER
        (ended,) = queued(server)
        assert ended["body"].startswith("It began at 20") and "failed" not in ended["body"]
        assert say("success") == 0

    def test_without_an_address_for_it_no_one_waits(self, server: Path) -> None:
        (server / "ETC/blog/notify-urls").unlink()
        add(server, "quiet", "json://a.test/3", only_failures=True)
        assert notify.notify("--about", "x", "--repeat", "failure", "x") == notify.LATER and len(queued(server)) == 1
        assert notify.notify("--about", "x", "--repeat", "success", "x") == 0 and queued(server) == []
        assert notify.notify("--app", "other", "--about", "x", "--repeat", "failure", "x") == 0


class TestEnded:
    def ended(self, server: Path, monkeypatch: pytest.MonkeyPatch, result: str, status: str, *words: str) -> list[dict[str, Any]]:
        monkeypatch.setenv("SERVICE_RESULT", result)
        monkeypatch.setenv("EXIT_STATUS", status)
        assert ended.ended(*words) == 0
        return queued(server)

    def test_a_timer(self, server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for path, text in (
            ("RECORDS/blog.a", b"TIMER_RELEASE=x-1\n"), ("LOGS/blog/timer-a.log", TestLastRun.LOG),
            ("SERVER/blog/instances/x-1/env", b'TOKEN="new token"\n'),
        ):  # fmt: skip
            (server / path).parent.mkdir(parents=True, exist_ok=True)
            (server / path).write_bytes(text)
        assert self.ended(server, monkeypatch, "success", "0", "timer", "blog", "a") == []
        (found,) = self.ended(server, monkeypatch, "timeout", "TERM", "timer", "blog", "a")
        lines = found["body"].split("\n")
        assert found["title"] == "blog: the timer a failed"
        assert lines[:4] == ["Stopped, because it took too long, in the release x-1", "", "new �", "fab -H web-1 logs --timer a"]
        (found,) = self.ended(server, monkeypatch, "success", "0", "timer", "blog", "a")
        assert found["title"] == "blog: the timer a works again" and found["body"].startswith("It had failed once since 20")

    def test_one_that_someone_stops_is_not_told(self, server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.ended(server, monkeypatch, "signal", "TERM", "timer", "blog", "a") == []
        assert self.ended(server, monkeypatch, "", "", "backup", "blog") == []

    def test_a_backup_and_a_rehearsal_tell_why(self, server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        state = server / "SERVER/blog/backup/state"
        state.mkdir(parents=True)
        (state / "failed").write_text("1700000000 restic: the disk is full.\n")
        (found,) = self.ended(server, monkeypatch, "exit-code", "1", "backup", "blog")
        assert found["title"] == "blog: the backup failed"
        assert "restic: the disk is full.\nfab -H web-1 backup\n" in found["body"]
        (found,) = self.ended(server, monkeypatch, "oom-kill", "KILL", "rehearsal", "blog")
        assert found["body"].startswith("killed, because it used too much memory\nfab -H web-1 backup --rehearse\n")
        (found,) = self.ended(server, monkeypatch, "success", "0", "backup", "blog")
        assert found["title"] == "blog: the backup works again"


class TestChecks:
    @pytest.fixture
    def site(self, server: Path) -> Callable[[int, int], None]:
        """Return a function that gives the app's site a certificate of this life, in days, of which so many are left."""

        def certificate(life: int, left: int) -> None:
            path = server / "certificate.pem"
            days = (time.time() + day * 86400 + 60 for day in (left - life, left))
            start, finish = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(each)) for each in days)
            key = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
            subprocess.run([*key, "-subj", "/CN=a", "-keyout", "key", "-out", "csr"], cwd=server, check=True, capture_output=True)
            (server / "index").write_text("")
            (server / "ca.conf").write_text(
                "[ca]\ndefault_ca = a\n[a]\ndatabase = index\nnew_certs_dir = .\nrand_serial = yes\ndefault_md = sha256\n"
                "policy = p\nunique_subject = no\n[p]\ncommonName = supplied\n"
            )
            ca = ["openssl", "ca", "-batch", "-config", "ca.conf", "-selfsign", "-keyfile", "key", "-notext", "-in", "csr"]
            dates = ["-startdate", start, "-enddate", finish]
            subprocess.run([*ca, *dates, "-out", str(path)], cwd=server, check=True, capture_output=True)
            (server / "SITES").mkdir(exist_ok=True)
            (server / "SITES/blog-tls").write_text(f"server {{\n    ssl_certificate {path};\n    ssl_certificate_key {path};\n}}\n")

        return certificate

    @pytest.mark.parametrize(
        ("life", "left", "title"),
        [
            (90, 14, ""), (90, 13, "ends in 13 days"), (365, 1, "ends in 1 day"), (90, -1, "has ended"), (45, 10, ""),
            (45, 8, "ends in 8 days"),
        ],
    )  # fmt: skip
    def test_a_certificate_near_its_end(
        self, server: Path, site: Callable[[int, int], None], life: int, left: int, title: str
    ) -> None:
        site(life, left)
        checks.check()
        assert [each["title"] for each in queued(server)] == ([f"blog: the certificate {title}"] if title else [])
        site(90, 90)
        checks.check()
        assert [each["title"] for each in queued(server)] == (["blog: the certificate was renewed"] if title else [])

    @pytest.mark.parametrize(
        ("last", "upcoming", "age", "limit", "told"),
        [
            (2, 22, 2, 0, ""), (2, 22, 49, 0, ""), (2, 22, 53, 0, "The last good one is from"), (0, 22, 100, 0, ""),
            (2, 0, 100, 0, ""), (100, 68, 200, 0, ""), (2, -1, 2, 0, "The timer "), (2, 22, 25, 26, ""),
            (2, 22, 27, 26, "The last good one is from"), (0, 22, 27, 26, "The last good one is from"), (2, 22, 53, 170, ""),
        ],
    )  # fmt: skip
    def test_an_overdue_backup(self, server: Path, last: int, upcoming: int, age: int, limit: int, told: str) -> None:
        """last, upcoming, age: hours since the timer ran, until it runs (-1: it is off), and since the last good backup.

        limit: backup_hours of [metrics], 0 without metrics.
        """
        backups(server, last, upcoming)
        about = {"app": "blog", "host": "web-1", "only_failures": False, **({"backup_hours": limit} if limit else {})}
        (server / "ETC/blog/notify.json").write_text(json.dumps(about))
        (server / "SERVER/blog/backup/state/good").write_text(f"{int(time.time()) - age * 3600} abc scheduled\n")
        checks.check()
        assert [each["body"][: len(told)] for each in queued(server)] == list(filter(None, [told]))

    @pytest.mark.parametrize(("last", "age", "told"), [(20, 40, ""), (20, 52, "None has succeeded since "), (0, 900, "")])
    def test_a_backup_that_has_never_succeeded_is_overdue(self, server: Path, last: int, age: int, told: str) -> None:
        """age: hours since the backups were set up. The timer may not have run yet."""
        backups(server, last, 4)
        since = int(time.time()) - age * 3600
        program = server / "SERVER/blog/backup/program"
        program.mkdir()
        os.utime(program, (since, since))
        checks.check()
        assert [each["body"][: len(told)] for each in queued(server)] == list(filter(None, [told]))

    def test_there_is_no_new_backup_before_one_has_succeeded(self, server: Path) -> None:
        """Its timer was off, and is on again."""
        backups(server, 2, -1)
        checks.check()
        assert [each["kind"] for each in queued(server)] == ["failure"]
        backups(server, 2, 4)
        checks.check()
        assert queued(server) == []
        (server / "SERVER/blog/backup/state/good").write_text(f"{int(time.time())} abc scheduled\n")
        checks.check()
        assert [each["title"] for each in queued(server)] == ["blog: there is a new backup"]


def backups(server: Path, last: int, upcoming: int) -> None:
    """Set up the backups' timer. last, upcoming: hours since it ran, 0 for never, and until it runs, -1 if it is off."""

    def shown(hours: int) -> str:
        return time.strftime("%a %Y-%m-%d %H:%M:%S UTC", time.gmtime(time.time() + hours * 3600)) if hours else "n/a"

    (server / "UNITS").mkdir(exist_ok=True)
    (server / "UNITS/selvedge-blog-backup.timer").write_text("")
    state = "inactive" if upcoming < 0 else "active"
    times = f"LastTriggerUSec={shown(-last)}\nNextElapseUSecRealtime={shown(max(upcoming, 0))}\n"
    (server / "elapses").write_text(f"ActiveState={state}\n{times}")
    (server / "SERVER/blog/backup/state").mkdir(parents=True, exist_ok=True)
