"""The fields of the settings' models: which field a key has, its type in words, its values in TOML."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


def plain_types(annotation: Any) -> set[Any]:
    """Return the plain types in an annotation: {int, NoneType} for `int | None`, {list} for a list, its class for a section."""
    origin = get_origin(annotation)
    if origin in (list, dict):
        return {origin}
    if origin is Literal:
        return {str}
    inner = [annotation.__origin__] if hasattr(annotation, "__metadata__") else get_args(annotation)
    return set().union(*(plain_types(each) for each in inner)) if inner else {annotation}


def section_model(annotation: Any) -> type[BaseModel] | None:
    """Return the model in an annotation, None if there is none."""
    for each in plain_types(annotation):
        if isinstance(each, type) and issubclass(each, BaseModel):
            return each
    return None


def entry_model(annotation: Any) -> type[BaseModel] | None:
    """Return the model of the tables with names that users choose, such as `[processes.NAME]`; None for another annotation."""
    return section_model(get_args(annotation)[1]) if get_origin(annotation) is dict else None


def field_at(model: type[BaseModel], path: Sequence[str | int]) -> FieldInfo | None:
    """Return the field of `model` that the keys lead to; None if a key is unknown.

    An index, or a key that users choose (the NAME of `hosts.NAME`), belongs to the field before it.
    """
    current: type[BaseModel] | None = model
    field: FieldInfo | None = None
    any_key = False
    for key in path:
        if any_key:
            any_key = False
            continue
        if current is None or not isinstance(key, str):
            return field
        field = current.model_fields.get(key)
        if field is None:
            return None
        any_key = get_origin(field.annotation) is dict
        current = section_model(get_args(field.annotation)[1]) if any_key else section_model(field.annotation)
    return field


def value_from_text(annotation: Any, text: str) -> Any:
    """Return the text of an env var as a value of this type; the text itself if it is not one.

    Lists and tables are JSON. Switches are true, yes, on and 1, and their opposites.
    """
    types = plain_types(annotation)
    if types & {list, dict} or section_model(annotation):
        try:
            decoded = json.loads(text)
        except ValueError:
            return text
        return decoded if isinstance(decoded, list | dict) else text
    if bool in types and text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    if int in types and re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII):
        return int(text)
    if float in types and re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", text, re.ASCII):
        return float(text)
    return text


def describe_type(annotation: Any, limits: Sequence[Any] = ()) -> str:
    """Return a type in words, e.g. "an integer from 1 to 512".

    limits: the field's metadata, in addition to the annotation's.
    """
    types = plain_types(annotation)
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(json.dumps(each) for each in get_args(annotation))
    if section_model(annotation) or dict in types:
        return "a table"
    if list in types:
        return "a list of integers" if int in plain_types(get_args(annotation)[0]) else "a list of strings"
    if bool in types:
        return "a string or false" if str in types else "true or false"
    if str in types:
        return "an integer or a string" if int in types else "a string"
    return ("an integer" if int in types else "a number") + _describe_range([*limits, *_limits(annotation)])


def _limits(annotation: Any) -> list[Any]:
    inner = [annotation.__origin__] if hasattr(annotation, "__metadata__") else get_args(annotation)
    return [*getattr(annotation, "__metadata__", ()), *(limit for each in inner for limit in _limits(each))]


def _describe_range(limits: Sequence[Any]) -> str:
    low = next((limit.ge for limit in limits if isinstance(limit, Ge)), None)
    above = next((limit.gt for limit in limits if isinstance(limit, Gt)), None)
    high = next((limit.le for limit in limits if isinstance(limit, Le)), None)
    if high is None:
        return "" if low is None else f" of at least {low}"
    return f" above {above} and at most {high}" if low is None else f" from {low} to {high}"


def to_toml(value: Any) -> str:
    """Return a value in TOML, on one line. JSON's strings are valid TOML."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{json.dumps(key)} = {to_toml(each)}" for key, each in value.items())
        return f"{{ {pairs} }}" if value else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(to_toml(each) for each in value) + "]"
    return json.dumps(value, ensure_ascii=False)
