"""The command that `fab ssh` starts."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from selvedge.errors import UsageError
from selvedge.operations.ssh import command as ssh_command
from selvedge.operations.ssh import ssh as ssh_to
from selvedge.run import Run
from tests.unit.operations.ssh_server import ed25519


class TestSsh:
    def words(self, run: Run, user: str = "deploy") -> list[str]:
        session = run.fleet.sessions[0]
        key = ed25519()
        transport = SimpleNamespace(get_remote_server_key=lambda: key)
        session.remote = SimpleNamespace(  # type: ignore[assignment]
            user=user, connection=SimpleNamespace(transport=transport), close=lambda: None, logins=session.remote.logins
        )
        found = ssh_command(session)
        return [word.replace(key.get_base64(), "KEY") for word in found]

    def test_ssh_config_resolves_an_alias(self, project: Callable[..., Run]) -> None:
        assert self.words(project({"web": ""})) == ["ssh", "-l", "deploy", "--", "web"]

    def test_settings_of_the_host_become_options(self, project: Callable[..., Run], tmp_path: Path) -> None:
        lines = 'address = "203.0.113.10"\nport = 2222\nkey = "a %k"\nknown_hosts = "known hosts"'
        usual = tmp_path / "home/.ssh/known_hosts"
        assert self.words(project({"web": lines}), "root") == [
            "ssh", "-l", "root", "-p", "2222", "-i", f"{tmp_path}/a %%k", "-o", "IdentitiesOnly=yes",
            "-o", f'UserKnownHostsFile="{usual}" "{usual}2" "{tmp_path}/known hosts"', "--", "203.0.113.10",
        ]  # fmt: skip

    def test_only_the_pinned_key_is_accepted(self, project: Callable[..., Run]) -> None:
        words = self.words(project({"web": f'host_key = "SHA256:{"a" * 43}"'}))
        assert "KnownHostsCommand=/bin/echo %H ssh-ed25519 KEY" in words
        assert {"UserKnownHostsFile=none", "GlobalKnownHostsFile=none", "StrictHostKeyChecking=yes"} < set(words)

    def test_ssh_knows_every_option(self, project: Callable[..., Run]) -> None:
        lines = f'address = "203.0.113.10"\nkey = "a %k"\nhost_key = "SHA256:{"a" * 43}"'
        for words in (self.words(project({"web": lines})), self.words(project({"web": 'known_hosts = "known hosts"'}))):
            done = subprocess.run([words[0], "-G", *words[1:]], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            assert "user deploy\n" in done.stdout

    def test_several_hosts_are_wrong_usage(self, project: Callable[..., Run]) -> None:
        with pytest.raises(UsageError, match="2 are selected: a, b"):
            ssh_to(project({"a": "", "b": ""}))
