"""Texts whose amounts are shares of the server's memory."""

from __future__ import annotations

import re

from selvedge.resources.base import Change
from selvedge.resources.files import File

STEP = 128
"""Amounts are for a multiple of so many MB, because a new kernel leaves a little more or less memory."""
_RECORDED = re.compile(r"a server with ([0-9]+) MB of memory")
_SHARE = re.compile(r"\[memory(?:/([0-9]+))?\]")


def sized(text: str, kilobytes: int, current: str) -> str:
    """Return a text with amounts in MB in place of `[memory]` and of shares such as `[memory/8]`.

    kilobytes: the server's memory. current: the text on the server. It says for how much memory its amounts are, which are kept
    while the memory differs by less than a tenth: a reboot must not change them.
    """
    memory = max(1, round(kilobytes / 1024 / STEP)) * STEP
    known = _RECORDED.search(current)
    if known and abs(int(known[1]) - kilobytes / 1024) < int(known[1]) / 10:
        memory = int(known[1])
    return _SHARE.sub(lambda found: str(max(1, memory // int(found[1] or 1))), text)


class SizedFile(File):
    """A file whose text has such shares."""

    def probe(self) -> str:
        return f"probe_memory\n{super().probe()}"

    def plan(self, fact: str) -> Change | None:
        memory, _, rest = fact.partition("\n")
        text = sized(self.text, int(memory), rest.partition("\n")[2])
        return File(self.path, text, self.mode, self.owner, self.group).plan(rest)
