"""The version of nginx, and text that depends on it."""

from __future__ import annotations

import pytest

from selvedge.resources.nginx.version import VersionedText, parse


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("nginx version: nginx/1.18.0 (Ubuntu)", "oldest"),
        ("nginx version: nginx/1.19.4", "middle"),
        ("nginx version: nginx/1.25.0", "middle"),
        ("nginx version: nginx/1.25.1", "newest"),
        ("nginx version: openresty/1.27.1.2", "newest"),
        ("none", "newest"),
        ("", "newest"),
    ],
)
def test_each_version_gets_its_text(output: str, text: str) -> None:
    assert VersionedText(("oldest", "middle", "newest")).at(parse(output)) == text
