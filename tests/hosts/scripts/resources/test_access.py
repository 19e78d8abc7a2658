"""Keys and sudo rules on a server."""

from __future__ import annotations

from typing import Any

import pytest

from selvedge.resources.access.sudo import Sudoers
from selvedge.resources.base import sections
from tests.support.keys import KEY, OTHER
from tests.support.libraries import functions


class TestAuthorizedKeys:
    def test_a_key_is_added_to_the_file(self, server: Any) -> None:
        server.program("as", 'shift; exec "$@"')
        home = server.path("/srv/home")
        home.joinpath(".ssh").mkdir(parents=True)
        keys = home / ".ssh/authorized_keys"
        keys.write_text(f"{OTHER}")  # without a line's end
        script = (
            f'mark=m undo=/run\n{functions("file", "sshd")}\nuser_run() {{ shift; "$@"; }}\n'
            f"getent() {{ echo x:x:0:0::/srv/home:/bin/sh; }}\nsshd_authorize deploy <<'EOF'\n{KEY}\nEOF\n"
        )
        done = server.run(script)
        assert keys.read_text() == f"{OTHER}\n{KEY}\n", done.stdout
        assert [path.name for path in keys.parent.iterdir()] == ["authorized_keys"]


class TestUserAndSudo:
    @pytest.mark.parametrize("mode", ["nopasswd", "password"])
    def test_existing_sudo_rules_are_read(self, server: Any, mode: str) -> None:
        server.path("/etc/sudoers").write_text("# %sudo\n%sudo\tALL=(ALL:ALL) ALL\n%other ALL=ALL\n")
        server.path("/etc/sudoers.d").mkdir()
        server.path("/etc/sudoers.d/cloud").write_text("deploy ALL=(ALL) NOPASSWD:ALL\ndeployer ALL=ALL\n")
        (fact,) = server.read(Sudoers("deploy", mode, "deploy ALL=(ALL:ALL) ALL\n"))
        found = sections(fact).get("rules", "").splitlines()
        assert len([line for line in found if line]) == (2 if mode == "password" else 0), fact
        assert sections(fact)["file"].strip() == "absent"
