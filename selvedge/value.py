"""`Value`: the base class of everything that is compared by its fields and never changed after it was made."""

from __future__ import annotations

import dataclasses
from typing import Any, dataclass_transform


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
class Value:
    """A dataclass without a decorator; equal to another one of its class with the same fields.

    `@dataclass(frozen=True)` compiles seven methods of each class at every start, and a command loads eighty: 21 of
    the 336 ms of a `fab setup deploy` with nothing to change (`python -m bench tricks`). Here only `__init__` is
    compiled. mypy checks that no field is assigned to; nothing does while the program runs.
    """

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        dataclasses.dataclass(repr=False, eq=False, match_args=False)(cls)

    def _fields(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field.name) for field in dataclasses.fields(self))  # type: ignore[arg-type]

    def __eq__(self, other: object) -> bool:
        return self._fields() == other._fields() if isinstance(other, Value) and type(self) is type(other) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._fields())

    def __repr__(self) -> str:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        shown = (f"{field.name}={getattr(self, field.name)!r}" for field in fields if field.repr)
        return f"{type(self).__qualname__}({', '.join(shown)})"
