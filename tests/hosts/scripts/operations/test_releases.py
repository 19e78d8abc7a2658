"""`fab releases` and `fab history`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.errors import UnreachableError, UsageError
from selvedge.operations.history import history
from selvedge.operations.releases import releases
from selvedge.report.text import width
from tests.hosts.scripts.operations.fakes import RECORD, Fake, instance, live
from tests.support.releases import NEW, OLD


class TestReleases:
    @pytest.fixture
    def one(self, fake: Callable[..., Fake]) -> Fake:
        found = fake("one")
        server = found.servers["one"]
        first = RECORD.format(commit="a" * 40, subject="First\033[2J; commit", at="2026-01-02T03:04:05Z")
        second = RECORD.format(commit="b" * 40, subject="Second", at="2026-01-03T03:04:05Z")
        instance(server, OLD, "good", record=first)
        instance(server, NEW, "left", record=second)
        instance(server, "cccccccccccc-333333", "bad", at=1_800_000_000)
        live(server, OLD)
        return found

    def test_the_table_begins_with_the_newest_release(self, one: Fake) -> None:
        releases(one.run)
        title, *rows = one.text.splitlines()
        assert " ".join(title.split()) == "host release state commit subject author when (UTC) by s"
        assert [row.split()[1] for row in rows] == ["cccccccccccc-333333", NEW, OLD]
        assert "bad" in rows[0]
        assert "2027-01-15 08:00:00" in rows[0]
        assert "rolled back" in rows[1]
        assert "live, down" in rows[2]
        assert "First; commit" in rows[2]
        assert "\033" not in one.text
        assert one.run.fleet.sessions[0].remote.execs == 1

    def test_a_previous_release_that_answers_open_requests_is_draining(self, one: Fake) -> None:
        server = one.servers["one"]
        server.path("/run/selvedge").mkdir()
        server.path(f"/run/selvedge/hello.{NEW}.drain").touch()
        server.program("systemctl", "echo active")
        releases(one.run)
        assert [row.split()[2] for row in one.text.splitlines()[1:]] == ["bad", "draining", "live,"]

    def test_columns_are_aligned_with_wide_characters(self, one: Fake) -> None:
        releases(one.run)
        title, _, *rows = one.text.splitlines()
        starts = {width(row[: row.index("2026-01")]) for row in rows} | {title.index("when")}
        assert len(starts) == 1

    def test_json_has_everything_that_the_table_has(self, one: Fake) -> None:
        releases(one.run, as_json=True)
        found = json.loads(one.text)["one"]
        assert (found["app"], found["live"], found["answering"]) == ("hello", OLD, False)
        assert [each["state"] for each in found["releases"]] == ["bad", "rolled back", "live"]
        assert found["releases"][2] == {
            "release": OLD, "state": "live", "commit": "a" * 40, "subject": "First\033[2J; commit", "author": "张伟",
            "at": "2026-01-02T03:04:05Z", "by": "me@laptop", "seconds": 7,
        }  # fmt: skip
        assert found["releases"][0]["commit"] == "cccccccccccc"

    def test_the_mirror_gives_the_subject_of_a_bad_release(self, fake: Callable[..., Fake], tmp_path: Path) -> None:
        found = fake("one")
        server = found.servers["one"]
        mirror = server.path("/srv/hello/repo.git")
        work = tmp_path / "work"
        who = ["-c", "user.name=Ann\tB", "-c", "user.email=a@b.test"]
        subprocess.run(["git", "init", "-q", work], check=True)
        subprocess.run(
            ["git", *who, "-C", work, "commit", "-q", "--allow-empty", "-m", "Broken on purpose"], check=True
        )
        subprocess.run(["git", "clone", "-q", "--bare", work, mirror], check=True)
        commit = subprocess.run(
            ["git", "-C", work, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout
        instance(server, f"{commit[:12]}-333333", "bad")
        releases(found.run, as_json=True)
        (record,) = json.loads(found.text)["one"]["releases"]
        assert record["commit"] == commit.strip()
        assert "Broken on purpose" in record["subject"]

    def test_a_server_without_releases_gets_a_hint(self, fake: Callable[..., Fake]) -> None:
        found = fake("one")
        releases(found.run)
        assert found.text == "one: no releases yet. Run `fab -H one deploy`.\n"

    def test_json_with_an_unreachable_host(self, fake: Callable[..., Fake]) -> None:
        found = fake("one", "two", gone=["two"])
        with pytest.raises(UnreachableError):
            releases(found.run, as_json=True)
        document = json.loads(found.text)
        assert document["one"]["releases"] == []
        assert document["two"] == {"error": "two: does not answer. Switch it on."}

    def test_history_prints_its_last_runs(self, fake: Callable[..., Fake]) -> None:
        found = fake("one")
        lines = [
            f"2026-01-0{day}T00:00:0{second}Z\tr{day}\tme\t{why}\n"
            for day in range(1, 6)
            for second, why in enumerate(["clone\t-\t-\t2 changed", "venv\t-\t-\t1 changed", f"deploy\t-\tx-{day}\tgood"])
        ]
        lines.append(f"2026-01-06T00:00:00Z\tr6\tme\trollback\t{OLD}\t{NEW}\trefused: a\ttab \033[31m and more\n")
        path = found.servers["one"].path("/srv/hello/history")
        path.parent.mkdir(parents=True)
        path.write_text("".join(lines))
        history(found.run, lines=3)
        _, *rows = found.text.splitlines()
        assert [row.split()[1] for row in rows] == ["2026-01-04", "2026-01-05", "2026-01-06"]
        assert " ".join(rows[0].split()) == "one 2026-01-04 00:00:02 me deploy clone 2, venv 1 - x-4 good"
        assert rows[2].endswith("refused: a    tab  and more")

    def test_history_as_json(self, fake: Callable[..., Fake]) -> None:
        found = fake("one", "two")
        path = found.servers["one"].path("/srv/hello/history")
        path.parent.mkdir(parents=True)
        path.write_text(f"2026-01-06T00:00:00Z\tr1\tme\tdeploy\t-\t{NEW}\tgood\nshort\n")
        history(found.run, lines=30, as_json=True)
        event = {"at": "2026-01-06T00:00:00Z", "run": "r1", "by": "me", "why": "deploy", "old": "-", "new": NEW, "result": "good"}
        short = {"at": "short", "run": "", "by": "", "why": "", "old": "", "new": "", "result": ""}
        assert json.loads(found.text) == {"one": [event, short], "two": []}

    @pytest.mark.parametrize("lines", [0, -1])
    def test_history_of_no_lines_is_wrong_usage(self, fake: Callable[..., Fake], lines: int) -> None:
        with pytest.raises(UsageError):
            history(fake("one").run, lines=lines)
