"""`dataclass(frozen=True)`: that of the standard library for the type checker, at a third of its price in a running program.

The standard one compiles seven methods of each class at every start: half a millisecond a class, and a command loads eighty
(a tenth of the time of a `fab setup deploy` that changes nothing). Here it compiles `__init__` alone; the others are the
same functions for all classes. That no field is assigned to is checked by mypy, and by nothing while the program runs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool, repr: bool = True) -> Callable[[type], type]:  # noqa: ARG001
        """A class decorator. repr: as for the standard one; False keeps the one that the class inherits."""
        shared = {"__eq__": _equal, "__hash__": _hash, **({"__repr__": _show} if repr else {})}

        def define(cls: type) -> type:
            for name, method in shared.items():
                # A class that has __eq__ of its own has a __hash__ of None.
                if vars(cls).get(name) is None:
                    setattr(cls, name, method)
            return dataclasses.dataclass(repr=False, eq=False, match_args=False)(cls)

        return define


def _values(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, field.name) for field in dataclasses.fields(self))


def _equal(self: Any, other: object) -> bool:
    return _values(self) == _values(other) if type(self) is type(other) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _show(self: Any) -> str:
    shown = (f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"
