"""The cheap frozen dataclass does what the standard library's does."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from selvedge import frozen


def _classes(decorator: Any) -> tuple[type, type, type]:
    @decorator(frozen=True)
    class Point:
        x: int
        y: str = "b"
        secret: str = dataclasses.field(default="", repr=False)

    @decorator(frozen=True)
    class Spot(Point):
        z: tuple[int, ...] = ()

    @decorator(frozen=True, repr=False)
    class Quiet(Spot):
        z: tuple[int, ...] = (3,)

        def __repr__(self) -> str:
            return "Quiet(…)"

    return Point, Spot, Quiet


@pytest.mark.parametrize("index", [0, 1, 2])
def test_it_compares_hashes_and_prints_like_the_standard_one(index: int) -> None:
    ours, theirs = _classes(frozen.dataclass)[index], _classes(dataclasses.dataclass)[index]
    for arguments in ((1,), (1, "c"), (2, "c", "s3cret")):
        mine, standard = ours(*arguments), theirs(*arguments)
        assert repr(mine) == repr(standard).replace(theirs.__qualname__, ours.__qualname__)
        assert "s3cret" not in repr(mine)
        assert mine == ours(*arguments) and hash(mine) == hash(ours(*arguments)) == hash(standard)
        assert mine != ours(9, *arguments[1:]) and mine != arguments
        assert dataclasses.replace(mine, x=9) == ours(9, *arguments[1:])
    assert ours(1) != _classes(frozen.dataclass)[0](1)


def test_a_class_keeps_its_own_methods() -> None:
    @frozen.dataclass(frozen=True)
    class Key:
        blob: str
        comment: str = ""

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Key) and self.blob == other.blob

        def __hash__(self) -> int:
            return hash(self.blob)

    assert Key("a", "x") == Key("a", "y") and len({Key("a", "x"), Key("a", "y")}) == 1
