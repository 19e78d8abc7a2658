"""From resources to scripts and back: one script that reads a step's resources, one that makes its changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, groupby
from typing import IO

from selvedge.resources.base import Change, Guard, Loader, Payload, Resource
from selvedge.shell import library, quote, words

# LANGUAGE would translate what programs print whatever LC_ALL says, and comes with PAM from /etc/default/locale.
HEAD = """LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
unset CDPATH ENV LANGUAGE
umask 022
cd /
"""


def read_script(resources: Sequence[Resource], mark: str) -> str:
    """One script that runs every probe; each fact follows a line "<mark> fact <index>". It writes nothing.

    The time of a reading is that of the programs it starts, so that two processes share them; none depends on another.
    """
    libraries = dict.fromkeys(["probe", *(name for resource in resources for name in resource.uses)])
    parts = [HEAD, f"mark={quote(mark)}", *(library(name) for name in libraries)]
    facts = [f"printf '\\n%s fact {index}\\n' \"$mark\"\n{resource.probe()}" for index, resource in enumerate(resources)]
    middle = (len(facts) + 1) // 2
    for name, half in (("first", facts[:middle]), ("second", facts[middle:])):
        parts += [f"{name}() {{", *half, ":\n}"]
    units = dict.fromkeys(name for resource in resources for name in resource.units())
    answer = ["unit_states=$nl$nl$(cat)$nl$nl"] if units else []
    parts += ["main() {", *_at_once(resources), *answer, "second </dev/null | { first </dev/null; cat; }"]
    parts.append("printf '\\n%s facts end\\n' \"$mark\"\n}")
    # systemd takes longer to answer than the other lookups together, and does so beside them.
    asked = f"unit_list {words(*units)} </dev/null" if units else ":"
    parts.append(f"{asked} | main 2>/dev/null")
    return "\n".join(parts) + "\n"


def _at_once(resources: Sequence[Resource]) -> Iterator[str]:
    """Shell that looks up what many probes ask for by one process each (probe.sh): to start one costs a millisecond, and
    a conversation with systemd or dpkg five to ten."""
    paths = dict.fromkeys(path for resource in resources for path in resource.paths())
    hashed = dict.fromkeys(path for resource in resources for path in resource.hashed())
    packages = dict.fromkeys(name for resource in resources for name in resource.packages())
    if paths:
        yield f"path_stats=$nl$(stat -c '%F :: %a %U %G :: %n' -- {words(*paths)} 2>/dev/null)$nl"
    if hashed:
        yield f"path_sums=$nl$(path_hashes {words(*hashed)} 2>/dev/null)$nl"
    if packages:
        yield f"package_states=$(package_list {words(*packages)})"


def parse_facts(output: str, mark: str, count: int) -> list[str] | None:
    """The facts in the order of the resources; None where the reading did not come to its end."""
    body, end, _ = output.rpartition(f"\n{mark} facts end\n")
    if not end:
        return None
    pieces = body.split(f"\n{mark} fact ")[1:]
    if len(pieces) != count:
        return None
    return [piece.partition("\n")[2] for piece in pieces]


@dataclass
class Plan:
    """What one step would change on one server."""

    changes: list[tuple[Resource, Change]] = field(default_factory=list)
    before: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.changes)

    def payload(self) -> Iterator[Payload]:
        """What the changes read from file descriptor 3, in their order."""
        return (change.payload for _, change in self.changes if change.payload)

    @property
    def guard(self) -> Guard | None:
        """The guard of a section's changes."""
        return self.changes[0][1].guard if self.changes else None

    def sections(self) -> list[Plan]:
        """The plan in parts that are a script each: cut where the guard begins, ends or is another one, and before each
        change that begins with commands on the operator's machine."""
        locals_before = accumulate(bool(change.local) for _, change in self.changes)
        keys = zip(locals_before, (change.guard for _, change in self.changes), strict=True)
        keyed = zip(keys, self.changes, strict=True)
        parts = [Plan([item for _, item in group]) for _, group in groupby(keyed, lambda pair: pair[0])]
        if parts:
            parts[0].before = self.before
        return parts


def plan(resources: Sequence[Resource], facts: Sequence[str]) -> Plan:
    """The changes that are needed, in the order of the resources; a loader whose loads change reloads after them."""
    result = Plan()
    changed: set[int] = set()
    for resource, fact in zip(resources, facts, strict=True):
        change = resource.plan(fact)
        if isinstance(resource, Loader) and any(id(load) in changed for load in resource.loads):
            change = change or resource.reload()
            result.before.append(resource.before_loads())
        if change is not None:
            changed.add(id(resource))
            result.changes.append((resource, change))
    return result


def apply_script(plan: Plan, mark: str, *, lock: str, log: str, intro: str = "", by: str = "", why: str = "") -> str:
    """One script that makes a step's changes and runs whole, whatever becomes of the connection.

    lock, log: names (of the app), under /run/selvedge and /var/log/selvedge. by, why: who runs which step, for the app's
    history (`fab history`); a change that says more of itself there (record.sh, power.sh, remove.sh) is not counted. Its output is
    copied to the log by a `tee` that goes on when nobody listens any more, so that no child ever meets a broken pipe.
    Payloads are read from standard input in order. Lines of progress: "<mark> begin N", "<mark> done N", "<mark> failed N
    STATUS", "<mark> end STATUS".
    A guarded section is armed first, and taken back where a change of it fails.
    """
    guard = plan.guard
    libraries = dict.fromkeys(["probe", "apply", *(name for _, change in plan.changes for name in change.uses)])
    if guard:
        libraries |= dict.fromkeys(guard.uses)
        intro = f"{_ARM.format(arm=guard.arm)}{intro}"
    parts = [HEAD, f"mark={quote(mark)}", "trap '' HUP", *(library(name) for name in libraries)]
    units = [("before", "\n".join(filter(None, plan.before)))] if any(plan.before) else []
    units += [(str(index), change.shell) for index, (_, change) in enumerate(plan.changes)]
    for name, shell in units:
        parts.append(f"change_{name}() (\nset -eu\n{shell}\n)")
    failed = guard.revert if guard else ":"
    noted = sum(not _OWN_NOTES & set(change.uses) for _, change in plan.changes) if by else 0
    note = _NOTE.format(app=quote(lock), by=quote(by), why=quote(why), count=noted) if noted else ":"
    parts.append(_MAIN.format(lock=quote(lock), log=quote(log), intro=intro or ":", failed=failed, note=note))
    # Not `run N || return 1`: what stands before `||`, its functions and subshells included, runs without `set -e`.
    parts.extend(f"  run {name}\n  [ \"$status\" -eq 0 ] || return 1" for name, _ in units)
    parts.append(_END.format(log=quote(log)))
    return "\n".join(parts) + "\n"


_ARM = """( set -eu
{arm}
)
  status=$?
  if [ "$status" -ne 0 ]; then
    rm -rf -- "$undo"
    return 1
  fi
  """

_OWN_NOTES = {"record", "power", "remove"}
_NOTE = """(
    [ -d /srv/{app} ] || mkdir -m 0711 -p /srv/{app}
    result='{count} changed'
    [ "$status" -eq 0 ] || result=failed
    note /srv/{app}/history {by} {why} - - "$result"
  ) || say "the history in /srv/{app} cannot be written"
"""

_MAIN = """run() {{
  printf '%s begin %s\\n' "$mark" "$1"
  "change_$1" 9>&-
  status=$?
  if [ "$status" -eq 0 ]; then printf '%s done %s\\n' "$mark" "$1"; return 0; fi
  printf '%s failed %s %s\\n' "$mark" "$1" "$status"
  restore
}}
main() {{
  exec 9>/run/selvedge/{lock}.step
  if ! flock -n 9; then
    say "waiting for the rest of a run that was cut off"
    flock -w 300 9 || fail "a step of a run that was cut off is still busy after 5 minutes; see /var/log/selvedge/{log}.log"
  fi
  # Of a run that was killed: copies of what it changed, secrets among them.
  for left in /run/selvedge/{lock}.undo.*; do
    if [ -d "$left" ] && [ ! -e "$left/stuck" ]; then rm -rf -- "$left"; fi
  done
  undo=$(mktemp -d /run/selvedge/{lock}.undo.XXXXXX) || fail "cannot write to /run/selvedge"
  {intro}
  all
  status=$?
  if [ "$status" -ne 0 ]; then
    {failed}
  fi
  [ -e "$undo/stuck" ] || rm -rf -- "$undo"
  {note}
  # When the step ended, for a run that has read the server before that.
  : >/run/selvedge/{lock}.step
  return "$status"
}}
all() {{"""

# The last line is one word: no beginning of the script, should only that arrive, makes a change.
_END = """}}
logged() {{
  [ -d /run/selvedge ] && [ -d /var/log/selvedge ] || (umask 077 && mkdir -p /run/selvedge /var/log/selvedge)
  {{ main; printf '%s end %s\\n' "$mark" "$?"; }} 3<&0 </dev/null 2>&1 | ( umask 077; tee -p -a /var/log/selvedge/{log}.log )
}}
logged"""


def open_payload(payload: Payload) -> IO[bytes]:
    """A payload as a binary stream."""
    import io

    return io.BytesIO(payload) if isinstance(payload, bytes) else payload.open("rb")
