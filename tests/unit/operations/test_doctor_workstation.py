"""`fab doctor`: the checks of this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from fabric import Config

from selvedge.operations.doctor.workstation import check_workstation
from selvedge.operations.support.check_results import CheckResult
from selvedge.run import Run
from tests.unit.operations.result_lines import lines

pytestmark = pytest.mark.programs


class TestWorkstation:
    def results(self, run: Run) -> list[CheckResult]:
        return list(check_workstation(run.settings, [session.target for session in run.fleet.sessions]))

    def repository(self, path: Path) -> str:
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.test", "-C", str(path)]
        subprocess.run(["git", "init", "-q", "-b", "main", path], check=True)
        (path / "main.py").write_text("x")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-q", "-m", "First"], check=True)
        return f'repository = "{path}"'

    def load(self, project: Callable[..., Run], hosts: dict[str, str], repository: str, more: str = "") -> Run:
        run = project(hosts)
        path = run.settings.base_dir / "hosts.toml"
        text = path.read_text().replace('repository = "https://git.example.com/me/hello.git"', f"{repository}\n{more}")
        path.write_text(text)
        return Run.load(list(hosts), Config())

    def key(self, path: Path, mode: int = 0o600) -> str:
        path.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
        path.chmod(mode)
        return f'key = "{path}"'

    def test_a_healthy_server_has_no_findings(self, project: Callable[..., Run], tmp_path: Path) -> None:
        repository = self.repository(tmp_path / "code")
        key = self.key(tmp_path / "key")
        results = self.results(self.load(project, {"a": key, "b": key}, repository))
        assert [each.level for each in results] == ["ok"] * 3
        assert "First" in results[2].text

    @pytest.mark.parametrize(
        ("mode", "text", "said"),
        [
            (0o644, "-----BEGIN PRIVATE KEY", "key (mode 0644), so ssh rejects it"),
            (0o600, "ssh-ed25519 AAAA", "is a public key"),
            (0o600, "-----BEGIN CERTIFICATE-----", "is not a private key"),
            (0o600, "PuTTY-User-Key-File-3: ssh-ed25519", "in PuTTY's format"),
            (None, "", "key is missing"),
        ],
    )
    def test_keys(self, project: Callable[..., Run], tmp_path: Path, mode: int | None, text: str, said: str) -> None:
        path = tmp_path / "key"
        if mode is not None:
            path.write_text(text)
            path.chmod(mode)
        run = self.load(project, {"a": f'key = "{path}"'}, self.repository(tmp_path / "code"))
        (problem,) = [each for each in self.results(run) if each.level == "problem"]
        assert said in problem.text
        assert problem.remedy

    def test_a_machine_without_keys(self, project: Callable[..., Run], tmp_path: Path) -> None:
        run = self.load(project, {"a": ""}, self.repository(tmp_path / "code"))
        assert lines(self.results(run)) == [
            "SSH key: there is no SSH agent, and no key file that ssh's configuration names exists"
        ]

    def test_uncommitted_changes(self, project: Callable[..., Run], tmp_path: Path) -> None:
        repository = self.repository(tmp_path / "code")
        (tmp_path / "code" / "main.py").write_text("changed")
        run = self.load(project, {"a": self.key(tmp_path / "key")}, repository)
        assert lines(self.results(run)) == ["repository: changed files that are not committed: 1"]

    def test_a_missing_branch(self, project: Callable[..., Run], tmp_path: Path) -> None:
        run = self.load(
            project, {"a": self.key(tmp_path / "key")}, self.repository(tmp_path / "code"), 'branch = "gone"'
        )
        (said,) = lines(self.results(run), "problem")
        assert "has no branch, tag or commit gone" in said

    def test_the_message_for_an_unreadable_repository_has_no_token(
        self, project: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake_git = tmp_path / "bin" / "git"
        fake_git.parent.mkdir()
        fake_git.write_text(
            f'#!/bin/sh\necho "$*" >{tmp_path}/argv; env >{tmp_path}/env\n'
            "echo \"fatal: unable to access 'https://me:s3cr3t@git.example.com/x.git/'\" >&2; exit 128\n"
        )
        fake_git.chmod(0o755)
        monkeypatch.setenv("PATH", f"{fake_git.parent}:{os.environ['PATH']}")
        monkeypatch.setenv("SELVEDGE_APP__REPOSITORY", "https://me:s3cr3t@git.example.com/x.git")
        run = project({"a": self.key(tmp_path / "key")})
        (said,) = lines(self.results(run))
        assert said == (
            "repository: your machine cannot read https://git.example.com/x.git: "
            "fatal: unable to access 'https://git.example.com/x.git/'"
        )
        assert "s3cr3t" not in (tmp_path / "argv").read_text()
        # git gets the token in its environment, which other users cannot read.
        assert "GIT_LOGIN=https://me:s3cr3t@git.example.com" in (tmp_path / "env").read_text()

    def test_an_environment_file_with_names_that_selvedge_sets_in_a_repository(
        self, project: Callable[..., Run], tmp_path: Path
    ) -> None:
        repository = self.repository(tmp_path / "code")
        path = tmp_path / "code" / "x.env"
        path.write_text("PATH=/x\nPYTHONUNBUFFERED=1\nA=1\n")
        path.chmod(0o600)
        subprocess.run(["git", "-C", str(tmp_path / "code"), "add", "x.env"], check=True)
        run = self.load(project, {"a": self.key(tmp_path / "key")}, repository, 'env_file = "code/x.env"')
        found = [each for each in lines(self.results(run)) if each.startswith("env_file")]
        assert found == [
            f"env_file: PATH in {path} cannot be replaced: Selvedge sets the same names",
            f"env_file: git tracks {path}, so each copy of the repository has its secrets",
        ]
        assert [each.text for each in self.results(run) if each.subject == "env_file"][-1] == f"{path} has 3 variables"

    def test_the_program_of_env_command_exists_and_is_not_run(self, project: Callable[..., Run], tmp_path: Path) -> None:
        repository, host = self.repository(tmp_path / "code"), {"a": self.key(tmp_path / "key")}

        def found(command: str) -> list[tuple[str, str]]:
            results = self.results(self.load(project, host, repository, f"env_command = {command!r}"))
            return [(each.level, each.text) for each in results if each.subject == "env_command"]

        assert found("touch ran") == [("ok", "`touch ran` was not run; `fab env` runs it")]
        assert found("A=b (no-such)") == [("ok", "`A=b (no-such)` was not run; `fab env` runs it")]
        assert found("A=b no-such -d x") == [("problem", "no-such is not installed, or not in PATH")]
        assert not (tmp_path / "ran").exists()

    def test_an_environment_file_that_is_readable_by_others_or_invalid(
        self, project: Callable[..., Run], tmp_path: Path
    ) -> None:
        (tmp_path / "x.env").write_text("A=1\nB=2\n")
        (tmp_path / "x.env").chmod(0o644)
        repository = self.repository(tmp_path / "code")
        host = {"a": self.key(tmp_path / "key")}
        results = self.results(self.load(project, host, repository, 'env_file = "x.env"'))
        assert lines(results) == [f"env_file: every user of your machine can read {tmp_path}/x.env"]
        (tmp_path / "x.env").write_text("A='s3cr3t\n")
        (problem,) = [
            each
            for each in self.results(self.load(project, host, repository, 'env_file = "x.env"'))
            if each.level == "problem"
        ]
        assert "s3cr3t" not in f"{problem}"
