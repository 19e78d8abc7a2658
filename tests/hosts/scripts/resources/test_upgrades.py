"""The state of apt's lists, as a server's files show it."""

from __future__ import annotations

from typing import Any

import pytest

from selvedge.engine.script import HEAD
from selvedge.resources.packages import DAY, Packages
from tests.support.libraries import functions

LIST = "/var/lib/apt/lists/deb.example.com_debian_dists_stable_main_binary-amd64_Packages"


class TestApt:
    def run(self, server: Any, shell: str) -> str:
        return str(server.run(f"{HEAD}{functions('apt')}\nundo=/root\n{shell}\n").stdout.decode())

    def fact(self, server: Any) -> list[str]:
        return self.run(server, "apt_fact").splitlines()

    def fetch(self, server: Any, when: str = "now") -> None:
        """Leave what a complete fetch leaves."""
        server.path("/var/lib/apt/lists/partial").mkdir(parents=True, exist_ok=True)
        server.path(LIST).touch()
        assert self.run(server, f"apt_note_fetched; touch -d '{when}' $apt_fetched") == ""

    def test_without_lists_there_is_no_age(self, server: Any) -> None:
        assert self.fact(server) == []

    def test_lists_that_apt_itself_fetched_have_no_age(self, server: Any) -> None:
        """The times of apt's own files change when a fetch begins, and for a part of the lists, too."""
        server.path("/var/lib/apt/lists/partial").mkdir(parents=True)
        server.path(LIST).touch()
        server.run("mkdir -p /var/lib/apt/periodic; touch /var/lib/apt/periodic/update-success-stamp")
        assert self.fact(server) == []

    def test_fresh_lists_and_no_upgrade_yet(self, server: Any) -> None:
        self.fetch(server)
        age, changed = self.fact(server)
        assert 0 <= int(age.removeprefix("lists ")) < 60 and changed == "changed"

    def test_old_lists(self, server: Any) -> None:
        self.fetch(server, "3 days ago")
        assert int(self.fact(server)[0].removeprefix("lists ")) >= 3 * DAY

    def test_an_upgrade_counts_until_a_list_changes(self, server: Any) -> None:
        self.fetch(server)
        self.run(server, "apt_lists_state >$apt_upgraded")
        assert len(self.fact(server)) == 1
        self.fetch(server)
        assert len(self.fact(server)) == 1, "an update without news"
        server.path(f"{LIST}.new").touch()
        server.path(f"{LIST}.new").rename(server.path(LIST))
        assert self.fact(server)[1:] == ["changed"]

    def test_a_clock_that_was_set_back(self, server: Any) -> None:
        self.fetch(server, "3 days")
        assert self.fact(server) == []
        self.fetch(server)
        self.run(server, "apt_lists_state >$apt_upgraded; touch -d '3 days' $apt_upgraded")
        server.run(f"touch {LIST}.new && mv {LIST}.new {LIST}")
        assert self.fact(server)[1:] == ["changed"]

    def test_lists_that_were_deleted(self, server: Any) -> None:
        self.fetch(server)
        server.path(LIST).unlink()
        assert self.fact(server) == []

    def test_sources_that_changed_after_the_fetch(self, server: Any) -> None:
        server.path("/etc/apt/sources.list.d").mkdir(parents=True)
        server.path("/etc/apt/sources.list.d/a.list").touch()
        server.run("touch -d '1 hour ago' /etc/apt/sources.list.d/a.list /etc/apt/sources.list.d")
        self.fetch(server, "5 min ago")
        assert self.fact(server)
        server.path("/etc/apt/sources.list.d/a.list").touch()
        assert self.fact(server) == []

    def test_a_file_of_an_older_version(self, server: Any) -> None:
        self.fetch(server)
        server.path("/var/lib/selvedge/lists-fetched").write_text("")
        assert self.fact(server) == []

    def test_a_free_lock_has_no_holder(self, server: Any) -> None:
        self.fetch(server)
        server.path("/var/lib/apt/lists/lock").write_text("")
        assert self.run(server, "apt_holder /var/lib/apt/lists/lock || echo free") == "free\n"


OUTPUTS = {
    "a script of a package": (
        "Setting up nginx (1.22) ...\ndpkg: error processing package nginx (--configure):\n"
        " installed nginx package post-installation script subprocess returned error exit status 1\n"
        "Errors were encountered while processing:\n nginx\nE: Sub-process /usr/bin/dpkg returned an error code (1)\n",
        "dpkg: error processing package nginx (--configure): "
        "installed nginx package post-installation script subprocess returned error exit status 1",
    ),
    "a package that is unknown": ("Reading package lists...\nE: Unable to locate package demo\n", "Unable to locate package demo"),
    "held packages": (
        "The following packages have unmet dependencies:\n demo : Depends: libdemo (>= 2) but 1 is to be installed\n"
        "E: Unable to correct problems, you have held broken packages.\n",
        "demo : Depends: libdemo (>= 2) but 1 is to be installed",
    ),
    "apt 3": ("Error: Unable to locate package demo\n", "Unable to locate package demo"),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_a_package_that_cannot_be_installed_is_reported_in_apts_words(server: Any, kind: str) -> None:
    output, reason = OUTPUTS[kind]
    server.path("/root/output").write_text(output)
    server.program("apt-get", 'case "$*" in *update*) ;; *" install "*demo) cat /root/output; exit 100 ;; esac')
    server.program("dpkg", "exit 0")
    server.path("/var/cache/apt/archives").mkdir(parents=True)
    server.path("/var/lib/dpkg").mkdir(parents=True)
    server.path("/var/lib/apt/lists").mkdir(parents=True)
    done = server.apply(server.plan(Packages("demo")))
    assert done.error == (
        f"apt could not install demo: {reason}. Correct that on the server: `sudo apt-get install demo` shows its errors."
    ), done
