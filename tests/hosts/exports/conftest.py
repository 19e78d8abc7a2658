"""Fixtures of the tests that run what the exports write."""

from __future__ import annotations

from tests.support.exports import exported  # noqa: F401
