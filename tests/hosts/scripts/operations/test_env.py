"""`fab env` and `fab env --set`: names and states, never values."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from selvedge.config.dotenv import app_environment, render_environment
from selvedge.config.target import Target
from selvedge.errors import ConfigError, SelvedgeError, UnreachableError, UsageError
from selvedge.operations.env import env
from selvedge.operations.env_set import env_set
from selvedge.run import Run
from selvedge.task import Step
from tests.hosts.scripts.operations.fakes import RECORD, Fake, instance, live
from tests.hosts.scripts.server import Server
from tests.support.releases import OLD

MULTILINE = "line one\n\"s3cret\" $(id) `id` 'x' \\\n"
COMMIT = "a" * 40


def has(server: Server, values: Mapping[str, str]) -> None:
    """Make a release with these variables live on the server."""
    instance(server, OLD, "good", record=RECORD.format(commit=COMMIT, subject="First", at="2026-01-02T03:04:05Z"))
    text = render_environment({name: SecretStr(value) for name, value in values.items()})
    server.path(f"/srv/hello/instances/{OLD}/env").write_text(text)
    python = server.path(f"/srv/hello/releases/{OLD[:12]}/.venv/bin/python")
    python.parent.mkdir(parents=True)
    python.symlink_to("/usr/bin/python3")
    live(server, OLD)


def rows(text: str) -> list[list[str]]:
    return [line.split(maxsplit=2) for line in text.splitlines()]


class TestComparison:
    VALUES: Mapping[str, str] = {"SAME": MULTILINE, "CHANGED": "s3cret-old", "EXTRA": "s3cret"}
    FILE = "SAME='line one\n\"s3cret\" $(id) `id` \\'x\\' \\\\\n'\nCHANGED=s3cret-new\nMISSING=s3cret\n"

    @pytest.fixture
    def two(self, fake: Callable[..., Fake], tmp_path: Path) -> Fake:
        (tmp_path / "x.env").write_text(self.FILE)
        found = fake("one", "two", env_file="x.env")
        has(found.servers["one"], self.VALUES)
        has(found.servers["two"], {"SAME": MULTILINE, "CHANGED": "s3cret-new", "MISSING": "s3cret"})
        return found

    def test_each_variable_has_a_state_and_each_host_a_summary(self, two: Fake) -> None:
        env(two.run)
        assert rows(two.text) == [
            ["host", "variable", "state"],
            ["one", "SAME", "same"],
            ["one", "CHANGED", "different"],
            ["one", "MISSING", "missing on the server"],
            ["one", "EXTRA", "only on the server"],
            *(["two", name, "same"] for name in ("SAME", "CHANGED", "MISSING")),
            *rows(
                f"one: 1 different, 1 missing on the server, 1 only on the server (compared with x.env; live release {OLD}). "
                f"Run `fab -H one deploy` to release the changes.\ntwo: the live release {OLD} has the 3 variables of x.env."
            ),
        ]
        assert "s3cret" not in two.text
        assert [session.remote.execs for session in two.run.fleet.sessions] == [1, 1]

    def test_json_has_the_same(self, two: Fake) -> None:
        env(two.run, as_json=True)
        found = json.loads(two.text)
        states = {"SAME": "same", "CHANGED": "different", "MISSING": "missing", "EXTRA": "extra"}
        assert found["one"] == {"app": "hello", "live": OLD, "source": "env_file", "variables": states}
        assert "s3cret" not in two.text

    def test_what_travels_is_neither_a_value_nor_a_hash_that_others_can_compute(
        self, fake: Callable[..., Fake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "x.env").write_text("A=s3cret\n")
        found = fake("one", env_file="x.env")
        server, answers = found.servers["one"], []
        has(server, {"A": "s3cret"})
        run = server.run
        monkeypatch.setattr(server, "run", lambda script: answers.append(run(script)) or answers[-1])
        env(found.run)
        env(found.run)
        hashes = [re.findall("^variable A .*", done.stdout.decode(), re.MULTILINE) for done in answers]
        assert len(hashes[0]) == 1 and hashes[0] != hashes[1], "each run has its own key"
        assert not [done for done in answers if b"s3cret" in done.stdout]

    def test_the_command_of_env_command_runs_once_and_its_error_comes_before_any_server(
        self, fake: Callable[..., Fake], tmp_path: Path
    ) -> None:
        found = fake("one", "two", env_command="echo ran >>ran; echo A=s3cret")
        for server in found.servers.values():
            has(server, {"A": "s3cret"})
        env(found.run)
        assert f"two: the live release {OLD} has the 1 variable of `echo ran >>ran; echo A=s3cret`." in found.text
        assert (tmp_path / "ran").read_text() == "ran\n"
        failing = fake("three", env_command="false")
        with pytest.raises(ConfigError, match="`false` failed with exit status 1"):
            env(failing.run)
        assert failing.run.fleet.sessions[0].remote.execs == 0

    def test_hosts_without_a_release_or_connection(self, fake: Callable[..., Fake]) -> None:
        found = fake("bare", "gone", "one", gone=["gone"])
        has(found.servers["one"], {})
        with pytest.raises(SelvedgeError, match="bare: no release is live"):
            env(found.run)
        assert f"one: the live release {OLD} has no variables, and hosts.toml sets neither app.env_file nor" in found.text
        only = fake("away", gone=["away"])
        with pytest.raises(UnreachableError):
            env(only.run, as_json=True)
        assert "does not answer" in json.loads(only.text)["away"]["error"]


class TestSet:
    @pytest.fixture
    def releases(self) -> list[tuple[str, str, bool, dict[str, str]]]:
        """The releases that were made: host, ref, forced, environment."""
        return []

    @pytest.fixture
    def deploy(self, releases: list[tuple[str, str, bool, dict[str, str]]]) -> Step:
        def body(app: Target) -> Iterator[Step]:
            values = {name: value.get_secret_value() for name, value in app_environment(app).items()}
            releases.append((app.host.name, app.release.ref, app.release.forced, values))
            yield from ()

        return Step(body, name="deploy")

    @pytest.fixture
    def say(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
        """Set standard input."""
        return lambda content: monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    def test_the_value_is_written_and_the_live_commits_released_with_it(
        self, fake: Callable[..., Fake], tmp_path: Path, deploy: Step, releases: list[object], say: Callable[[bytes], None]
    ) -> None:
        (tmp_path / "x.env").write_text("# mine\nA=1 # one\n")
        found = fake("one", "two", "bare", env_file="x.env")
        for name in ("one", "two"):
            has(found.servers[name], {"A": "1"})
        say(f"{MULTILINE}\n".encode())
        env_set(found.run, "NEW_TOKEN", deploy)
        assert (tmp_path / "x.env").read_text().startswith("# mine\nA=1 # one\nNEW_TOKEN=")
        assert sorted(releases) == [(name, COMMIT, True, {"A": "1", "NEW_TOKEN": MULTILINE}) for name in ("one", "two")]
        assert "x.env: NEW_TOKEN is added.\nbare: no release is live yet. Run `fab -H bare deploy`.\n" in found.text
        assert "s3cret" not in found.text

    def test_its_releases_wait_for_the_balancers_as_those_of_a_deploy(
        self, fake: Callable[..., Fake], tmp_path: Path, deploy: Step, say: Callable[[bytes], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "x.env").write_text("A=1\n")
        found, seen = fake("one", "bare", env_file="x.env"), []
        has(found.servers["one"], {"A": "1"})
        found.run.fleet.balancers = ["lb"]
        kept = lambda run, *_: seen.append((run.fleet.balancers, [each.name for each in run.fleet.sessions]))  # noqa: E731
        monkeypatch.setattr(Run, "chain", kept)
        say(b"2")
        env_set(found.run, "A", deploy)
        assert seen == [(["lb"], ["one"])]

    def test_a_changed_value_and_the_same_value_again(
        self, fake: Callable[..., Fake], tmp_path: Path, deploy: Step, releases: list[object], say: Callable[[bytes], None]
    ) -> None:
        (tmp_path / "x.env").write_text("A=1 # one\n")
        found = fake("one", env_file="x.env")
        has(found.servers["one"], {"A": "1"})
        for value, text in ((b"2\r\n", "x.env: A is changed.\n"), (b"2", "x.env already has this value of A.\n")):
            say(value)
            env_set(found.run, "A", deploy)
            assert text in found.text
            assert releases[-1] == ("one", COMMIT, True, {"A": "2"})

    @pytest.mark.parametrize(
        ("name", "content", "problem"),
        [
            ("A-B", b"x", "is not a name of a variable"),
            ("A=s3cret", b"x", "is not a name of a variable"),
            ("PATH", b"x", "Selvedge sets it itself"),
            ("PYTHONHOME", b"x", "decides where Python finds its own modules"),
            ("A", b"", "No value was given for A. "),
            ("A", b"\n", "No value was given for A. "),
            ("A", b"s3cret\0", "is not text"),
            ("A", b"s3cret\xff", "is not UTF-8 text"),
            ("A", b"s3cret" * 40_000, "Linux starts no program with a variable of more than"),
            ("GUNICORN_CMD_ARGS", b"--daemon s3cret", "has gunicorn's option --daemon"),
        ],
    )
    def test_a_wrong_name_or_value_changes_nothing(
        self,
        fake: Callable[..., Fake],
        tmp_path: Path,
        deploy: Step,
        say: Callable[[bytes], None],
        name: str,
        content: bytes,
        problem: str,
    ) -> None:
        (tmp_path / "x.env").write_text("A=1\n")
        found = fake("one", env_file="x.env")
        say(content)
        with pytest.raises(UsageError) as error:
            env_set(found.run, name, deploy)
        assert problem in str(error.value)
        assert "s3cret" not in str(error.value) or name == "A=s3cret"
        assert (tmp_path / "x.env").read_text() == "A=1\n"
        assert found.run.fleet.sessions[0].remote.execs == 0

    def test_a_server_that_does_not_answer_leaves_the_file_as_it_is(
        self, fake: Callable[..., Fake], tmp_path: Path, deploy: Step, say: Callable[[bytes], None]
    ) -> None:
        (tmp_path / "x.env").write_text("A=1\n")
        say(b"s3cret")
        with pytest.raises(UnreachableError):
            env_set(fake("one", gone=["one"], env_file="x.env").run, "A", deploy)
        assert (tmp_path / "x.env").read_text() == "A=1\n"

    @pytest.mark.parametrize(
        ("command", "remedy"),
        [
            ("sops -d production.env", "Change A with `sops FILE`, then run `fab -H one deploy`."),
            ("LANG=C /usr/bin/op inject -i x", "Change A with `op item edit`, then"),
            ("./own-script --token s3cret", "Change A with the program own-script, then"),
        ],
    )
    def test_a_command_is_named_with_what_edits_its_secrets(
        self, fake: Callable[..., Fake], deploy: Step, command: str, remedy: str
    ) -> None:
        with pytest.raises(UsageError) as error:
            env_set(fake("one", env_command=command).run, "A", deploy)
        assert remedy in error.value.remedy
        assert "s3cret" not in str(error.value)

    def test_without_a_file(self, fake: Callable[..., Fake], deploy: Step) -> None:
        with pytest.raises(UsageError, match=r"app\.env_file is not set"):
            env_set(fake("one").run, "A", deploy)

    def test_with_a_file_for_each_server(self, fake: Callable[..., Fake], deploy: Step) -> None:
        found = fake("one", "two", env_file="x.env")
        session = found.run.fleet.sessions[1]
        session.target = session.target.model_copy(update={"env_file": "y.env"})
        with pytest.raises(UsageError, match=r"different environment files: one has .*x.env, two has .*y.env"):
            env_set(found.run, "A", deploy)

    def test_on_a_terminal_the_value_is_asked_for_without_echo(
        self, fake: Callable[..., Fake], tmp_path: Path, deploy: Step, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = fake("one", env_file="new.env")
        has(found.servers["one"], {})
        asked = []
        monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: PTH123, SIM115
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr("getpass.getpass", lambda question: asked.append(question) or "s3cret")
        env_set(found.run, "A", deploy)
        assert (tmp_path / "new.env").read_text() == "A=s3cret\n"
        assert (tmp_path / "new.env").stat().st_mode & 0o777 == 0o600
        assert asked == [f"Value of A in {tmp_path}/new.env (not shown): "]
        assert "s3cret" not in found.text
        monkeypatch.setattr("getpass.getpass", lambda _: "x" * 4095)
        with pytest.raises(UsageError, match="a terminal cuts such lines"):
            env_set(found.run, "A", deploy)
