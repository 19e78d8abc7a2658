"""Print the last lines of logs, or those of a time, of errors or with a text. Rotated logs are read, too.

Arguments: the name of the log, how many bytes of its first file count, and its files without their rotated ones. Standard
input: the user's wishes as JSON, see Wishes. Prints lines of the form "NAME SECONDS TEXT": the time since 1970. The user's
machine imports `Selection` for lines that come later.
"""

import calendar
import collections
import datetime
import functools
import glob
import gzip
import heapq
import itertools
import json
import os
import re
import sys
import time
import zlib

# The first line of a record of gunicorn, uvicorn, Python's logging or nginx: a date, a level, or JSON.
DATE = r"\d{4}[-/]\d\d[-/]\d\d"
RECORD = re.compile(rf"\[?{DATE}|\[?(?:DEBUG|INFO|WARNING|ERROR|CRITICAL|FATAL)\b|\{{\"|\S+ - [^\[]*\[\d\d/\w{{3}}/\d{{4}}:")
TIMES = ("time", "timestamp", "@timestamp", "asctime", "ts")
LEVELS = ("level", "levelname", "severity")
"""The names of a record's time and level in JSON, as the usual libraries write them."""
ERRORS = ("ERROR", "ERR", "CRITICAL", "CRIT", "FATAL", "ALERT", "EMERG", "PANIC")
LEVEL = re.compile(r"\b(DEBUG|INFO|WARNING|ERROR|CRITICAL|FATAL)\b")
TRACEBACK = re.compile(r"\s*Traceback \(most recent call last\)|\s*\+ Exception Group Traceback")
TIME = re.compile(rf"({DATE})[T ](\d\d:\d\d:\d\d)(?:[.,](\d{{1,6}})\d*)? ?(Z|[+-]\d\d:?\d\d(?!\d))?")
ACCESS = re.compile(r"\S+ - [^\[]*\[(\d\d)/(\w{3})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})\]")
MONTHS = {name: number for number, name in enumerate(calendar.month_abbr)}
CHAINED = re.compile(r"(During handling of|The above exception)\b")
LONGEST_RECORD = 1000
"""Lines of a record that are kept while none of them is chosen."""
# since, until: seconds since 1970, or before now if negative; None without a limit. errors: only errors. grep: only records
# with this text, in any case if it is all lower-case. lines: how many, at the end; None for all.
Wishes = collections.namedtuple("Wishes", "since until errors grep lines")


@functools.lru_cache(maxsize=64)
def seconds(date, clock, zone):
    """Return a time as seconds since 1970, None if there is no such time. Without a zone it is this machine's."""
    shape = "%Y-%m-%d %H:%M:%S%z" if zone else "%Y-%m-%d %H:%M:%S"
    try:
        return datetime.datetime.strptime(f"{date.replace('/', '-')} {clock}{zone}", shape).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def time_of(line):
    """Return the time at the beginning of a line, or of its JSON; None without one."""
    found = ACCESS.match(line)
    if found:
        day, month, year, clock, zone = found.groups()
        return seconds(f"{year}-{MONTHS.get(month, 0):02}-{day}", clock, zone)
    # As in "INFO:     2026-…".
    found = TIME.match(first(line, TIMES)) if line.startswith("{") else TIME.search(line[:80])
    if not found:
        return None
    date, clock, fraction, zone = found.groups()
    moment = seconds(date, clock, zone or "")
    return moment + float(f"0.{fraction or 0}") if moment is not None else None


def is_error(line):
    """Return whether the first line of a record says that it is one of an error."""
    if line.startswith("{"):
        return first(line, LEVELS).upper() in ERRORS
    # A visitor chooses the words of an access log. The first level counts: the message may name another one.
    level = None if ACCESS.match(line) else LEVEL.search(line)
    return bool(level) and level[1] in ERRORS


@functools.lru_cache(maxsize=4)
def texts_of(line):
    """Return the texts of a JSON object by their names; {} for another line."""
    try:
        found = json.loads(line)
        return {name: value for name, value in found.items() if isinstance(value, str)}
    except Exception:
        return {}


def first(line, names):
    """Return the text of a JSON object that one of these names has, "" without one."""
    texts = texts_of(line)
    return next((texts[name] for name in names if name in texts), "")


def text_of(line):
    """Return a line with the text that its JSON stands for, if it is JSON."""
    return "\n".join([line, *texts_of(line).values()]) if line.startswith("{") else line


class Selection:
    """Chooses lines of a log by their records. moment: the time of lines before the first time."""

    def __init__(self, wishes, moment=0.0):
        self.wishes, self.moment = wishes, moment
        self.error = False
        self.ended = None
        self.begin()

    def begin(self):
        """Begin a record, or a line that belongs to none: an app may print."""
        self.record, self.chosen = collections.deque(maxlen=LONGEST_RECORD), False

    def __call__(self, line):
        """Return the lines to show, once the next line of the log is known."""
        wishes = self.wishes
        if RECORD.match(line):
            self.moment = time_of(line) or self.moment
            self.error = is_error(line)
            self.ended = None
            self.begin()
        elif TRACEBACK.match(line):
            if wishes.errors and not self.error:
                self.begin()
            self.error, self.ended = True, False
        elif not self.continues(line):
            self.begin()
        if not self.in_time() or (wishes.errors and not self.error):
            return []
        if self.chosen:
            return [line]
        self.record.append(line)
        if wishes.grep and not self.has(line):
            return []
        self.chosen, found = True, list(self.record)
        return found

    def continues(self, line):
        """Return whether a line continues the record above: it is indented or empty, or belongs to a traceback.

        ended: None without a traceback, False inside of one, True after its last line, which names the exception.
        """
        if not line.strip() or line[0] in " \t" or CHAINED.match(line):
            return True
        inside = self.ended is False
        self.ended = True if inside else None
        return inside

    def in_time(self):
        since, until = self.wishes.since, self.wishes.until
        return (since is None or self.moment >= since) and (until is None or self.moment <= until)

    def has(self, line):
        text = text_of(line)
        return self.wishes.grep in (text.lower() if self.wishes.grep == self.wishes.grep.lower() else text)


def lines_of(path, size=None):
    """Yield the lines of a file without their ends, of the first `size` bytes."""
    opened = gzip.open if path.endswith(".gz") else open
    try:
        with opened(path, "rb") as file:
            for raw in file:
                if size is not None:
                    raw, size = raw[:size], size - len(raw)
                if raw:
                    yield raw.decode("utf-8", "surrogateescape").rstrip("\n")
                if size is not None and size <= 0:
                    return
    except (OSError, EOFError, zlib.error):
        return  # logrotate has just moved or compressed it


def last_lines(path, size, count):
    """Return the last lines of the first `size` bytes of a file."""
    with open(path, "rb") as file:
        blocks, start, ends = [], size, 0
        while start and ends <= count:
            step = min(start, 1 << 16)
            start -= step
            file.seek(start)
            blocks.append(file.read(step))
            ends += blocks[-1].count(b"\n")
    lines = b"".join(reversed(blocks)).decode("utf-8", "surrogateescape").split("\n")
    return (lines if lines[-1] else lines[:-1])[-count:] if count else []


def chain(path, since):
    """Return a log's files with lines from a time on, the oldest first."""
    found = glob.glob(f"{glob.escape(path)}.[0-9]*")
    found.sort(key=lambda each: -int(re.match(r"\d+", each[len(path) + 1 :])[0]))
    return [each for each in [*found, path] if os.path.exists(each) and (since is None or os.path.getmtime(each) >= since)]


def chosen(path, size, wishes):
    """Yield the chosen lines of a log, each with its time. Times never go back, so that merging keeps the order of a log."""
    whole = wishes.since is None and wishes.until is None and not wishes.errors and not wishes.grep
    if whole and wishes.lines is not None:
        lines, files = last_lines(path, os.path.getsize(path) if size is None else size, wishes.lines), [path]
    else:
        files = chain(path, wishes.since)
        lines = itertools.chain.from_iterable(lines_of(each, size if each == path else None) for each in files)
    lines = iter(lines)
    head = list(itertools.islice(lines, 200))
    unknown = os.path.getmtime(files[0]) if files else 0.0
    latest = next((found for found in map(time_of, filter(RECORD.match, head)) if found), unknown)
    selection = Selection(wishes, latest)
    for line in itertools.chain(head, lines):
        for each in selection(line):
            latest = max(latest, selection.moment)
            yield latest, each


def main(name, size, *paths):
    wishes = Wishes(**json.load(sys.stdin))
    now = time.time()
    since, until = (now + each if each is not None and each < 0 else each for each in (wishes.since, wishes.until))
    wishes = wishes._replace(since=since, until=until)
    several = len(paths) > 1

    def named(path):
        own = os.path.basename(path)[: -len(".log")] if several else name
        end = int(size) if path == paths[0] else None
        return ((moment, own, line) for moment, line in chosen(path, end, wishes))

    found = heapq.merge(*map(named, paths), key=lambda each: each[0])
    for moment, own, line in collections.deque(found, wishes.lines):
        sys.stdout.buffer.write(f"{own} {moment:.3f} {line}\n".encode("utf-8", "surrogateescape"))


if __name__ == "__main__":
    main(*sys.argv[1:])
