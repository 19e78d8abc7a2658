"""Quote a value for the formats of the templates: nginx, YAML, JSON, Dockerfile, Bicep."""

from __future__ import annotations

import json
import re
from typing import Any

YAML_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
"""Words that a parser of YAML 1.1 or 1.2 reads as another type than a string."""
# YAML's printable characters (https://yaml.org/spec/1.2.2/, 5.1), without those that end a line in YAML 1.1.
_NOT_IN_YAML = re.compile("[^\\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def nginx_quote(value: str) -> str:
    """Return `value` as one nginx parameter. Raises ValueError for `$` and control characters, which nginx cannot quote."""
    if "$" in value or any(char < " " or char == "\x7f" for char in value):
        raise ValueError(f"The value {value!r} cannot be written to an nginx file, because it contains `$` or a control character.")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def yaml_quote(value: str) -> str:
    """Return `value` as a string of YAML in double quotes, which no word of YAML can change to another type."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return '"' + _NOT_IN_YAML.sub(lambda found: f"\\U{ord(found[0]):08x}", escaped) + '"'


def yaml_word(value: str) -> str:
    """Return `value` without quotes if every YAML parser reads it as this string, else in double quotes."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_./-]*", value) and value.lower() not in YAML_WORDS
    return value if plain else yaml_quote(value)


def json_quote(value: Any) -> str:
    """Return a value as JSON in ASCII, on one line."""
    return json.dumps(value)


def dockerfile_quote(value: str) -> str:
    """Return `value` as one word of an instruction such as LABEL or ENV, which expand `$`."""
    return '"' + re.sub(r'([\\"$])', r"\\\1", value) + '"'


def double_dollars(value: str) -> str:
    """Return `value` with `$$` for `$`: Compose and Kubernetes expand variables in commands."""
    return value.replace("$", "$$")


def bicep_quote(value: str) -> str:
    """Return `value` as a string of Bicep."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${")
    return "'" + re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda found: f"\\u{{{ord(found[0]):x}}}", escaped) + "'"
