"""fail2ban's jails of a site: written, loaded, removed."""

from __future__ import annotations

import hashlib

import pytest

from selvedge.resources.access.jails import Jails

PATH = "/etc/fail2ban/jail.d/60-selvedge-hello.local"
TEXT = "[hello-bots]\nenabled = true\n"
SUM = hashlib.sha256(TEXT.encode()).hexdigest()
STANDING = f"file 644 root root\n{SUM}"


def fact(file: str = STANDING, loaded: str = SUM, state: str = "active") -> str:
    unit = f"Id=fail2ban.service\nActiveState={state}\nUnitFileState=enabled"
    return f"\n--- unit\n{unit}\n\n--- loaded\n{loaded}\n\n--- file\n{file}\n"


@pytest.mark.parametrize(
    ("seen", "needed"),
    [
        (fact(), False),
        (fact("absent", ""), True),
        (fact(loaded=""), True),
        (fact(loaded="another"), True),
        (fact("file 644 root root\nother\nedited\n"), True),
        (fact("absent", "", "inactive"), False),
        (fact("absent", "", "failed"), False),
    ],
)
def test_loaded_where_they_differ_and_fail2ban_runs(seen: str, needed: bool) -> None:
    change = Jails(PATH, TEXT).plan(seen)
    assert (change is not None) == needed
    if change:
        lines = change.shell
        words = ("stamp_remove", "fail2ban-client --test", "fail2ban-client reload", f"stamp_write 60-selvedge-hello {SUM}")
        order = [lines.index(word) for word in words]
        assert order == sorted(order)


@pytest.mark.parametrize(("seen", "needed"), [(fact("absent", ""), False), (fact(), True), (fact(state="inactive"), False)])
def test_taken_away_where_they_are_not_wanted(seen: str, needed: bool) -> None:
    change = Jails(PATH, "").plan(seen)
    assert (change is not None) == needed
    assert not change or (f"rm -f -- {PATH}" in change.shell and "fail2ban-client reload" in change.shell)
