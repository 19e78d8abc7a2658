"""Fixtures of the checks of exports."""

from tests.support.exports import exported  # noqa: F401
