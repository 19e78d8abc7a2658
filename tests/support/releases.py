"""Names of releases."""

from __future__ import annotations

OLD, NEW, NEWER = "aaaaaaaaaaaa-111111", "bbbbbbbbbbbb-222222", "bbbbbbbbbbbb-333333"
