"""The values of a run's page: its result, the gate's answers, the changes with their diffs, and the time line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from selvedge.errors import SelvedgeError
from selvedge.operations.pages.timeline import seconds, timeline
from selvedge.release.outcome import COMMITS, Outcome
from selvedge.report.recording import Layer, Recording, Span
from selvedge.report.text import visible
from selvedge.value import Value

LAYERS = {
    "settings": ("Settings", "The app's settings are complete, before any other code of it runs."),
    "migration": ("Migration", "The database is migrated, while the previous release serves."),
    "start": ("Start", "The app is imported, and its start-up code runs."),
    "health": ("Health", "It answers its health check on its own socket, from the process that was started."),
    "hooks": ("Hook", "The commands of before_switch succeed."),
    "site": ("Site", "After the switch, nginx answers from the new release."),
    "settle": ("Settle", "It stays healthy, and no process of it ends."),
    "processes": ("Processes", "Its further processes replace the previous ones, and keep running."),
}
"""The title and the meaning of each layer of the gate, in their order."""
ALWAYS = ("settings", "start", "health", "site", "settle")
LONGEST_DIFF = 2000
"""Lines of a diff that the page shows."""


class Answer(Value):
    """A layer of the gate with its answer. state: passed, failed or not reached."""

    title: str
    meaning: str
    state: str
    answer: str
    seconds: str


class Made(Value):
    """A change. state: done, failed, planned. waits: what it waited for, with the second of the run."""

    text: str
    state: str
    seconds: str = ""
    diff: tuple[tuple[str, str], ...] = ()
    waits: tuple[tuple[str, str], ...] = ()


def run_values(
    recording: Recording, outcomes: Sequence[Outcome], error: SelvedgeError | None, *, length: float, dry: bool, backwards: bool
) -> dict[str, Any]:
    """Return the values of the page's template. error: why the run failed, None if it did not."""
    hosts = [each.host for each in outcomes]
    errors = [*([error] if error else []), *recording.errors]
    changed = any(span.state for span in recording.spans)
    state = "failed" if error else "dry run" if dry else "done" if changed else "nothing to change"
    return {
        "state": state,
        "length": seconds(length),
        "errors": [(visible(each.message), visible(each.remedy)) for each in errors],
        "warnings": [visible(each) for each in recording.warnings],
        "outcomes": outcomes,
        "commits": tuple(dict.fromkeys(each for outcome in outcomes for each in outcome.commits)),
        "most_commits": COMMITS,
        "backwards": backwards,
        "gates": [(host, found) for host in hosts if (found := list(_gate(recording.layers, host, errors)))],
        # Not the reading for this page.
        "timeline": timeline([span for span in recording.spans if span.began < length], hosts, length),
        "changes": [(host, _changes(recording, host, planned=dry or bool(error))) for host in hosts],
        "unchanged": {host: _unchanged(recording, host) for host in hosts},
        "output": "\n".join(f"{at:8.2f}  {text}" for at, text in recording.output),
    }


def _gate(layers: Sequence[Layer], host: str, errors: Sequence[SelvedgeError]) -> Iterator[Answer]:
    """Yield the layers of a host's gate in their order; nothing if no release reached the gate."""
    found = [layer for layer in layers if layer.host == host]
    for layer in found:
        title, meaning = LAYERS.get(layer.name, (layer.name, ""))
        took = seconds(layer.ended - layer.began) if layer.ended else ""
        if layer.answer:
            yield Answer(title, meaning, "passed", visible(layer.answer), took)
        else:
            said = next((each.message for each in errors if each.message.startswith(f"{host}: ")), "")
            yield Answer(title, meaning, "failed" if layer.failed else "no answer", visible(said), took)
    if found and not found[-1].answer:
        reached = {layer.name for layer in found}
        last = list(LAYERS).index(found[-1].name) if found[-1].name in LAYERS else 0
        for name in list(LAYERS)[last + 1 :]:
            if name in ALWAYS and name not in reached:
                yield Answer(*LAYERS[name], "not reached", "", "")


def _changes(recording: Recording, host: str, *, planned: bool) -> list[tuple[str, list[Made]]]:
    """Return the changes of each step of a host. planned: with those that the run has planned, and not begun."""
    found: dict[str, list[Made]] = {}
    for span in recording.spans:
        if span.host == host and span.state:
            found.setdefault(span.step, []).append(_made(span))
    for name, item in recording.plans.get(host, {}).items() if planned else ():
        begun = {made.text for made in found.get(name, ())}
        for _, change in item.plan.changes:
            if change.summary not in begun:
                found.setdefault(name, []).append(Made(visible(change.summary), "planned", diff=_diff(change.diff)))
        if item.pending and not begun:
            found.setdefault(name, []).append(Made(visible(item.pending), "planned"))
    return list(found.items())


def _made(span: Span) -> Made:
    state = {"running": "interrupted"}.get(span.state, span.state)
    took = seconds(span.ended - span.began) if span.ended is not None else ""
    waits = tuple((seconds(at), visible(text)) for at, text in span.waits)
    return Made(visible(span.text), state, took, _diff(span.diff), waits)


def _diff(text: str) -> tuple[tuple[str, str], ...]:
    """Return the lines of a diff, each with its kind: added, removed, place or same."""
    kinds = {"+": "added", "-": "removed", "@": "place"}
    rows = text.splitlines()
    found = [(kinds.get(row[:1], "same"), visible(row)) for row in rows[:LONGEST_DIFF]]
    if len(rows) > LONGEST_DIFF:
        found.append(("place", f"… {len(rows) - LONGEST_DIFF} more lines"))
    return tuple(found)


def _unchanged(recording: Recording, host: str) -> list[str]:
    """Return the steps of a host in which nothing differed."""
    made = {span.step for span in recording.spans if span.host == host and span.state}
    return [name for name, item in recording.plans.get(host, {}).items() if not item and name not in made]
