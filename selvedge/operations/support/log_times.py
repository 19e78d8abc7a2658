"""The times of `fab logs --since` and `--until`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from selvedge.errors import UsageError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_AGO = re.compile(r"(\d{1,6})(min|[smhdw])", re.ASCII)
_CLOCK = re.compile(r"\d\d?:\d\d(:\d\d)?", re.ASCII)


def log_time(flag: str, text: str, now: datetime) -> float | None:
    """Return the time that a flag names, None for an empty text. Raises UsageError.

    A positive number counts seconds since 1970. A negative one is a time before now, by the server's clock.
    now: with this machine's time zone, which holds for a time without one.
    """
    if not text:
        return None
    if (ago := _AGO.fullmatch(text)) and int(ago[1]):
        return -float(int(ago[1]) * _UNITS[ago[2][0]])
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        if text in ("today", "yesterday"):
            return (midnight - timedelta(days=text == "yesterday")).timestamp()
        if _CLOCK.fullmatch(text):
            text = f"{now:%Y-%m-%d}T{text.rjust(5 if text.count(':') == 1 else 8, '0')}"
        # Python 3.11 and later also take forms that no one writes, such as 20261129.
        if re.match(r"\d{4}-\d\d-\d\d([T ]|$)", text, re.ASCII):
            # No log is as old, and a number below 1 would be a time before now.
            return max(1.0, datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())
    except (ValueError, OverflowError, OSError):
        pass  # for example February 30
    raise UsageError(
        f"--{flag} {text} is not a time.",
        f"Write a time span (30s, 10m, 2h, 3d), a time (14:30 is today), or a date: `fab logs --{flag} {now:%Y-%m-%d}T14:30`. "
        "Without a zone such as Z or +08:00, the time is that of your machine.",
    )
