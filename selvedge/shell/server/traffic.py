"""Print the requests of nginx's log in one form: nginx's `combined`, with the seconds of each request if they are wanted.

Arguments: the number of days, `timed` or "", and the log's path without its rotated files. Lines in the form of
app.log_format = "json" become `combined`. The number of requests is printed to standard error.
"""

import calendar
import datetime
import functools
import glob
import gzip
import json
import os
import re
import sys
import time
import zlib

LINE = re.compile(r'\S+ - [^\[]*\[(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d\d)(\d\d)\] "')
MONTHS = {name: number for number, name in enumerate(calendar.month_abbr)}
UNSAFE = re.compile(r'["\\\x00-\x1f\x7f]')


@functools.lru_cache(maxsize=64)
def moment(*parts):
    """Return the time of a line in `combined`, in seconds since 1970; None if there is no such time."""
    day, month, year, hour, minute, second, zone, rest = parts
    try:
        found = datetime.datetime(int(year), MONTHS.get(month, 0), int(day), int(hour), int(minute), int(second))
    except ValueError:
        return None
    offset = int(zone) * 3600 + int(f"{zone[0]}{rest}") * 60
    return calendar.timegm(found.timetuple()) - offset


def quoted(text):
    """Return a text as nginx writes it between quotes; "-" for an empty one."""
    return UNSAFE.sub(lambda found: f"\\x{ord(found[0]):02X}", str(text)) or "-"


def combined(line):
    """Return a JSON line as (its form in `combined`, the request's seconds); None for another line."""
    try:
        found = json.loads(line)
        at = datetime.datetime.fromisoformat(found["time"].replace("Z", "+00:00"))
        month = calendar.month_abbr[at.month]
        when = f"{at.day:02}/{month}/{at.year}:{at:%H:%M:%S %z}"
        user, address = quoted(found.get("user", "")).replace("[", "\\x5B"), quoted(found["address"]).split()[0]
        request, referer, agent = (quoted(found.get(name, "")) for name in ("message", "referer", "user_agent"))
        status, size = int(found["status"]), int(found["bytes"])
        return f'{address} - {user} [{when}] "{request}" {status} {size} "{referer}" "{agent}"', float(found["duration"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def lines_of(path):
    """Yield the lines of a file without their ends."""
    opened = gzip.open if path.endswith(".gz") else open
    try:
        with opened(path, "rb") as file:
            for raw in file:
                yield raw.decode("utf-8", "surrogateescape").rstrip("\n")
    except (OSError, EOFError, zlib.error):
        return  # logrotate has just moved or compressed it


def files(path, since):
    """Return a log's files that may have requests from a time on, the oldest first."""
    found = glob.glob(f"{glob.escape(path)}.[0-9]*")
    found.sort(key=lambda each: -int(re.match(r"\d+", each[len(path) + 1 :])[0]))
    return [each for each in [*found, path] if os.path.exists(each) and os.path.getmtime(each) >= since]


def requests(path, since, timed):
    """Yield the requests from a time on. timed: with their seconds; 0 if the log has none."""
    for line in (line for each in files(path, since) for line in lines_of(each)):
        seconds = 0.0
        if line.startswith("{"):
            found = combined(line)
            if found is None:
                continue
            line, seconds = found
        parts = LINE.match(line)
        at = moment(*parts.groups()) if parts else None
        if at is not None and at >= since:
            yield f"{line} {seconds:.3f}" if timed else line


def main(days, timed, path):
    count = 0
    try:
        for line in requests(path, time.time() - int(days) * 86400, timed):
            count += 1
            sys.stdout.buffer.write(f"{line}\n".encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # GoAccess has ended, and has said why.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    print(f"requests {count}", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
