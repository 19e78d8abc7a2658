"""`Value` does what a frozen dataclass of the standard library does."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from selvedge.value import Value


class Point(Value):
    x: int
    y: str = "b"
    secret: str = dataclasses.field(default="", repr=False)


class Spot(Point):
    z: tuple[int, ...] = ()


class Quiet(Spot):
    z: tuple[int, ...] = (3,)

    def __repr__(self) -> str:
        return "Quiet(…)"


def standard(name: str) -> Any:
    """Return the standard library's dataclass of the same name and fields."""

    @dataclasses.dataclass(frozen=True)
    class Point:
        x: int
        y: str = "b"
        secret: str = dataclasses.field(default="", repr=False)

    @dataclasses.dataclass(frozen=True)
    class Spot(Point):
        z: tuple[int, ...] = ()

    @dataclasses.dataclass(frozen=True, repr=False)
    class Quiet(Spot):
        z: tuple[int, ...] = (3,)

        def __repr__(self) -> str:
            return "Quiet(…)"

    return {each.__name__: each for each in (Point, Spot, Quiet)}[name]


@pytest.mark.parametrize("ours", [Point, Spot, Quiet])
def test_shows_compares_and_hashes_like_the_standard_one(ours: Any) -> None:
    theirs = standard(ours.__name__)
    for arguments in ((1,), (1, "c"), (2, "c", "s3cret")):
        mine, other = ours(*arguments), theirs(*arguments)
        assert repr(mine) == repr(other).replace(theirs.__qualname__, ours.__qualname__)
        assert "s3cret" not in repr(mine)
        assert mine == ours(*arguments) and hash(mine) == hash(ours(*arguments)) == hash(other)
        assert mine != ours(9, *arguments[1:]) and mine != arguments
        assert dataclasses.replace(mine, x=9) == ours(9, *arguments[1:])
    assert Point(1) != Spot(1)


def test_a_class_keeps_its_own_methods() -> None:
    class Key(Value):
        blob: str
        comment: str = ""

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Key) and self.blob == other.blob

        def __hash__(self) -> int:
            return hash(self.blob)

    assert Key("a", "x") == Key("a", "y") and len({Key("a", "x"), Key("a", "y")}) == 1
