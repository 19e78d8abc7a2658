"""What sshd says about a login."""

from __future__ import annotations

import itertools
from typing import Any

from tests.support.libraries import functions


class TestLogins:
    """`sshd -T` is asked about the current login and about others."""

    def ask(self, server: Any, shell: str, ssh_connection: str = "203.0.113.7 50000 198.51.100.2 2222") -> list[str]:
        """Return the output of shell under a fake sudo; the fake sshd prints its question."""
        server.program("sshd", """[ "$*" != "-T" ] || { printf 'listenaddress 0.0.0.0:%s\n' 22 2222; exit; }; echo "$3" """)
        server.program("systemctl", "exit 1")
        script = f"{functions('probe', 'sshd')}\n{shell}"
        login = f"env SSH_CONNECTION={ssh_connection!r} sh -c 'env -u SSH_CONNECTION sh -s; :' <<'END'\n{script}\nEND\n"
        return server.run(login).stdout.decode().splitlines()

    def test_the_login_is_found_through_sudo(self, server: Any) -> None:
        shown = self.ask(server, "sshd_read; echo $sshd_shown")
        assert shown == ["user=root,host=203.0.113.7,addr=203.0.113.7,laddr=198.51.100.2,lport=2222"]

    def test_without_a_login_sshd_is_asked_about_an_unused_address(self, server: Any) -> None:
        (shown,) = self.ask(server, "sshd_read; echo $sshd_shown", "")
        assert "addr=192.0.2.1," in shown and shown.endswith("lport=22")

    def test_the_scope_of_an_address_is_removed(self, server: Any) -> None:
        (shown,) = self.ask(server, "sshd_read; echo $sshd_shown", "fe80::1%eth0 50000 fe80::2%eth0 22")
        assert "addr=fe80::1,laddr=fe80::2,lport=22" in shown

    def test_sshd_is_asked_about_every_port_user_and_address(self, server: Any) -> None:
        shown = self.ask(server, "sshd_read; sshd_shown=$(sshd -T); sshd_logins root deploy")
        places = itertools.product(("root", "deploy"), ("203.0.113.7", "192.0.2.1"), (22, 2222))
        ways = {f"{user} {place} {port}" for user, place, port in places}
        assert set(shown) == ways and len(shown) == len(ways)

    def test_groups_are_printed_only_with_lists_of_users(self, server: Any) -> None:
        said = "port 22\\nallowusers admin\\nallowusers root\\n"
        shell = f"sshd_shown=$(printf '{said}'); sshd_login_lists root; sshd_shown='port 22'; sshd_login_lists root"
        shown = self.ask(server, shell)
        assert shown == ["allowusers admin", "allowusers root", "groups sudo root"]
        assert self.ask(server, "sshd_shown='denyusers x'; sshd_login_lists nobody-there")[-1] == "groups sudo nobody-there"
