"""Users who log in: keys, groups, sudo, passwords."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from selvedge.errors import UsageError
from selvedge.resources.access.logins import AuthorizedKeys, LoginAllowed, LoginUser, login_keys
from selvedge.resources.access.sudo import Password, Sudoers
from selvedge.resources.access.undo import UNDO
from selvedge.templates import template
from tasks.harden import harden
from tests.support.keys import KEY, ME, OTHER, pair


class TestWhoseKeys:
    def test_those_that_are_named(self, target: Any, tmp_path: Path) -> None:
        (tmp_path / "team.pub").write_text(f"# the team\n{KEY}\n\n{OTHER}\n{KEY}\n")
        assert [key.line for key in login_keys(target(server={"authorized_keys": ["team.pub"]}))] == [KEY, OTHER]

    def test_else_the_public_half_of_the_host_s_own(self, target: Any, tmp_path: Path) -> None:
        private = pair(tmp_path, "-N", "")
        (key,) = login_keys(target(host={"address": "203.0.113.10", "key": str(private)}))
        assert key.line == private.with_name("id.pub").read_text().strip()

    def test_without_any_nothing_begins(self, target: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        with pytest.raises(UsageError, match="no public key to install for deploy") as caught:
            list(harden.resources(target()))
        assert caught.value.status == 2

    def test_else_those_of_the_home_folder(self, target: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        (tmp_path / ".ssh").mkdir()
        (tmp_path / ".ssh/id_ed25519").write_text("private")
        (tmp_path / ".ssh/id_ed25519.pub").write_text(KEY)
        assert [key.line for key in login_keys(target())] == [KEY]


class TestAuthorizedKeys:
    RESOURCE = AuthorizedKeys("deploy", (ME,))

    @pytest.mark.parametrize(
        ("fact", "needed"),
        [
            ("absent\nabsent\n", True),
            (f"700 deploy\n600 deploy\n{KEY}\n", False),
            (f"755 deploy\n644 deploy\n{OTHER}\n{KEY.replace('me@laptop', '')}\n", False),
            (f'700 deploy\n600 deploy\nfrom="10.0.0.0/8" {KEY}\n', False),
            (f"700 deploy\n600 deploy\n# {KEY}\n", True),
            (f"700 deploy\n600 deploy\n{OTHER}\n", True),
            (f"777 deploy\n600 deploy\n{KEY}\n", True),
            (f"700 root\n600 deploy\n{KEY}\n", True),
            (f"700 deploy\n664 deploy\n{KEY}\n", True),
        ],
    )
    def test_plans_only_what_is_missing_or_unsafe(self, fact: str, needed: bool) -> None:
        assert (self.RESOURCE.plan(fact) is not None) == needed


class TestUserAndSudo:
    def test_a_user_that_is_there_keeps_home_and_shell(self) -> None:
        assert LoginUser("ubuntu").plan("ubuntu adm sudo\n") is None
        added = LoginUser("ubuntu").plan("ubuntu adm\n")
        assert added and added.shell == "usermod --append --groups sudo -- ubuntu"
        made = LoginUser("deploy").plan("\n")
        assert made and "HOME_MODE=0700" in made.shell

    @pytest.mark.parametrize(("mode", "rule"), [("nopasswd", "NOPASSWD: ALL"), ("password", "ALL")])
    def test_sudoers_are_checked_by_visudo(self, target: Any, mode: str, rule: str) -> None:
        file = Sudoers("deploy", mode, template("harden/sudoers.j2", app=target(server={"sudo": mode}))).file
        assert file.text.splitlines()[1:] == [f"deploy ALL=(ALL:ALL) {rule}"]
        assert file.mode == "0440" and file.validate == "visudo -cqf"

    @pytest.mark.parametrize(
        ("mode", "rules", "guarded"),
        [("password", "%sudo ALL=(ALL:ALL) ALL\n", True), ("password", "", False), ("nopasswd", "", False)],
    )
    def test_a_password_where_none_was_asked_for_comes_under_the_guard(self, mode: str, rules: str, guarded: bool) -> None:
        """On a new server it comes before the guard: the login that is proved first needs it."""
        change = Sudoers("deploy", mode, "deploy ALL=(ALL:ALL) ALL\n").plan(f"\n--- rules\n{rules}\n--- file\nabsent")
        assert change is not None and (change.guard is UNDO) == guarded
        assert change.shell.startswith("guard_touches sudo\n") == guarded

    @pytest.mark.parametrize(
        ("said", "let_in"),
        [
            ("", True),
            ("allowusers root\nallowusers deploy@10.0.0.0/8", True),
            ("allowusers dep*", True),
            ("allowusers root\nallowusers deployer", False),
            ("denyusers deploy", False),
            ("denyusers deploy@10.0.0.1", True),
            ("allowgroups ssh-users", False),
            ("allowgroups adm sudo", True),
            ("denygroups deploy", False),
        ],
    )
    def test_who_is_left_out_by_sshd_is_told_so(self, said: str, let_in: bool) -> None:
        change = LoginAllowed("deploy").plan(f"{said}\ngroups sudo deploy\n")
        assert (change is None) == let_in
        assert not change or (change.shell.startswith("step_fail ") and said.split()[1] in change.shell)

    @pytest.mark.parametrize(
        ("fact", "refused"),
        [("deploy P 2024-01-01 0", False), ("deploy L 2024", True), ("", True), ("elsewhere\n", False)],
    )
    def test_a_password_is_asked_for_and_never_set(self, fact: str, refused: bool) -> None:
        change = Password("deploy").plan(fact)
        assert (change is not None) == refused
        assert not change or (change.shell.startswith("step_fail ") and "passwd deploy" in change.shell)
