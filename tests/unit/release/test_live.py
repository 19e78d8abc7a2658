"""Which release is live, and whether a commit is released again after a rollback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from selvedge.config.target import Target
from selvedge.errors import SelvedgeError
from selvedge.release.live import Live
from selvedge.release.record import Releases
from tests.support.releases import NEW, NEWER, OLD
from tests.support.tables import check
from tests.unit.release.records import record, releases


def seen(there: Releases, more: str = "") -> str:
    """Return the lines that `releases_fact` prints for such a server."""
    words = {True: "yes", False: "no"}
    records = "".join(
        f"instance {each.id}/\n{each.id}/state:{each.state}\n{each.id}/record:at {each.at}\n" for each in there.records
    )
    own = f"live {there.live}\ncurrent {there.current}\nlistening {words[there.listening]}\nboots {words[there.boots]}\n"
    return own + records + more


GOOD = releases(NEW, record(NEW, "good", 2), record(OLD, "good", 1))
SWITCHED = f"new={NEW}\nwhy=deploy\nswitch_release"


@pytest.mark.parametrize(
    ("fact", "summary"),
    [
        (seen(GOOD), None),
        (seen(GOOD, f"running {NEW}\n"), None),
        ("", f"start {NEW} and make it live"),
        (seen(releases(OLD, record(OLD, "good", 1))), f"switch from {OLD} to {NEW}"),
        (seen(replace(GOOD, listening=False)), f"start {NEW} again"),
        (seen(replace(GOOD, current="releases/other")), f"start {NEW} again"),
        (seen(releases(NEW, record(NEW, "building"))), f"start {NEW} again"),
        (seen(replace(GOOD, boots=False)), f"rewrite the files that start {NEW} at boot"),
        (seen(GOOD, f"running {NEW}\nrunning {OLD}\n"), f"stop the releases that an interrupted run left running: {OLD}"),
        (seen(GOOD, f"draining {OLD}\nrunning {NEW}\nrunning {OLD}\n"), None),
        (seen(GOOD, f"draining {OLD}\nrunning {NEWER}\nrunning {OLD}\n"),
         f"stop the releases that an interrupted run left running: {NEWER}"),
    ],
)
def test_live_release(target: Callable[..., Target], fact: str, summary: str | None) -> None:
    check(Live(target("b" * 40), NEW), fact, summary, SWITCHED)


@pytest.mark.parametrize(("wanted", "lines", "summary"), [
    ({"worker": 2}, "processes worker 2 2 2 0 \n", None),
    ({"worker": 2}, "processes worker 2 2 0 1 3\n", None),
    ({"worker": 3}, "processes worker 2 2 2 0 \n", "run 3 of the process worker, not 2"),
    ({"worker": 0}, "processes worker 2 2 2 0 \n", "stop the process worker"),
    ({"worker": 0, "beat": 1}, "processes worker 0 0 0 0 \nprocesses beat 1 1 1 0 \n", None),
    ({"worker": 2}, "processes worker 2 1 1 0 \n", "run 2 of the process worker, not 1"),
    ({"worker": 2}, "", "run 2 of the process worker, not 0"),
    ({}, "processes worker 2 1 1 0 \n", "run 2 of the process worker, not 1"),
    ({}, "processes worker 2 2 2 0 \n", None),
])  # fmt: skip
def test_the_number_of_processes(target: Callable[..., Target], wanted: dict[str, int], lines: str, summary: str | None) -> None:
    live = Live(target("b" * 40), NEW, processes=tuple(wanted.items()))
    words = " ".join(f"{name}={count}" for name, count in wanted.items())
    check(live, seen(GOOD, lines), summary, f"processes='{words}'" if " " in words or not words else f"processes={words}")


@pytest.mark.parametrize("why", ["deploy", "rollback", "revert", "restart"])
def test_the_hook_before_switch_runs_at_every_switch_and_knows_which(target: Callable[..., Target], why: str) -> None:
    app = target("b" * 40, hooks={"before_switch": ["local: ./note", "./warm-up 'it'"]})
    there = releases(OLD, record(OLD, "good", 1), record(NEW, "good", 2))
    change = Live(app, NEW, "b" * 40, forced=True, why=why).plan(seen(there))
    assert change and change.local_commands == ("./note",)
    assert dict(change.local_env_vars) == {
        "RELEASE": NEW, "COMMIT": "b" * 40, "HOST": "server", "ACTION": why, "PREVIOUS": OLD
    }  # fmt: skip
    assert "before_switch='./warm-up '\"'\"'it'\"'\"''\n" in change.shell and f"\nwhy={why}\n" in change.shell
    other = Live(app, NEW, why=why).plan(seen(GOOD, f"running {NEW}\nrunning {OLD}\n"))
    assert other and not other.local_commands, "nothing is switched"


@pytest.mark.parametrize("why", ["deploy", "rollback", "revert", "restart"])
@pytest.mark.parametrize(
    ("live", "wanted", "changes"),
    [
        (f"{NEW}r1", f"{NEW}r1", False),
        (f"{NEW}r1", NEW, False),
        (NEW, f"{NEW}r1", True),
        (f"{NEW}r1", f"{NEW}r2", True),
        (f"{NEW}r1", OLD, True),
    ],
)
def test_a_restarted_release(target: Callable[..., Target], why: str, live: str, wanted: str, changes: bool) -> None:
    """A copy is enough where the original is wanted, but not the other way round."""
    there = releases(live, record(NEW, "good", 1), record(f"{NEW}r1", "good", 2))
    change = Live(target("b" * 40), wanted, forced=True, why=why).plan(seen(there))
    assert (change is not None) == changes


@pytest.mark.parametrize(("there", "refused"), [
    (releases(OLD, record(OLD, "good", 1), record(NEW, "left", 2)), True),
    # An older good instance of the same commit does not matter.
    (releases(OLD, record(OLD, "good", 1), record(NEWER, "good", 2), record(NEW, "left", 3)), True),
    # It was released again with --force.
    (releases(OLD, record(OLD, "good", 1), record(NEW, "left", 2), record(NEWER, "good", 3)), False),
    (releases(NEWER, record(NEW, "left", 2), record(NEWER, "good", 1)), False),
    # A refused release may be tried again.
    (releases(OLD, record(OLD, "good", 1), record(NEW, "bad", 2)), False),
])  # fmt: skip
def test_a_rolled_back_commit_is_refused_with_any_settings(
    target: Callable[..., Target], there: Releases, refused: bool
) -> None:
    other = "bbbbbbbbbbbb-444444"
    fact = seen(there)
    if refused:
        with pytest.raises(SelvedgeError, match=r"^server: the release .* of this commit was rolled back after it became live on "):
            Live(target("b" * 40), other).plan(fact)
    else:
        assert Live(target("b" * 40), other).plan(fact)
    assert Live(target("b" * 40), other, forced=True).plan(fact)


VARIABLES = (("A", "1" * 64), ("B", "2" * 64))


@pytest.mark.parametrize(("more", "differs"), [
    (f"left {NEW}\nleft {NEW} A {'1' * 64}\nleft {NEW} B {'9' * 64}\nleft {NEW} C {'3' * 64}\n",
     "its environment differs: B changed, C removed."),
    (f"left {NEW}\n", "its environment differs: A added, B added."),
    (f"left {NEW}\nleft {NEW} A {'1' * 64}\nleft {NEW} B {'2' * 64}\n", "its settings in hosts.toml differ."),
    ("", "its settings in hosts.toml or its environment differ."),
])  # fmt: skip
def test_the_message_says_how_a_release_differs_from_the_one_rolled_back(
    target: Callable[..., Target], more: str, differs: str
) -> None:
    other, there = "bbbbbbbbbbbb-444444", releases(OLD, record(OLD, "good", 1), record(NEW, "left", 2))
    with pytest.raises(SelvedgeError) as caught:
        Live(target("b" * 40), other, "b" * 40, environment=VARIABLES).plan(seen(there, more))
    assert caught.value.message.endswith(f"The release {other} is the same commit, but {differs}")
    assert caught.value.remedy.startswith(f"If that corrects the fault, release {other}: ")
    assert "`fab -H server deploy --commit bbbbbbbbbbbb --force`" in caught.value.remedy


def test_the_same_release_is_offered_too(target: Callable[..., Target]) -> None:
    there = releases(OLD, record(OLD, "good", 1), record(NEW, "left", 2))
    with pytest.raises(SelvedgeError, match=r"same commit with the same settings and the same environment\. If it was not"):
        Live(target("b" * 40), NEW, "b" * 40).plan(seen(there))


def test_a_deploy_may_return_to_a_good_instance() -> None:
    there = releases(OLD, record(OLD, "good", 1), record(NEW, "good", 2), record(NEWER, "left", 3))
    assert there.rolled_back(NEW) is None
    assert there.rolled_back(NEWER) == record(NEWER, "left", 3)
