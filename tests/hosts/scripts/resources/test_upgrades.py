"""The state of apt's lists, as a server's files show it."""

from __future__ import annotations

from typing import Any

from selvedge.engine.script import HEAD
from selvedge.resources.packages import DAY
from tests.support.libraries import functions


class TestApt:
    def fact(self, server: Any) -> list[str]:
        return list(server.run(f"{HEAD}{functions('apt')}\napt_fact\n").stdout.decode().splitlines())

    def lists(self, server: Any) -> None:
        folder = server.path("/var/lib/apt/lists/partial")
        folder.mkdir(parents=True)
        (folder.parent / "deb.example.com_debian_dists_stable_main_binary-amd64_Packages").write_text("")

    def touch(self, server: Any, name: str, when: str) -> None:
        server.run(f"mkdir -p /var/lib/selvedge; touch -d '{when}' /var/lib/{name}")

    def test_without_lists_there_is_no_age(self, server: Any) -> None:
        assert self.fact(server) == []

    def test_fresh_lists_and_no_upgrade_yet(self, server: Any) -> None:
        self.lists(server)
        age, changed = self.fact(server)
        assert 0 <= int(age.removeprefix("lists ")) < 60 and changed == "changed"

    def test_old_lists(self, server: Any) -> None:
        self.lists(server)
        self.touch(server, "apt/lists/partial", "3 days ago")
        assert int(self.fact(server)[0].removeprefix("lists ")) >= 3 * DAY

    def test_an_update_without_news_counts(self, server: Any) -> None:
        self.lists(server)
        self.touch(server, "apt/lists/partial", "3 days ago")
        self.touch(server, "apt/lists", "3 days ago")
        self.touch(server, "selvedge/upgraded", "2 days ago")
        self.touch(server, "selvedge/lists-fetched", "1 hour ago")
        (age,) = self.fact(server)
        assert int(age.removeprefix("lists ")) < DAY

    def test_lists_that_came_after_the_last_upgrade(self, server: Any) -> None:
        self.lists(server)
        self.touch(server, "selvedge/upgraded", "1 hour ago")
        assert self.fact(server)[1:] == ["changed"]

    def test_a_manual_update_without_news(self, server: Any) -> None:
        self.lists(server)
        self.touch(server, "apt/lists", "2 hours ago")
        self.touch(server, "selvedge/upgraded", "1 hour ago")
        assert len(self.fact(server)) == 1

    def test_a_free_lock_has_no_holder(self, server: Any) -> None:
        self.lists(server)
        server.path("/var/lib/apt/lists/lock").write_text("")
        done = server.run(f"{HEAD}{functions('apt')}\napt_holder /var/lib/apt/lists/lock || echo free\n")
        assert done.stdout == b"free\n"
