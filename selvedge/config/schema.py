"""Questions about the settings' own models: which field a key means, what it takes, how that is written in TOML."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


def kinds(annotation: Any) -> set[Any]:
    """The plain types in an annotation: `int | None` is {int, NoneType}, a list is {list}, a section its class."""
    origin = get_origin(annotation)
    if origin in (list, dict):
        return {origin}
    if origin is Literal:
        return {str}
    inner = [annotation.__origin__] if hasattr(annotation, "__metadata__") else get_args(annotation)
    return set().union(*(kinds(each) for each in inner)) if inner else {annotation}


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The model behind an annotation, None where there is none."""
    for kind in kinds(annotation):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def find(model: type[BaseModel], path: Sequence[str | int]) -> FieldInfo | None:
    """The field that the keys in `path` lead to from `model`; an index or a free key (`hosts.NAME`) stays at its value.

    None for a key that no model has.
    """
    current: type[BaseModel] | None = model
    field: FieldInfo | None = None
    free = False
    for key in path:
        if free:
            free = False
            continue
        if current is None or not isinstance(key, str):
            return field
        field = current.model_fields.get(key)
        if field is None:
            return None
        free = get_origin(field.annotation) is dict
        current = section_of(get_args(field.annotation)[1]) if free else section_of(field.annotation)
    return field


def typed(annotation: Any, text: str) -> Any:
    """`text` from an environment variable as a value of `annotation`; unchanged where it cannot be one.

    Lists and tables are JSON; true, yes, on, 1 and their opposites are switches.
    """
    wanted = kinds(annotation)
    if wanted & {list, dict} or section_of(annotation):
        try:
            decoded = json.loads(text)
        except ValueError:
            return text
        return decoded if isinstance(decoded, list | dict) else text
    if bool in wanted and text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    if int in wanted and re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII):
        return int(text)
    if float in wanted and re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", text, re.ASCII):
        return float(text)
    return text


def describe(annotation: Any, limits: Sequence[Any] = ()) -> str:
    """What a field takes, as the end of "must be …": "a whole number from 1 to 512".

    limits: the metadata of the field, beside those in the annotation.
    """
    wanted = kinds(annotation)
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(json.dumps(each) for each in get_args(annotation))
    if section_of(annotation) or dict in wanted:
        return "a table"
    if list in wanted:
        return "a list of whole numbers" if int in kinds(get_args(annotation)[0]) else "a list of text"
    if bool in wanted:
        return "true or false"
    if str in wanted:
        return "a whole number or text" if int in wanted else "text"
    return ("a whole number" if int in wanted else "a number") + _range([*limits, *_limits(annotation)])


def _limits(annotation: Any) -> list[Any]:
    inner = [annotation.__origin__] if hasattr(annotation, "__metadata__") else get_args(annotation)
    return [*getattr(annotation, "__metadata__", ()), *(limit for each in inner for limit in _limits(each))]


def _range(limits: Sequence[Any]) -> str:
    low = next((limit.ge for limit in limits if isinstance(limit, Ge)), None)
    above = next((limit.gt for limit in limits if isinstance(limit, Gt)), None)
    high = next((limit.le for limit in limits if isinstance(limit, Le)), None)
    if high is None:
        return "" if low is None else f" of at least {low}"
    return f" above {above} and at most {high}" if low is None else f" from {low} to {high}"


def toml(value: Any) -> str:
    """`value` as TOML would be written by hand (JSON's strings are TOML's basic strings)."""
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + " }"
            if value
            else "{}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(toml(each) for each in value) + "]"
    return json.dumps(value, ensure_ascii=False)
