"""Plans of git resources: all that they know is in their fields and their fact."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from selvedge.resources.code.access import GitHostKey
from selvedge.resources.code.pushed import PushedCommit

SHA, OLD, OTHER = "a" * 40, "b" * 40, "c" * 40


@pytest.mark.parametrize("known", ["", "[git.test]:2222 ssh-ed25519 AAAA\n"])
def test_a_known_host_key_is_copied_and_an_unknown_one_is_asked_for(known: str) -> None:
    change = GitHostKey("/srv/hello/git_known_hosts", "git.test", 2222, known).plan("")
    assert change is not None
    assert (known in change.shell) if known else ("ssh-keyscan -T 15 -p 2222 -- git.test" in change.shell)
    assert ("ssh-keyscan" in change.shell) is not bool(known)


def test_a_pack_is_made_without_the_commits_that_the_mirror_has(tmp_path: Path) -> None:
    asked: list[tuple[Path, str, Sequence[str]]] = []

    def pack(source: Path, commit: str, known: Sequence[str]) -> Path:
        asked.append((source, commit, known))
        (tmp_path / "pack").write_bytes(b"0" * 1234)
        return tmp_path / "pack"

    pushed = PushedCommit("/srv/hello/repo.git", SHA, Path("/nowhere"), pack)
    assert pushed.plan("present\n") is None and not asked
    change = pushed.plan(f"missing\n{OTHER}\n{OLD}\n{OLD}\n")
    assert change is not None
    assert asked == [(Path("/nowhere"), SHA, [OLD, OTHER])]
    assert (change.summary, change.payload) == (f"push {SHA[:12]} from /nowhere (1.2 kB)", tmp_path / "pack")
    assert "head -c 1234 <&3" in change.shell
