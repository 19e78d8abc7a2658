"""Fixtures of the tests of exports."""

from tests.support.exports import exported  # noqa: F401
